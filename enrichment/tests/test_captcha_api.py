"""The plan's ``resolveCaptcha`` and the queue over the API."""

from __future__ import annotations

from datetime import timedelta

import pytest

from enrichment.captcha.claim import claim_next
from enrichment.captcha.open import open_challenge
from enrichment.models import CaptchaChallenge, Contact, Evidence
from icp import suppressions
from icp.models import Lead
from icp.tests.factories import make_lead
from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import make_people
from tenants.clock import database_now
from tenants.context import in_tenant

NOBODYS = "5b0f0a4e-6c1d-4f0e-9a55-6d7d0f8f5b3e"


@pytest.fixture
def leads(db) -> list[Lead]:
    """Two leads before a wall."""
    make_people()
    with in_tenant("acme"):
        leads = [make_lead(stage="NEEDS_OPERATOR") for _ in range(2)]
        for lead in leads:
            open_challenge(lead=lead, url="https://w.example/", host="w.example", make="hCaptcha")
    return leads


@pytest.fixture
def operator(leads) -> Caller:
    return Caller("operator")


def body(lead: Lead, *, success: bool = True, email: str | None = "Owner@Example.com") -> dict:
    return {"leadId": str(lead.public_id), "captchaSuccess": success, "extractedEmail": email}


def end_claims() -> None:
    with in_tenant("acme"):
        past = database_now() - timedelta(seconds=1)
        CaptchaChallenge.objects.filter(state="CLAIMED").update(held_until=past)


def test_success_keeps_the_address_and_moves_the_lead_on(leads, operator):
    answer = operator.post("resolveCaptcha", body(leads[0]))

    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert (said["leadId"], said["status"], said["state"]) == (
        str(leads[0].public_id), "PENDING", "SOLVED",
    )  # fmt: skip
    with in_tenant("acme"):
        assert Contact.objects.get().email == "owner@example.com"
        assert Evidence.objects.get(field="emails").source == "CAPTCHA"
        assert CaptchaChallenge.objects.get(lead=leads[0]).settled_by == "operator"


def test_failure_returns_it_to_the_queue(leads, operator):
    answer = operator.post("resolveCaptcha", body(leads[0], success=False, email=""))

    assert answer.status_code == 200
    said = answer.json()
    assert (said["status"], said["state"], said["tries"]) == ("PENDING_CAPTCHA", "OPEN", 1)


def test_the_same_call_again_changes_nothing(leads, operator):
    for sent in (body(leads[0]), body(leads[1], success=False, email=None)):
        first = operator.post("resolveCaptcha", sent)
        again = operator.post("resolveCaptcha", sent)
        assert (again.status_code, again.json()) == (200, first.json())

    other = operator.post("resolveCaptcha", body(leads[0], email="other@example.com"))
    assert other.status_code == 409
    assert "passed already, by operator" in other.json()["detail"]


def test_a_claim_of_somebody_else_or_one_that_ended_is_a_conflict(leads, operator):
    owner = Caller("owner")
    claimed = owner.post("challenges/claim").json()
    assert claimed["lead_id"] == str(leads[0].public_id)

    refused = operator.post("resolveCaptcha", body(leads[0]))
    assert refused.status_code == 409
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert "owner has it in hand" in refused.json()["detail"]
    end_claims()
    late = owner.post("resolveCaptcha", body(leads[0]))
    assert late.status_code == 409
    assert "claim has ended" in late.json()["detail"]
    assert operator.post("resolveCaptcha", body(leads[0])).status_code == 200


def test_a_lead_that_no_wall_keeps_is_a_conflict_and_a_strange_one_unknown(leads, operator):
    with in_tenant("acme"):
        free = make_lead(stage="ENRICHED")

    assert operator.post("resolveCaptcha", body(free)).status_code == 409
    sent = {**body(free), "leadId": NOBODYS}
    assert operator.post("resolveCaptcha", sent).status_code == 404


