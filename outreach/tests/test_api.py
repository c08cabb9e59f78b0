"""Mail over the API: the plan's two calls word for word, and the resources beside them."""

from __future__ import annotations

import pytest
from django.utils import timezone

from icp.suppressions import is_suppressed
from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import make_people
from outreach.api import PLAN_EXAMPLE
from outreach.models import Campaign, EmailTemplate, Message, Reply
from outreach.tests.factories import (
    make_campaign,
    make_contact,
    make_mailbox,
    make_message,
    make_policy,
    make_version,
)
from outreach.wording.templates import set_archived
from tenants.context import in_tenant


@pytest.fixture
def operator(db) -> Caller:
    make_people()
    with in_tenant("acme"):
        make_policy()
    return Caller("operator")


@pytest.fixture
def version(operator):
    with in_tenant("acme"):
        return make_version()


def call(operator, version, **changes):
    return operator.post("queueEmail", {**PLAN_EXAMPLE, "templateId": version.template_id,
                                        **changes})  # fmt: skip


def test_queue_email_as_the_plan_writes_it(operator, version):
    answer = call(operator, version)

    body = answer.json()
    assert answer.status_code == 201, body
    assert body["templateId"] == version.template_id
    assert body["leadData"] == PLAN_EXAMPLE["leadData"]
    assert (body["city"], body["timezone"]) == ("austin", "America/Chicago")
    assert (body["status"], body["state"], body["code"]) == ("QUEUED", "HELD", "not_verified")
    assert body["sentAt"] is None
    assert call(operator, version).status_code == 200
    with in_tenant("acme"):
        assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("QUEUED", "QUEUED"),
        ("SENT", "SENT"),
        ("ERROR_NO_EMAIL", "ERROR_NO_EMAIL"),
        ("ERROR_API_FAILURE", "ERROR_API_FAILURE"),
        ("REFUSED", "ERROR_API_FAILURE"),
    ],
)
def test_every_status_word_of_the_plan_is_reached(operator, version, status, word):
    with in_tenant("acme"):
        sent_at = timezone.now() if status == "SENT" else None
        message = make_message(template_version=version, status=status, code="x", sentence="y",
                               sent_at=sent_at, mailbox=make_mailbox())  # fmt: skip

    found = operator.get(f"messages/{message.pk}").json()

    assert (found["status"], found["status_in_plan"]) == (status, word)


