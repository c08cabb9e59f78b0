"""Keep a mailbox from sending, and say on its page why."""

from __future__ import annotations

import logging
from datetime import datetime

from outreach.models import Mailbox
from tenants.clock import database_now

logger = logging.getLogger(__name__)


def stop_mailbox(
    mailbox_id: int, state: Mailbox.State, because: str, *, now: datetime | None = None
) -> bool:
    """Move a mailbox that is ready to ``state``; False when it was not, and nothing is changed."""
    ready = Mailbox.objects.filter(pk=mailbox_id, state=Mailbox.State.READY)
    changed = ready.update(state=state, state_reason=because[:300],
                           state_since=now or database_now())  # fmt: skip
    if changed:
        logger.error("mailbox %s does not send: %s", mailbox_id, because)
    return bool(changed)
