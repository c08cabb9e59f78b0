"""Runs: started, listened to, waited for, stopped."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

from django.db.models import Max
from django.http import HttpResponse, StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from chat.api.frame import ChatView, run_id_of, whole
from chat.cancel_run import cancel_run, wait_until_stopped
from chat.live import Live
from chat.models import ChatRun
from chat.refusals import BusyError, NotThereError, UnusableError
from chat.show_runs import outcome_of, shown_run
from chat.start_run import start_run
from chat.stream import Listener, listen, take_stream, wait_for
from chat.wish import Wish, read_id, read_modes, read_wish
from tenants.context import current_schema
from tenants.rest.places import Stream

EVENTS, JSON = "text/event-stream", "application/json"


class RunView(ChatView):
    """What the views of runs share."""

    def run(self, thread_id: str, run_id: str) -> ChatRun:
        """The run, of a thread of the caller's. Raises ``NotThereError``."""
        thread = self.thread(thread_id)
        found = ChatRun.objects.filter(pk=run_id_of(run_id), thread=thread).first()
        if found is None:
            raise NotThereError("run")
        return found

    def begin(self, thread_id: str) -> tuple[Live, Wish]:
        wanted = read_id(thread_id, "thread_id")
        wish = read_wish(self.body())
        return start_run(wanted, wish, user=self.user), wish

    def listener(
        self,
        run_id: uuid.UUID,
        *,
        after: int,
        cancels: bool = False,
        modes: frozenset[str] | None = None,
    ) -> Listener:
        return Listener(
            current_schema(), self.user, run_id, after=after, cancels=cancels, modes=modes
        )

    def streamed(
        self,
        parts: Iterator[bytes],
        give_back: Callable[[], None],
        *,
        kind: str,
        where: str,
        again: str,
    ) -> StreamingHttpResponse:
        body = Stream(parts, closing=give_back)
        headers = {"X-Accel-Buffering": "no", "Content-Location": where,
                   "Location": f"{where}/{again}"}  # fmt: skip
        return StreamingHttpResponse(body, content_type=kind, headers=headers)


class RunsView(RunView):
    """``/threads/{thread_id}/runs``."""

    def get(self, request: Request, thread_id: str) -> Response:
        thread, query = self.thread(thread_id), request.query_params
        limit = whole(query.get("limit"), "limit", default=10, least=1, most=1000)
        offset = whole(query.get("offset"), "offset", default=0, least=0, most=10**9)
        runs = thread.runs.order_by("-pk")
        if status := query.get("status"):
            if status not in (*ChatRun.Status.values, "timeout"):
                raise UnusableError(f"status is one of {', '.join(ChatRun.Status.values)}.")
            runs = runs.filter(status=status)
        return Response([shown_run(each) for each in runs[offset : offset + limit]])

    def post(self, request: Request, thread_id: str) -> Response:
        live, _ = self.begin(thread_id)
        headers = {"Content-Location": _where(live.thread_id, live.run_id)}
        run = ChatRun.objects.filter(pk=live.run_id).first()
        if run is None:  # undone already
            raise NotThereError("run")
        return Response({**shown_run(run), "status": ChatRun.Status.PENDING}, headers=headers)


class HeardView(RunView):
    """A run that is begun and listened to by one request."""

    def begin_heard(self, thread_id: str) -> tuple[Live, Listener, Callable[[], None]]:
        """The run, who listens to it, and what gives the stream's place back."""
        give_back = take_stream(self.user)
        try:
            live, wish = self.begin(thread_id)
        except BaseException:
            give_back()
            raise
        heard = self.listener(live.run_id, after=0, cancels=wish.cancel_on_disconnect)
        return live, heard, give_back


class StreamView(HeardView):
    """``POST /threads/{thread_id}/runs/stream``."""

    def post(self, request: Request, thread_id: str) -> StreamingHttpResponse:
        live, heard, give_back = self.begin_heard(thread_id)
        where = _where(live.thread_id, live.run_id)
        return self.streamed(listen(heard), give_back, kind=EVENTS, where=where, again="stream")


