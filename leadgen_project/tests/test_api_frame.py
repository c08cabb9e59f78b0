"""What all resources have in common: errors, pages, keys, conditional reads, limits, strictness."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections
from django.test import Client

from icp.models import Lead, Suppression
from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import fill, make_people, make_register
from tenants.api_models import ApiUse, IdempotentCall
from tenants.context import in_tenant
from tenants.models import AuditEvent, TenantSettings

BODY = {"kind": "DOMAIN", "value": "example.com.sg", "reason": "They asked us not to."}


@pytest.fixture
def owner(db) -> Caller:
    make_people()
    make_register()
    fill("acme", mark="Acmemark", leads=6)
    return Caller("owner")


def test_a_stranger_is_401_with_a_problem_and_a_member_of_another_tenant_403(owner):
    stranger = Client().get("/api/leads")
    bee = Caller("bee", tenant=None).get("leads", **{"X-Tenant-ID": "acme"})

    assert (stranger.status_code, bee.status_code) == (401, 403)
    for answer in (stranger, bee):
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    assert stranger.headers["WWW-Authenticate"]


def test_errors_name_every_field_and_carry_the_request_id(owner):
    answer = owner.post("suppressions", {"kind": "ALIEN", "value": "x"})

    body = answer.json()
    assert (answer.status_code, body["title"]) == (400, "Invalid input")
    assert {each["field"] for each in body["errors"]} == {"kind", "reason"}
    assert len(body["request_id"]) == 36


def test_unknown_fields_are_refused_in_bodies_and_addresses(owner):
    with in_tenant("acme"):
        lead = Lead.objects.first()
    sent = {**BODY, "tenant": "beta", "created_by": "root", "lifted_at": None}

    body = owner.post("suppressions", sent)
    query = owner.get("leads", {"stages": "SCORED"})
    one = owner.get(f"leads/{lead.public_id}", {"tenant": "beta"})

    assert {each["field"] for each in body.json()["errors"]} == set(sent) - set(BODY)
    assert query.json()["errors"] == [
        {"field": "stages", "message": "This field is unknown. Did you mean stage?"}
    ]
    assert one.status_code == 400
    with in_tenant("acme"):
        assert not Suppression.objects.filter(value=BODY["value"]).exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"null", b"[]", b'"x"', b"1e999", b'{"a":' * 5000, b'{"value": "\\u0000"}',
        b'{"value": "\\ud800"}', b"\xff\xfe", b'{"kind": {"$ne": 1}}', b'{"kind": "EMAIL", "value":'
        b' "' + b"9" * 100_000 + b'", "reason": "x"}', b'{"kind": ' + b"9" * 5000 + b"}",
        b'{"kind": NaN}', b'{"ids": [null, {}, []]}',
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "path", ["suppressions", "icp-rules/preview", "leads/decide", "views", "icp-rules"]
)
def test_hostile_bodies_are_refused(owner, path, raw):
    answer = owner.client.post(f"/api/{path}", raw, content_type="application/json")

    assert answer.status_code == 400, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_hostile_addresses_are_refused(owner):
    huge = "9" * 5000
    paths = ["leads/zzz", f"runs/{huge}", "runs/99999999999999999", f"shortlists/{huge}", "nothing",
             "leads?cursor=%00", "leads?cursor=W10", "leads?limit=0", f"leads?run_id={huge}",
             "leads?q=%00", "leads?ordering=__class__", "leads?ordering=-", "companies?q=%27%22%5C",
             "companies/%F0%9F%98%80", "why-not?q=%00", "audit?since=yesterday", "usage?by=tenant",
             "leads?district=99", "leads?view=1%27", "views/0", "leads?cursor=WyItaWQiLDFlOTk5XQ",
             "leads?stage[]=x", "suppressions?q=%27%20or%201=1"]  # fmt: skip

    for path in paths:
        answer = owner.get(path)
        assert answer.status_code in (200, 400, 404), path
        kind = "application/json" if answer.status_code == 200 else "application/problem+json"
        assert answer.headers["Content-Type"] == kind, path


def test_other_media_types_and_methods_are_refused_with_problems(owner):
    form = owner.client.post("/api/suppressions", BODY)
    method = owner.send("put", "leads")
    options = owner.client.options("/api/leads")

    assert (form.status_code, method.status_code, options.status_code) == (415, 405, 405)
    assert "GET" in method.headers["Allow"]


def test_an_unchanged_list_is_304_and_a_changed_one_is_not(owner):
    first = owner.get("suppressions")
    known = {"If-None-Match": first.headers["ETag"]}
    again = owner.get("suppressions", **known)
    owner.post("suppressions", BODY)
    changed = owner.get("suppressions", **known)

    assert (again.status_code, changed.status_code) == (304, 200)
    assert "private" in first.headers["Cache-Control"]
    assert "X-Tenant-ID" in first.headers["Vary"]


def test_a_key_makes_a_call_work_once_and_answer_the_same(owner):
    key = {"Idempotency-Key": "k-1"}

    first = owner.post("suppressions", BODY, **key)
    again = owner.post("suppressions", BODY, **key)
    other = owner.post("suppressions", {**BODY, "value": "other.com.sg"}, **key)
    elsewhere = owner.post("runs", {}, **key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status_code, elsewhere.status_code) == (422, 422)
    with in_tenant("acme"):
        assert AuditEvent.objects.filter(action="icp.suppression.add").count() == 1


def test_a_refused_call_uses_up_no_key(owner):
    key = {"Idempotency-Key": "k-2"}

    refused = owner.post("suppressions", {**BODY, "value": "no domain"}, **key)
    done = owner.post("suppressions", BODY, **key)

    assert (refused.status_code, done.status_code) == (400, 201)


def test_keys_belong_to_their_caller_and_end_after_a_day(owner):
    key = {"Idempotency-Key": "k-3"}
    owner.post("suppressions", BODY, **key)

    other = Caller("operator").post("suppressions", {**BODY, "value": "other.com.sg"}, **key)
    with in_tenant("acme"), connection.cursor() as cursor:
        cursor.execute("UPDATE tenants_idempotentcall SET created_at = now() - interval '25 hours'")
    later = owner.post("suppressions", {**BODY, "value": "later.com.sg"}, **key)

    assert (other.status_code, later.status_code) == (201, 201)
    with in_tenant("acme"):
        assert IdempotentCall.objects.count() == 1  # the other's was forgotten on the way


def test_a_malformed_key_is_refused(owner):
    answer = owner.post("suppressions", BODY, **{"Idempotency-Key": "x" * 201})

    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


def test_twenty_calls_at_once_have_one_effect_and_one_answer(committed):
    make_people()
    make_register()
    fill("acme", mark="Acmemark", leads=6)
    callers = [Caller("owner") for _ in range(20)]

    def call(caller: Caller) -> tuple[int, str]:
        try:
            answer = caller.post("runs", {}, **{"Idempotency-Key": "night"})
            return answer.status_code, json.dumps(answer.json(), sort_keys=True)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(call, callers))

    assert len(answers) == 1, answers
    assert next(iter(answers))[0] == 201
    with in_tenant("acme"):
        assert AuditEvent.objects.filter(action="tenants.run.start").count() == 1


def test_a_call_that_was_killed_leaves_nothing_and_the_next_does_the_work(committed):
    make_people()
    make_register()
    fill("acme", mark="Acmemark", leads=6)
    # The process dies after the effect and before the answer is kept.
    script = f"""
        import django, os
        django.setup()
        from tenants.api_models import IdempotentCall
        from django.db.models import QuerySet
        kept = QuerySet.update
        def die(rows, **values):
            if rows.model is IdempotentCall:
                os._exit(9)
            return kept(rows, **values)
        QuerySet.update = die
        from leadgen_project.tests.api_caller import Caller
        Caller("owner").post("suppressions", {BODY}, **{{"Idempotency-Key": "killed"}})
    """
    env = {**committed.env, "DJANGO_SETTINGS_MODULE": "leadgen_project.settings",
           "ALLOWED_HOSTS": "testserver"}  # fmt: skip

    command = [sys.executable, "-c", textwrap.dedent(script)]
    died = subprocess.run(command, env=env, timeout=60, check=False)
    answer = Caller("owner").post("suppressions", BODY, **{"Idempotency-Key": "killed"})

    assert died.returncode == 9
    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer.headers
    with in_tenant("acme"):
        assert Suppression.objects.filter(value=BODY["value"]).count() == 1


def test_too_many_calls_are_429_for_their_caller_alone(owner, settings):
    settings.API_CALLS_PER_MINUTE = 3
    operator = Caller("operator")

    # Minutes of the clock may begin between calls.
    last = next(owner.answer for _ in range(100) if owner.get("views").status_code == 429)
    other = operator.get("views")

    assert other.status_code == 200
    assert last.status_code == 429
    assert 1 <= int(last.headers["Retry-After"]) <= 60
    assert last.json()["title"] == "Too many calls"
    with in_tenant("acme"):
        assert ApiUse.objects.count() == 2


def test_a_member_cannot_reach_fields_that_are_not_offered(owner):
    with in_tenant("acme"):
        before = list(TenantSettings.objects.values())
        lead = Lead.objects.filter(stage="NEEDS_OPERATOR").first()
    extra = {"address": "x.example.sg", "score": 99, "stage": "SHORTLISTED", "tenant_id": "beta"}

    answer = owner.post(f"leads/{lead.public_id}/give-site", extra)

    assert answer.status_code == 400
    with in_tenant("acme"):
        assert list(TenantSettings.objects.values()) == before
        assert Lead.objects.get(pk=lead.pk).website == lead.website


def test_the_description_is_open_and_holds_an_example_for_every_body(db):
    answer = Client().get("/api/schema/")
    document = answer.json()

    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["operationId"], path
            assert operation.get("description"), f"{method} {path} says nothing of itself"
            content = operation.get("requestBody", {}).get("content", {})
            for kind in content.values():
                name = kind["schema"].get("$ref", "").rpartition("/")[2]
                fields = document["components"]["schemas"].get(name, {}).get("properties")
                assert not fields or kind.get("examples"), f"{method} {path}: no example"


def test_the_docs_page_loads_nothing_from_elsewhere(db):
    text = Client().get("/api/docs/").content.decode()

    assert "swagger-ui-bundle.js" in text
    assert "//" not in text.replace("<!--", "").replace("-->", "")
    assert "<style" not in text
    assert "onload" not in text
