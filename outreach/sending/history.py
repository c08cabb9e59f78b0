"""What a mailbox has done lately: the moments that pace it, and what came back of its mail."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from outreach import pacing
from outreach.models import Mailbox
from tenants.prepared import prepared_cursor

RECORD_DAYS = timedelta(days=7)
# Mails are counted only where something came back: without that no share of them brakes anything.
# ``(SELECT ...)`` as in ``outreach.sending.waiting``: of moments and numbers it can see, PostgreSQL
# would make a new plan for each mail.
_MAILBOX = "(SELECT %(mailbox)s::bigint)"
_DAY, _WEEK = "(SELECT %(day)s::timestamptz)", "(SELECT %(week)s::timestamptz)"
HISTORY = f"""
WITH back AS (
    SELECT count(DISTINCT event.message_id) FILTER (WHERE event.kind = 'BOUNCED') AS bounced,
           count(DISTINCT event.message_id) FILTER (WHERE event.kind = 'COMPLAINED') AS complained,
           count(DISTINCT event.message_id)
               FILTER (WHERE event.kind = 'COMPLAINED' AND event.at > %(day)s) AS today
    FROM outreach_messageevent event
    JOIN outreach_message message ON message.id = event.message_id
    WHERE event.kind IN ('BOUNCED', 'COMPLAINED') AND event.at > {_WEEK}
      AND message.mailbox_id = {_MAILBOX}
)
SELECT CASE WHEN bounced + complained = 0 THEN 0 ELSE (
           SELECT count(*) FROM outreach_message
           WHERE mailbox_id = {_MAILBOX} AND sent_at > {_WEEK}
       ) END,
       bounced, complained, today,
       ARRAY(SELECT (
           SELECT asked_at FROM outreach_message
           WHERE mailbox_id = {_MAILBOX} AND asked_at > {_DAY}
           ORDER BY asked_at DESC OFFSET number - 1 LIMIT 1
       ) FROM unnest((SELECT %(numbers)s::int[])) WITH ORDINALITY AS wanted(number, place)
         ORDER BY place)
FROM back
"""


@dataclass(frozen=True, slots=True)
class History:
    """``asked``: n -> when the provider was asked for the n-th last mail of the last 24 hours."""

    record: pacing.Record
    asked: Mapping[int, datetime | None]


def history_of(
    mailbox: Mailbox, *, now: datetime, numbers: Collection[int] = frozenset()
) -> History:
    """The record of the mailbox and the moments of its ``numbers``-th last mails. One statement."""
    wanted = list(numbers)
    with prepared_cursor() as cursor:
        cursor.execute(HISTORY, history_asked(mailbox, now=now, numbers=wanted))
        return history_read(cursor.fetchone(), wanted)


def history_asked(mailbox: Mailbox, *, now: datetime, numbers: list[int]) -> dict[str, Any]:
    """What ``HISTORY`` is asked with."""
    return {"mailbox": mailbox.pk, "week": now - RECORD_DAYS, "day": now - pacing.DAY,
            "numbers": numbers}  # fmt: skip


def history_read(row: Sequence[Any], numbers: list[int]) -> History:
    """What a row of ``HISTORY`` says."""
    *counts, moments = row
    return History(pacing.Record(*counts), dict(zip(numbers, moments, strict=True)))


def record_of(mailbox: Mailbox, *, now: datetime) -> pacing.Record:
    """What became of the mailbox's mail, for its brakes; ``sent`` is 0 while nothing came back."""
    return history_of(mailbox, now=now).record
