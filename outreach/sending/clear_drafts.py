"""Clear away the drafts that trouble left behind in a mailbox: none of them is a mail any more.

A draft whose making was never answered is made again, so that the first lies about; one whose mail
was refused at the last moment holds words and an address that go nowhere. What a person wrote is
never touched: a draft goes only if a row of ours says that it is done with, or if it carries our
key and no row does.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta

from outreach.models import Mailbox, Message, MessageEvent
from outreach.sending.waiting import CAN_BE_ASKED
from outreach.transports.interface import DraftKeeper, OldDraft, TransportError
from outreach.transports.open import NoTransportError, open_transport

logger = logging.getLogger(__name__)

Status = Message.Status
LEFT_ALONE = timedelta(days=1)  # all looks at a mail in doubt are over by then
LOOKED_BACK = timedelta(days=8)  # a week of nights may have failed
NEVER_SENT = frozenset({Status.REFUSED, Status.ERROR_API_FAILURE, Status.CANCELLED})
SETTLED = NEVER_SENT | {Status.SENT}


def clear_all_drafts(*, now: datetime) -> int:
    """Clear the tenant's mailboxes that work with drafts; returns how many drafts went.

    A mailbox that does not answer is left for the next night. A second time there is nothing.
    """
    kept = Mailbox.objects.filter(
        transport=Mailbox.Transport.GRAPH_DRAFT, state__in=CAN_BE_ASKED, secret__isnull=False
    )
    count = 0
    for mailbox in kept.order_by("pk"):
        try:
            with closing(open_transport(mailbox)) as transport:
                count += clear_drafts(transport, now=now)  # type: ignore[arg-type]  # of this kind
        except (TransportError, NoTransportError) as exc:
            logger.warning("the drafts of mailbox %s were not looked at: %s", mailbox.pk, exc)
    return count


def clear_drafts(keeper: DraftKeeper, *, now: datetime) -> int:
    """Delete the drafts nobody needs; returns how many. Raises ``TransportError``."""
    found = keeper.old_drafts(since=now - LOOKED_BACK, before=now - LEFT_ALONE)
    keys = [draft.key for draft in found if draft.key]
    rows = {str(row.key): row for row in Message.objects.filter(key__in=keys)}
    return sum(_clear(keeper, draft, rows.get(draft.key), now=now)
               for draft in found if is_stray(draft, rows))  # fmt: skip


def is_stray(draft: OldDraft, rows: Mapping[str, Message]) -> bool:
    """Whether nothing will ever be done with it. A mail under way or in doubt keeps all it has."""
    row = rows.get(draft.key)
    if row is None:
        return draft.is_marked
    if row.draft_id == draft.id:
        return row.status in NEVER_SENT and row.asked_at is None
    return row.status in SETTLED


def _clear(keeper: DraftKeeper, draft: OldDraft, row: Message | None, *, now: datetime) -> bool:
    if not keeper.delete_draft(draft.id):
        return False
    if row is not None:
        MessageEvent.objects.create(
            message=row, kind=MessageEvent.Kind.LOOKED, at=now,
            detail="A draft of it that was never sent is cleared from the mailbox.",
        )  # fmt: skip
    return True
