"""Find a person's threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from chat.models import Thread

SORTS = {
    "thread_id": "pk", "status": "status", "created_at": "created_at", "updated_at": "updated_at",
    "state_updated_at": "state_updated_at",
}  # fmt: skip


def find_threads(
    person: str,
    *,
    metadata: dict[str, Any],
    ids: Sequence[str] | None,
    status: str | None,
    sort_by: str,
    is_ascending: bool,
) -> QuerySet[Thread]:
    """Threads of ``person`` whose metadata holds ``metadata``; by default the latest first."""
    found = Thread.objects.filter(person=person)
    if metadata:
        found = found.filter(metadata__contains=metadata)
    if ids is not None:
        found = found.filter(pk__in=ids)
    if status:
        found = found.filter(status=status)
    sign = "" if is_ascending else "-"
    return found.order_by(f"{sign}{SORTS[sort_by]}", f"{sign}pk")
