"""Campaigns from draft to end: save, check, start, pause, resume, stop, follow up, finish.

``chosen`` counts every message a campaign asked for; the statuses of its messages add up to it at
any moment, because both change in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from icp.suppressions import suppressed_pairs
from outreach.admission.ask_again import ask_again
from outreach.admission.duties import unmet_duties
from outreach.admission.facts import ENDS_SEQUENCE
from outreach.audience import AudienceError, resolve
from outreach.models import (
    Campaign,
    CampaignStep,
    Mailbox,
    Message,
    MessageEvent,
    TemplateVersion,
    Variation,
)
from outreach.queue import Recipient, queue_step, recipients_of
from outreach.wording.lead_data import LeadData
from outreach.wording.render import one_line
from outreach.wording.templates import faults_of
from tenants import audit

MOST_STEPS = 6
LONGEST_DELAY = 90  # days
By = Campaign.Status
Status = Message.Status
# The words of the line that adds up, in the order it is read.
LINE = {
    "sent": (Status.SENT,),
    "waiting": (Status.QUEUED, Status.SENDING),
    "held": (Status.HELD,),
    "refused": (Status.REFUSED,),
    "failed": (Status.ERROR_NO_EMAIL, Status.ERROR_API_FAILURE),
    "in doubt": (Status.IN_DOUBT,),
    "cancelled": (Status.CANCELLED,),
}


class CampaignError(Exception):
    """A campaign cannot be saved, started or changed so; each sentence says what to do."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = list(sentences)


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One mail of the sequence as it is to be. ``delay_days``: after the mail before was sent."""

    version: TemplateVersion
    variations: tuple[Variation, ...] = ()
    delay_days: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages are where; ``adds_up`` is a promise, and asked in the tests."""

    chosen: int
    by_word: Mapping[str, int]

    @property
    def adds_up(self) -> bool:
        return self.chosen == sum(self.by_word.values())


# --- write ----------------------------------------------------------------------------------
@transaction.atomic
def save_campaign(
    campaign: Campaign | None,
    *,
    name: str,
    audience: Mapping[str, Any],
    steps: Sequence[StepPlan],
    mailboxes: Sequence[Mailbox],
    actor: str,
    now: datetime,
) -> Campaign:
    """Save a draft, whole; ``campaign`` None makes a new one. Raises ``CampaignError``.

    A draft may lack what it needs to start: ``why_not_start`` says what.
    """
    name = one_line(name)[:120]
    _check_plan(campaign, name, steps)
    values = {"name": name, "audience": dict(audience)}
    if campaign is None:
        campaign = Campaign.objects.create(created_by=actor, created_at=now, **values)
    else:
        locked = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if locked.status != By.DRAFT:
            raise CampaignError("It has started; what it sends can no longer be changed.")
        Campaign.objects.filter(pk=campaign.pk).update(**values)
        campaign.refresh_from_db()
    campaign.mailboxes.set(mailboxes)
    campaign.steps.all().delete()
    for position, plan in enumerate(steps, start=1):
        step = CampaignStep.objects.create(
            campaign=campaign, position=position, template_version=plan.version,
            delay_days=plan.delay_days if position > 1 else 0,
        )  # fmt: skip
        step.variations.set(plan.variations)
    audit.record("outreach.campaign.save", actor=actor, subject=f"campaign {campaign.pk}",
                 after={**values, "mails": [str(plan.version) for plan in steps],
                        "mailboxes": [each.address for each in mailboxes]})  # fmt: skip
    return campaign


def _check_plan(campaign: Campaign | None, name: str, steps: Sequence[StepPlan]) -> None:
    if not name:
        raise CampaignError("Give the campaign a name.")
    if Campaign.objects.filter(name=name).exclude(pk=campaign.pk if campaign else 0).exists():
        raise CampaignError(f"There is a campaign {name!r} already.")
    if len(steps) > MOST_STEPS:
        raise CampaignError(f"At most {MOST_STEPS} mails to one person.")
    for number, plan in enumerate(steps, start=1):
        if number > 1 and not 1 <= plan.delay_days <= LONGEST_DELAY:
            raise CampaignError(
                f"Mail {number}: wait between 1 and {LONGEST_DELAY} days after the mail before."
            )
        for variation in plan.variations:
            if variation.template_version_id != plan.version.pk:
                raise CampaignError(f"Mail {number}: {variation.label} is no wording of it.")
            if variation.approved_at is None:
                raise CampaignError(f"Mail {number}: nobody has approved {variation.label} yet.")


@transaction.atomic
def delete_draft(campaign: Campaign, *, actor: str) -> None:
    """Throw a draft away. Raises ``CampaignError`` for what has started: that is kept."""
    locked = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if locked.status != By.DRAFT:
        raise CampaignError("It has started; it is kept with what it sent.")
    audit.record("outreach.campaign.delete", actor=actor, subject=f"campaign {campaign.pk}",
                 before={"name": locked.name})  # fmt: skip
    locked.delete()


