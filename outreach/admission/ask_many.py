"""Ask the gate about many messages at once: the same rules as one by one, in a few statements.

For queueing and previews. The claim asks anew, message by message, before anything is sent; what is
answered here decides only how a message begins to wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from outreach.admission.facts import Known, facts_of
from outreach.gate import Verdict, ask
from outreach.models import Mailbox, Message


def ask_many(
    messages: Sequence[Message], *, now: datetime, mailbox: Mailbox | None = None
) -> list[list[Verdict]]:
    """Every rule's answer for each of ``messages``, which need not be saved.

    ``mailbox``: the one to answer for; default the message's own.
    """
    known = Known(messages, now)
    return [ask(facts_of(message, known=known, mailbox=message.mailbox or mailbox))
            for message in messages]  # fmt: skip
