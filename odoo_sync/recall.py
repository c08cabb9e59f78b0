"""Somebody opts out after their lead went to Odoo: list it, so that it is seen to there as well."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from icp.models import Suppression
from odoo_sync.models import OdooPush, OdooRecall
from tenants import audit
from tenants.clock import database_now


def list_for_recall(suppressions: QuerySet[Suppression]) -> int:
    """Add what went to Odoo and ``suppressions`` speak of to the recall list; returns how many.

    For ``icp.suppressions.when_suppressed``, in the transaction that suppresses. Found by the keyed
    hashes of what went, so also when only the hash of an erased person is left. One statement each.
    """
    added = 0
    went = OdooPush.objects.filter(Q(pushed_at__isnull=False) | Q(asked_at__isnull=False))
    standing = suppressions.filter(lifted_at=None).values_list("pk", "value_hash")
    for pk, value_hash in standing:
        hit = went.filter(keys__contains=[value_hash]).select_related("connection")
        rows = [
            OdooRecall(push=push, suppression_id=pk, system=push.connection.system[:650],
                       went_at=moment)
            for push in hit if (moment := push.pushed_at or push.asked_at)
        ]  # fmt: skip
        OdooRecall.objects.bulk_create(rows, ignore_conflicts=True)
        added += len(rows)
    return added


def mark_done(recall_id: int, *, actor: str, now: datetime | None = None) -> bool:
    """A person has seen to it in Odoo; False when somebody has said so before."""
    with transaction.atomic():
        open_ = OdooRecall.objects.filter(pk=recall_id, done_at=None)
        done = open_.update(done_at=now or database_now(), done_by=actor)
        if done:
            audit.record("odoo_sync.recall.done", actor=actor, subject=f"Odoo recall {recall_id}")
    return bool(done)
