"""The runs this process carries: their events on the way to the database and to listeners.

An event is shown once it is written, never before, so that a killed process takes nothing with it
that somebody has seen. ``chat.keep`` writes; listeners of the same process wake as it does.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field

from django.conf import settings

from chat.frames import on_one_line
from tenants.rest.places import Places

RUNS_PER_STREAM = 2  # runs may outnumber streams, as a client may go away


@dataclass(slots=True)
class Event:
    """One event of a run's stream. ``words`` still grows until it is taken to be written."""

    seq: int
    event: str
    data: str = ""
    checkpoint: uuid.UUID | None = None
    words: str | None = None
    around: tuple[str, str] = ("", "")

    def seal(self) -> Event:
        if self.words is not None:
            self.data = f"{self.around[0]}{on_one_line(self.words)}{self.around[1]}"
            self.words = None
        return self


@dataclass(eq=False)
class Live:
    """A run under way. Its executor adds, the keeper takes and writes, listeners wait."""

    run_id: uuid.UUID
    thread_id: uuid.UUID
    schema: str
    user_id: int
    modes: frozenset[str]
    events: list[Event] = field(default_factory=list)
    taken: int = 0
    written: int = 0
    cancel: str = ""  # of ``ChatRun.Cancel``
    is_lost: bool = False  # somebody else has settled or removed the run
    is_over: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)

    def begin(self, first: Event) -> None:
        """With the event that was written together with the run."""
        self.events.append(first)
        self.taken = self.written = 1

    def add(self, event: str, data: str = "", *, checkpoint: uuid.UUID | None = None) -> None:
        with self.changed:
            self.events.append(Event(len(self.events) + 1, event, data, checkpoint))
        wake_keeper.set()

    def add_words(self, text: str, *, around: tuple[str, str], is_chunk: bool) -> None:
        """Add a chunk of text, to the one before when that still waits to be written."""
        with self.changed:
            last = self.events[-1] if self.taken < len(self.events) else None
            joins = last is not None and last.words is not None and last.around == around
            if last is not None and joins and not is_chunk:
                last.words = f"{last.words}{text}"
            else:
                number = len(self.events) + 1
                self.events.append(Event(number, "messages", words=text, around=around))
        wake_keeper.set()

    def take(self) -> list[Event]:
        """What is to be written next; it grows no more."""
        with self.changed:
            fresh = [event.seal() for event in self.events[self.taken :]]
            self.taken = len(self.events)
            return fresh

    def note_written(self, upto: int) -> None:
        with self.changed:
            self.written = upto
            self.changed.notify_all()

    def end(self, events: list[Event] | None = None) -> None:
        """The run is settled, with ``events`` as its last; they are written already."""
        with self.changed:
            self.events += events or []
            self.taken = self.written = len(self.events)
            self.is_over = True
            self.changed.notify_all()

    def lose(self) -> None:
        with self.changed:
            self.is_lost = True
            self.changed.notify_all()

    def ask_to_stop(self, how: str) -> None:
        with self.changed:
            self.cancel = self.cancel or how
            self.changed.notify_all()

    def wait(self, seconds: float) -> None:
        with self.changed:
            self.changed.wait(seconds)

    def wait_until_written(self) -> None:
        """Until all added so far can be seen. Returns at once when the run is lost."""
        with self.changed:
            upto = len(self.events)
            self.changed.wait_for(lambda: self.written >= upto or self.is_lost)

    def after(self, seq: int, *, seconds: float) -> tuple[list[Event], bool]:
        """Written events past ``seq``, waiting for one; and whether there will be no more."""
        with self.changed:
            self.changed.wait_for(
                lambda: self.written > seq or self.is_over or self.is_lost, timeout=seconds
            )
            return self.events[seq : self.written], self.is_over or self.is_lost


wake_keeper = threading.Event()
_lock = threading.Lock()
_live: dict[uuid.UUID, Live] = {}
# A run has a place until it is settled, whether or not anybody listens.
executors = Places("runs", each=24, every=lambda: settings.CHAT_STREAMS * RUNS_PER_STREAM)


def add_live(live: Live) -> None:
    with _lock:
        _live[live.run_id] = live
    wake_keeper.set()


def remove_live(live: Live) -> None:
    with _lock:
        _live.pop(live.run_id, None)


def find_live(run_id: uuid.UUID) -> Live | None:
    return _live.get(run_id)


def all_live() -> list[Live]:
    with _lock:
        return list(_live.values())


def wake_thread(thread_id: uuid.UUID) -> None:
    """Let runs that wait for another of their thread look again."""
    for live in all_live():
        if live.thread_id == thread_id:
            with live.changed:
                live.changed.notify_all()
