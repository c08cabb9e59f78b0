"""Bring a run to its end: last events, thread and run in one transaction, so that nobody who sees
the end of a stream finds the thread still busy.
"""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils import timezone

from chat.checkpoints import add_state
from chat.frames import on_one_line
from chat.live import Event, Live, wake_thread
from chat.messages import spoken
from chat.models import ChatMessage, ChatRun, Checkpoint, RunEvent, Thread
from chat.turn import hold_run

STALE_AFTER = timedelta(seconds=20)  # without a sign of life, which is given every second
STOPPED = "ServerStopped"
STOPPED_IN_THE_MIDDLE = (
    "The server stopped in the middle of this answer. What is complete is kept; what was under way"
    " may or may not have been done. Ask again to go on."
)
STOPPED_BEFORE = "The server stopped before this was begun. Send it again."

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a run failed, as its stream and its thread say it."""

    error: str
    message: str

    def as_dict(self) -> dict[str, str]:
        return {"error": self.error, "message": self.message}


def settle(live: Live, *, fault: Fault | None = None) -> None:
    """End the run this process carries: as cancelled if that was asked for, else as it went.

    Raises ``RunLostError``.
    """
    live.wait_until_written()
    with transaction.atomic():
        run = hold_run(live)
        if live.cancel:
            events = _end(run, ChatRun.Status.INTERRUPTED, upto=len(live.events))
        else:
            status = ChatRun.Status.ERROR if fault else ChatRun.Status.SUCCESS
            events = _end(run, status, fault=fault, upto=len(live.events))
        if live.cancel == ChatRun.Cancel.ROLLBACK:
            _undo(run)
    live.end(events)
    wake_thread(live.thread_id)


def settle_stale(thread: Thread) -> int:
    """End the runs of ``thread`` that nobody carries any more; returns how many.

    To be called with the thread locked, in a transaction.
    """
    stale = thread.runs.alive().filter(heartbeat_at__lt=Now() - STALE_AFTER)
    runs = list(stale.select_for_update(no_key=True).order_by("pk"))
    for run in runs:
        settle_stopped(run)
    return len(runs)


def look_for_stale(thread_id: uuid.UUID) -> int:
    """End stale runs of a thread, if there are any: one statement when there are none."""
    stale = ChatRun.objects.alive().filter(thread=thread_id, heartbeat_at__lt=Now() - STALE_AFTER)
    if not stale.exists():
        return 0
    with transaction.atomic():
        locked = Thread.objects.select_for_update(no_key=True).filter(pk=thread_id)
        thread = locked.first()
        return settle_stale(thread) if thread else 0


def settle_stopped(run: ChatRun) -> None:
    """End a run whose process ends or has ended. What was shown of a message half made is kept."""
    upto = run.events.aggregate(last=Max("seq"))["last"] or 0
    was_begun = run.status == ChatRun.Status.RUNNING
    if was_begun:
        _keep_half(run)
    text = STOPPED_IN_THE_MIDDLE if was_begun else STOPPED_BEFORE
    _end(run, ChatRun.Status.ERROR, fault=Fault(STOPPED, text), upto=upto)
    logger.warning("Run %s ended with its server", run.pk)


def _end(
    run: ChatRun, status: ChatRun.Status, *, upto: int, fault: Fault | None = None
) -> list[Event]:
    events = [Event(upto + 1, "error", on_one_line(fault.as_dict()))] if fault else []
    events.append(Event(upto + len(events) + 1, "end", "null"))
    RunEvent.objects.bulk_create(
        RunEvent(run=run, seq=each.seq, event=each.event, data=each.data) for each in events
    )
    run.status, run.updated_at = status, timezone.now()
    run.error = fault.message[:500] if fault else ""
    run.save(update_fields=["status", "updated_at", "error"])
    if fault:
        text = f"{fault.error}({fault.message!r})"[:500]
        heads = Thread.objects.filter(pk=run.thread_id).values("head")
        Checkpoint.objects.filter(run=run, pk__in=heads).update(error=text)
    _settle_thread(run.thread_id, fault=fault, is_cancelled=status == ChatRun.Status.INTERRUPTED)
    return events


def _settle_thread(thread_id: uuid.UUID, *, fault: Fault | None, is_cancelled: bool) -> None:
    thread = Thread.objects.select_related("head").get(pk=thread_id)
    thread.error = fault.as_dict() if fault else None
    if thread.runs.alive().exists():
        thread.status = Thread.Status.BUSY
    elif is_cancelled or (thread.head and thread.head.is_open):
        thread.status = Thread.Status.INTERRUPTED
    else:
        thread.status = Thread.Status.ERROR if fault else Thread.Status.IDLE
    thread.updated_at = timezone.now()
    thread.save(update_fields=["status", "error", "updated_at"])


def _undo(run: ChatRun) -> None:
    """As if the run had not been: its states, what was said in them alone, and itself.

    An approval it answered stays answered, as what was approved may have been done.
    """
    made = list(run.checkpoints.values_list("pk", "messages", "parent_id").order_by("pk"))
    gone = {pk for pk, _, _ in made}
    kept = Checkpoint.objects.filter(thread=run.thread_id).exclude(pk__in=gone)
    held = {row for rows in kept.values_list("messages", flat=True) for row in rows}
    before = next((parent for _, _, parent in made if parent not in gone), None)
    thread = Thread.objects.filter(pk=run.thread_id)
    if made:
        thread.filter(head__in=gone).update(head=before)
    only_here = {row for _, rows, _ in made for row in rows} - held
    Checkpoint.objects.filter(pk__in=gone).delete()
    ChatMessage.objects.filter(pk__in=only_here).delete()
    if not thread.filter(status=Thread.Status.BUSY).exists():
        thread.update(status=Thread.Status.IDLE, error=None)
    run.delete()


def _keep_half(run: ChatRun) -> None:
    """Store the text that was streamed of a message the server did not get to complete."""
    chunks = run.events.filter(event="messages", data__startswith='[{"id"').order_by("seq")
    parts: dict[str, str] = {}
    for data in chunks.values_list("data", flat=True):
        chunk = json.loads(data)[0]
        if chunk["type"] == "AIMessageChunk" and isinstance(chunk["content"], str):
            parts[chunk["id"]] = parts.get(chunk["id"], "") + chunk["content"]
    known = run.thread.messages.filter(message_id__in=parts).values_list("message_id", flat=True)
    half = {one: text for one, text in parts.items() if text and one not in set(known)}
    start = run.checkpoints.order_by("pk").last() or run.thread.head
    if half and start is not None:
        messages = [spoken(one, text, [], cut_off=True) for one, text in half.items()]
        add_state(start, messages, source="loop", run_id=run.pk)
    run.thread.refresh_from_db(fields=["head"])
