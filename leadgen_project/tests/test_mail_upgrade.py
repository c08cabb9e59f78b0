"""A release that was sending is upgraded in the middle: nothing of its queue is lost or doubled."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from icp.suppressions import hash_of
from outreach.models import CampaignStep, Mailbox, Message
from outreach.sending.claim import claim
from outreach.sending.reconcile import reconcile
from outreach.sending.send import send
from outreach.sending.settle import LOOKS, in_hand, settle_doubt
from outreach.tests.factories import make_campaign, make_mailbox, make_message, make_policy
from outreach.tests.post_office import Died, PostOffice, Trouble
from tenants.context import connection, in_public, in_tenant
from tenants.isolation import as_owner

SENT, DUE, WAITING = 1_000, 12, 10_000
COLUMNS = ("key", "status", "lease", "draft_id", "asked_at", "looks")


def migrate_mail(to: str) -> None:
    with in_public(), as_owner():
        call_command("migrate_schemas", "outreach", to, schema_name="acme", verbosity=0)


def fill_queue(step: CampaignStep) -> None:
    """Ten thousand mails whose hour comes tomorrow, and a thousand that went out before."""
    now = timezone.now()
    sent = {"status": "SENT", "sent_at": now, "asked_at": now - timedelta(days=2),
            "mailbox": step.campaign.mailboxes.get()}  # fmt: skip
    Message.objects.bulk_create(
        (Message(step=step, recipient=f"to{number}@kaya.example", timezone="UTC",
                 recipient_hash=hash_of("EMAIL", f"to{number}@kaya.example"),
                 template_version=step.template_version, lead_data={"business_name": "Kaya"},
                 created_by="olga",
                 **(sent if number < SENT else {"not_before": now + timedelta(days=1)}))
         for number in range(SENT + WAITING)),
        batch_size=2000,
    )  # fmt: skip


def stop_in_the_middle(mailbox: Mailbox, step: CampaignStep, office: PostOffice) -> dict[str, str]:
    """What the release had in hand when it was stopped: where it stood -> key of the mail."""
    keys = {}
    for stood, troubles in (
        ("sent", []),
        ("claimed", [Trouble.DIE_BEFORE]),
        ("draft made, not stored", [Trouble.DIE_AFTER]),
        ("asked, nothing done", [Trouble.NONE, Trouble.DIE_BEFORE]),
        ("asked, gone out", [Trouble.NONE, Trouble.DIE_AFTER]),
        ("in doubt, gone out", [Trouble.NONE, Trouble.UNCLEAR_AFTER]),
        ("in doubt, nothing done", [Trouble.NONE, Trouble.UNCLEAR_BEFORE]),
    ):
        let_go()
        office.troubles[:] = troubles
        keys[stood] = str(make_message(step).key)
        claimed = claim(mailbox.pk)
        try:
            send(claimed, transport=office)
        except Died:
            continue
        if stood.startswith("in doubt"):
            assert settle_doubt(in_hand(claimed).get(), "Nobody knows.")
    held = make_message(step, status="HELD", code="risky", sentence="Say so.", not_before=None)
    return keys | {"held": str(held.key)}


def let_go() -> None:
    """The leases of processes that died are over, and the mailbox may send at once."""
    Message.objects.filter(status="SENDING").update(held_until=None)
    Mailbox.objects.update(not_before=timezone.now(), gap_seconds=0)


def queue() -> dict[str, list[object]]:
    """By plain SQL: the models are of the new release."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(COLUMNS)} FROM outreach_message")
        return {str(key): rest for key, *rest in cursor.fetchall()}


def go_on(mailbox: Mailbox, office: PostOffice) -> None:
    """As the new release does: every look, then all that is due."""
    for _ in range(len(LOOKS) + 1):
        let_go()
        Message.objects.filter(status="SENDING").update(look_at=timezone.now())
        reconcile(mailbox, transport=office)
    while message := claim(mailbox.pk):
        send(message, transport=office)


@pytest.mark.parametrize("released", ["0002"])
def test_mail_in_flight_goes_on_after_an_upgrade(committed, released):
    office = PostOffice()
    with in_tenant("acme"):
        make_policy()
        mailbox = make_mailbox()
        step = make_campaign(mailbox)
        keys = stop_in_the_middle(mailbox, step, office)
        due = [str(make_message(step).key) for _ in range(DUE)]
        fill_queue(step)
    migrate_mail(released)
    with in_tenant("acme"), connection.cursor() as cursor:
        # As that release left its queue: what could go at once had no moment.
        cursor.execute("UPDATE outreach_message SET not_before = NULL"
                       " WHERE status = 'QUEUED' AND not_before <= now()")  # fmt: skip
    with in_tenant("acme"):
        before = queue()

    with in_public():
        call_command("migrate", verbosity=0)

    with in_tenant("acme"):
        assert queue() == before
        go_on(mailbox, office)
        after = {key: status for key, (status, *_) in queue().items()}
        never = {keys[each] for each in ("held", "in doubt, nothing done")}
        gone = {*due, *keys.values()} - never
        assert Counter(office.sent) == Counter(gone)
        assert {stood: after[key] for stood, key in keys.items() if after[key] != "SENT"} == {
            "held": "HELD", "in doubt, gone out": "IN_DOUBT", "in doubt, nothing done": "IN_DOUBT",
        }  # fmt: skip
        assert Counter(after.values()) == {
            "SENT": SENT + DUE + len(keys) - 3, "QUEUED": WAITING, "HELD": 1, "IN_DOUBT": 2,
        }  # fmt: skip
