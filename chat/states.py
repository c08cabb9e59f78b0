"""States of a thread as clients see them: values, tasks, interrupts, and where they come from.

A stored message is JSON already and is put together with others as it is.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from chat.frames import Ready, object_of
from chat.models import ChatMessage, Checkpoint

ASKING = "approval"  # the task that waits for a decision


def bodies_of(checkpoints: Iterable[Checkpoint]) -> dict[int, Ready]:
    """The messages of these states by row: one statement, each message once."""
    wanted = {row for each in checkpoints for row in each.messages}
    found = ChatMessage.objects.filter(pk__in=wanted).values_list("pk", "body")
    return {pk: Ready(body) for pk, body in found}


def interrupt_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """What is asked, without what only the machinery needs."""
    ask = json.loads(checkpoint.ask)
    return {"id": ask["id"], "value": ask["value"]}


def values_of(
    checkpoint: Checkpoint | None, bodies: dict[int, Ready], *, with_ask: bool = False
) -> Ready:
    """``{"messages": [...]}``, with ``__interrupt__`` beside it if asked for and there is one."""
    if checkpoint is None:
        return object_of({})
    messages = [bodies[row] for row in checkpoint.messages if row in bodies]
    values: dict[str, Any] = {"messages": messages}
    if with_ask and checkpoint.ask:
        values["__interrupt__"] = [interrupt_of(checkpoint)]
    return object_of(values)


def values_at(checkpoint_id: uuid.UUID | None, *, with_ask: bool = False) -> Ready:
    """The values of one state, read now; two statements."""
    found = Checkpoint.objects.filter(pk=checkpoint_id).first() if checkpoint_id else None
    return values_of(found, bodies_of([found] if found else []), with_ask=with_ask)


def state_of(checkpoint: Checkpoint, bodies: dict[int, Ready]) -> Ready:
    """One ThreadState. ``next`` is empty unless an approval is open: clients show it as a stop."""
    interrupts = [interrupt_of(checkpoint)] if checkpoint.is_open else []
    here, parent = reference(checkpoint.thread_id, checkpoint.pk), None
    if checkpoint.parent_id:
        parent = reference(checkpoint.thread_id, checkpoint.parent_id)
    return object_of(
        {
            "values": values_of(checkpoint, bodies),
            "next": [ASKING] if interrupts else [],
            "tasks": _tasks(checkpoint, interrupts),
            "checkpoint": here,
            "parent_checkpoint": parent,
            "metadata": {
                "source": checkpoint.source, "step": checkpoint.step, "parents": {},
                "thread_id": str(checkpoint.thread_id), "run_id": str(checkpoint.run_id or ""),
            },
            "created_at": checkpoint.made_at.isoformat(),
            "interrupts": interrupts,
            "checkpoint_id": here["checkpoint_id"],
            "parent_checkpoint_id": parent["checkpoint_id"] if parent else None,
        }
    )  # fmt: skip


def no_state() -> dict[str, Any]:
    """The ThreadState of a thread without a run."""
    return {
        "values": {}, "next": [], "tasks": [], "checkpoint": None, "parent_checkpoint": None,
        "metadata": None, "created_at": None, "interrupts": [], "checkpoint_id": None,
        "parent_checkpoint_id": None,
    }  # fmt: skip


def reference(thread_id: uuid.UUID, checkpoint_id: uuid.UUID) -> dict[str, str]:
    return {"thread_id": str(thread_id), "checkpoint_ns": "", "checkpoint_id": str(checkpoint_id)}


def states_of(checkpoints: Sequence[Checkpoint]) -> list[Ready]:
    """ThreadStates of several, in their order; one statement for all messages."""
    bodies = bodies_of(checkpoints)
    return [state_of(each, bodies) for each in checkpoints]


def _tasks(checkpoint: Checkpoint, interrupts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not interrupts and not checkpoint.error:
        return []
    return [
        {"id": str(checkpoint.pk), "name": ASKING if interrupts else "agent", "path": [],
         "error": checkpoint.error or None, "interrupts": interrupts, "checkpoint": None,
         "state": None, "result": None}
    ]  # fmt: skip
