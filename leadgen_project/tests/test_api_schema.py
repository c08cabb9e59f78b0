"""PROMISES E5: strange questions by the whole OpenAPI document, as each role.

No answer is a fault of ours, and each is one the document describes: status, media type, body.
The questions are the same in every run. Each operation is asked once, whatever it takes; further
rounds end with their time, so that all roles together stay within a minute.
"""

from __future__ import annotations

import time
from collections import Counter
from itertools import chain, zip_longest
from typing import Any

import pytest
import requests
import schemathesis
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from urllib3 import HTTPResponse

from enrichment.models import CaptchaChallenge
from enrichment.tests.harvest.rig import make_harvest
from icp.models import IcpRule, Lead, Suppression
from leadgen_project.api.describe import document
from leadgen_project.tests.console_data import fill, make_odoo, make_people, make_register
from outreach.models import Campaign, Message
from tenants.context import in_public, in_tenant
from tenants.models import PipelineRun, Tenant, User
from tenants.roles import scopes_of_role
from tenants.sign_in import api_tokens

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance,
          response_schema_conformance]  # fmt: skip
QUESTIONS = {"owner": 5, "operator": 2, "reviewer": 2, "auditor": 2}  # for each operation
LONGEST_SECONDS = 10  # of a role's rounds after the first
IDS = {"leads": "lead", "runs": "run", "shortlists": "run", "icp-rules": "rule",
       "suppressions": "suppression", "tenants": "tenant", "campaigns": "campaign",
       "messages": "message", "challenges": "challenge", "harvests": "harvest",
       "odoo": "odoo"}  # fmt: skip


@pytest.fixture
def known(db, monkeypatch) -> dict[str, str]:
    """Ids there are rows of."""
    monkeypatch.setattr("django.conf.settings.API_CALLS_PER_MINUTE", 10**6)
    make_people()
    make_register()
    fill("acme", mark="Acmemark", leads=12)
    with in_tenant("acme"):
        return {
            "lead": str(Lead.objects.first().public_id),
            "run": str(PipelineRun.objects.get().pk),
            "rule": str(IcpRule.objects.get().pk),
            "suppression": str(Suppression.objects.first().pk),
            "campaign": str(Campaign.objects.get().pk),
            "message": str(Message.objects.get().pk),
            "challenge": str(CaptchaChallenge.objects.first().public_id),
            "harvest": str(make_harvest().public_id),
            "odoo": str(make_odoo("Acmemark", lead=Lead.objects.earliest("pk")).pk),
            "tenant": "acme",
        }


def token_of(name: str) -> str:
    """A token of that person with all their role may do."""
    with in_public():
        user, tenant = User.objects.get(username=name), Tenant.objects.get(pk="acme")
    scopes = sorted(scopes_of_role(name.upper()))
    return api_tokens.create(tenant, user, name="x", scopes=scopes, days=1, now=timezone.now())[1]


@pytest.mark.parametrize("role", QUESTIONS)
def test_no_question_brings_a_fault_or_an_answer_nobody_described(known, role):
    schema = schemathesis.openapi.from_dict(document())
    headers = {"Authorization": f"Bearer {token_of(role)}"}
    asked: Counter[int] = Counter()
    faults: list[str] = []
    operations = [found.ok() for found in schema.get_all_operations()]
    rounds = zip_longest(*(questions(each, known, QUESTIONS[role]) for each in operations))

    give_up_at = time.monotonic() + LONGEST_SECONDS
    for position, case in enumerate(chain.from_iterable(rounds)):
        if position >= len(operations) and time.monotonic() > give_up_at:
            break
        if case is None:
            continue
        with transaction.atomic():  # what one question changes, the next does not meet
            answer = ask(case, headers)
            transaction.set_rollback(True)
        try:
            case.validate_response(answer, checks=CHECKS, headers=headers)
        except FailureGroup as exc:
            faults.append(f"{case.operation.label}: {exc}"[:2000])
        asked[answer.status_code] += 1

    assert not faults, "\n".join(faults)
    assert asked.total() >= len(operations) > 40
    assert asked[200] >= 10, asked


def ask(case: Any, headers: dict[str, str]) -> requests.Response:
    """Send the question through the test client, which keeps to this test's transaction."""
    sent = requests.Request(**case.as_transport_kwargs(base_url="http://testserver")).prepare()
    kind = sent.headers.pop("Content-Type", "")
    given = {**sent.headers, **headers}
    given.pop("Content-Length", None)
    found = Client(raise_request_exception=False).generic(
        sent.method, sent.path_url, sent.body or b"", content_type=kind, headers=given
    )
    answer = requests.Response()
    answer.request, answer.status_code = sent, found.status_code
    answer.headers.update(dict(found.items()))
    answer.raw = HTTPResponse(headers=dict(found.items()), status=found.status_code)
    answer._content = b"".join(found.streaming_content) if found.streaming else found.content
    return answer


def questions(operation: Any, known: dict[str, str], number: int) -> list[Any]:
    """Some questions of one operation, the same in every run; each other with real ids."""
    found: list[Any] = []

    @seed(7)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def collect(case: Any) -> None:
        found.append(case)

    collect()
    real = known.get(IDS.get(operation.path.removeprefix("/api/").split("/")[0], ""))
    for position, case in enumerate(found):
        if real and position % 2 == 0 and case.path_parameters:
            case.path_parameters = dict.fromkeys(case.path_parameters, real)
    return found
