"""Who would get what when: an estimate by the paces of the mailboxes and the readers' windows.

Pure but for reading each mailbox's last day. The queue may turn out otherwise: other campaigns
share the mailboxes, and holds end when people end them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from outreach import pacing
from outreach.models import Mailbox, Message
from outreach.sending.claim import next_moment_of, pace_of
from outreach.windows import Window


@dataclass(frozen=True, slots=True)
class Slot:
    """``at`` None: no window of the reader opens within a month."""

    message: Message
    mailbox: Mailbox | None
    at: datetime | None


@dataclass
class _Lane:
    mailbox: Mailbox
    free: datetime
    sent_at: list[datetime]

    def take(self, at: datetime) -> None:
        self.sent_at.append(at)
        today = at.astimezone(ZoneInfo(self.mailbox.timezone)).date()
        pace = pace_of(self.mailbox)
        free = pacing.next_moment(pace, nth_last=self._nth_last, now=at, today=today)
        self.free = max(free, at + pacing.gap(pace, chance=0.5))

    def _nth_last(self, number: int) -> datetime | None:
        return self.sent_at[-number] if len(self.sent_at) >= number else None


def timeline(
    messages: Iterable[Message], *, mailboxes: Sequence[Mailbox], window: Window, now: datetime
) -> list[Slot]:
    """A slot for each message, earliest first. Three statements for each mailbox."""
    lanes = [_lane(each, now=now) for each in mailboxes]
    far = datetime.max.replace(tzinfo=now.tzinfo)
    waiting = [
        (window.next_open(now, zone=each.timezone, country=each.country), each) for each in messages
    ]
    waiting.sort(key=lambda pair: pair[0] or far)
    slots = [_place(message, opens, lanes, window=window) for opens, message in waiting]
    return sorted(slots, key=lambda slot: slot.at or far)


def by_day(slots: Iterable[Slot], *, zone: str) -> list[tuple[date, int]]:
    """How many a day, in the operators' time."""
    days = Counter(slot.at.astimezone(ZoneInfo(zone)).date() for slot in slots if slot.at)
    return sorted(days.items())


def _lane(mailbox: Mailbox, *, now: datetime) -> _Lane:
    asked = Message.objects.filter(mailbox=mailbox, asked_at__gt=now - pacing.DAY)
    moments = [at for (at,) in asked.order_by("asked_at").values_list("asked_at") if at]
    return _Lane(mailbox, max(next_moment_of(mailbox, now=now), now), moments)


def _place(
    message: Message, opens: datetime | None, lanes: Sequence[_Lane], *, window: Window
) -> Slot:
    if opens is None or not lanes:
        return Slot(message, None, None)
    lane = min(lanes, key=lambda each: each.free)
    at = window.next_open(max(lane.free, opens), zone=message.timezone, country=message.country)
    if at is None:
        return Slot(message, None, None)
    lane.take(at)
    return Slot(message, lane.mailbox, at)
