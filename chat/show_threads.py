"""Threads as clients see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chat.frames import Ready, object_of
from chat.models import Checkpoint, Thread
from chat.states import bodies_of, interrupt_of, values_of


def shown_threads(threads: Sequence[Thread], *, select: Sequence[Any] | None = None) -> list[Ready]:
    """Each with its values, as titles are made of them; three statements at most."""
    wants_values = select is None or "values" in select
    heads = Checkpoint.objects.in_bulk([each.head_id for each in threads if each.head_id])
    bodies = bodies_of(heads.values()) if wants_values else {}
    return [_shown(each, heads.get(each.head_id), bodies, select) for each in threads]


def _shown(
    thread: Thread, head: Checkpoint | None, bodies: dict[int, Ready], select: Sequence[Any] | None
) -> Ready:
    is_asking = head is not None and head.is_open
    fields: dict[str, Any] = {
        "thread_id": str(thread.pk),
        "created_at": thread.created_at.isoformat(),
        "updated_at": thread.updated_at.isoformat(),
        "state_updated_at": thread.state_updated_at.isoformat(),
        "metadata": thread.metadata,
        "status": thread.status,
        "config": {},
        "values": values_of(head, bodies) if head else None,
        "interrupts": {str(head.pk): [interrupt_of(head)]} if head and is_asking else {},
        "error": thread.error,
    }
    return object_of({name: it for name, it in fields.items() if select is None or name in select})
