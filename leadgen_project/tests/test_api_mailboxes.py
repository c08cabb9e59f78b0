"""``authenticateOutlook`` and ``handleOutlookCallback``, as a program calls them."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import make_people
from outreach.models import Mailbox
from outreach.tests.factories import make_mailbox
from outreach.tests.signed_in import use_microsoft
from tenants.context import in_tenant


@pytest.fixture
def microsoft(settings):
    with MicrosoftStandIn(signs_in="olga@us.example") as stand_in:
        use_microsoft(settings, stand_in)
        yield stand_in


@pytest.fixture(autouse=True)
def people(db):
    return make_people()


def come_back(address: str) -> dict[str, str]:
    answer = requests.get(address, allow_redirects=False, timeout=10)
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {"code": query["code"][0], "state": query["state"][0]}


def test_the_plans_two_calls_connect_a_mailbox(microsoft):
    caller = Caller("owner")

    begun = caller.post("authenticateOutlook")
    done = caller.post("handleOutlookCallback", come_back(begun.json()["authUrl"]))

    assert list(begun.json()) == ["authUrl"]
    assert done.status_code == 200
    assert done.json() == {"message": "olga@us.example is connected."}
    with in_tenant("acme"):
        assert Mailbox.objects.get().state == "READY"


def test_a_replayed_or_foreign_state_is_refused_with_a_sentence(microsoft):
    owner = Caller("owner")
    back = come_back(owner.post("authenticateOutlook").json()["authUrl"])

    foreign = Caller("operator").post("handleOutlookCallback", back)
    other_tenant = Caller("bee", tenant="beta").post("handleOutlookCallback", back)
    owner.post("handleOutlookCallback", back)
    replayed = owner.post("handleOutlookCallback", back)

    for answer in (foreign, other_tenant, replayed):
        assert answer.status_code == 400
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "Begin again" in answer.json()["detail"]


def test_the_same_idempotency_key_gets_the_same_answer_and_connects_once(microsoft):
    caller = Caller("owner")
    back = come_back(caller.post("authenticateOutlook").json()["authUrl"])

    first = caller.post("handleOutlookCallback", back, **{"Idempotency-Key": "k"})
    second = caller.post("handleOutlookCallback", back, **{"Idempotency-Key": "k"})

    assert first.json() == second.json()
    assert second.status_code == 200
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(microsoft.asked("token")) == 1


def test_a_refusal_spends_the_state_even_under_an_idempotency_key(microsoft):
    caller = Caller("owner")
    back = come_back(caller.post("authenticateOutlook").json()["authUrl"])
    wrong = {**back, "code": "0.invented"}

    refused = caller.post("handleOutlookCallback", wrong, **{"Idempotency-Key": "k"})

    assert refused.status_code == 400
    assert caller.post("handleOutlookCallback", back).status_code == 400


def test_a_named_mailbox_must_be_one_of_the_tenants(microsoft):
    with in_tenant("beta"):
        make_mailbox(address="theirs@beta.example")

    answer = Caller("owner").post("authenticateOutlook", {"mailbox": "theirs@beta.example"})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "mailbox"


@pytest.mark.parametrize("uri", ["http://evil.example/x", "javascript:alert(1)", "ftp://a/b"])
def test_only_safe_addresses_to_come_back_to_are_taken(microsoft, uri):
    answer = Caller("owner").post("authenticateOutlook", {"redirectUri": uri})

    assert answer.status_code == 400


def test_who_may_only_read_begins_nothing(microsoft):
    for name in ("reviewer", "auditor"):
        assert Caller(name).post("authenticateOutlook").status_code == 403
        sent = {"code": "c", "state": "s"}
        assert Caller(name).post("handleOutlookCallback", sent).status_code == 403


def test_without_an_application_the_setting_is_named(settings):
    settings.MICROSOFT_CLIENT_ID = ""

    answer = Caller("owner").post("authenticateOutlook")

    assert answer.status_code == 409
    assert "MICROSOFT_CLIENT_ID" in answer.json()["detail"]
