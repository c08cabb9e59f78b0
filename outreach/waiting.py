"""What waits at a mailbox, in the order it falls due; cheap however much that is.

``Message.not_before`` is the order. A message that somebody has to see to first has none, and comes
back with ``outreach.ask_again``.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from outreach.models import Campaign, CampaignStep, Mailbox, Message

State, Status = Mailbox.State, Message.Status
# A mailbox that sends nothing can still be asked what it sent, unless nobody is signed in there.
CAN_BE_ASKED = (State.READY, State.PAUSED, State.STOPPED)


def lots_of(mailbox: Mailbox) -> list[QuerySet[Message]]:
    """Messages the mailbox may send, by lots, each ordered by an index: the next comes first.

    Those that are the mailbox's already, and for each mail of its running campaigns those that are
    nobody's yet. Messages that wait for a person are in none.
    """
    timed = Message.objects.filter(status__in=Message.WAITING, not_before__isnull=False)
    steps = CampaignStep.objects.filter(
        campaign__mailboxes=mailbox, campaign__status=Campaign.Status.RUNNING
    )
    lots = [timed.filter(mailbox=mailbox)]
    lots += [timed.filter(mailbox=None, step=pk) for (pk,) in steps.values_list("pk")]
    return [lot.order_by("not_before", "pk") for lot in lots]


def first_moment(lot: QuerySet[Message]) -> datetime | None:
    return lot.values_list("not_before", flat=True).first()


def in_hand_until(mailbox: Mailbox, *, now: datetime) -> datetime | None:
    """The end of the lease of a message that a sender holds just now; None when none does."""
    held = Message.objects.filter(mailbox=mailbox, status=Status.SENDING, held_until__gt=now)
    return held.order_by("-held_until").values_list("held_until", flat=True).first()


def next_moment_at(mailbox: Mailbox, *, now: datetime) -> datetime | None:
    """When there is next something to do for the mailbox: a mail to send, or one to ask after.

    None when nothing waits, or nobody is signed in. May lie in the past. While a sender has the
    mailbox in hand, that is for the time when it should be done at the latest. A few statements.
    """
    moments: list[datetime | None] = []
    if mailbox.state in CAN_BE_ASKED:
        looks = Message.objects.filter(mailbox=mailbox, status=Status.SENDING)
        moments.append(looks.order_by("look_at").values_list("look_at", flat=True).first())
    if mailbox.state == State.READY:
        due = [moment for lot in lots_of(mailbox) if (moment := first_moment(lot))]
        if due:
            in_hand = in_hand_until(mailbox, now=now) or now
            moments.append(max(min(due), mailbox.not_before, in_hand))
    return min((moment for moment in moments if moment), default=None)
