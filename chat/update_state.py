"""Change a thread's state by hand: messages put into it without a run."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction

from chat.checkpoints import add_state, move_head, root_of
from chat.messages import Message
from chat.models import Checkpoint, Thread
from chat.refusals import BusyError, NotThereError


@transaction.atomic
def update_state(
    thread_id: uuid.UUID, messages: Sequence[Message], *, start: uuid.UUID | None
) -> Checkpoint:
    """The new head: the state ``start`` (else the head) with these messages; drops what it asked.

    Raises ``RefusalError``: while a run is under way, and when ``start`` is not of this thread.
    """
    thread = Thread.objects.select_for_update(no_key=True).filter(pk=thread_id).first()
    if thread is None:
        raise NotThereError("thread")
    if thread.runs.alive().exists():
        raise BusyError("A run of this thread is under way.")
    parent = thread.head
    if start and not (parent := thread.checkpoints.filter(pk=start).first()):
        raise NotThereError("checkpoint")
    if parent is None:
        parent = root_of(thread.pk, run_id=None)
        move_head(parent)
    made = add_state(parent, messages, source="update", run_id=None)
    Thread.objects.filter(pk=thread.pk).update(status=Thread.Status.IDLE, error=None)
    return made
