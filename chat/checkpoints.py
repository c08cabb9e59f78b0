"""Add states to a thread: messages merged by id, each state the child of the one before."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.utils import timezone

from chat.frames import on_one_line
from chat.messages import Message
from chat.models import ChatMessage, Checkpoint, Thread


def root_of(thread_id: uuid.UUID, *, run_id: uuid.UUID | None) -> Checkpoint:
    """The state before anything was said: editing the first message branches off it."""
    return Checkpoint.objects.create(thread_id=thread_id, run_id=run_id, source="input", step=-1)


def add_state(
    parent: Checkpoint, messages: Sequence[Message], *, source: str, run_id: uuid.UUID | None
) -> Checkpoint:
    """The state after ``messages``, now the head of its thread.

    A message of a known id replaces the other in its place, so that a request sent twice doubles
    nothing. What waited for a decision in ``parent`` is dropped. To be called in a transaction
    that holds the thread.
    """
    made = Checkpoint.objects.create(
        thread_id=parent.thread_id,
        parent=parent,
        run_id=run_id,
        source=source,
        step=parent.step + 1,
        messages=merged(parent, messages),
    )
    drop_ask(parent)
    move_head(made)
    return made


def merged(parent: Checkpoint, messages: Sequence[Message]) -> list[int]:
    """Rows of the messages of ``parent`` with these stored and put among them."""
    known = dict(ChatMessage.objects.filter(pk__in=parent.messages).values_list("message_id", "pk"))
    rows, place = list(parent.messages), {pk: at for at, pk in enumerate(parent.messages)}
    made = ChatMessage.objects.bulk_create(
        ChatMessage(thread_id=parent.thread_id, message_id=each["id"], body=on_one_line(each))
        for each in messages
    )
    for row in made:
        before = known.get(row.message_id)
        if before is None:
            place[row.pk] = len(rows)
            rows.append(row.pk)
        else:
            place[row.pk] = place[before]
            rows[place[before]] = row.pk
        known[row.message_id] = row.pk
    return rows


def drop_ask(checkpoint: Checkpoint) -> bool:
    """Close the approval of ``checkpoint``; whether it was open, which is said once."""
    if not checkpoint.ask or checkpoint.is_decided:
        return False
    open_one = Checkpoint.objects.filter(pk=checkpoint.pk, is_decided=False)
    checkpoint.is_decided = True
    return bool(open_one.update(is_decided=True))


def move_head(checkpoint: Checkpoint) -> None:
    now = timezone.now()
    thread = Thread.objects.filter(pk=checkpoint.thread_id)
    thread.update(head=checkpoint, state_updated_at=now, updated_at=now)