class WaitView(HeardView):
    """``POST /threads/{thread_id}/runs/wait``."""

    def post(self, request: Request, thread_id: str) -> StreamingHttpResponse:
        live, heard, give_back = self.begin_heard(thread_id)
        parts = wait_for(heard, lambda: outcome_of(live.run_id))
        where = _where(live.thread_id, live.run_id)
        return self.streamed(parts, give_back, kind=JSON, where=where, again="join")


class OneRunView(RunView):
    """``/threads/{thread_id}/runs/{run_id}``."""

    def get(self, request: Request, thread_id: str, run_id: str) -> Response:
        return Response(shown_run(self.run(thread_id, run_id)))

    def delete(self, request: Request, thread_id: str, run_id: str) -> HttpResponse:
        run = self.run(thread_id, run_id)
        if run.is_alive:
            raise BusyError("The run is under way. Cancel it first.")
        run.delete()
        return HttpResponse(status=204)


class JoinStreamView(RunView):
    """``GET /threads/{thread_id}/runs/{run_id}/stream``: what was missed, then what comes."""

    def get(self, request: Request, thread_id: str, run_id: str) -> StreamingHttpResponse:
        run = self.run(thread_id, run_id)
        query = request.query_params
        modes = _modes(query.getlist("stream_mode"))
        heard = self.listener(
            run.pk,
            after=_after(run, request.headers.get("Last-Event-ID")),
            modes=read_modes(modes) if modes else None,
            cancels=query.get("cancel_on_disconnect", "").lower() in ("1", "true"),
        )
        give_back = take_stream(self.user)
        where = _where(run.thread_id, run.pk)
        return self.streamed(listen(heard), give_back, kind=EVENTS, where=where, again="stream")


class JoinView(RunView):
    """``GET /threads/{thread_id}/runs/{run_id}/join``."""

    def get(self, request: Request, thread_id: str, run_id: str) -> StreamingHttpResponse:
        run = self.run(thread_id, run_id)
        give_back = take_stream(self.user)
        heard = self.listener(run.pk, after=0, modes=frozenset[str]())
        parts = wait_for(heard, lambda: outcome_of(run.pk))
        where = _where(run.thread_id, run.pk)
        return self.streamed(parts, give_back, kind=JSON, where=where, again="join")


class CancelView(RunView):
    """``POST /threads/{thread_id}/runs/{run_id}/cancel``."""

    def post(self, request: Request, thread_id: str, run_id: str) -> HttpResponse:
        how = request.query_params.get("action") or ChatRun.Cancel.INTERRUPT
        if how not in ChatRun.Cancel.values:
            raise UnusableError(f"action is one of {', '.join(ChatRun.Cancel.values)}.")
        run = self.run(thread_id, run_id)
        cancel_run(run.pk, how=how)
        waits = request.query_params.get("wait", "").lower() in ("1", "true")
        if waits and wait_until_stopped(run.pk):
            return Response({})
        return HttpResponse(status=202)


def _where(thread_id: uuid.UUID, run_id: uuid.UUID) -> str:
    """Relative to the root of the API, without its prefix: clients put that before it."""
    return f"/threads/{thread_id}/runs/{run_id}"


def _modes(given: list[str]) -> list[str]:
    """Of an address: one name or several, as the clients write them; a list comes as JSON."""
    names = (name for text in given for name in text.strip("[]").split(","))
    return [name.strip(' "') for name in names if name.strip(' "')]


def _after(run: ChatRun, last: str | None) -> int:
    """The event to go on after: none of before when the client does not say where it was."""
    if last is None or not last.strip():
        return run.events.aggregate(last=Max("seq"))["last"] or 0
    text = last.strip()
    if text == "-1":
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UnusableError("Last-Event-ID is the id of an event, or -1.")
    return int(text)
