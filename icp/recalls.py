"""What every list of what is to be called back shares: whom it looks for, and being done with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from django.db import models, transaction
from django.db.models import QuerySet

from icp.models import Suppression
from tenants import audit
from tenants.clock import database_now

AT_ONCE = 10_000


def standing_hashes(suppressions: QuerySet[Suppression]) -> Iterator[dict[str, int]]:
    """Keyed hash -> id of those that stand, ten thousand at a time, by one fetch each."""
    standing = suppressions.filter(lifted_at=None).values_list("value_hash", "pk")
    found = standing.iterator(chunk_size=AT_ONCE)
    while some := dict(islice(found, AT_ONCE)):
        yield some


@transaction.atomic
def see_to(
    model: type[models.Model], recall_id: int, *, action: str, actor: str,
    now: datetime | None = None,
) -> bool:  # fmt: skip
    """Write down that a recall was seen to; False when somebody has said so before."""
    open_ = model._default_manager.filter(pk=recall_id, done_at=None)  # noqa: SLF001 -- Django's documented meta API
    done = open_.update(done_at=now or database_now(), done_by=actor)
    if done:
        subject = f"{model._meta.verbose_name} {recall_id}"  # noqa: SLF001 -- as above
        audit.record(action, actor=actor, subject=subject)
    return bool(done)
