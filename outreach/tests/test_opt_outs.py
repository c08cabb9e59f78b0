"""PROMISES A4, B7, N10: an opt-out by any door holds at the last moment, and the clock is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from threading import Thread

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from icp import suppressions
from icp.imports import confirm_import, preview_import
from icp.models import PersonRequest, Suppression
from leadgen_project.persons.erase import erase
from leadgen_project.persons.identify import Asked
from leadgen_project.persons.requests import take_down
from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import make_people
from leadgen_project.tests.test_console_isolation import sign_in
from outreach.models import Message
from outreach.opt_outs import heed_by, opt_outs, unheeded
from outreach.sending.claim import claim
from outreach.sending.send import send
from outreach.tests.factories import (
    make_campaign,
    make_link,
    make_mailbox,
    make_message,
    make_policy,
)
from outreach.tests.post_office import PostOffice
from outreach.unsubscribe import Door, by_mail, unsubscribe
from outreach.wording import way_out
from tenants.context import in_public, in_tenant


def by_console(message: Message) -> None:
    with in_public():
        sign_in("owner").post("/admin/icp/suppression/add/",
                              {"values": message.recipient, "_reason": "phoned"})  # fmt: skip


def by_api(message: Message) -> None:
    with in_public():
        sent = {"kind": "EMAIL", "value": message.recipient, "reason": "phoned"}
        assert Caller("operator").post("suppressions", sent).status_code == 201


def by_one_click(message: Message) -> None:
    url = f"/u/acme/{way_out.token_of(message)}"
    with in_public():
        assert Client().post(url).status_code == 200


def by_mail_to_us(message: Message) -> None:
    assert by_mail(f"unsubscribe {way_out.token_of(message)}", now=timezone.now())


def by_import(message: Message) -> None:
    upload = preview_import(
        message.recipient.encode(), file_name="x.csv", reason="list", actor="olga"
    )
    confirm_import(upload, actor="olga")


def by_domain(message: Message) -> None:
    suppressions.add("DOMAIN", "kaya.example", reason="asked", actor="olga")


def by_erasure(message: Message) -> None:
    request = take_down(
        Asked(email=message.recipient),
        kind=PersonRequest.Kind.ERASURE,
        received_on=timezone.localdate(),
        actor="olga",
        now=timezone.now(),
    )
    erase(request, reason="asked", actor="olga", now=timezone.now())


DOORS = [by_console, by_api, by_one_click, by_mail_to_us, by_import, by_domain, by_erasure]


@dataclass(slots=True)
class LastMoment(PostOffice):
    """A provider under whose hands somebody opts out: the mail is made, and not asked for yet."""

    meanwhile: list[Callable[[], None]] = field(default_factory=list)

    @property
    def capabilities(self):
        self.happen()
        return PostOffice.capabilities.fget(self)

    def draft(self, mail, *, key):
        self.happen()
        return PostOffice.draft(self, mail, key=key)

    def happen(self) -> None:
        if self.meanwhile:
            elsewhere(self.meanwhile.pop())


def elsewhere(action: Callable[[], None]) -> None:
    """In another thread with a connection of its own, to its end; its failure is ours."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with in_tenant("acme"):
                action()
        except BaseException as exc:  # noqa: BLE001 -- handed to the test
            failures.append(exc)
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


@pytest.mark.parametrize("drafts_first", [True, False], ids=["drafts", "direct"])
def test_an_opt_out_by_any_door_blocks_a_message_already_claimed(committed, drafts_first):
    make_people()
    with in_tenant("acme"):
        make_policy()
        for door in DOORS:
            mailbox = make_mailbox()
            message = make_message(make_campaign(mailbox))
            make_link(message)
            later = make_message(make_campaign(mailbox), contact=message.contact)
            claimed = claim(mailbox.pk)
            assert claimed == message, door
            office = LastMoment(
                drafts_first=drafts_first, meanwhile=[lambda door=door, it=message: door(it)]
            )

            ended = send(claimed, transport=office)

            assert office.meanwhile == [], door
            assert (ended, office.sent) in (("REFUSED", []), ("CANCELLED", [])), door
            assert claim(mailbox.pk) is None, door
            later.refresh_from_db()
            assert later.status in ("CANCELLED", "REFUSED"), door
            assert unheeded() == {}
            Suppression.objects.filter(kind="DOMAIN").update(
                lifted_at=timezone.now(), lifted_by="x", lift_reason="the next door"
            )


# --- the clock ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-11-20 15:59", "2026-12-04"),  # a Friday, one minute to midnight in Singapore
        ("2026-11-20 16:00", "2026-12-04"),  # Saturday there: counts from Monday as well
        ("2026-11-22 16:00", "2026-12-07"),  # Monday there
        ("2026-02-13 02:00", "2026-03-03"),  # over Chinese New Year, two days
        ("2026-12-17 02:00", "2027-01-04"),  # over Christmas and New Year
    ],
)
def test_the_law_counts_ten_business_days_of_singapore(at, day):
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)

    assert heed_by(moment) == date.fromisoformat(day)


def test_an_opt_out_is_listed_with_its_time_door_and_what_it_stopped(acme):
    make_policy()
    message = make_message()
    make_link(message)
    make_message(make_campaign(make_mailbox()), contact=message.contact)

    unsubscribe(way_out.token_of(message), door=Door.PAGE, now=timezone.now())

    [one] = opt_outs()
    assert (one.suppression.source, one.stopped, one.is_heeded) == ("unsubscribe", 2, True)


@pytest.mark.parametrize("source", ["console", "import 7", "ZeroBounce", "bounce", "platform"])
def test_what_we_suppress_ourselves_is_no_opt_out_until_the_person_says_so(acme, source):
    suppressions.add("EMAIL", "a@x.sg", reason="a rival", actor="olga", source=source)
    assert opt_outs() == []

    suppressions.add("EMAIL", "a@x.sg", reason="She clicked.", actor="her", source="unsubscribe")

    assert [one.suppression.value for one in opt_outs()] == ["a@x.sg"]


def test_what_somebody_asked_an_operator_for_is_an_opt_out(db):
    make_people()
    typed = {"values": "jo@kaya.example", "_reason": "She called.", "told": "1"}

    sign_in("owner").post("/admin/icp/suppression/add/", typed)

    with in_tenant("acme"):
        [one] = opt_outs()
        assert (one.suppression.value, one.suppression.source) == ("jo@kaya.example", "told")


@pytest.mark.parametrize("how", ["waiting", "sent"])
def test_mail_that_goes_on_all_the_same_raises_an_alarm(db, how):
    make_people()
    with in_tenant("acme"):
        message = make_message()
        since = timezone.now() - timedelta(days=3)
        suppressions.add("EMAIL", message.recipient, reason="x", actor="olga", now=since)
        changes = {"status": "QUEUED", "code": "", "sentence": ""}
        if how == "sent":
            changes = {"status": "SENT", "sent_at": timezone.now(), "asked_at": timezone.now(),
                       "mailbox": make_mailbox(), "code": "", "sentence": ""}  # fmt: skip
        Message.objects.filter(pk=message.pk).update(**changes)

        [one] = opt_outs()
        assert not one.is_heeded

    owner = sign_in("owner")
    page = owner.get(f"/admin/opt-outs/?of={one.suppression.pk}").content.decode()
    assert "1 person opted out and is still written to" in page
    assert "people who opted out and are still written to" in owner.get("/admin/").content.decode()


def test_without_an_opt_out_the_page_says_what_will_stand_there(db):
    make_people()

    page = sign_in("auditor").get("/admin/opt-outs/").content.decode()

    assert "Nobody has opted out" in page
