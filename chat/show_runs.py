"""Runs as clients see them, and what came of one."""

from __future__ import annotations

import uuid
from typing import Any

from chat.assistants import find, id_of
from chat.frames import Ready, object_of
from chat.models import ChatRun, RunEvent
from chat.states import values_at


def shown_run(run: ChatRun) -> dict[str, Any]:
    assistant = find(run.assistant)
    return {
        "run_id": str(run.pk), "thread_id": str(run.thread_id),
        "assistant_id": id_of(assistant) if assistant else run.assistant,
        "created_at": run.created_at.isoformat(), "updated_at": run.updated_at.isoformat(),
        "status": run.status, "metadata": run.metadata, "multitask_strategy": run.strategy,
        "kwargs": {},
    }  # fmt: skip


def outcome_of(run_id: uuid.UUID) -> Ready:
    """The values a run ended with, or why it failed; of a run that was undone nothing."""
    run = ChatRun.objects.filter(pk=run_id).select_related("thread").first()
    if run is None:
        return object_of({})
    if run.status == ChatRun.Status.ERROR:
        said = RunEvent.objects.filter(run=run, event="error").values_list("data", flat=True)
        fault = said.first() or '{"error":"Error","message":""}'
        return object_of({"__error__": Ready(fault)})
    last = run.checkpoints.order_by("pk").values_list("pk", flat=True).last()
    return values_at(last or run.thread.head_id, with_ask=True)
