"""U21: people are told once of what needs them, by a real mail server, without personal data."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from enrichment.models import HarvestSource
from icp import suppressions
from icp.models import Lead, Notice, NoticeMail, NoticeReader, PersonRequest
from leadgen_project import environment, schedule
from leadgen_project.notices.look import look
from leadgen_project.notices.mail import is_mail_due, mail_due
from leadgen_project.persons.identify import Asked
from leadgen_project.persons.requests import take_down
from leadgen_project.sandbox.vendors.smtp_server import SmtpFault, SmtpStandIn
from leadgen_project.tests.console_data import make_people
from leadgen_project.tests.test_console_isolation import sign_in
from odoo_sync.models import OdooConnection, OdooPush
from outreach.models import Mailbox, Message
from outreach.tests.factories import make_mailbox, make_message
from tenants.context import in_public, in_tenant
from tenants.models import PipelineRun
from tenants.vendor_models import VendorBalance, VendorBudget


@pytest.fixture
def people(db):
    return make_people()


@pytest.fixture
def server(settings):
    with SmtpStandIn() as running:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield running


def end_a_night(status: str = "FAILED") -> PipelineRun:
    return PipelineRun.objects.create(
        tenant_id="acme", status=status, started_by="olga", started_at=timezone.now(),
        finished_at=timezone.now(),
    )  # fmt: skip


def text_of(wire: bytes) -> str:
    return message_from_bytes(wire).get_payload(decode=True).decode()


def test_each_thing_is_noted_once_however_often_one_looks(people):
    now = timezone.now()
    with in_tenant("acme"):
        end_a_night()
        end_a_night("FINISHED")
        make_mailbox(state="RECONNECT", state_reason="Sign in.")
        box = make_mailbox(state="STOPPED", state_reason="Bounces.")
        take_down(Asked(email="jo@x.sg"), kind=PersonRequest.Kind.ACCESS, actor="olga", now=now,
                  received_on=timezone.localdate() - timedelta(days=25))  # fmt: skip
        message = make_message()
        suppressions.add("EMAIL", message.recipient, reason="x", actor="olga")
        Message.objects.filter(pk=message.pk).update(status="QUEUED", code="", sentence="")

        assert look(now=now) == 6
        assert look(now=now + timedelta(minutes=1)) == 0
        assert sorted(Notice.objects.values_list("kind", flat=True)) == [
            "MAILBOX", "MAILBOX", "NIGHT_DONE", "NIGHT_FAILED", "PEOPLE", "PEOPLE",
        ]  # fmt: skip
        Mailbox.objects.filter(pk=box.pk).update(state_since=now + timedelta(hours=1))
        assert look(now=now) == 1  # it stopped again

        said = str(list(Notice.objects.values()))
        for secret in ("jo@x.sg", box.address, message.recipient, "Olga", "KAYA"):
            assert secret not in said


def test_each_pause_of_a_source_is_noted_once(people):
    now = timezone.now()
    with in_tenant("acme"):
        source = HarvestSource.objects.create(
            name="KAYA LIST", kind="HTML_LIST", paused_at=now, pause_reason="7 of 20 were walls."
        )
        assert (look(now=now), look(now=now)) == (1, 0)
        notice = Notice.objects.get()
        assert (notice.kind, "KAYA" in str(notice.__dict__)) == ("SOURCE", False)

        again = now + timedelta(hours=1)
        HarvestSource.objects.filter(pk=source.pk).update(paused_at=again)
        assert look(now=again) == 1


def test_each_stop_of_odoo_a_key_that_ends_and_parked_leads_are_noted_once(people):
    now = timezone.now()
    with in_tenant("acme"):
        connection = OdooConnection.objects.create(
            url="https://kaya.example", is_on=True, state="KEY", state_since=now
        )
        assert (look(now=now), look(now=now)) == (1, 0)
        later = now + timedelta(hours=1)
        OdooConnection.objects.update(state="WRONG", state_since=later)
        assert look(now=now) == 1
        ends = timezone.localdate(now) + timedelta(days=3)
        OdooConnection.objects.update(state="READY", key_expires_on=ends)
        lead = Lead.objects.create(source_ref="1", name="KAYA PTE. LTD.", stage="SHORTLISTED")
        push = OdooPush.objects.create(
            connection=connection, lead=lead, state="PARKED", sentence="No.", approved_by="olga"
        )
        push.tries.create(result="PARKED", sentence="No.", at=now)
        assert (look(now=now), look(now=now)) == (2, 0)

        assert set(Notice.objects.values_list("kind", flat=True)) == {"ODOO"}
        assert "kaya" not in str(list(Notice.objects.values())).lower()


def test_a_budget_is_noticed_at_each_mark_once_a_period(people):
    now = timezone.now()
    with in_public():
        VendorBudget.objects.create(tenant_id="acme", vendor="TAVILY", daily_units=10)
    with in_tenant("acme"):
        assert look(now=now) == 0
    with in_public():
        from tenants.paid.balances import local_day

        balance = VendorBalance.objects.create(
            tenant_id="acme", vendor="TAVILY", period=f"day {local_day(now)}", units=8
        )
    with in_tenant("acme"):
        assert (look(now=now), look(now=now)) == (1, 0)
    with in_public():
        VendorBalance.objects.filter(pk=balance.pk).update(units=10)
    with in_tenant("acme"):
        assert look(now=now) == 1
        assert "used up" in Notice.objects.order_by("pk").last().title


def test_what_needs_somebody_goes_to_owners_and_operators_once(people, server):
    now = timezone.now()
    with in_tenant("acme"):
        end_a_night("FAILED")
        end_a_night("FINISHED")  # nobody asked for that
        make_mailbox(state="RECONNECT", state_reason="Sign in.")
        look(now=now)

        assert is_mail_due(now=now)
        assert mail_due(now=now) == 3  # owner, operator, and both's operator
        assert mail_due(now=now + timedelta(hours=1)) == 0
        assert not is_mail_due(now=now + timedelta(hours=1))

    told = {mail.recipients[0] for mail in server.mails}
    assert told == {"owner@people.example", "operator@people.example", "both@people.example"}
    text = text_of(server.mails[0].wire)
    assert "has failed" in text
    assert "does not send" in text
    assert "has finished" not in text
    assert "/admin/notices/" in text
    assert b"Auto-Submitted: auto-generated" in server.mails[0].wire


def test_people_choose_what_they_get_and_see_what_is_new(people, server):
    client = sign_in("auditor")
    with in_tenant("acme"):
        end_a_night("FINISHED")
        look(now=timezone.now())

    first = client.get("/admin/notices/").content.decode()
    client.post("/admin/notices/", {"read": "1"})
    second = client.get("/admin/notices/").content.decode()
    client.post("/admin/notices/", {"kind": ["NIGHT_DONE", "nonsense"]})

    assert ">new<" in first
    assert ">new<" not in second
    with in_tenant("acme"):
        assert NoticeReader.objects.get().by_mail == ["NIGHT_DONE"]
        assert mail_due(now=timezone.now()) == 1
    assert server.mails[0].recipients == ("auditor@people.example",)


def test_a_server_that_fails_is_asked_again_later_and_not_for_ever(people, server):
    now = timezone.now()
    with in_tenant("acme"):
        NoticeReader.objects.bulk_create(
            NoticeReader(person=name, by_mail=[]) for name in ("operator", "both")
        )
        end_a_night()
        look(now=now)
        server.fail_next(SmtpFault.BUSY, SmtpFault.LATER)

        assert mail_due(now=now) == 0
        assert mail_due(now=now + timedelta(minutes=1)) == 0  # not before five minutes
        assert mail_due(now=now + timedelta(minutes=6)) == 0
        assert mail_due(now=now + timedelta(minutes=17)) == 1
        assert NoticeMail.objects.get().tries == 3

        NoticeMail.objects.update(sent_at=None, tries=5)
        assert mail_due(now=now + timedelta(hours=2)) == 0
    assert len(server.mails) == 1


def test_one_tenants_notices_reach_no_other_tenants_people(people, server):
    with in_tenant("acme"):
        end_a_night()
        look(now=timezone.now())
    with in_tenant("beta"):
        assert Notice.objects.count() == 0
        assert mail_due(now=timezone.now()) == 0
    assert "Run " not in sign_in("bee", "beta").get("/admin/notices/").content.decode()


def test_the_tick_notes_and_queues_a_mail_only_where_there_is_a_server(people, settings, server):
    with in_tenant("acme"):
        end_a_night()

    settings.EMAIL_HOST = ""
    schedule.tell_people(now=timezone.now())
    assert OrmQ.objects.count() == 0
    settings.EMAIL_HOST = "127.0.0.1"
    schedule.tell_people(now=timezone.now())

    assert OrmQ.objects.count() == 1
    with in_tenant("acme"):
        assert Notice.objects.count() == 1


@pytest.mark.parametrize(
    ("url", "host", "port", "starttls", "tls"),
    [
        ("smtp://relay.example", "relay.example", 587, False, False),
        ("smtp://me:p%40ss@relay.example:25", "relay.example", 25, True, False),
        ("smtps://me:x@relay.example", "relay.example", 465, False, True),
    ],
)
def test_the_mail_server_is_one_setting(monkeypatch, url, host, port, starttls, tls):
    monkeypatch.setenv("EMAIL_URL", url)

    found = environment.mail_server("EMAIL_URL")

    assert (found["EMAIL_HOST"], found["EMAIL_PORT"]) == (host, port)
    assert (found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (starttls, tls)


@pytest.mark.parametrize("url", ["relay.example", "http://x", "smtp://", "smtp://x:port"])
def test_a_mail_server_written_wrongly_stops_the_start(monkeypatch, url):
    monkeypatch.setenv("EMAIL_URL", url)

    with pytest.raises(environment.SettingError, match="EMAIL_URL"):
        environment.mail_server("EMAIL_URL")
