"""All the gate has to know about messages: one or many, in as many statements. Reads only."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Q

from enrichment.contact_lists.contact_origins import ListOrigin
from icp.models import Suppression
from icp.suppressions import PLATFORM_FORBIDS, find_suppression, hashes_of
from outreach import law
from outreach.gate import Facts
from outreach.law import Answer, Origin
from outreach.models import Mailbox, MailPolicy, Message, MessageEvent
from outreach.transports.open import has_one_click
from outreach.wording.draft import data_of, text_of
from outreach.wording.lint import faults
from outreach.wording.render import unresolved_in
from tenants.prepared import prepared_cursor

Kind = MessageEvent.Kind
ENDS_SEQUENCE = {
    Kind.REPLIED: "The recipient has answered an earlier mail.",
    Kind.BOUNCED: "An earlier mail bounced for good.",
    Kind.UNSUBSCRIBED: "The recipient has opted out.",
    Kind.COMPLAINED: "The recipient has complained.",
}
ORIGINS = {
    "OPERATOR": Origin.TYPED,
    "CAPTCHA": Origin.CAPTCHA,
    "IMPORT": Origin.IMPORTED,
    "PAGE": Origin.PAGE,
    "LLM": Origin.PAGE,  # its quote stands on the page
    "PROVIDER": Origin.PROVIDER,
    "LISTING": Origin.HARVESTED,
    # Imported lists say row by row how an address was obtained.
    ListOrigin.GIVEN.value: Origin.REPLIED,
    ListOrigin.LIST.value: Origin.IMPORTED,
    ListOrigin.BOUGHT.value: Origin.PROVIDER,
    ListOrigin.HARVESTED.value: Origin.HARVESTED,
    ListOrigin.GUESSED.value: Origin.GUESSED,
}
_SAID = """
SELECT 'suppressed', value_hash, id::text, reason FROM icp_suppression
WHERE value_hash = ANY(%(hashes)s) AND lifted_at IS NULL
UNION ALL
SELECT 'forbidden', value_hash, '', '' FROM public.platform_forbids(%(hashes)s)
UNION ALL
SELECT 'ceased', uen, '', '' FROM acra_registeredcompany
WHERE uen = ANY(%(uens)s) AND status_class = 'CEASED'
UNION ALL
SELECT 'answered', message.recipient_hash, '', ''
FROM outreach_message message JOIN outreach_messageevent event ON event.message_id = message.id
WHERE message.recipient_hash = ANY(%(recipients)s) AND event.kind = 'REPLIED'
UNION ALL
SELECT 'adopted', contact_id::text, email, '' FROM outreach_adoption
WHERE contact_id = ANY(%(contacts)s)
UNION ALL
SELECT 'origin', lead_id::text, value, CASE WHEN method LIKE 'import.%%' THEN method ELSE source END
FROM enrichment_evidence
WHERE lead_id = ANY(%(leads)s) AND field = 'emails' AND superseded_at IS NULL
UNION ALL
SELECT 'policy', origin, country, answer FROM outreach_originpolicy
"""


class _Said(NamedTuple):
    about: str
    first: str
    second: str = ""
    third: str = ""


@dataclass
class Known:
    """What the database says about ``messages``, which need not be saved, read once for all."""

    messages: Sequence[Message]
    now: datetime
    policy_read: MailPolicy | None = None  # where the caller has it already

    @cached_property
    def policy(self) -> MailPolicy:
        return self.policy_read or MailPolicy.current()

    @cached_property
    def _said(self) -> dict[str, list[_Said]]:
        values: dict[str, Any] = {
            "hashes": list({each for message in self.messages for each in hashes_against(message)}),
            "uens": list({message.uen for message in self.messages} - {""}),
            "recipients": list({message.recipient_hash for message in self.messages}),
            "contacts": list({m.contact_id for m in self.messages if m.contact_id}),
            "leads": list({m.contact.lead_id for m in self.messages if m.contact}),
        }
        found: dict[str, list[_Said]] = defaultdict(list)
        # Plans for one message are of no use for thousands.
        own = prepared_cursor() if len(self.messages) == 1 else connection.cursor()
        with own as cursor:
            cursor.execute(_SAID, values)
            for row in cursor.fetchall():
                found[row[0]].append(_Said(*row))
        return found

    @cached_property
    def own_policy(self) -> Mapping[tuple[str, str], Answer]:
        """The tenant's own cells of the table origin x country."""
        return {(row.first, row.second): Answer(row.third) for row in self._said["policy"]}

    @cached_property
    def _suppressed(self) -> dict[str, tuple[int, str]]:
        """Hash -> number and reason of what forbids it; the tenant's own before the platform's."""
        by_platform = {row.first: (sys.maxsize, PLATFORM_FORBIDS)
                       for row in self._said["forbidden"]}  # fmt: skip
        own = {row.first: (int(row.second), row.third) for row in self._said["suppressed"]}
        return by_platform | own

    @cached_property
    def _ceased(self) -> set[str]:
        return {row.first for row in self._said["ceased"]}

    @cached_property
    def _answered(self) -> set[str]:
        return {row.first for row in self._said["answered"]}

    @cached_property
    def _adopted(self) -> set[tuple[int, str]]:
        return {(int(row.first), row.second) for row in self._said["adopted"]}

    @cached_property
    def _origins(self) -> dict[tuple[int, str], set[Origin]]:
        """(lead, address) -> origins of the evidence for it."""
        found: dict[tuple[int, str], set[Origin]] = defaultdict(set)
        for row in self._said["origin"]:
            found[int(row.first), row.second].add(ORIGINS.get(row.third, Origin.HARVESTED))
        return found

    @cached_property
    def _alike(self) -> dict[int, tuple[int, ...]]:
        """Template -> mails of it in the windows of the Spam Control Act: similar subject matter.

        Not counted where mail carries the label, which is all that a count could ask for.
        """
        if self.policy.labels:
            return defaultdict(lambda: (0,) * len(law.THRESHOLDS))
        templates = {message.template_version.template_id for message in self.messages}
        return {each: _sent_alike(each, now=self.now) for each in templates}

    @cached_property
    def _ends(self) -> dict[tuple[int, str], str]:
        """(campaign, recipient) -> what came back first on an earlier mail of the sequence."""
        later = [message for message in self.messages if not message.is_first]
        if not later:
            return {}
        rows = MessageEvent.objects.filter(
            message__step__campaign__in={m.step.campaign_id for m in later if m.step},
            message__recipient_hash__in={message.recipient_hash for message in later},
            kind__in=list(ENDS_SEQUENCE),
        ).order_by("-at")
        names = "message__step__campaign", "message__recipient_hash", "kind"
        return {(campaign, whom): kind for campaign, whom, kind in rows.values_list(*names)}

    def suppressed_because(self, message: Message) -> str:
        """As ``suppressed_because`` below, from what was read at once."""
        standing = self._suppressed.keys() & hashes_against(message)
        return _bare(min(self._suppressed[each] for each in standing)[1]) if standing else ""

    def has_ceased(self, message: Message) -> bool:
        return message.uen in self._ceased

    def origin_of(self, message: Message) -> Origin:
        """How we came by the address: by the best of its evidence; unknown counts as harvested."""
        contact = message.contact
        if contact is None:
            is_typed = message.step is None and message.lead is None
            return Origin.TYPED if is_typed else Origin.HARVESTED
        if message.recipient_hash in self._answered:
            return Origin.REPLIED
        if (contact.pk, message.recipient) in self._adopted:
            return Origin.ADOPTED
        origins = self._origins.get((contact.lead_id, message.recipient), set())
        return min(origins, key=list(Origin).index, default=Origin.HARVESTED)

    def earlier_stopped(self, message: Message) -> str:
        """Why a follow-up must not go: what came back on an earlier mail of its sequence."""
        if message.step is None or message.is_first:
            return ""
        kind = self._ends.get((message.step.campaign_id, message.recipient_hash))
        return ENDS_SEQUENCE[Kind(kind)] if kind else ""

    def sent_alike(self, message: Message) -> tuple[int, ...]:
        return self._alike[message.template_version.template_id]


