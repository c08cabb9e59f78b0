"""PROMISES D1, D5, N18: everything that can be asked is asked for another tenant's things.

What there is to ask comes from the routing table, the OpenAPI document, the admin's registry, the
registry of tasks and the list of commands, so that something new is walked by itself, or fails here
until somebody says how to walk it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.core.management import get_commands
from django.test import RequestFactory
from django.urls import reverse

from enrichment.models import CaptchaChallenge
from enrichment.tests.harvest.rig import make_harvest
from icp import suppressions
from icp.models import IcpRule, Lead, Move, Suppression
from leadgen_project.api.describe import document
from leadgen_project.tests.api_caller import Caller
from leadgen_project.tests.console_data import (
    fill,
    make_mail,
    make_odoo,
    make_people,
    make_register,
)
from leadgen_project.tests.test_console_isolation import body, ids_in, routes, sign_in
from outreach.models import Campaign, Message, Reply
from outreach.tests.factories import make_mailbox
from tenants.api_models import SavedView
from tenants.context import in_public, in_tenant
from tenants.models import AuditEvent, Membership, PipelineRun, TenantSettings, User
from tenants.tasks import REGISTRY

OURS, THEIRS = "Acmemark", "Betamark"
READERS = ("owner", "operator", "reviewer", "auditor")
METHODS = ("get", "post", "put", "patch", "delete")
# Ids in addresses of the API: beginning of the path -> name of the foreign id (see ``foreign``).
IDS = {
    "/api/leads/": "lead", "/api/runs/": "run", "/api/shortlists/": "run",
    "/api/icp-rules/": "rule", "/api/suppressions/": "suppression", "/api/views/": "view",
    "/api/tenants/": "tenant", "/api/campaigns/": "campaign", "/api/messages/": "message",
    "/api/challenges/": "challenge", "/api/replies/": "reply",
    "/api/harvests/": "harvest", "/api/odoo/": "odoo",
}  # fmt: skip
SHARED = ("/api/companies",)  # the register is everybody's
# Task -> its arguments when they name another tenant's things.
TASKS: dict[str, tuple[str, ...]] = {
    "leadgen_project.tasks.work": ("run_id",),
    "leadgen_project.vendor_figures.reconcile_vendors": (),
    "leadgen_project.heed_platform.heed_platform": (),
    "leadgen_project.heed_platform.let_go_of_platform": ("value_hash",),
    "enrichment.tasks.verify_lead_now": ("lead_id",),
    "leadgen_project.notices.tasks.mail_notices": (),
    "leadgen_project.moving_in.tasks.undo_move": ("move_id",),
    "enrichment.tasks.search_now": ("lead_id",),
    "enrichment.tasks.find_people_now": ("lead_id",),
    "enrichment.tasks.recheck_addresses": (),
    "enrichment.tasks.harvest": ("request_id",),
    "outreach.tasks.deliver_mail": ("mailbox_id",),
    "outreach.tasks.ask_about_held_mail": (),
    "outreach.tasks.clear_stray_drafts": (),
    "outreach.tasks.read_mailbox": ("mailbox_id",),
    "odoo_sync.tasks.push_leads": (),
    "odoo_sync.tasks.read_outcomes": (),
}
# Command -> why it cannot show or change another tenant's rows than the one it is given.
COMMANDS = {
    "export_person": "reads under the role of the tenant it is given; see test_persons",
    "erase_person": "writes under the role of the tenant it is given; see test_persons",
    "import_sqlite": "writes under the role of the tenant it is given; see test_moving_in",
    "import_config": "writes the settings of the tenant it is given, under its role",
    "night": "enters the tenant it is given, as a task does",
    "create_tenant": "makes a new one; writes no other's rows",
    "create_user": "writes accounts, which belong to the platform",
    "migrate": "changes tables, of all tenants alike",
    "makemigrations": "reads no database",
    "load_register": "writes the register, which is shared",
    "fetch_register": "writes the register, which is shared",
    "export_tenant": "reads under the role of the tenant it is given; see test_take_out",
    "import_tenant": "fills a new tenant; see test_take_out",
    "erase_tenant": "looks for what carries the key it is given; see test_take_out",
    "after_restore": "enters each tenant in turn, as a task does",
    "demo": "makes tenants of its own, of the sandbox",
    "run": "starts processes",
    "rotate_secrets": "writes secrets anew, each in its own row, and shows none",
    "link_identity": "writes accounts, which belong to the platform",
    "reset_second_factor": "writes accounts, which belong to the platform",
    "write_chat_commands": "reads no database",
    "write_roles_page": "reads no database",
    "worker": "starts processes, which enter tenants as tasks do",
    "cluster": "takes tasks, each in its own tenant",
    "stop_database": "reads no database",
}


@pytest.fixture
def filled(db, settings):
    settings.API_CALLS_PER_MINUTE = 10**6  # the walks ask more than one person may in a minute
    people = make_people()
    make_register()
    fill("acme", mark=OURS, leads=6)
    fill("beta", mark=THEIRS, leads=6)
    with in_tenant("acme"):
        make_odoo(OURS, lead=Lead.objects.earliest("pk"))
    with in_tenant("beta"):
        make_odoo(THEIRS, lead=Lead.objects.earliest("pk"))
        SavedView.objects.create(
            tenant_id="beta", page="leads", name=f"{THEIRS} view", owner=people["bee"],
            is_team=True, query={"q": THEIRS},
        )  # fmt: skip
    return people


@pytest.fixture
def foreign(filled) -> dict[str, str]:
    """Ids of beta's rows that are not also ids of acme's."""
    with in_tenant("beta"):
        make_mail(THEIRS, pk=10**9)
        only_theirs = Lead.objects.create(pk=10**9, source_ref=THEIRS, name=f"{THEIRS} LAST")
        harvest = make_harvest(pk=10**9, city=THEIRS)
        push = make_odoo(THEIRS, lead=only_theirs, pk=10**9)  # its conflict and recall as well
        their_move = Move.objects.create(pk=10**9, status="UNDOING", created_by=THEIRS)
        theirs, _ = suppressions.add("EMAIL", f"{THEIRS}@forbidden.example", reason="x", actor="x",
                                     source=suppressions.PLATFORM)  # fmt: skip
        their_box = make_mailbox(pk=10**9, address=f"{THEIRS}@beta.example")
        last = Message.objects.order_by("pk").last()
        reply = Reply.objects.create(pk=10**9, message=last, mailbox=their_box, kind="REPLY",
                                     sender=f"{THEIRS}@kaya.example", reference="r")  # fmt: skip
        return {
            "reply": str(reply.pk),
            "lead": str(Lead.objects.first().public_id),
            "run": str(PipelineRun.objects.get().pk),
            "rule": str(IcpRule.objects.order_by("pk").last().pk),
            "suppression": str(Suppression.objects.order_by("pk").last().pk),
            "view": str(SavedView.objects.get().pk),
            "campaign": str(Campaign.objects.order_by("pk").last().pk),
            "challenge": str(CaptchaChallenge.objects.first().public_id),
            "message": str(last.pk),
            "harvest": str(harvest.public_id),
            "odoo": str(push.pk),
            "request_id": str(harvest.pk),
            "tenant": "beta",
            "run_id": str(PipelineRun.objects.get().pk),
            "lead_id": str(only_theirs.pk),
            "move_id": str(their_move.pk),
            "mailbox_id": str(their_box.pk),
            "value_hash": theirs.value_hash,
        }


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


def example_of(operation: dict[str, Any]) -> Any:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for example in content.get("examples", {}).values():
            return example["value"]
    return {}


def everything(tenant: str) -> dict[str, list[str]]:
    """All rows of the tenant, in its schema and in the shared tables."""
    models = [
        model
        for config in apps.get_app_configs()
        if config.name in settings.TENANT_APPS
        for model in config.get_models()
    ]
    shared = [AuditEvent, Membership, PipelineRun, SavedView, TenantSettings]
    with in_tenant(tenant):
        return {
            model._meta.label: sorted(map(repr, model.objects.values_list()))
            for model in [*models, *shared]
        }


def send(caller: Caller, method: str, path: str, sent: Any, **headers: str) -> Any:
    path = path.removeprefix("/api/") if path.startswith("/api/") else f"../{path.lstrip('/')}"
    if method == "get":
        return caller.get(path, **headers)
    return caller.send(method, path, sent, **headers)


def test_every_address_of_the_api_is_in_the_document():
    in_routing = {route for route in routes() if route.startswith("/api/")}
    described = {path for path in document()["paths"] if path.startswith("/api/")}
    beside = {"/api/schema/", "/api/docs/"}

    assert len(in_routing - beside) == len(described)


def test_no_call_with_an_id_of_another_tenant_finds_it_or_changes_it(filled, foreign, caplog):
    caplog.set_level(logging.DEBUG)
    before = everything("beta")
    walked = 0

    for name in READERS:
        caller = Caller(name)
        for path, method, operation in operations():
            if "{" not in path or path.startswith(SHARED):
                continue
            kind = next((IDS[begin] for begin in IDS if path.startswith(begin)), None)
            assert kind, f"{path}: say in IDS how to ask for another tenant's"
            address = path[: path.index("{")] + foreign[kind] + path[path.index("}") + 1 :]
            answer = send(caller, method, address, example_of(operation))
            if kind in ("rule", "suppression") and _is_ours_too(kind, foreign[kind]):
                continue
            assert answer.status_code in (403, 404), f"{name}: {method} {address}"
            assert THEIRS not in body(answer), address
            walked += 1

    assert walked > 60
    assert everything("beta") == before
    assert THEIRS not in caplog.text


def _is_ours_too(kind: str, number: str) -> bool:
    model = {"rule": IcpRule, "suppression": Suppression}[kind]
    with in_tenant("acme"):
        return model.objects.filter(pk=number).exists()


def test_no_call_is_answered_for_a_tenant_that_is_not_the_callers(filled):
    for name in ("owner", "auditor", "nobody"):
        caller = Caller(name, tenant=None)
        for path, method, operation in operations():
            address = path.replace("{", "").replace("}", "")
            answer = send(caller, method, address, example_of(operation), **{"X-Tenant-ID": "beta"})
            assert answer.status_code == 403, f"{name}: {method} {address}"
            assert THEIRS not in body(answer), address


def test_lists_searches_filters_and_cursors_show_the_own_tenant_alone(filled, foreign):
    owner, bee = Caller("owner"), Caller("bee", tenant="beta")
    with in_tenant("beta"):
        uen = Lead.objects.first().uen
    part = THEIRS[:-1]

    for path, method, operation in operations():
        if method != "get" or "{" in path or path.startswith("/info"):
            continue
        theirs = bee.get(path.removeprefix("/api/"), {"limit": "1"})
        questions: list[dict[str, str]] = [{}]
        for parameter in operation.get("parameters", []):
            questions += [
                {parameter["name"]: value}
                for value in (part, uen, "beta", foreign["run"], foreign["view"], "true", "-id")
            ]
        if theirs.status_code == 200 and "next" in theirs.json() and theirs.json()["next"]:
            cursor = theirs.json()["next"].partition("cursor=")[2].partition("&")[0]
            questions.append({"cursor": cursor})
        for query in questions:
            answer = owner.get(path.removeprefix("/api/"), query)
            assert answer.status_code in (200, 400, 404), f"{path} {query}"
            assert THEIRS not in body(answer), f"{path} {query}"


def test_ids_of_another_tenant_in_a_body_are_unknown(filled, foreign):
    owner, before = Caller("owner"), everything("beta")
    with in_tenant("beta"):
        ids = [str(each) for each in Lead.objects.values_list("public_id", flat=True)]

    for verdict in ("accept", "reject", "send_back", "suppress"):
        sent = {"ids": ids, "verdict": verdict, "reason": "Not ours."}
        answer = owner.post("leads/decide", sent)
        assert answer.status_code in (200, 409), answer.content
        if answer.status_code == 200:
            assert answer.json()["unknown"] == ids
    for field in ("tenant", "tenant_id", "schema_name", "owner", "owner_id"):
        sent = {"page": "leads", "name": "x", "query": {}, field: "beta"}
        assert owner.post("views", sent).status_code == 400

    assert everything("beta") == before


def test_an_idempotency_key_of_another_tenant_is_nobodys(filled):
    sent = {"kind": "DOMAIN", "value": f"{THEIRS}.example.sg", "reason": THEIRS}
    key = {"Idempotency-Key": "shared"}
    both = User.objects.get(username="both")
    assert both.pk
    with_beta, with_acme = Caller("both", tenant="beta"), Caller("both", tenant="acme")

    with_beta.post("suppressions", sent, **key)
    ours = with_acme.post(
        "suppressions", {**sent, "value": "ours.example.sg", "reason": "x"}, **key
    )

    assert ours.status_code == 201
    assert "Idempotency-Replayed" not in ours.headers
    assert THEIRS not in body(ours)


def test_no_admin_action_reaches_rows_of_another_tenant(filled):
    before, client = everything("beta"), sign_in("owner")
    theirs = ids_in("beta")
    request = RequestFactory().get("/")
    request.user = filled["owner"]
    walked = 0

    for model, page in admin.site._registry.items():
        label = model._meta.label_lower
        with in_tenant("acme"):
            actions = list(page.get_actions(request))
        for name in actions:
            path = reverse(f"admin:{label.replace('.', '_')}_changelist")
            for count in ("", "0", "1"):
                sent = {"action": name, "_selected_action": theirs.get(label, "1"),
                        "_reason": "because", "_confirmed_count": count}  # fmt: skip
                answer = client.post(path, sent, follow=True)
                assert THEIRS not in body(answer), f"{path} {name}"
            walked += 1

    assert walked >= 3
    assert everything("beta") == before


def test_no_task_works_on_things_of_another_tenant(filled, foreign):
    known = {name for name in _all_tasks() if ".tests." not in name}
    assert known == set(TASKS), "say in TASKS how to call a new task with foreign ids"
    before = everything("beta")

    for name, arguments in TASKS.items():
        with in_tenant("acme"):
            REGISTRY[name](**{each: foreign[each] if each == "value_hash" else int(foreign[each])
                              for each in arguments})  # fmt: skip

    assert everything("beta") == before


def _all_tasks() -> set[str]:
    """Names of all tasks, those of modules nobody has imported yet included."""
    for config in apps.get_app_configs():
        root = Path(config.path)
        if root.parent != settings.BASE_DIR:
            continue
        for path in root.rglob("*.py"):
            if "tests" not in path.parts and "\n@tenant_task\n" in path.read_text():
                import_module(".".join(path.relative_to(root.parent).with_suffix("").parts))
    return set(REGISTRY)


def test_every_command_says_why_it_keeps_tenants_apart():
    ours = {
        name
        for name, app in get_commands().items()
        if app in {*settings.TENANT_APPS, "tenants", "acra", "leadgen_project"}
    }

    assert ours == set(COMMANDS)


def test_caches_and_files_of_tenants_are_apart(filled):
    with in_tenant("beta"):
        cache.set("key", THEIRS)
        theirs = Path(default_storage.path("list.csv"))
    with in_tenant("acme"):
        assert cache.get("key") is None
        ours = Path(default_storage.path("list.csv"))
    with in_public():
        assert cache.get("key") is None

    assert ours != theirs
    assert "beta" in theirs.parts
    assert "beta" not in ours.parts


def test_the_log_and_the_metrics_of_a_walk_hold_nothing_of_either_tenant(filled, caplog):
    caplog.set_level(logging.DEBUG)
    for name, tenant in (("owner", "acme"), ("bee", "beta")):
        caller = Caller(name, tenant=tenant)
        for path, method, operation in operations():
            if "{" not in path:
                send(caller, method, path, example_of(operation))
        client = sign_in(name, tenant)
        for route in routes():
            if "{" not in route and "logout" not in route:
                client.get(route)

    metrics = sign_in("owner").get("/metrics").content.decode()

    for text in (caplog.text, metrics):
        assert OURS.lower() not in text.lower()
        assert THEIRS.lower() not in text.lower()
    assert json.dumps(document())  # and the description is no tenant's
