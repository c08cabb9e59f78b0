"""What waits at a mailbox, in the order it falls due; cheap however much that is.

``Message.not_before`` is the order. A message that somebody has to see to first has none, and comes
back with ``outreach.admission.ask_again``. Waiting mail lies in lots, each with an index in that
order: what is the mailbox's already, and for each mail of its running campaigns what is nobody's.

A lot is named by ``(SELECT ...)`` on purpose. Of a plain number the planner believes what the last
ANALYZE saw; of a campaign queued since, that is no row, so it would read and sort all of them for
each claim (0.3 s with 200,000). Of a value it does not know yet it expects an average lot, and
takes the first entry of the lot's index.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from outreach.models import Mailbox
from outreach.sending.history import HISTORY, History, history_asked, history_read
from tenants.prepared import prepared_cursor

State = Mailbox.State
# A mailbox that sends nothing can still be asked what it sent, unless nobody is signed in there.
CAN_BE_ASKED = (State.READY, State.PAUSED, State.STOPPED)

_TIMED = "status IN ('QUEUED', 'HELD') AND not_before IS NOT NULL"
_OWN = f"mailbox_id = (SELECT %(mailbox)s::bigint) AND {_TIMED}"
_HEADS = f"""
(SELECT NULL::bigint AS step, not_before FROM outreach_message
 WHERE {_OWN} ORDER BY not_before, id LIMIT 1)
UNION ALL
SELECT step.id, head.not_before
FROM outreach_campaign_mailboxes chosen
JOIN outreach_campaign campaign ON campaign.id = chosen.campaign_id
JOIN outreach_campaignstep step ON step.campaign_id = campaign.id
CROSS JOIN LATERAL (
    SELECT not_before FROM outreach_message
    WHERE step_id = step.id AND mailbox_id IS NULL AND {_TIMED} ORDER BY not_before, id LIMIT 1
) head
WHERE chosen.mailbox_id = %(mailbox)s AND campaign.status = 'RUNNING'
ORDER BY 2
"""
_FIRST = f"""
SELECT id FROM outreach_message
WHERE {{lot}} AND {_TIMED} AND not_before <= %(now)s
ORDER BY not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_FIRST_OWN = _FIRST.format(lot="mailbox_id = (SELECT %(mailbox)s::bigint)")
_FIRST_OF_STEP = _FIRST.format(lot="mailbox_id IS NULL AND step_id = (SELECT %(step)s::bigint)")
# Of one mailbox few are in hand or in doubt, and they have an index of their own.
_IN_HAND = """
SELECT max(held_until) FILTER (WHERE held_until > %(now)s), min(look_at)
FROM outreach_message
WHERE mailbox_id = (SELECT %(mailbox)s::bigint) AND status = 'SENDING'
"""

_SURVEY = f"""
SELECT in_hand.*, past.*, heads.*
FROM ({_IN_HAND}) in_hand CROSS JOIN ({HISTORY}) past LEFT JOIN ({_HEADS}) heads ON TRUE
ORDER BY heads.not_before
"""


class Lot(NamedTuple):
    """Messages the mailbox may send, and when the first is due. ``step`` None: its own."""

    step: int | None
    first: datetime


class InHand(NamedTuple):
    """Of the messages under way: the end of the last lease, and when one is to be asked after."""

    until: datetime | None
    look_at: datetime | None


def lots_of(mailbox: Mailbox) -> list[Lot]:
    """The lots in which something waits for a moment, the one due first in front. One statement."""
    with prepared_cursor() as cursor:
        cursor.execute(_HEADS, {"mailbox": mailbox.pk})
        return [Lot(*row) for row in cursor.fetchall()]


def survey(
    mailbox: Mailbox, *, now: datetime, numbers: Collection[int]
) -> tuple[InHand, History, list[Lot]]:
    """``in_hand_of``, ``history_of`` and ``lots_of`` by one statement, for whom it is locked."""
    wanted = list(numbers)
    values = {"mailbox": mailbox.pk, "now": now, **history_asked(mailbox, now=now, numbers=wanted)}
    with prepared_cursor() as cursor:
        cursor.execute(_SURVEY, values)
        rows = cursor.fetchall()
    under_way, past = len(InHand._fields), len(rows[0]) - len(Lot._fields)
    lots = [Lot(*row[past:]) for row in rows if row[-1] is not None]
    return InHand(*rows[0][:under_way]), history_read(rows[0][under_way:past], wanted), lots


def lock_first(lot: Lot, mailbox: Mailbox, *, now: datetime) -> int | None:
    """The id of the lot's message longest due that no other sender has locked, locked."""
    with prepared_cursor() as cursor:
        cursor.execute(_FIRST_OWN if lot.step is None else _FIRST_OF_STEP,
                       {"mailbox": mailbox.pk, "step": lot.step, "now": now})  # fmt: skip
        found = cursor.fetchone()
    return found[0] if found else None


def in_hand_of(mailbox: Mailbox, *, now: datetime) -> InHand:
    """What senders have under way for the mailbox; each None when there is none. One statement."""
    with prepared_cursor() as cursor:
        cursor.execute(_IN_HAND, {"mailbox": mailbox.pk, "now": now})
        return InHand(*cursor.fetchone())


def next_moment_at(mailbox: Mailbox, *, now: datetime) -> datetime | None:
    """When there is next something to do for the mailbox: a mail to send, or one to ask after.

    None when nothing waits, or nobody is signed in. May lie in the past. While a sender has the
    mailbox in hand, that is for the time when it should be done at the latest. Two statements.
    """
    moments: list[datetime | None] = []
    in_hand = in_hand_of(mailbox, now=now)
    if mailbox.state in CAN_BE_ASKED:
        moments.append(in_hand.look_at)
    if mailbox.state == State.READY and (lots := lots_of(mailbox)):
        moments.append(max(lots[0].first, mailbox.not_before, in_hand.until or now))
    return min((moment for moment in moments if moment), default=None)
