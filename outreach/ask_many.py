"""Ask the gate about many messages at once: the same rules as one by one, in a dozen statements.

For queueing and previews. The claim asks anew, message by message, before anything is sent; what is
answered here decides only how a message begins to wait.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from acra.models import RegisteredCompany
from enrichment.models import Evidence
from icp.suppressions import find_suppression, suppressed_pairs
from outreach import law
from outreach.facts import ORIGINS, own_policy, text_of
from outreach.gate import Facts, Say, Verdict, ask, decide
from outreach.law import Answer, Origin
from outreach.lint import lint
from outreach.models import Adoption, Mailbox, MailPolicy, Message, MessageEvent
from outreach.render import Text, render
from outreach.transports.open import has_one_click
from outreach.windows import OFFICE, Window, parse_hours

# Who sends changes by the minute; a message that waits for it is simply queued.
OF_THE_SENDER = frozenset({"kill switch", "campaign", "mailbox", "transport duties"})
Kind = MessageEvent.Kind


@dataclass
class _Known:
    """What is read once for all messages."""

    messages: Sequence[Message]
    now: datetime
    lints: dict[tuple[object, ...], tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def policy(self) -> MailPolicy:
        return MailPolicy.objects.filter(pk=1).first() or MailPolicy(pk=1)

    @cached_property
    def window(self) -> Window:
        return parse_hours(self.policy.hours) if self.policy.hours else OFFICE

    @cached_property
    def own(self) -> Mapping[tuple[str, str], Answer]:
        return own_policy()

    @cached_property
    def suppressed(self) -> set[tuple[str, str]]:
        return suppressed_pairs(
            pair for message in self.messages
            for pair in (("EMAIL", message.recipient), ("UEN", _uen(message)))
        )  # fmt: skip

    @cached_property
    def ceased(self) -> set[str]:
        uens = {_uen(message) for message in self.messages} - {""}
        rows = RegisteredCompany.objects.filter(uen__in=uens, status_class="CEASED")
        return set(rows.values_list("uen", flat=True))

    @cached_property
    def answered(self) -> set[str]:
        hashes = {message.recipient_hash for message in self.messages}
        rows = MessageEvent.objects.filter(message__recipient_hash__in=hashes, kind=Kind.REPLIED)
        return set(rows.values_list("message__recipient_hash", flat=True))

    @cached_property
    def adopted(self) -> set[tuple[int, str]]:
        ids = {message.contact_id for message in self.messages if message.contact_id}
        return set(Adoption.objects.filter(contact__in=ids).values_list("contact_id", "email"))

    @cached_property
    def said(self) -> dict[tuple[int, str], set[Origin]]:
        """(lead, address) -> origins of the evidence for it."""
        leads = {m.contact.lead_id for m in self.messages if m.contact}
        found: dict[tuple[int, str], set[Origin]] = defaultdict(set)
        rows = Evidence.objects.filter(lead__in=leads, field="emails", superseded_at=None)
        for lead, value, source in rows.values_list("lead_id", "value", "source"):
            found[lead, value].add(ORIGINS.get(source, Origin.HARVESTED))
        return found

    @cached_property
    def alike(self) -> dict[int, tuple[int, ...]]:
        templates = {message.template_version.template_id for message in self.messages}
        return {each: _sent_alike(each, now=self.now) for each in templates}

    def origin_of(self, message: Message) -> Origin:
        """As ``facts.origin_of``, from what was read at once."""
        contact = message.contact
        if contact is None:
            is_typed = message.step is None and message.lead is None
            return Origin.TYPED if is_typed else Origin.HARVESTED
        if message.recipient_hash in self.answered:
            return Origin.REPLIED
        if (contact.pk, message.recipient) in self.adopted:
            return Origin.ADOPTED
        origins = self.said.get((contact.lead_id, message.recipient), set())
        return min(origins, key=list(Origin).index, default=Origin.HARVESTED)

    def faults(self, message: Message, text: Text) -> tuple[str, ...]:
        is_first = message.step is None or message.step.position == 1
        key = (message.template_version_id, message.variation_id, is_first)
        if key not in self.lints:
            remarks = lint(text, is_first=is_first)
            self.lints[key] = tuple(each.sentence for each in remarks if each.blocks)
        return self.lints[key]

    def why_suppressed(self, message: Message) -> str:
        pairs = {("EMAIL", message.recipient), ("UEN", _uen(message))}
        if not pairs & self.suppressed:
            return ""
        found = find_suppression(email=message.recipient, uen=_uen(message))
        return found.reason.rstrip(".") if found else ""


def ask_many(
    messages: Sequence[Message], *, now: datetime, mailbox: Mailbox | None = None
) -> list[list[Verdict]]:
    """Every rule's answer for each of ``messages``, which need not be saved.

    ``mailbox``: the one to answer for; default the message's own. Of an earlier answer in the
    sequence nothing is asked here: who queues a follow-up asks that first.
    """
    known = _Known(messages, now)
    return [ask(_facts(message, known=known, mailbox=message.mailbox or mailbox))
            for message in messages]  # fmt: skip


def how_it_waits(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that decides how a message begins to wait: all but those about the sender."""
    return decide([each for each in verdicts if each.rule not in OF_THE_SENDER])


