"""List what went to Odoo and has to be seen to there: opt-outs, and approvals taken back."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from icp.models import Lead, Suppression
from icp.recalls import see_to, standing_hashes
from odoo_sync.models import OdooPush, OdooRecall


def list_for_recall(suppressions: QuerySet[Suppression]) -> int:
    """Add what went to Odoo and ``suppressions`` speak of to the recall list; returns how many.

    For ``icp.suppressions.when_suppressed``, in the transaction that suppresses. Found by the keyed
    hashes of what went, so also when only the hash of an erased person is left. One statement where
    nothing went to an Odoo yet, else three for each ten thousand suppressions.
    """
    went = OdooPush.objects.filter(Q(pushed_at__isnull=False) | Q(asked_at__isnull=False))
    if not went.exists():
        return 0
    return sum(_list(went, some) for some in standing_hashes(suppressions))


def _list(went: QuerySet[OdooPush], standing: dict[str, int]) -> int:
    hit = went.filter(keys__overlap=list(standing)).select_related("connection")
    rows = [
        OdooRecall(push=push, suppression_id=standing[key], system=push.connection.system[:650],
                   went_at=moment)
        for push in hit if (moment := push.pushed_at or push.asked_at)
        for key in set(push.keys) & standing.keys()
    ]  # fmt: skip
    OdooRecall.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def list_taken_back() -> int:
    """List what went to Odoo by an approval that has been taken back since; returns how many.

    Once for each approval. What ceased is flagged there, and who opted out is listed for that.
    """
    went = OdooPush.objects.filter(Q(pushed_at__isnull=False) | Q(asked_at__isnull=False))
    back = went.filter(by_review=True).exclude(lead__review=Lead.Review.ACCEPTED)
    back = back.exclude(lead__rejection_code__in=["ceased", "suppressed"])
    back = back.exclude(state__in=[OdooPush.State.WAITING, OdooPush.State.SENDING])
    with transaction.atomic():
        rows = list(back.select_related("connection").select_for_update(of=("self",)))
        OdooRecall.objects.bulk_create([
            OdooRecall(push=push, system=push.connection.system[:650], went_at=moment)
            for push in rows if (moment := push.pushed_at or push.asked_at)
        ])  # fmt: skip
        OdooPush.objects.filter(pk__in=[push.pk for push in rows]).update(by_review=False)
    return len(rows)


def mark_done(recall_id: int, *, actor: str, now: datetime | None = None) -> bool:
    """A person has seen to it in Odoo; False when somebody has said so before."""
    return see_to(OdooRecall, recall_id, action="odoo_sync.recall.done", actor=actor, now=now)
