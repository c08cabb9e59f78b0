"""Where mail stands: what waits, what is held, and why nothing is sending."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count

from chat.agent.arguments import Text
from chat.agent.say import code, counted, link, page, said
from chat.agent.toolbox import Answer, Caller, Row, Tool, ToolError
from outreach.models import Campaign, Mailbox, Message
from outreach.why_nothing import Answer as Why
from outreach.why_nothing import why_all, why_campaign, why_single_mails


@dataclass(frozen=True, slots=True)
class Queue:
    """All mail, or that of one campaign."""

    campaign: Text | None = None


def queue(asked: Queue, _: Caller) -> Answer:
    """How many mails are where. The numbers add up to all mails asked for."""
    rows = Message.objects.all()
    of = "All mail"
    if asked.campaign:
        campaign = find_campaign(asked.campaign)
        rows, of = rows.filter(step__campaign=campaign), f"Campaign {said(campaign)}"
    counts = dict(rows.values_list("status").annotate(n=Count("pk")).order_by())
    total = sum(counts.values())
    table: list[Row] = [
        {"status": Message.Status(status).label, "mails": number}
        for status, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    if not total:
        return Answer(f"{of}: no mail has been asked for yet.")
    held = counts.get(Message.Status.HELD, 0)
    see = f" {link(f'See the {held:,} held', page('outreach_held'))}." if held else ""
    return Answer(f"{of}: {counted(total, 'mail')}.{see}", table)


def why_nothing_sends(asked: Queue, caller: Caller) -> Answer:
    """For each campaign and mailbox that has not ended, what its mails wait for."""
    if asked.campaign:
        campaign = find_campaign(asked.campaign)
        found = [("campaign", str(campaign), why_campaign(campaign, now=caller.now))]
    else:
        campaigns, mailboxes = why_all(now=caller.now)
        found = [("campaign", str(one), answers) for one, answers in campaigns]
        found += [("single mails", "Mails of no campaign", why_single_mails(now=caller.now))]
        found += [("mailbox", one.address, answers) for one, answers in mailboxes]
    rows = [row for what, name, answers in found for row in _rows(what, name, answers)]
    see = link("The same with the settings beside it", page("outreach_why"))
    if not rows:
        return Answer(_nothing_there())
    first = max(rows, key=lambda row: row["mails"] or 0)  # of as many, what stops them all
    return Answer(f"{said(first['name'])}: {said(first['why'])}\n\n{see}", rows)


def find_campaign(text: str) -> Campaign:
    """The campaign of that name or number. Raises ``ToolError`` that names those there are."""
    rows = Campaign.objects.order_by("-pk")
    same = rows.filter(name__iexact=text.strip())
    near = same or rows.filter(name__icontains=text.strip())
    found = list(near[:2])
    if len(found) == 1:
        return found[0]
    names = ", ".join(code(one.name) for one in (found or rows[:10]))
    why = "Several campaigns may be meant" if found else "There is no such campaign"
    raise ToolError(f"{why}: {names or 'there is none yet'}.")


def _rows(what: str, name: str, answers: list[Why]) -> list[Row]:
    return [
        {"what": what, "name": name, "why": answer.sentence, "mails": answer.count or None}
        for answer in answers
    ]


def _nothing_there() -> str:
    if not Mailbox.objects.exists():
        return ("No mailbox is connected and no campaign is written: nothing could send. "
                + link("Connect a mailbox", page("outreach_mailbox_changelist")) + ".")  # fmt: skip
    return "No campaign runs, so nothing is to be sent."


QUEUE = Tool("mail_queue", "Count the mails by state: waiting, held, sent, refused, in doubt.",
             Queue, queue)  # fmt: skip
WHY_NOTHING = Tool(
    "why_nothing_sends",
    "Say for each campaign and mailbox why mail is not going out now.",
    Queue,
    why_nothing_sends,
)