def test_a_lead_that_waited_before_there_were_challenges_is_resolved_as_well(leads, operator):
    with in_tenant("acme"):
        lead = make_lead(stage="NEEDS_OPERATOR", website="old.example")

    assert operator.post("resolveCaptcha", body(lead)).status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"leadId": "x"}, "leadId"),
        ({"captchaSuccess": "perhaps"}, "captchaSuccess"),
        ({"captchaSuccess": False}, "extractedEmail"),
        ({"extractedEmail": "61234567"}, "extractedEmail"),
        ({"extractedEmail": "a@b.example, c@d.example"}, "extractedEmail"),
        ({"extractedEmail": "gone@example.com"}, "extractedEmail"),
        ({"extractedemail": "a@b.example"}, "extractedemail"),
    ],
)
def test_wrong_input_is_named(leads, operator, change, field):
    with in_tenant("acme"):
        suppressions.add("EMAIL", "gone@example.com", reason="asked", actor="o")

    answer = operator.post("resolveCaptcha", {**body(leads[0]), **change})

    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]
    with in_tenant("acme"):
        assert set(CaptchaChallenge.objects.values_list("state", flat=True)) == {"OPEN"}


def test_the_queue_is_worked_by_lease(leads, operator):
    owner = Caller("owner")
    mine = operator.post("challenges/claim").json()
    theirs = owner.post("challenges/claim").json()
    assert {mine["lead_id"], theirs["lead_id"]} == {str(lead.public_id) for lead in leads}
    assert Caller("both").post("challenges/claim").status_code == 204
    assert [
        row["id"] for row in operator.get("challenges", {"mine": "true"}).json()["results"]
    ] == [mine["id"]]

    place = f"challenges/{mine['id']}"
    assert owner.post(f"{place}/claim").status_code == 409
    assert owner.post(f"{place}/release").status_code == 409
    assert operator.post(f"{place}/skip", {"lease": mine["lease"] + 1}).status_code == 409
    skipped = operator.post(f"{place}/skip", {"lease": mine["lease"]}).json()
    assert (skipped["state"], skipped["claimed_by"]) == ("OPEN", "")
    assert operator.post("challenges/claim").json()["id"] == mine["id"]

    solved = operator.post(f"{place}/resolve", {"found": "+65 6123 4567"})
    assert (solved.json()["state"], solved.json()["found"]) == ("SOLVED", "phone")
    failed = owner.post(f"challenges/{theirs['id']}/could-not-pass")
    assert (failed.json()["state"], failed.json()["tries"]) == ("OPEN", 1)


def test_the_list_shows_what_waits_and_on_demand_the_rest(leads, operator):
    operator.post("resolveCaptcha", body(leads[0]))

    waiting = operator.get("challenges").json()["results"]
    solved = operator.get("challenges", {"state": "SOLVED", "host": "W.example"}).json()["results"]

    assert [row["lead_id"] for row in waiting] == [str(leads[1].public_id)]
    assert [row["lead_id"] for row in solved] == [str(leads[0].public_id)]
    assert operator.get(f"challenges/{waiting[0]['id']}").json() == waiting[0]


def test_listing_challenges_costs_the_same_however_many_there_are(leads, operator):
    def count() -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as queries:
            operator.get("challenges")
        return len(queries)

    two = count()
    with in_tenant("acme"):
        for _ in range(3):
            lead = make_lead(stage="NEEDS_OPERATOR")
            open_challenge(lead=lead, url="https://w.example/", host="w.example", make="hCaptcha")

    assert count() == two


def test_reviewers_may_look_and_not_work(leads):
    reviewer = Caller("reviewer")

    assert reviewer.get("challenges").status_code == 200
    assert reviewer.post("challenges/claim").status_code == 403
    assert reviewer.post("resolveCaptcha", body(leads[0])).status_code == 403


def test_a_challenge_of_another_tenant_is_nobodys(leads):
    with in_tenant("acme"):
        challenge = claim_next(actor="operator")

    bee = Caller("bee", tenant="beta")

    assert bee.post(f"challenges/{challenge.public_id}/claim").status_code == 404
    assert bee.post("resolveCaptcha", body(leads[0])).status_code == 404
    assert bee.get("challenges").json()["results"] == []
