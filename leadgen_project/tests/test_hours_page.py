"""Working hours and the rest of the configuration in the console: looked at, saved, refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

from leadgen_project.config import read_config
from leadgen_project.console.hours_page import places
from leadgen_project.tests.console_data import make_people
from leadgen_project.tests.test_vendor_pages import enter
from outreach.models import MailPolicy
from outreach.windows import DAYS
from tenants.context import in_public, in_tenant
from tenants.models import AuditEvent
from tenants.vendor_models import RateLimit

PAGE = "/admin/hours/"


@pytest.fixture
def people(db):
    return make_people()


@pytest.fixture
def owner(people) -> Client:
    return enter(people, "owner")


def typed(client: Client, **changes: str) -> dict[str, str]:
    """The form as it stands, with ``changes``."""
    context = client.get(PAGE).context
    fields = {name: str(context["form"][name].value() or "") for name in context["form"].fields}
    return {**fields, "model_calls_before": fields["model_calls"], **changes}


def config() -> dict:
    with in_tenant("acme"):
        return read_config()


def test_hours_and_zones_are_saved_with_the_reason(owner):
    zones = "Asia/Singapore\nEurope/Helsinki"
    sent = typed(
        owner, monday="09:00-12:30, 13:30-18:00", tuesday="", zones=zones,
        _reason="Moved.",
    )  # fmt: skip

    page = owner.post(PAGE, sent, follow=True).content.decode()

    assert "Saved." in page
    saved = config()
    assert saved["workingHours"]["monday"] == ["09:00-12:30", "13:30-18:00"]
    assert "tuesday" not in saved["workingHours"]
    assert saved["activeTimezones"] == ["Asia/Singapore", "Europe/Helsinki"]
    with in_tenant("acme"):
        event = AuditEvent.objects.get(action="tenants.config.update")
    assert (event.actor, event.reason) == ("owner", "Moved.")
    assert "llmTransactionLimit" not in event.after


def test_the_page_shows_and_sets_what_the_gate_asks_at_each_mail(owner):
    shown = owner.get(PAGE).context
    with in_tenant("acme"):
        policy = MailPolicy.current()
    assert [spans for _day, spans in shown["days"][:5]] == ["09:00-17:30"] * 5
    assert {", ".join(spans) for spans in policy.weekly_hours.values()} == {"09:00-17:30"}
    assert (shown["goes_everywhere"], policy.active_zones) == (True, [])

    owner.post(PAGE, typed(owner, zones="Asia/Tokyo", **dict.fromkeys(DAYS, "")))

    with in_tenant("acme"):
        policy = MailPolicy.current()
    assert policy.active_zones == ["Asia/Tokyo"]
    assert policy.window.next_open(datetime.now(UTC), zone="Asia/Tokyo") is None
    page = owner.get(PAGE).content.decode()
    assert "never: all days are closed" in page
    assert "no mail goes out" in owner.get("/admin/outreach/mailpolicy/").content.decode()


def test_looking_at_what_it_means_saves_nothing(owner):
    before = config()

    page = owner.post(PAGE, typed(owner, zones="Asia/Tokyo", preview="1")).content.decode()

    assert "What this would mean" in page
    assert "Asia/Tokyo" in page
    assert config() == before


def test_saving_the_form_as_it_stands_changes_and_audits_nothing(owner):
    before = config()

    owner.post(PAGE, typed(owner))

    assert config() == before
    with in_public():
        assert not RateLimit.objects.exists()
        assert not AuditEvent.objects.filter(action="tenants.config.update").exists()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("monday", "09:00-25:00", "is no span such as 09:00-17:30"),
        ("monday", "09:00-12:00, 11:00-13:00", "the spans overlap at 11:00"),
        ("zones", "Asia/Singapur", "is no IANA time zone"),
        ("model_calls", "0", "Calls a minute:"),
        ("model_calls", "many", "Calls a minute:"),
    ],
)
def test_what_cannot_be_used_is_named_and_kept_in_the_form(owner, field, value, words):
    before = config()

    page = owner.post(PAGE, typed(owner, **{field: value})).content.decode()

    assert words in page
    assert value in page
    assert config() == before


def test_the_models_calls_a_minute_hold_at_once_and_zero_takes_a_platform_admin(people, owner):
    root = enter(people, "root")

    owner.post(PAGE, typed(owner, model_calls="7"))
    assert config()["llmTransactionLimit"] == 7
    root.post(PAGE, typed(root, model_calls="0"))

    with in_public():
        assert RateLimit.objects.get(lane="LLM").calls == 0


@pytest.mark.parametrize("name", ["operator", "reviewer", "auditor"])
def test_others_than_owners_read_and_do_not_change(people, owner, name):
    client = enter(people, name)

    assert "An owner can change this." in client.get(PAGE).content.decode()
    assert client.post(PAGE, typed(owner, model_calls="7")).status_code == 403


def test_places_tell_their_own_clock_and_when_mail_may_go_there_next():
    saturday = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
    hours = {"monday": ["09:00-17:30"], "saturday": ["10:00-12:00"]}
    zones = ["Asia/Singapore", "Europe/Helsinki"]

    here, there = places({"workingHours": hours, "activeTimezones": zones}, now=saturday)

    assert here.is_open
    assert (there.is_open, f"{there.clock:%H:%M}", f"{there.opens:%a %H:%M}") == (
        False, "05:00", "Sat 10:00",
    )  # fmt: skip
    assert places({"workingHours": {}, "activeTimezones": zones[:1]}, now=saturday)[0].opens is None
