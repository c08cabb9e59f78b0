"""Start a run: checked and stored under the thread's lock, then carried by a thread of its own."""

from __future__ import annotations

import contextvars
import threading
import uuid
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from chat.assistants import id_of
from chat.carry import carry
from chat.frames import on_one_line
from chat.ids import new_id
from chat.keep import ensure_keeper
from chat.live import Event, Live, add_live, executors, find_live
from chat.models import ChatRun, RunEvent, Thread
from chat.refusals import BusyError, NotThereError
from chat.settle import settle_stale
from chat.wish import Wish
from tenants.context import current_schema
from tenants.models import User


def start_run(thread_id: uuid.UUID, wish: Wish, *, user: User) -> Live:
    """Store the run and let it begin; its first event can be read at once.

    Raises ``RefusalError``: nothing is stored then. The same request again makes a second run, but
    doubles no message that came with its id.
    """
    executors.take(user.pk, schema := current_schema())
    try:
        with transaction.atomic():
            live, others = _create(thread_id, wish, user=user)
    except BaseException:
        executors.leave(user.pk, schema)
        raise
    for other in others:
        if carried := find_live(other):
            carried.ask_to_stop(wish.strategy)
    add_live(live)
    ensure_keeper()
    context = contextvars.copy_context()  # the request's id goes with what the run does
    work = threading.Thread(
        target=context.run, args=(carry, live, wish, user), name="chat-run", daemon=True
    )
    work.start()
    return live


def _create(thread_id: uuid.UUID, wish: Wish, *, user: User) -> tuple[Live, list[uuid.UUID]]:
    thread = _hold_thread(thread_id, user=user, creates=wish.creates_thread)
    settle_stale(thread)
    others = list(thread.runs.alive().values_list("pk", flat=True))
    if others and wish.strategy == "reject":
        raise BusyError("Another run of this thread is under way.")
    if wish.checkpoint and not thread.checkpoints.filter(pk=wish.checkpoint).exists():
        raise NotThereError("checkpoint")
    stops = others if wish.strategy in ChatRun.Cancel.values else []
    ChatRun.objects.filter(pk__in=stops, cancel="").update(cancel=wish.strategy)
    run = ChatRun(
        id=new_id(), thread=thread, assistant=wish.assistant.graph_id, request=wish.as_json(),
        strategy=wish.strategy, metadata=wish.metadata, heartbeat_at=Now(),
    )  # fmt: skip
    run.save(force_insert=True)
    first = on_one_line({"run_id": str(run.pk), "attempt": 1})
    RunEvent.objects.create(run=run, seq=1, event="metadata", data=first)
    _mark_busy(thread, wish)
    live = Live(run.pk, thread.pk, current_schema(), user.pk, wish.modes)
    live.begin(Event(1, "metadata", first))
    return live, stops


def _hold_thread(thread_id: uuid.UUID, *, user: User, creates: bool) -> Thread:
    person = user.get_username()
    if creates:
        Thread.objects.get_or_create(pk=thread_id, defaults={"person": person})
    mine = Thread.objects.filter(pk=thread_id, person=person)
    thread = mine.select_for_update(no_key=True).first()
    if thread is None:
        raise NotThereError("thread")
    return thread


def _mark_busy(thread: Thread, wish: Wish) -> None:
    names: dict[str, Any] = {
        "graph_id": wish.assistant.graph_id, "assistant_id": id_of(wish.assistant)
    }  # fmt: skip
    thread.metadata = {**names, **thread.metadata}  # clients look for their threads by these
    thread.status, thread.updated_at = Thread.Status.BUSY, timezone.now()
    thread.save(update_fields=["metadata", "status", "updated_at"])