# --- start and stop -------------------------------------------------------------------------
def why_not_start(campaign: Campaign) -> list[str]:
    """What keeps a draft from starting, as sentences; empty when nothing does."""
    found = []
    steps = list(steps_of(campaign))
    if campaign.status != By.DRAFT:
        return [f"It is {campaign.get_status_display().lower()} already."]
    if not steps:
        found.append("Choose a template for its first mail.")
    for step in steps:
        is_first = step.position == 1
        for wording in (None, *step.variations.all()):
            faults = faults_of(step.template_version, variation=wording, is_first=is_first)
            found += [f"Mail {step.position}: {fault}" for fault in faults]
    mailboxes = list(campaign.mailboxes.order_by("pk"))
    if not mailboxes:
        found.append("Choose at least one mailbox to send from.")
    found += unmet_duties(mailboxes, needs_one_click=needs_one_click(campaign))
    return list(dict.fromkeys(found))


def start(campaign: Campaign, *, actor: str, now: datetime) -> int:
    """Resolve the audience, queue the first mail to everybody in it, and run; how many that were.

    Raises ``CampaignError`` with all that is in the way. A second start changes nothing and raises.
    """
    if problems := why_not_start(campaign):
        raise CampaignError(*problems)
    try:
        people = resolve(campaign.audience, now=now).chosen
    except AudienceError as exc:
        raise CampaignError(str(exc)) from exc
    if not people:
        raise CampaignError("Nobody is in its audience. Choose another list or filter.")
    with transaction.atomic():
        _move(campaign, (By.DRAFT,), By.RUNNING, actor=actor, reason="", started_at=now)
        first = steps_of(campaign).get(position=1)
        return queue_step(first, recipients_of(people), actor=actor, now=now)


@transaction.atomic
def pause(campaign: Campaign, *, actor: str, reason: str) -> None:
    """Send nothing more until it is resumed. What is in hand at this moment still goes out."""
    _move(campaign, (By.RUNNING,), By.PAUSED, actor=actor, reason=_said(reason))


@transaction.atomic
def resume(campaign: Campaign, *, actor: str, reason: str, now: datetime) -> None:
    """Go on where it was paused."""
    _move(campaign, (By.PAUSED,), By.RUNNING, actor=actor, reason=_said(reason))
    ask_again(messages_of(campaign).filter(code__startswith="campaign"), now=now)


@transaction.atomic
def stop(campaign: Campaign, *, actor: str, reason: str, now: datetime) -> int:
    """End it for good; returns how many waiting messages were cancelled."""
    reason = _said(reason)
    _move(campaign, (By.RUNNING, By.PAUSED), By.STOPPED, actor=actor, reason=reason, ended_at=now)
    waiting = messages_of(campaign).filter(status__in=Message.WAITING).select_for_update()
    ids = list(waiting.order_by("pk").values_list("pk", flat=True))
    Message.objects.filter(pk__in=ids).update(
        status=Status.CANCELLED, code="campaign_stopped", not_before=None,
        sentence=f"Its campaign was stopped: {reason}"[:500],
    )  # fmt: skip
    MessageEvent.objects.bulk_create(
        MessageEvent(message_id=pk, kind=MessageEvent.Kind.STOPPED, at=now, actor=actor,
                     detail=reason[:500])
        for pk in ids
    )  # fmt: skip
    return len(ids)


def _said(reason: str) -> str:
    reason = one_line(reason)
    if not reason:
        raise CampaignError("Say why: the reason stays with the campaign.")
    return reason[:300]


def _move(
    campaign: Campaign, before: Sequence[str], after: str, *, actor: str, reason: str, **also: Any
) -> None:
    """Change the status, once, under the row's lock. Raises ``CampaignError`` from elsewhere."""
    locked = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if locked.status not in before:
        raise CampaignError(
            f"{locked} is {locked.get_status_display().lower()} and cannot become"
            f" {By(after).label.lower()}."
        )
    Campaign.objects.filter(pk=campaign.pk).update(status=after, status_reason=reason, **also)
    campaign.refresh_from_db()
    audit.record(f"outreach.campaign.{after.lower()}", actor=actor,
                 subject=f"campaign {campaign.pk}", before={"status": locked.status},
                 after={"status": after}, reason=reason)  # fmt: skip


