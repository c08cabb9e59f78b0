"""Access tokens: renewed in time, by one process, stopped without consent, and never shown."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from leadgen_project.sandbox.vendors.mail_stand_in import MailFault
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from outreach.clients.token_trouble import TokenTroubleError
from outreach.mailboxes import tokens
from outreach.models import Mailbox, Message
from outreach.sending.claim import claim
from outreach.sending.send import send
from outreach.tests.factories import make_campaign, make_message, make_policy
from outreach.tests.signed_in import make_signed_in, use_microsoft
from outreach.transports.open import open_transport
from tenants.context import in_tenant


@pytest.fixture
def microsoft(settings):
    with MicrosoftStandIn() as stand_in:
        use_microsoft(settings, stand_in)
        yield stand_in


def let_expire(mailbox: Mailbox) -> None:
    Mailbox.objects.filter(pk=mailbox.pk).update(access_until=timezone.now())


def test_a_token_with_time_left_is_used_without_asking(acme, microsoft):
    mailbox = make_signed_in(microsoft)

    assert tokens.access_token(mailbox.pk) == tokens.access_token(mailbox.pk)
    assert microsoft.calls == []


def test_a_token_near_its_end_is_renewed_and_the_new_refresh_token_kept(acme, microsoft):
    mailbox = make_signed_in(microsoft)
    first = tokens.access_token(mailbox.pk)

    for _ in range(3):
        let_expire(mailbox)
        second = tokens.access_token(mailbox.pk)

    assert second != first
    assert microsoft.desk.refreshes == 3
    assert microsoft.desk.dead_uses == 0
    mailbox.refresh_from_db()
    assert mailbox.secret_version == 4


def test_a_token_of_a_short_life_is_not_renewed_at_every_use(acme, microsoft):
    microsoft.desk.access_seconds = 60
    mailbox = make_signed_in(microsoft)

    for _ in range(5):
        tokens.access_token(mailbox.pk)

    assert microsoft.desk.refreshes == 0


def test_a_refused_token_is_replaced_and_a_second_refusal_of_it_costs_nothing(acme, microsoft):
    mailbox = make_signed_in(microsoft)
    old = tokens.access_token(mailbox.pk)

    new = tokens.access_token(mailbox.pk, refused=old)

    assert tokens.access_token(mailbox.pk, refused=old) == new != old
    assert microsoft.desk.refreshes == 1


def test_what_the_row_holds_is_encrypted(acme, microsoft):
    mailbox = make_signed_in(microsoft)

    raw = bytes(Mailbox.objects.get(pk=mailbox.pk).secret)

    assert tokens.access_token(mailbox.pk).encode() not in raw
    assert b"rt-" not in raw


def test_a_taken_back_consent_stops_the_queue_and_loses_nothing(acme, microsoft, caplog):
    make_policy()
    mailbox = make_signed_in(microsoft)
    step = make_campaign(mailbox)
    message, _second = make_message(step), make_message(step)
    claimed = claim(mailbox.pk)
    microsoft.desk.revoke(mailbox.address)

    with caplog.at_level(logging.DEBUG):
        assert send(claimed, transport=open_transport(mailbox)) == Message.Status.QUEUED

    mailbox.refresh_from_db()
    assert mailbox.state == Mailbox.State.RECONNECT
    assert mailbox.state_reason.startswith("Microsoft asks for a new sign-in. The password was")
    assert claim(mailbox.pk) is None
    assert set(Message.objects.values_list("status", flat=True)) == {"QUEUED"}
    assert microsoft.mails == []
    assert "rt-" not in caplog.text
    assert "at-" not in caplog.text.replace("wh" + "at-", "")
    assert message.pk == claimed.pk


def test_a_silent_sign_in_service_is_waited_for(acme, microsoft):
    mailbox = make_signed_in(microsoft)
    let_expire(mailbox)
    microsoft.fail_next(MailFault.UNAVAILABLE_BEFORE, on="token")

    with pytest.raises(TokenTroubleError) as trouble:
        tokens.access_token(mailbox.pk)

    mailbox.refresh_from_db()
    assert not trouble.value.needs_sign_in
    assert trouble.value.retry_after == 60
    assert mailbox.state == Mailbox.State.READY
    assert tokens.access_token(mailbox.pk)


def test_a_wrong_application_secret_alarms_and_mends_by_itself(acme, microsoft, settings, caplog):
    mailbox = make_signed_in(microsoft)
    let_expire(mailbox)
    right, settings.MICROSOFT_CLIENT_SECRET = settings.MICROSOFT_CLIENT_SECRET, "expired-secret"

    with pytest.raises(TokenTroubleError, match="MICROSOFT_CLIENT_SECRET") as trouble:
        tokens.access_token(mailbox.pk)

    assert not trouble.value.needs_sign_in
    assert "expired-secret" not in caplog.text
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    mailbox.refresh_from_db()
    assert mailbox.state_reason.startswith("Microsoft refuses this deployment's application.")
    settings.MICROSOFT_CLIENT_SECRET = right
    assert tokens.access_token(mailbox.pk)
    mailbox.refresh_from_db()
    assert (mailbox.state, mailbox.state_reason) == (Mailbox.State.READY, "")


def test_a_secret_that_cannot_be_read_asks_for_a_sign_in(acme, microsoft, settings):
    mailbox = make_signed_in(microsoft)
    settings.FIELD_KEYS = ["another key altogether"]

    with pytest.raises(TokenTroubleError) as trouble:
        tokens.access_token(mailbox.pk)

    assert trouble.value.needs_sign_in


def test_no_text_or_repr_of_a_token_holder_shows_one(acme, microsoft):
    mailbox = make_signed_in(microsoft)
    access = tokens.access_token(mailbox.pk)

    shown = repr(tokens._kept(mailbox)) + repr(open_transport(mailbox)) + repr(mailbox)

    assert access not in shown
    assert "rt-" not in shown


def test_two_workers_renewing_at_once_never_use_a_dead_refresh_token(committed, microsoft):
    rounds = 200
    with in_tenant("acme"):
        mailbox = make_signed_in(microsoft)
    start = threading.Barrier(2, timeout=60)

    def renew_often() -> list[str]:
        found = []
        try:
            with in_tenant("acme"):
                current = tokens.access_token(mailbox.pk)
                for _ in range(rounds):
                    start.wait()
                    current = tokens.access_token(mailbox.pk, refused=current)
                    found.append(current)
        finally:
            connection.close()
        return found

    with ThreadPoolExecutor(2) as pool:
        first, second = [each.result() for each in [pool.submit(renew_often) for _ in range(2)]]

    assert microsoft.desk.dead_uses == 0
    assert len(first) == len(second) == rounds
    # What one renewed the other used, unless it had been overtaken by a whole round.
    assert rounds <= microsoft.desk.refreshes <= 2 * rounds
    with in_tenant("acme"):
        mailbox.refresh_from_db()
    assert mailbox.state == Mailbox.State.READY


def test_many_workers_whose_token_was_refused_at_once_renew_it_once(committed, microsoft):
    """Each of them holds the same token that Microsoft has just turned down."""
    workers, rounds = 10, 20
    with in_tenant("acme"):
        mailbox = make_signed_in(microsoft)
        current = tokens.access_token(mailbox.pk)
    start = threading.Barrier(workers, timeout=60)

    def renew(refused: str) -> str:
        try:
            with in_tenant("acme"):
                start.wait()
                return tokens.access_token(mailbox.pk, refused=refused)
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        for number in range(1, rounds + 1):
            got = set(pool.map(renew, [current] * workers))
            assert len(got) == 1
            assert got != {current}
            assert microsoft.desk.refreshes == number
            (current,) = got

    assert microsoft.desk.dead_uses == 0
    with in_tenant("acme"):
        mailbox.refresh_from_db()
        assert mailbox.secret_version == 1 + rounds
