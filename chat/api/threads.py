"""Threads, their states and their history."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from chat.api.frame import ChatView, ready, settled, whole
from chat.delete_thread import delete_thread
from chat.find_threads import SORTS, find_threads
from chat.frames import Ready, list_of, on_one_line
from chat.messages import read_messages
from chat.models import Checkpoint, Thread
from chat.refusals import BusyError, NotThereError, UnusableError
from chat.show_threads import shown_threads
from chat.states import no_state, reference, states_of
from chat.update_state import update_state
from chat.wish import is_uuid, read_checkpoint, read_id

MOST = 1000


class ThreadsView(ChatView):
    """``POST /threads``."""

    def post(self, request: Request) -> HttpResponse:
        body = self.body()
        wanted = body.get("thread_id")
        thread = Thread(person=self.person, metadata=_metadata(body))
        if wanted is not None:
            thread.pk = read_id(wanted, "thread_id")
        try:
            with transaction.atomic():
                thread.save(force_insert=True)
        except IntegrityError:
            mine = Thread.objects.filter(pk=thread.pk, person=self.person).first()
            if mine is None or body.get("if_exists") != "do_nothing":
                raise BusyError("A thread of this id exists already.") from None
            thread = settled(mine)
        return ready(shown_threads([thread])[0])


class SearchView(ChatView):
    """``POST /threads/search``."""

    def post(self, request: Request) -> HttpResponse:
        body = self.body()
        limit = whole(body.get("limit"), "limit", default=10, least=1, most=MOST)
        offset = whole(body.get("offset"), "offset", default=0, least=0, most=10**9)
        found = _wanted(body, self.person)
        total = found.count()
        threads = [settled(each) for each in found.select_related("head")[offset : offset + limit]]
        headers = {"X-Pagination-Total": str(total)}
        if offset + limit < total:
            headers["X-Pagination-Next"] = str(offset + limit)
        select = body.get("select")
        if select is not None and not isinstance(select, list):
            raise UnusableError("select is a list of names.")
        return ready(list_of(shown_threads(threads, select=select)), **headers)


class CountView(ChatView):
    """``POST /threads/count``."""

    def post(self, request: Request) -> Response:
        return Response(_wanted(self.body(), self.person).count())


class ThreadView(ChatView):
    """``/threads/{thread_id}``."""

    def get(self, request: Request, thread_id: str) -> HttpResponse:
        return ready(shown_threads([self.thread(thread_id)])[0])

    def patch(self, request: Request, thread_id: str) -> HttpResponse:
        found = self.thread(thread_id)
        with transaction.atomic():
            thread = Thread.objects.select_for_update(no_key=True).get(pk=found.pk)
            thread.metadata = {**thread.metadata, **_metadata(self.body())}
            thread.save(update_fields=["metadata"])
        return ready(shown_threads([thread])[0])

    def delete(self, request: Request, thread_id: str) -> HttpResponse:
        delete_thread(self.thread(thread_id).pk)
        return HttpResponse(status=204)


class OneStateView(ChatView):
    """``GET /threads/{thread_id}/state/{checkpoint_id}``."""

    def get(self, request: Request, thread_id: str, checkpoint_id: str) -> HttpResponse:
        thread = self.thread(thread_id)
        wanted = read_id(checkpoint_id, "checkpoint_id")
        return ready(states_of([_checkpoint(thread, wanted)])[0])


class StateView(ChatView):
    """``/threads/{thread_id}/state``: the newest; a new one, as given."""

    def get(self, request: Request, thread_id: str) -> HttpResponse:
        thread = self.thread(thread_id)
        if thread.head_id is None:
            return ready(Ready(on_one_line(no_state())))
        return ready(states_of([_checkpoint(thread, thread.head_id)])[0])

    def post(self, request: Request, thread_id: str) -> Response:
        thread, body = self.thread(thread_id), self.body()
        values = body.get("values")
        if values is not None and not isinstance(values, dict):
            raise UnusableError("values is an object.")
        said = (values or {}).get("messages")
        made = update_state(
            thread.pk, read_messages(said) if said else [], start=read_checkpoint(body)
        )
        return Response({"checkpoint": reference(thread.pk, made.pk)})


class HistoryView(ChatView):
    """``POST /threads/{thread_id}/history``: all states, newest first."""

    def post(self, request: Request, thread_id: str) -> HttpResponse:
        thread, body = self.thread(thread_id), self.body()
        limit = whole(body.get("limit"), "limit", default=10, least=1, most=MOST)
        states = thread.checkpoints.order_by("-pk")
        if before := _before(body.get("before")):
            states = states.filter(pk__lt=before)
        for name, value in _metadata(body).items():
            if name not in ("source", "step", "run_id"):
                states = states.none()
            elif name == "run_id":
                states = states.filter(run=read_id(value, "run_id"))
            else:
                states = states.filter(**{name: value}) if _is_plain(name, value) else states.none()
        return ready(list_of(states_of(list(states[:limit]))))


def _is_plain(name: str, value: Any) -> bool:
    """Whether it could be the value of that column at all."""
    if name == "step":
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31
    return isinstance(value, str)


def _before(raw: Any) -> uuid.UUID | None:
    if raw is None:
        return None
    if isinstance(raw, dict):
        inner = raw.get("configurable")
        raw = raw.get("checkpoint_id") or (isinstance(inner, dict) and inner.get("checkpoint_id"))
    return read_id(raw, "before")


def _checkpoint(thread: Thread, wanted: uuid.UUID) -> Checkpoint:
    found = thread.checkpoints.filter(pk=wanted).first()
    if found is None:
        raise NotThereError("checkpoint")
    return found


def _metadata(body: dict[str, Any]) -> dict[str, Any]:
    value = body.get("metadata")
    if value is not None and not isinstance(value, dict):
        raise UnusableError("metadata is an object.")
    return value or {}


def _wanted(body: dict[str, Any], person: str) -> QuerySet[Thread]:
    ids, status = body.get("ids"), body.get("status")
    sort_by = body.get("sort_by") or "updated_at"
    if ids is not None and not (isinstance(ids, list) and all(map(is_uuid, ids))):
        raise UnusableError("ids is a list of UUIDs.")
    if status is not None and status not in Thread.Status.values:
        raise UnusableError(f"status is one of {', '.join(Thread.Status.values)}.")
    if not isinstance(sort_by, str) or sort_by not in SORTS:
        raise UnusableError(f"sort_by is one of {', '.join(SORTS)}.")
    if body.get("values"):
        raise UnusableError("Threads are found by metadata, ids and status, not by values.")
    return find_threads(
        person, metadata=_metadata(body), ids=ids, status=status, sort_by=sort_by,
        is_ascending=body.get("sort_order") == "asc",
    )  # fmt: skip
