"""Let a client listen to a run: a reader that holds nothing and changes nothing.

A run of this process is heard as its events are written, one of another by looking at its rows:
whether it is over first, the rows second, as the last ones are written together with the end.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError

from chat.cancel_run import cancel_run
from chat.frames import STILL_HERE, Ready, frame
from chat.live import Event, find_live
from chat.models import ChatRun, RunEvent
from chat.refusals import RefusalError
from chat.states import values_at
from tenants.context import current_schema, in_tenant
from tenants.hand_back import hand_back
from tenants.models import User
from tenants.rest.events import is_welcome
from tenants.rest.places import Places

LOOK_SECONDS = 0.1
REMARK_SECONDS = 5.0  # the contract's: clients learn it
# Writing is the only way to learn that a client has gone, and the second write tells.
REMARK_TO_CANCEL_SECONDS = 2.0
WELCOME_SECONDS = 5.0
ALWAYS = frozenset({"metadata", "error", "end"})
OF_MODE = {
    "values": "values", "messages": "messages-tuple", "updates": "updates", "custom": "custom",
    "messages/metadata": "messages", "messages/partial": "messages",
    "messages/complete": "messages",
}  # fmt: skip

streams = Places("streams", each=24, every=lambda: settings.CHAT_STREAMS)


@dataclass(frozen=True, slots=True)
class Listener:
    """Who listens to what. ``after``: the last event known already."""

    schema: str
    user: User
    run_id: uuid.UUID
    after: int
    modes: frozenset[str] | None = None  # None: all the run has
    cancels: bool = False  # whether the run stops when nobody listens any more

    def wants(self, event: str) -> bool:
        return event in ALWAYS or self.modes is None or OF_MODE.get(event) in self.modes


def take_stream(user: User) -> Callable[[], None]:
    """Reserve one of the streams of this process; returns what gives it back, once.

    Raises ``CrowdedError``.
    """
    return streams.hold(user.pk, current_schema())


def listen(listener: Listener) -> Iterator[bytes]:
    """The frames of a run, from after ``listener.after`` to its end."""
    yield b""  # sends the status and the headers
    is_over = False
    try:
        yield from _frames(listener)
        is_over = True
    finally:
        if listener.cancels and not is_over:
            _cancel(listener)


def wait_for(listener: Listener, answer: Callable[[], Ready]) -> Iterator[bytes]:
    """``answer`` once the run is over; newlines until then, which JSON does not mind."""
    yield b""
    is_over = False
    try:
        for part in _frames(listener):
            if part == STILL_HERE:
                yield b"\n"
        is_over = True
        with in_tenant(listener.schema):
            text = answer()
        hand_back()
        yield text.encode()
    finally:
        if listener.cancels and not is_over:
            _cancel(listener)


def _frames(listener: Listener) -> Iterator[bytes]:
    seq = listener.after
    every = REMARK_TO_CANCEL_SECONDS if listener.cancels else REMARK_SECONDS
    said_at = welcome_at = time.monotonic()
    while True:
        events, is_over = _after(listener, seq, seconds=said_at + every - time.monotonic())
        for event in events:
            seq = event.seq
            if listener.wants(event.event):
                yield frame(event.event, _data(listener, event), event.seq)
                said_at = time.monotonic()
        if is_over and not events:
            return
        if time.monotonic() - said_at >= every:
            yield STILL_HERE
            said_at = time.monotonic()
        if time.monotonic() - welcome_at > WELCOME_SECONDS:
            if not _is_welcome(listener):
                return
            welcome_at = time.monotonic()


def _after(listener: Listener, seq: int, *, seconds: float) -> tuple[list[Event], bool]:
    """Events past ``seq``, and whether there will be no more than these."""
    live = find_live(listener.run_id)
    if live is not None:
        events, is_over = live.after(seq, seconds=max(0.0, seconds))
        if events or not is_over:
            return events, False
    with in_tenant(listener.schema):
        alive = ChatRun.objects.alive().filter(pk=listener.run_id).exists()
        rows = RunEvent.objects.filter(run=listener.run_id, seq__gt=seq).order_by("seq")
        events = [Event(row.seq, row.event, row.data, row.checkpoint_id) for row in rows]
    hand_back()
    if alive and not events:
        time.sleep(LOOK_SECONDS)
    return events, not alive


def _data(listener: Listener, event: Event) -> str:
    """The event's JSON; a state is put together now, as it is stored once."""
    if event.checkpoint is None:
        return event.data
    with in_tenant(listener.schema):
        values = values_at(event.checkpoint, with_ask=event.data == "ask")
    hand_back()
    return values


def _is_welcome(listener: Listener) -> bool:
    try:
        with in_tenant(listener.schema):
            return is_welcome(listener.user, listener.schema)
    finally:
        hand_back()


def _cancel(listener: Listener) -> None:
    try:
        with in_tenant(listener.schema):
            cancel_run(listener.run_id, how=ChatRun.Cancel.INTERRUPT)
    except (RefusalError, DatabaseError):  # over by now, or nobody to ask: it will end by itself
        return
    finally:
        hand_back()
