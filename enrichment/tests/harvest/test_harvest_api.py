"""Harvests over the API: the plan's call word for word, and the resource beside it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from enrichment.harvest_api import PLAN_EXAMPLE
from enrichment.harvest_models import HarvestRequest, Listing
from enrichment.tests.harvest.rig import make_harvest, make_source
from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import make_people
from outreach.models import EmailTemplate
from tenants.context import in_public, in_tenant


@pytest.fixture
def operator(db) -> Caller:
    make_people()
    with in_tenant("acme"):
        EmailTemplate.objects.create(pk=1, name="First words")
        make_source(name="OpenStreetMap")
    return Caller("operator")


def fields_at_fault(answer):
    return [error["field"] for error in answer.json()["errors"]]


def test_trigger_harvest_as_the_plan_writes_it(operator):
    answer = operator.post("triggerHarvest", PLAN_EXAMPLE)

    assert answer.status_code == 202, answer.content
    said = answer.json()
    assert (said["status"], said["city"], said["templateId"], said["numberOfLeadsToProcess"]) == (
        "PENDING", "austin", 1, 50,
    )  # fmt: skip
    assert answer["Location"].endswith(f"/api/harvests/{said['requestId']}")
    with in_tenant("acme"):
        made = HarvestRequest.objects.get(public_id=said["requestId"])
    assert (made.category, made.requested_by) == ("business", "operator")
    with in_public():
        assert OrmQ.objects.count() == 1


def test_the_same_key_twice_is_one_harvest(operator):
    first = operator.post("triggerHarvest", PLAN_EXAMPLE, **{"Idempotency-Key": "k"})
    second = operator.post("triggerHarvest", PLAN_EXAMPLE, **{"Idempotency-Key": "k"})
    other = operator.post(
        "triggerHarvest", {**PLAN_EXAMPLE, "numLeads": 9}, **{"Idempotency-Key": "k"}
    )

    assert first.json() == second.json()
    assert other.status_code == 422
    with in_tenant("acme"):
        assert HarvestRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"city": "atlantis"}, "city"),
        ({"city": None}, "city"),
        ({"templateId": 99}, "templateId"),
        ({"templateId": "one"}, "templateId"),
        ({"numLeads": 0}, "numLeads"),
        ({"numLeads": 5_000}, "numLeads"),
        ({"numberOfLeadsToProcess": 9}, "numLeads"),
        ({"category": "moon"}, "category"),
        ({"source": "nobody"}, "source"),
        ({"nunLeads": 1}, "nunLeads"),
    ],
)
def test_a_bad_field_is_named(operator, changes, field):
    answer = operator.post("triggerHarvest", {**PLAN_EXAMPLE, **changes})

    assert answer.status_code == 400
    assert fields_at_fault(answer) == [field]


@pytest.mark.parametrize("missing", ["city", "templateId", "numLeads"])
def test_a_missing_field_is_named(operator, missing):
    sent = {name: value for name, value in PLAN_EXAMPLE.items() if name != missing}

    answer = operator.post("triggerHarvest", sent)

    assert (answer.status_code, fields_at_fault(answer)) == (400, [missing])


def test_the_plans_other_name_for_the_number_is_taken_too(operator):
    sent = {"city": "austin", "templateId": 1, "numberOfLeadsToProcess": 7}

    assert operator.post("triggerHarvest", sent).json()["numberOfLeadsToProcess"] == 7


def test_without_a_source_that_is_on_the_answer_says_what_to_do(operator):
    with in_tenant("acme"):
        type(make_harvest().source).objects.update(is_enabled=False)

    answer = operator.post("triggerHarvest", PLAN_EXAMPLE)

    assert answer.status_code == 409
    assert "OpenStreetMap is off: record its terms" in answer.json()["detail"]


def test_an_archived_template_is_refused(operator):
    with in_tenant("acme"):
        EmailTemplate.objects.update(is_archived=True)

    answer = operator.post("triggerHarvest", PLAN_EXAMPLE)

    assert fields_at_fault(answer) == ["templateId"]


def test_whoever_only_reads_starts_none(operator):
    for name in ("reviewer", "auditor"):
        assert Caller(name).post("triggerHarvest", PLAN_EXAMPLE).status_code == 403


def test_a_harvest_shows_numbers_that_add_up_and_its_entries(operator):
    with in_tenant("acme"):
        harvest = make_harvest(wanted=4)
        for number, outcome in enumerate(("TAKEN", "TAKEN", "REFUSED", "FOUND"), 1):
            Listing.objects.create(
                source=harvest.source, source_key=f"node/{number}", request=harvest,
                position=number, outcome=outcome, code="closed" * (outcome == "REFUSED"),
                record={"name": f"Sandbox {number}"},
            )  # fmt: skip

    said = operator.get(f"harvests/{harvest.public_id}").json()
    entries = operator.get(f"harvests/{harvest.public_id}/listings", {"outcome": "REFUSED"}).json()

    counts = said["counts"]
    assert (counts["met"], counts["taken"], counts["refused"], counts["waiting"]) == (4, 2, 1, 1)
    assert (said["percent"], counts["reasons"]) == (50, {"closed": 1})
    assert said["attribution"] == "© the makers"
    assert [(each["name"], each["code"]) for each in entries["results"]] == [
        ("Sandbox 3", "closed")
    ]


def test_a_harvest_is_paused_resumed_and_cancelled_once(operator):
    with in_tenant("acme"):
        harvest = make_harvest()
    at = f"harvests/{harvest.public_id}"

    assert operator.post(f"{at}/pause", {"reason": "Lunch."}).json()["is_paused"] is True
    assert operator.post(f"{at}/pause", {"reason": "Lunch."}).status_code == 409
    assert operator.post(f"{at}/resume").json()["is_paused"] is False
    assert operator.post(f"{at}/cancel", {"reason": "Enough."}).json()["status"] == "CANCELLED"
    assert operator.post(f"{at}/cancel", {"reason": "Enough."}).status_code == 409
    assert operator.post(f"{at}/cancel").status_code == 400


def test_a_list_of_harvests_asks_as_often_for_three_as_for_one(operator):
    with in_tenant("acme"):
        make_harvest()
    operator.get("harvests")
    with CaptureQueriesContext(connection) as one:
        operator.get("harvests")
    with in_tenant("acme"):
        make_harvest()
        make_harvest(status="CANCELLED", finished_at="2026-11-22T00:00:00Z")
    with CaptureQueriesContext(connection) as three:
        assert len(operator.get("harvests").json()["results"]) == 3

    assert len(three) == len(one)
    assert len(operator.get("harvests", {"status": "CANCELLED"}).json()["results"]) == 1