def facts_of(message: Message, *, known: Known, mailbox: Mailbox | None) -> Facts:
    """What the gate has to know if ``mailbox`` sent ``message``, one of those ``known`` is of."""
    policy, contact = known.policy, message.contact
    campaign = message.step.campaign if message.step else None
    text = text_of(message)
    return Facts(
        now=known.now,
        tenant_paused=policy.sending_off,
        campaign_status=campaign.status if campaign else "RUNNING",
        mailbox_state=mailbox.state if mailbox else "READY",
        mailbox_reason=mailbox.state_reason if mailbox else "",
        has_mailbox=mailbox is not None,
        unresolved=unresolved_in(text, data_of(message, mailbox)),
        lint_errors=faults(text, is_first=message.is_first),
        template_archived=message.template_version.template.is_archived,
        recipient=message.recipient,
        is_erased=not message.recipient and bool(message.recipient_hash),
        suppressed_because=known.suppressed_because(message),
        company_ceased=known.has_ceased(message),
        verdict=contact.verdict if contact else "UNVERIFIED",
        is_withheld=contact.is_withheld if contact else False,
        accepts_risky=policy.accepts_risky,
        forbids_collection="forbids" in contact.not_mailable_reason if contact else False,
        origin=known.origin_of(message),
        own_policy=known.own_policy,
        is_released=message.is_released,
        was_moved_in=message.move_id is not None,
        country=message.country,
        bases=frozenset(policy.bases),
        has_notice=bool(policy.notice),
        is_first=message.is_first,
        sent_alike=known.sent_alike(message),
        carries_label=policy.labels,
        needs_one_click=bool(campaign and campaign.audience.get("needs_one_click")),
        has_one_click=bool(mailbox and has_one_click(mailbox)),
        window=policy.window,
        zone=message.timezone,
        active_zones=frozenset(policy.active_zones),
        earlier_stopped=known.earlier_stopped(message),
    )


def suppression_of(message: Message) -> Suppression | None:
    """What forbids writing to this address or company, as it stands at this moment."""
    return find_suppression(email=message.recipient, uen=message.uen)


def suppressed_because(message: Message) -> str:
    """Why nobody writes to this address or company, without a full stop; empty if all may."""
    found = suppression_of(message)
    return _bare(found.reason) if found else ""


def hashes_against(message: Message) -> list[str]:
    """The hashes under which a suppression may stand that forbids this message."""
    kinds = (("EMAIL", message.recipient), ("UEN", message.uen))
    return [each for kind, value in kinds if value for each in hashes_of(kind, value)]


def _bare(reason: str) -> str:
    return reason.rstrip(".")


def _sent_alike(template_id: int, *, now: datetime) -> tuple[int, ...]:
    alike = Message.objects.filter(template_version__template=template_id)
    windows = {str(number): Count("pk", filter=Q(asked_at__gt=now - threshold.window))
               for number, threshold in enumerate(law.THRESHOLDS)}  # fmt: skip
    counts = alike.filter(asked_at__gt=now - law.THRESHOLDS[-1].window).aggregate(**windows)
    return tuple(counts[str(number)] for number in range(len(law.THRESHOLDS)))