def test_without_an_address_the_answer_is_the_plans_word(operator, version):
    body = call(operator, version, leadData={"name": "John"}, city="").json()

    assert (body["status"], body["code"]) == ("ERROR_NO_EMAIL", "no_address")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"templateId": 999}, "templateId"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"city": "boston"}, "city"),
        ({"leadData": "x"}, "leadData"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_mistakes_name_their_field(operator, version, changes, field):
    answer = call(operator, version, **changes)

    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == [field]


def test_an_idempotency_key_queues_once(operator, version):
    body = {**PLAN_EXAMPLE, "templateId": version.template_id}

    first = operator.post("queueEmail", body, **{"Idempotency-Key": "k"})
    second = operator.post("queueEmail", body, **{"Idempotency-Key": "k"})

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["Idempotency-Replayed"] == "true"


def test_get_templates_as_the_plan_writes_it(operator, version):
    with in_tenant("acme"):
        set_archived(make_version().template, archived=True, actor="o")

    (found,) = operator.get("getTemplates").json()

    assert found["templateId"] == version.template_id
    assert found["templateName"] == version.template.name
    assert found["baseSubject"] == "Tea for {{ business_name }}"
    assert found["baseBodyHtml"] == "<p>Dear {{ first_name }}</p>"
    assert (found["isArchived"], found["version"]) == (False, 1)
    assert len(operator.get("getTemplates", {"archived": "true"}).json()) == 2


def test_a_campaign_is_watched_and_driven(operator):
    with in_tenant("acme"):
        make_contact(verdict="DELIVERABLE")
        step = make_campaign(make_mailbox(), status="DRAFT", audience={"filter": {}})
    address = f"campaigns/{step.campaign_id}"

    assert operator.post(f"{address}/start").json()["counts"]["chosen"] == 1
    assert operator.post(f"{address}/start").status_code == 409
    assert operator.post(f"{address}/pause", {"reason": "x"}).json()["status"] == "PAUSED"
    assert operator.post(f"{address}/resume", {"reason": "x"}).json()["status"] == "RUNNING"
    stopped = operator.post(f"{address}/stop", {"reason": "x"}).json()
    assert stopped["counts"]["cancelled"] == 1
    assert operator.get("campaigns", {"status": "STOPPED"}).json()["results"][0] == stopped
    assert Caller("reviewer").post(f"{address}/stop", {"reason": "x"}).status_code == 403


def test_messages_are_filtered_paged_and_decided(operator):
    with in_tenant("acme"):
        step = make_campaign(make_mailbox())
        held = make_message(step, status="HELD", code="origin_asks", sentence="Ask.",
                            not_before=None)  # fmt: skip
        for _ in range(2):
            make_message(step)

    page = operator.get("messages", {"limit": "2", "campaign": str(step.campaign_id)}).json()
    rest = operator.client.get(page["next"]).json()
    assert len(page["results"] + rest["results"]) == 3
    (found,) = operator.get("messages", {"status": "HELD"}).json()["results"]
    assert found["id"] == held.pk

    released = operator.post(f"messages/{held.pk}/release", {"reason": "I know them"})
    assert released.json()["status"] == "QUEUED"
    assert operator.post(f"messages/{held.pk}/release", {"reason": "x"}).status_code == 409
    assert operator.post(f"messages/{held.pk}/drop", {"reason": "x"}).json()["code"] == "dropped"
    kinds = [each["kind"] for each in operator.get(f"messages/{held.pk}").json()["events"]]
    assert kinds == ["DECIDED", "DECIDED"]


@pytest.mark.parametrize("path", ["messages", "campaigns", "getTemplates", "replies"])
def test_lists_cost_the_same_for_one_row_or_many(operator, path, django_assert_max_num_queries):
    with in_tenant("acme"):
        make_message(make_campaign(make_mailbox()))
    operator.get(path)
    with django_assert_max_num_queries(60) as one:
        operator.get(path)
    with in_tenant("acme"):
        for _ in range(3):
            make_message(make_campaign(make_mailbox()))
        assert EmailTemplate.objects.count() > 3
        assert Campaign.objects.count() > 3

    with django_assert_max_num_queries(len(one)):
        operator.get(path)


def test_replies_are_listed_and_decided_once(operator):
    with in_tenant("acme"):
        mailbox = make_mailbox()
        message = make_message(make_campaign(mailbox), mailbox=mailbox)
        other = make_message(make_campaign(mailbox), mailbox=mailbox)
        wanted, _ = (
            Reply.objects.create(message=each, mailbox=mailbox, kind="REPLY", sender=each.recipient,
                                 excerpt="No, thank you.", reference="r")
            for each in (message, other)
        )  # fmt: skip

    asked = {"campaign": str(message.step.campaign_id), "state": "WAITING"}
    (found,) = operator.get("replies", asked).json()["results"]
    assert (found["id"], found["excerpt"]) == (wanted.pk, "No, thank you.")
    assert operator.get(f"replies/{wanted.pk}").json() == found

    address = f"replies/{wanted.pk}/decide"
    assert operator.post(address, {"state": "WAITING"}).status_code == 400
    assert operator.post(address, {"state": "NOT_INTERESTED"}).json()["decided_by"] == "operator"
    assert operator.post(address, {"state": "DONE"}).status_code == 409
    with in_tenant("acme"):
        assert is_suppressed(email=message.recipient)
    assert Caller("auditor").post(address, {"state": "DONE"}).status_code == 403
    assert operator.get("replies", {"state": "LATER"}).status_code == 400