# --- what goes on by itself -----------------------------------------------------------------
def queue_due_follow_ups(*, now: datetime) -> int:
    """Queue the next mail to everybody whose last one was sent long enough ago; how many.

    Nobody who answered, bounced, opted out or complained, and nobody suppressed. Idempotent: a
    person has one message of each step. Called every few minutes; costs one statement for each
    follow-up step of a running campaign when nothing is due.
    """
    later = CampaignStep.objects.filter(campaign__status=By.RUNNING, position__gt=1)
    steps = later.select_related("campaign", "template_version__template",
                                 "template_version__signature")  # fmt: skip
    return sum(_follow_up(step, now=now) for step in steps.order_by("campaign", "position"))


def finish_campaigns(*, now: datetime) -> int:
    """End running campaigns of which nothing waits and nothing can follow; how many."""
    running = Campaign.objects.filter(status=By.RUNNING)
    unsettled = Message.objects.filter(step__campaign=OuterRef("pk"), status__in=Message.OPEN)
    idle = running.exclude(Exists(unsettled)).order_by("pk")
    return sum(_finish(campaign, now=now) for campaign in idle)


@transaction.atomic
def _finish(campaign: Campaign, *, now: datetime) -> int:
    later = [step for step in steps_of(campaign) if step.position > 1]
    still_to_come = any(_is_to_come(step, now=now) for step in later)
    if still_to_come or not campaign.started_at:
        return 0
    ended = Campaign.objects.filter(pk=campaign.pk, status=By.RUNNING).update(
        status=By.FINISHED, ended_at=now, status_reason="Every mail has come to its end."
    )
    if ended:
        audit.record("outreach.campaign.finished", actor="system",
                     subject=f"campaign {campaign.pk}", before={"status": By.RUNNING},
                     after={"status": By.FINISHED})  # fmt: skip
    return ended


def _unfollowed(step: CampaignStep) -> QuerySet[Message]:
    """Sent mails of the step before whose reader has no mail of ``step`` and may still get it."""
    mine = Message.objects.filter(step=step, recipient_hash=OuterRef("recipient_hash"))
    ended = MessageEvent.objects.filter(
        message__step__campaign=step.campaign_id,
        message__recipient_hash=OuterRef("recipient_hash"), kind__in=list(ENDS_SEQUENCE),
    )  # fmt: skip
    before = Message.objects.filter(step__campaign=step.campaign_id, status=Status.SENT,
                                    step__position=step.position - 1)  # fmt: skip
    return (
        before.exclude(recipient="")
        .exclude(Exists(mine))
        .exclude(Exists(ended))
        .exclude(contact=None)
    )


def _is_to_come(step: CampaignStep, *, now: datetime) -> bool:
    """Whether somebody will get the mail of ``step``, or may by the day it is due."""
    unfollowed = _unfollowed(step)
    due = Q(sent_at__lte=now - timedelta(days=step.delay_days))
    return unfollowed.exclude(due).exists() or bool(_people(unfollowed.filter(due)))


def _follow_up(step: CampaignStep, *, now: datetime) -> int:
    due = _unfollowed(step).filter(sent_at__lte=now - timedelta(days=step.delay_days))
    people = _people(due)
    return queue_step(step, people, actor="system", now=now) if people else 0


def _people(messages: QuerySet[Message]) -> list[Recipient]:
    """Whom a follow-up to ``messages`` may go to, with what their first mail said of them."""
    rows = list(messages.select_related("lead", "contact", "mailbox").order_by("sent_at", "pk"))
    silent = suppressed_pairs(("EMAIL", row.recipient) for row in rows)
    return [
        Recipient(
            row.lead, row.contact,
            LeadData(row.lead_data, row.city, row.timezone, row.country), row.mailbox,
        )
        for row in rows
        if row.lead and row.contact and ("EMAIL", row.recipient) not in silent
        and row.contact.email == row.recipient
    ]  # fmt: skip


# --- read -----------------------------------------------------------------------------------
def steps_of(campaign: Campaign) -> QuerySet[CampaignStep]:
    """The mails of the sequence in order, with their wordings."""
    rows = campaign.steps.select_related("template_version__template",
                                         "template_version__signature", "campaign")  # fmt: skip
    return rows.prefetch_related("variations").order_by("position")


def messages_of(campaign: Campaign) -> QuerySet[Message]:
    return Message.objects.filter(step__campaign=campaign)


def counts_of(campaigns: Sequence[Campaign]) -> dict[int, Counts]:
    """Campaign -> how many of its messages are where. One statement."""
    words = {status: word for word, statuses in LINE.items() for status in statuses}
    found = {each.pk: dict.fromkeys(LINE, 0) for each in campaigns}
    rows = Message.objects.filter(step__campaign__in=list(found))
    for pk, status, number in (
        rows.values_list("step__campaign", "status").annotate(n=Count("pk")).order_by()
    ):
        found[pk][words[Status(status)]] += number
    return {each.pk: Counts(each.chosen, found[each.pk]) for each in campaigns}


def needs_one_click(campaign: Campaign) -> bool:
    return bool(campaign.audience.get("needs_one_click"))