def place(message: Message, verdicts: list[Verdict], *, now: datetime) -> None:
    """Set status, reason and moment of ``message`` by what the gate says; saves nothing."""
    verdict = how_it_waits(verdicts)
    message.gate = [_as_json(each) for each in verdicts]
    message.code, message.sentence = verdict.code, verdict.sentence[:500]
    message.not_before = verdict.until
    if verdict.say is Say.REFUSE:
        is_without = verdict.code == "no_address"
        message.status = Message.Status.ERROR_NO_EMAIL if is_without else Message.Status.REFUSED
    elif verdict.say is Say.HOLD and verdict.until is None:
        message.status = Message.Status.HELD
    else:
        message.status = Message.Status.QUEUED
        message.code = message.sentence = ""
        message.not_before = verdict.until or now


def _facts(message: Message, *, known: _Known, mailbox: Mailbox | None) -> Facts:
    policy, contact = known.policy, message.contact
    campaign = message.step.campaign if message.step else None
    text = text_of(message)
    sender = {
        "sender_name": mailbox.display_name if mailbox else "-",
        "sender_email": mailbox.address if mailbox else "-",
    }
    rendered = render(text, {**message.lead_data, **sender})
    return Facts(
        now=known.now,
        tenant_paused=policy.sending_off,
        campaign_status=campaign.status if campaign else "RUNNING",
        mailbox_state=mailbox.state if mailbox else "READY",
        mailbox_reason=mailbox.state_reason if mailbox else "",
        has_mailbox=mailbox is not None,
        unresolved=rendered.unresolved,
        lint_errors=known.faults(message, text),
        template_archived=message.template_version.template.is_archived,
        recipient=message.recipient,
        is_erased=not message.recipient and bool(message.recipient_hash),
        suppressed_because=known.why_suppressed(message),
        company_ceased=_uen(message) in known.ceased,
        verdict=contact.verdict if contact else "UNVERIFIED",
        accepts_risky=policy.accepts_risky,
        forbids_collection="forbids" in contact.not_mailable_reason if contact else False,
        origin=known.origin_of(message),
        own_policy=known.own,
        is_released=message.is_released,
        was_moved_in=message.move_id is not None,
        country=message.country,
        bases=frozenset(policy.bases),
        sent_alike=known.alike[message.template_version.template_id],
        carries_label=policy.labels,
        needs_one_click=bool(campaign and campaign.audience.get("needs_one_click")),
        has_one_click=bool(mailbox and has_one_click(mailbox)),
        window=known.window,
        zone=message.timezone,
        active_zones=frozenset(policy.active_zones),
    )


def _sent_alike(template_id: int, *, now: datetime) -> tuple[int, ...]:
    alike = Message.objects.filter(template_version__template=template_id)
    return tuple(
        alike.filter(asked_at__gt=now - threshold.window).count() for threshold in law.THRESHOLDS
    )


def _uen(message: Message) -> str:
    return message.lead.uen if message.lead else ""


def _as_json(verdict: Verdict) -> dict[str, str]:
    kept = {"rule": verdict.rule, "say": verdict.say.value, "code": verdict.code,
            "sentence": verdict.sentence, "setting": verdict.setting,
            "until": verdict.until.isoformat() if verdict.until else ""}  # fmt: skip
    return {name: value for name, value in kept.items() if value}
