"""The configuration over the API, as the migration plan writes it."""

from __future__ import annotations

import pytest

from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import make_people
from tenants.context import in_public, in_tenant
from tenants.models import AuditEvent, TenantSettings
from tenants.paid.turn_at_vendor import take_turn
from tenants.vendor_models import RateLimit, VendorCredential

EXAMPLE = {"llmTransactionLimit": 20}  # the plan's, word for word


@pytest.fixture
def owner(db) -> Caller:
    make_people()
    return Caller("owner")


def test_the_examples_of_the_plan_are_taken_as_they_stand(owner):
    answer = owner.send("put", "updateConfig", EXAMPLE)
    config = owner.get("getConfig").json()

    assert answer.status_code == 200
    assert config["llmTransactionLimit"] == 20
    assert isinstance(config["workingHours"], dict)


def test_a_new_limit_holds_for_the_next_call(owner):
    from datetime import timedelta

    with in_public():
        take_turn("LLM", calls=20, seconds=60, patience=timedelta(seconds=1))
    owner.send("put", "updateConfig", {"llmTransactionLimit": 2})

    with in_public():
        turns = [
            take_turn("LLM", calls=20, seconds=60, patience=timedelta(seconds=1))[1]
            for _ in range(3)
        ]

    assert turns == [True, False, False]
    assert owner.get("getConfig").json()["llmTransactionLimit"] == 2


def test_what_differs_is_audited_with_before_and_after(owner):
    owner.send("put", "updateConfig", {"shortlistCap": 7, "reason": "Less to read."})
    owner.send("put", "updateConfig", {"shortlistCap": 7})

    with in_tenant("acme"):
        event = AuditEvent.objects.get(action="tenants.config.update")
    assert (event.actor, event.reason) == ("owner", "Less to read.")
    assert (event.before, event.after) == ({"shortlistCap": 50}, {"shortlistCap": 7})


@pytest.mark.parametrize("name", ["operator", "reviewer", "auditor"])
def test_others_than_owners_read_and_do_not_change(owner, name):
    caller = Caller(name)

    assert caller.get("getConfig").status_code == 200
    assert caller.send("put", "updateConfig", EXAMPLE).status_code == 403


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"llmTransactionLimit": "many"}, "llmTransactionLimit"),
        ({"llmTransactionLimit": -1}, "llmTransactionLimit"),
        ({"llmTransactionLimit": True}, "llmTransactionLimit"),
        ({"llmTransactionLimit": None}, "llmTransactionLimit"),
        ({"llmTransactionLimit": 5000}, "llmTransactionLimit"),
        ({"workingHours": {"funday": ["09:00-10:00"]}}, "workingHours.funday"),
        ({"workingHours": {"monday": ["18:00-09:00"]}}, "workingHours"),
        ({"workingHours": {"monday": "always"}}, "workingHours.monday"),
        ({"activeTimezones": ["Mars/Olympus"]}, "activeTimezones"),
        ({"activeTimezones": ["../../etc/passwd"]}, "activeTimezones"),
        ({"emailProvider": {"transport": "pigeon"}}, "emailProvider.transport"),
        ({"emailProvider": {"transport": "smtp", "password": "x"}}, "emailProvider.password"),
        ({"openaiApiKey": "sk-x"}, "openaiApiKey"),
        ({"nightlyAt": "25:00"}, "nightlyAt"),
    ],
)
def test_a_wrong_value_is_named_and_changes_nothing(owner, change, field):
    with in_tenant("acme"):
        before = TenantSettings.objects.values().get()

    answer = owner.send("put", "updateConfig", {"shortlistCap": 7, **change})

    assert answer.status_code == 400
    assert [each["field"].partition("[")[0] for each in answer.json()["errors"]] == [field]
    with in_tenant("acme"):
        assert TenantSettings.objects.values().get() == before


def test_only_a_platform_admin_stops_all_calls(owner):
    refused = owner.send("put", "updateConfig", {"llmTransactionLimit": 0})
    done = Caller("root").send("put", "updateConfig", {"llmTransactionLimit": 0})

    assert (refused.status_code, done.status_code) == (403, 200)
    with in_public():
        assert RateLimit.objects.get(lane="LLM").calls == 0


def test_no_secret_is_ever_in_it(owner, settings):
    settings.VENDOR_KEYS = dict.fromkeys(settings.VENDOR_KEYS, "sk-marked-secret")
    with in_public():
        VendorCredential.objects.create(
            tenant_id="acme", vendor="LLM", secret=b"marked", ending="cret", set_by="tests"
        )

    text = owner.get("getConfig").content.decode()

    assert "marked" not in text
    assert "cret" not in text


def test_one_tenants_settings_are_not_the_others(owner):
    owner.send("put", "updateConfig", {"activeTimezones": ["Asia/Tokyo"]})

    other = Caller("bee", tenant="beta").get("getConfig").json()

    assert other["activeTimezones"] == []
