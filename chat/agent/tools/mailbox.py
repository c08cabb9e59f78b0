"""Pause a mailbox and let it send again, named exactly before the yes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from chat.agent.arguments import Text
from chat.agent.say import code, link, page, said
from chat.agent.stop_reason import UNSAID
from chat.agent.toolbox import Answer, Caller, Effect, Row, Tool, ToolError
from outreach.mailboxes.pause_mailbox import STILL, MailboxError, pause, resume
from outreach.models import Mailbox

State = Mailbox.State
BEFORE = {"pause": (State.READY, State.STOPPED), "resume": STILL}
MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class SteerMailbox:
    """Pause or resume a mailbox: its address or a part of it; without one the only one."""

    to: Literal["pause", "resume"]
    mailbox: Text | None = None
    reason: Text | None = None


def settle_mailbox(asked: SteerMailbox, _: Caller) -> SteerMailbox:
    return replace(asked, mailbox=_mailbox(asked).address)


def ask_mailbox(asked: SteerMailbox, _: Caller) -> str:
    mailbox = _mailbox(asked)
    if asked.to == "pause":
        return (f"Pause mailbox {said(mailbox.address)}? Nothing new is taken from its queue until"
                " it is resumed; a mail in hand at this moment still goes out.")  # fmt: skip
    return (f"Let mailbox {said(mailbox.address)} send again? It is"
            f" {mailbox.get_state_display().lower()}: {said(mailbox.state_reason or 'no reason')}"
            " What waits for it goes out as the send window and the pace allow.")  # fmt: skip


def steer_mailbox(asked: SteerMailbox, caller: Caller) -> Answer:
    mailbox = _mailbox(asked)
    try:
        if asked.to == "pause":
            pause(mailbox, reason=asked.reason or UNSAID, actor=caller.name)
        else:
            resume(mailbox, actor=caller.name)
    except MailboxError as exc:
        raise ToolError(said(exc)) from exc
    row: Row = {"mailbox": mailbox.address, "state": mailbox.get_state_display()}
    done = "is paused" if asked.to == "pause" else "may send again"
    see = link("See it", page("outreach_mailbox_change", mailbox.pk))
    return Answer(f"Mailbox {said(mailbox.address)} {done}. {see}", [row],
                  {"mailbox": mailbox.pk, "to": asked.to})  # fmt: skip


def _mailbox(asked: SteerMailbox) -> Mailbox:
    """The one meant, in a state that allows it. Raises ``ToolError``."""
    rows = Mailbox.objects.order_by("address")
    if asked.mailbox:
        named = asked.mailbox.strip()
        rows = rows.filter(address__iexact=named) or rows.filter(address__icontains=named)
        can = list(rows)
    else:
        can = list(rows.filter(state__in=BEFORE[asked.to]))
    if not can:
        raise ToolError(f"There is no such mailbox to {asked.to}.")
    if len(can) > 1:
        names = ", ".join(code(one.address) for one in can[:MOST_NAMED])
        raise ToolError(f"Several mailboxes may be meant: {names}. Say which.")
    (mailbox,) = can
    if mailbox.state not in BEFORE[asked.to]:
        state = mailbox.get_state_display().lower()
        raise ToolError(f"{said(mailbox.address)} is {state}: there is nothing to {asked.to}.")
    return mailbox


MAILBOX = Tool(
    "pause_or_resume_mailbox",
    "Pause a mailbox so that nothing is sent from it, or let it send again.",
    SteerMailbox, steer_mailbox, action="outreach.work_mailboxes", effect=Effect.SENDS,
    preview=ask_mailbox, settle=settle_mailbox,
)  # fmt: skip
