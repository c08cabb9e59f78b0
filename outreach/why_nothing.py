"""Why is nothing sending? An answer in sentences for each campaign, each mailbox, and the mails of
no campaign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Min, QuerySet

from outreach import pacing
from outreach.models import Campaign, Mailbox, MailPolicy, Message
from outreach.sending.claim import next_moment_of
from outreach.sending.history import record_of

MOST_REASONS = 6
Status = Message.Status


@dataclass(frozen=True, slots=True)
class Answer:
    """``setting`` names the page where it can be changed, as the gate's answers do."""

    sentence: str
    setting: str = ""
    count: int = 0


def why_campaign(campaign: Campaign, *, now: datetime) -> list[Answer]:
    """What its messages wait for: first what stops them all, then the most frequent reason.

    What stops all says how many that are. Six statements.
    """
    mine = Message.objects.filter(step__campaign=campaign)
    waiting = mine.filter(status__in=Message.WAITING).count()
    found = _switch(count=waiting)
    match campaign.status:
        case Campaign.Status.DRAFT:
            return [*found, Answer("It has not been started.", "campaign")]
        case Campaign.Status.PAUSED:
            words = f"It is paused: {campaign.status_reason}"
            found.append(Answer(words, "campaign", waiting))
        case Campaign.Status.STOPPED | Campaign.Status.FINISHED:
            return [Answer(f"It has ended: {campaign.status_reason}", "campaign")]
    found += _ready_mailboxes(campaign, count=waiting)
    found += _what_it_waits_for(mine, now=now)
    return found or [Answer("Nothing waits: every mail has come to its end.")]


def why_single_mails(*, now: datetime) -> list[Answer]:
    """What mails of no campaign wait for; empty where none of them waits. Seven statements."""
    mine = Message.objects.filter(step=None)
    waiting = mine.filter(status__in=Message.WAITING)
    if not mine.filter(status__in=[*Message.WAITING, Status.IN_DOUBT]).exists():
        return []
    found = _switch(count=waiting.count())
    for row in (
        waiting.exclude(mailbox__state=Mailbox.State.READY)
        .values("mailbox__address", "mailbox__state_reason")
        .annotate(n=Count("pk"))
        .order_by("-n", "mailbox__address")[:MOST_REASONS]
    ):
        words = "They have no mailbox yet; the first that is ready takes them."
        if row["mailbox__address"]:
            why = row["mailbox__state_reason"] or "it was never connected."
            words = f"{row['mailbox__address']} does not send: {why}"
        found.append(Answer(words, "mailbox", row["n"]))
    return found + _what_it_waits_for(mine, now=now)


def _what_it_waits_for(mine: QuerySet[Message], *, now: datetime) -> list[Answer]:
    """What a person has to end, then what the clock ends. Four statements."""
    held = (
        mine.filter(status=Status.HELD, not_before=None)
        .values("code")
        .annotate(n=Count("pk"), sentence=Min("sentence"))
    )
    found = [Answer(row["sentence"], _setting_of(row["code"]), row["n"])
             for row in held.order_by("-n", "code")[:MOST_REASONS]]  # fmt: skip
    doubted = mine.filter(status=Status.IN_DOUBT).count()
    if doubted:
        found.append(Answer("In doubt: a person has to say what became of them.", "doubt", doubted))
    later = mine.filter(status__in=Message.WAITING, not_before__gt=now)
    timed = later.aggregate(n=Count("pk"), first=Min("not_before"))
    if timed["n"]:
        words = f"They wait for hours or pauses to pass; the next is due {_clock(timed['first'])}."
        found.append(Answer(words, "hours", timed["n"]))
    due = mine.filter(status=Status.QUEUED, not_before__lte=now)
    late = due.aggregate(n=Count("pk"), first=Min("not_before"))
    if late["n"]:
        words = (f"They are due, the first since {_clock(late['first'])}, and go out as fast as"
                 " their mailboxes may send.")  # fmt: skip
        found.append(Answer(words, "mailbox", late["n"]))
    return found


def why_mailbox(mailbox: Mailbox, *, now: datetime) -> list[Answer]:
    """What keeps a mailbox from sending at this moment. Six statements."""
    found = _switch()
    if mailbox.state != Mailbox.State.READY:
        return [*found, Answer(mailbox.state_reason or "It was never connected.", "mailbox")]
    brake = pacing.brake(record_of(mailbox, now=now))
    if brake.sentence:
        effect = "stops it" if brake.stops else "makes it slower"
        found.append(Answer(f"A brake {effect}: {brake.sentence}", "mailbox"))
    moment = next_moment_of(mailbox, now=now)
    if moment > now:
        found.append(Answer(f"Its pace lets it send again {_clock(moment)}.", "mailbox"))
    waiting = Message.objects.filter(mailbox=mailbox, status__in=Message.WAITING).count()
    running = mailbox.campaigns.filter(status=Campaign.Status.RUNNING).count()
    if not waiting and not running:
        found.append(Answer("No running campaign uses it, and no mail waits for it.", "campaign"))
    return found


def why_all(*, now: datetime) -> tuple[list[tuple[Campaign, list[Answer]]],
                                       list[tuple[Mailbox, list[Answer]]]]:  # fmt: skip
    """Every campaign that has not ended and every mailbox, each with its answers."""
    live = Campaign.objects.filter(status__in=["RUNNING", "PAUSED", "DRAFT"]).order_by("-pk")
    mailboxes = Mailbox.objects.order_by("address")
    return (
        [(each, why_campaign(each, now=now)) for each in live[:50]],
        [(each, why_mailbox(each, now=now)) for each in mailboxes[:50]],
    )


def _switch(*, count: int = 0) -> list[Answer]:
    policy = MailPolicy.objects.exclude(sending_off="").first()
    if policy is None:
        return []
    return [Answer(f"All sending is switched off: {policy.sending_off}", "mail", count)]


def _ready_mailboxes(campaign: Campaign, *, count: int) -> list[Answer]:
    mailboxes = list(campaign.mailboxes.order_by("address"))
    if not mailboxes:
        return [Answer("No mailbox is chosen to send it from.", "campaign", count)]
    if any(each.state == Mailbox.State.READY for each in mailboxes):
        return []
    return [Answer(f"{each} does not send: {each.state_reason or 'it was never connected.'}",
                   "mailbox", count) for each in mailboxes]  # fmt: skip


_SETTINGS = {
    "origin_asks": "held", "not_adopted": "held", "not_verified": "verification",
    "risky": "mail", "left_out": "sending", "no_basis": "mail", "no_notice": "mail",
    "origin": "policy", "zone_off": "hours", "window_never": "hours", "unresolved": "template",
    "template_faulty": "template",
    "no_mailbox": "campaign", "campaign_paused": "campaign", "sending_off": "mail",
}  # fmt: skip


def _setting_of(code: str) -> str:
    return _SETTINGS.get(code, "held")


def _clock(at: datetime) -> str:
    local = at.astimezone(ZoneInfo(settings.TIME_ZONE_NIGHTLY))
    return f"{local.day} {local:%b at %H:%M}"
