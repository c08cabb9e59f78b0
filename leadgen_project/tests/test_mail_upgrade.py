"""A release that was sending is upgraded in the middle: nothing of its queue is lost or doubled."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.utils import timezone

from outreach.models import Mailbox, Message
from outreach.sending.claim import claim
from outreach.sending.reconcile import reconcile
from outreach.sending.send import send
from outreach.tests.factories import make_campaign, make_mailbox, make_message, make_policy
from outreach.tests.post_office import PostOffice
from tenants.context import connection, in_public, in_tenant
from tenants.isolation import as_owner

WAITING = 12


def migrate_mail(to: str) -> None:
    with in_public(), as_owner():
        call_command("migrate_schemas", "outreach", to, schema_name="acme", verbosity=0)


@pytest.mark.parametrize("released", ["0002"])
def test_mail_in_flight_goes_on_after_an_upgrade(committed, released):
    with in_tenant("acme"):
        make_policy()
        mailbox = make_mailbox()
        step = make_campaign(mailbox)
        waiting = [make_message(step) for _ in range(WAITING)]
        office = PostOffice()
        send(claim(mailbox.pk), transport=office)
        Mailbox.objects.update(not_before=timezone.now(), gap_seconds=0)
        in_hand = claim(mailbox.pk)
    migrate_mail(released)
    with in_tenant("acme"), connection.cursor() as cursor:
        # As that release left its queue: what could go at once had no moment.
        cursor.execute("UPDATE outreach_message SET not_before = NULL WHERE status = 'QUEUED'")

    with in_public():
        call_command("migrate", verbosity=0)

    with in_tenant("acme"):
        Message.objects.filter(pk=in_hand.pk).update(held_until=None, look_at=timezone.now())
        reconcile(mailbox, transport=office)
        while message := claim(mailbox.pk):
            send(message, transport=office)
        assert sorted(office.sent) == sorted(str(each.key) for each in waiting)
        assert set(Message.objects.values_list("status", flat=True)) == {"SENT"}
