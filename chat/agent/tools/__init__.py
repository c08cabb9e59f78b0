"""The tools of the apps below the chat, in the order help shows them."""

from __future__ import annotations

from chat.agent.toolbox import Tool, offer
from chat.agent.tools import (
    export,
    harvest,
    mail,
    mailbox,
    register,
    review,
    rule,
    shortlist,
    spend,
    steer,
    suppress,
)

TOOLS: tuple[Tool, ...] = (
    register.FIND,
    rule.SHOW,
    rule.PROPOSE,
    rule.SAVE,
    shortlist.SHORTLIST,
    shortlist.EXPLAIN,
    shortlist.WHY_NOT,
    review.ACCEPT,
    review.REJECT,
    review.SEND,
    review.START,
    steer.CAMPAIGN,
    mailbox.MAILBOX,
    suppress.SUPPRESS,
    export.EXPORT,
    harvest.HARVEST,
    harvest.HARVESTS,
    steer.HARVEST,
    mail.QUEUE,
    mail.WHY_NOTHING,
    spend.SPENT,
)


def offer_tools() -> None:
    offer(*TOOLS)
