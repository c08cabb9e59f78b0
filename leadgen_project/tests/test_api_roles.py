"""PROMISES E4: who may call what, every role and token against every operation of the document."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import fill, make_people, make_register
from leadgen_project.tests.test_isolation_inventory import example_of, operations, send
from tenants.context import in_public
from tenants.models import Tenant, User
from tenants.roles import ACTIONS
from tenants.sign_in import api_tokens

NOBODYS = {"id": "5b0f0a4e-6c1d-4f0e-9a55-6d7d0f8f5b3e", "run": "999999", "uen": "NOBODY",
           "tenant_id": "nobody"}  # fmt: skip
OF_THE_DOOR = ("/api/device/", "/api/token/", "/api/tenants/")  # before or beside all rights
CHANGES_NOTHING = {"/api/icp-rules/preview"}  # POSTs that every member may send


@pytest.fixture
def filled(db):
    make_people()
    make_register()
    fill("acme", mark="Acmemark", leads=6)


def address(path: str) -> str:
    """With ids nobody has: whoever may is told 404, whoever may not 403."""
    number = not path.startswith(("/api/leads", "/api/challenges", "/api/harvests"))
    ids = {**NOBODYS, "id": "999999"} if number else NOBODYS
    return re.sub(r"{(\w+)}", lambda found: ids[found[1]], path)


def allowed(operation: dict[str, Any], role: str) -> bool:
    right = operation.get("x-right")
    return right is None or role.upper() in ACTIONS[right]


@pytest.mark.parametrize("role", ["owner", "operator", "reviewer", "auditor"])
def test_each_role_may_call_what_the_table_says(filled, role):
    caller, walked = Caller(role), 0

    for path, method, operation in operations():
        if path.startswith("/api/tenants/"):
            continue  # 403 for a tenant that is not the caller's, whatever the role
        answer = send(caller, method, address(path), example_of(operation))
        may_call = allowed(operation, role)
        assert (answer.status_code != 403) == may_call, f"{method} {path}: {answer.status_code}"
        walked += 1

    assert walked > 40


def test_what_changes_something_names_its_right():
    for path, method, operation in operations():
        if method == "get" or path in CHANGES_NOTHING or path.startswith(OF_THE_DOOR):
            continue
        assert operation.get("x-right") in ACTIONS, f"{method} {path}"
        assert operation["x-right"] in operation["description"], f"{method} {path}"


def test_a_token_does_no_more_than_its_scopes(filled):
    with in_public():
        user, tenant = User.objects.get(username="owner"), Tenant.objects.get(pk="acme")

    def call(scopes: list[str], method: str, path: str, body: Any = None) -> int:
        _, text = api_tokens.create(tenant, user, name="x", scopes=scopes, days=1,
                                    now=timezone.now())  # fmt: skip
        client = Client(headers={"Authorization": f"Bearer {text}"})
        return client.generic(
            method, path, body or b"", content_type="application/json"
        ).status_code

    body = b'{"kind": "DOMAIN", "value": "example.com.sg", "reason": "They asked us."}'

    assert call(["read"], "GET", "/api/leads") == 200
    assert call(["read"], "POST", "/api/suppressions", body) == 403
    assert call(["icp.suppress"], "GET", "/api/leads") == 403
    assert call(["icp.suppress"], "POST", "/api/suppressions", body) == 201
    assert call(["icp.suppress"], "POST", "/api/runs", b"{}") == 403


def test_a_token_needs_no_csrf_token_and_a_session_does(filled):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="owner"))

    refused = strict.post("/api/runs", {}, content_type="application/json",
                          headers={"X-Tenant-ID": "acme"})  # fmt: skip

    assert refused.status_code == 403
    assert "CSRF" in refused.json()["detail"]
