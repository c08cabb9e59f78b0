"""An installation that sends: its own database, a mail queue to be hurt, and a made-up Microsoft.

with MailRig(Path("/tmp/x")) as rig:
    rig.queue(100)
    rig.start_workers()
    rig.wait_until_settled()

The provider's journal (``rig.microsoft.keys``) is what was sent, whatever the product says.
"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Self
from unittest.mock import patch

from django.db import transaction
from django.test.utils import override_settings

from enrichment.models import Contact, Evidence
from icp.models import Lead
from icp.suppressions import hash_of
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from leadgen_project.tests import hasty as hasty_app
from leadgen_project.tests.night_rig import NightRig, own_server
from outreach.mailboxes.tokens import keep
from outreach.models import CampaignStep, Mailbox, Message
from outreach.sending import deliver
from outreach.tests.factories import make_campaign, make_mailbox, make_policy
from tenants.context import in_tenant
from tenants.outage import outlast

State = Mailbox.State
TENANT = "post"
PARTS = ("SENT", "HELD", "REFUSED", "ERROR_NO_EMAIL", "ERROR_API_FAILURE", "IN_DOUBT", "CANCELLED")


class MailRig(NightRig):
    """``mailboxes`` of one tenant, which send without pause; ``hasty``: its hours last seconds."""

    cluster = "mail"

    def __init__(
        self,
        home: Path,
        *,
        mailboxes: int = 4,
        transport: str = "GRAPH_DRAFT",
        microsoft: MicrosoftStandIn | None = None,
        hasty: bool = True,
    ) -> None:
        super().__init__(home, tenants=[TENANT], count=0)
        self.microsoft = microsoft or MicrosoftStandIn()
        self.mailboxes: list[Mailbox] = []
        self.signed_in_again = 0
        self._how_many, self._transport = mailboxes, transport
        if hasty:
            self._open.enter_context(patch.object(deliver, "LOST_AFTER", hasty_app.LOST_AFTER))
            self.env |= {"DJANGO_SETTINGS_MODULE": "leadgen_project.tests.hasty_settings",
                         "MAIL_READ_SECONDS": "2"}  # fmt: skip

    def __enter__(self) -> Self:
        with self._open as opening:
            opening.enter_context(own_server(self.home))
            opening.enter_context(self.microsoft)
            provider = self.microsoft.environment
            self.env |= provider
            opening.enter_context(override_settings(**provider))
            opening.callback(self.stop_workers)
            self.add_tenant(TENANT)
            with in_tenant(TENANT):
                make_policy()
                self.mailboxes = [self._mailbox() for _ in range(self._how_many)]
            self._open = opening.pop_all()
        return self

    def _mailbox(self) -> Mailbox:
        quick = {"per_minute": 32_000, "per_day": 1_000_000}
        mailbox = make_mailbox(transport=self._transport, **quick)
        Mailbox.objects.filter(pk=mailbox.pk).update(gap_seconds=0)
        keep(mailbox, self.microsoft.tokens(mailbox.address))
        return mailbox

    def queue(self, count: int) -> CampaignStep:
        """A running campaign over all mailboxes with ``count`` messages to as many people."""
        with in_tenant(TENANT):
            step = make_campaign(*self.mailboxes, chosen=count)
            known = Lead.objects.count()
            numbers = range(known, known + count)
            leads = Lead.objects.bulk_create(
                Lead(source_ref=f"P{number:08}", name=f"Post {number}") for number in numbers
            )
            contacts = Contact.objects.bulk_create(
                Contact(lead=lead, kind="PERSON", name="Mei", verdict="DELIVERABLE",
                        email=f"mei@{lead.source_ref.lower()}.example")
                for lead in leads
            )  # fmt: skip
            Evidence.objects.bulk_create(
                Evidence(lead=each.lead, contact=each, field="emails", value=each.email,
                         source="OPERATOR", reference="rig", method="typed", confidence=1)
                for each in contacts
            )  # fmt: skip
            Message.objects.bulk_create(
                Message(step=step, lead=each.lead, contact=each, recipient=each.email,
                        recipient_hash=hash_of("EMAIL", each.email), timezone="UTC",
                        template_version=step.template_version, created_by="rig",
                        lead_data={"business_name": each.lead.name, "first_name": "Mei"})
                for each in contacts
            )  # fmt: skip
        return step

    # -- what became of it --------------------------------------------------------------------
    def statuses(self) -> Counter[str]:
        with in_tenant(TENANT):
            return Counter(outlast(lambda: list(Message.objects.values_list("status", flat=True))))

    def keys(self, status: str) -> set[str]:
        with in_tenant(TENANT):
            found = Message.objects.filter(status=status).values_list("key", flat=True)
            return {str(key) for key in found}

    def call_all(self) -> None:
        """What the minute's tick does; and the person who is told to sign in again, does."""
        with in_tenant(TENANT):
            for mailbox in outlast(lambda: list(Mailbox.objects.filter(state=State.RECONNECT))):
                outlast(lambda mailbox=mailbox: self._sign_in_again(mailbox))
            outlast(deliver.call_all)

    def _sign_in_again(self, mailbox: Mailbox) -> None:
        """A kill between Microsoft's new refresh token and its storing loses both: it ends the old
        one at once here, as RFC 9700 has it."""
        with transaction.atomic():
            keep(mailbox, self.microsoft.tokens(mailbox.address))
            Mailbox.objects.filter(pk=mailbox.pk).update(state=State.READY, state_reason="")
        self.signed_in_again += 1

    def wait_until_settled(self, *, seconds: float = 300) -> None:
        """Until nothing is queued or in hand; calls for work as the tick does, only oftener."""
        give_up_at = time.monotonic() + seconds
        while self.is_open():
            assert time.monotonic() < give_up_at, self.statuses()
            self.call_all()
            time.sleep(0.5)

    def is_open(self) -> bool:
        statuses = self.statuses()
        return bool(statuses["QUEUED"] + statuses["SENDING"])

    def adds_up(self, step: CampaignStep) -> bool:
        """Chosen = sent + held + refused + failed + in doubt + cancelled."""
        with in_tenant(TENANT):
            kept = Counter(step.messages.values_list("status", flat=True))
            step.campaign.refresh_from_db()
        return set(kept) <= set(PARTS) and kept.total() == step.campaign.chosen
