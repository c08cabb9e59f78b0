"""PROMISES D1 and E4 over pages: no answer to a member of acme shows anything of beta, and no role
does what it may not."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from acra.models import RegisteredCompany
from icp.models import Lead
from leadgen_project.tests.console_data import fill, make_odoo, make_people, make_register
from tenants import audit
from tenants.context import in_tenant
from tenants.models import AuditEvent, Membership, PipelineRun, Tenant, TenantSettings, User
from tenants.roles import ACTIONS, may

OURS, THEIRS = "Acmemark", "Betamark"
ROLES = ("owner", "operator", "reviewer", "auditor")
ANY_ID = re.compile(r"<(?:\w+:)?\w+>|\(\?P<\w+>[^)]*\)")


@pytest.fixture
def filled(db):
    people = make_people()
    make_register()
    for tenant, mark in (("acme", OURS), ("beta", THEIRS)):
        fill(tenant, mark=mark, leads=6)
        with in_tenant(tenant):
            make_odoo(mark, lead=Lead.objects.earliest("pk"))
    return people


def sign_in(name: str, tenant: str | None = "acme") -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    if tenant:
        session = client.session
        session["tenant"] = tenant
        session.save()
    return client


def ids_in(tenant: str) -> dict[str, str]:
    """Label of each model -> the id of one of the tenant's rows, as text."""
    found = {}
    with in_tenant(tenant):
        for model in apps.get_models():
            if model in admin.site._registry and not model._meta.label_lower.startswith("acra."):
                if model._meta.label_lower in (
                    "tenants.user",
                    "tenants.tenant",
                    "tenants.hostlease",
                    "tenants.platformsuppression",
                ):
                    continue
                row = model.objects.order_by("-pk").values_list("pk", flat=True).first()
                if row is not None:
                    found[model._meta.label_lower] = str(row)
    return found


def is_ours(model: str, pk: str) -> bool:
    with in_tenant("acme"):
        return apps.get_model(model).objects.filter(pk=pk).exists()


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[str]:
    """Every address the project answers, with ``{id}`` for what is filled in."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern).lstrip("^").rstrip("$").replace("\\Z", "")
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        elif isinstance(entry, URLPattern):
            yield "/" + ANY_ID.sub("{id}", route)


def admin_pages(model: str, pk: str) -> Iterator[str]:
    app, name = model.split(".")
    for page in ("change", "delete", "history"):
        try:
            yield reverse(f"admin:{app}_{name}_{page}", args=[pk])
        except NoReverseMatch:
            continue


def body(response) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return content.decode(errors="replace")


def test_no_page_shows_a_row_of_another_tenant_by_its_id(filled):
    client = sign_in("owner")

    for model, pk in ids_in("beta").items():
        if is_ours(model, pk):
            continue  # the same number is a row of ours as well
        for page in admin_pages(model, pk):
            response = client.get(page)
            assert response.status_code in (403, 404), page
            assert THEIRS not in body(response), page


@pytest.mark.parametrize("pk", ["0", "²", "9" * 30, "x", "-1"])
def test_an_id_that_no_row_has_leads_to_no_page_and_no_failure(filled, pk):
    client = sign_in("owner")

    for model in ids_in("acme"):
        for page in admin_pages(model, pk):
            assert client.get(page).status_code in (302, 403, 404), page


def test_every_record_s_page_says_in_its_frame_whose_it_is(filled):
    client, seen = sign_in("owner"), 0
    records = {**ids_in("acme"), "acra.registeredcompany": RegisteredCompany.objects.first().pk}

    for model, pk in records.items():
        for page in admin_pages(model, pk):
            response = client.get(page)
            if response.status_code == 200:
                assert re.search(r'<span class="lg-place"[^>]*>Acme</span>', body(response)), page
                seen += 1

    assert seen > 10


def test_no_address_of_the_inventory_answers_with_anything_of_another_tenant(filled):
    with in_tenant("beta"):
        run = PipelineRun.objects.get(tenant_id="beta").pk

    for name in ROLES:
        client = sign_in(name)
        for page in {
            route.replace("{id}", value) for route in routes() for value in ("beta", str(run))
        }:
            if "logout" not in page:
                response = client.get(page)
                assert THEIRS not in body(response), f"{name}: {page}"
                assert response.status_code < 500 or page == "/health", f"{name}: {page}"
        assert client.get("/admin/").status_code == 200


def test_lists_searches_filters_and_sorts_show_the_own_tenant_alone(filled):
    client = sign_in("operator")
    wanted = THEIRS[:-1]  # finds the whole mark, and is not it where a page repeats the question

    for model in admin.site._registry:
        info = model._meta.app_label, model._meta.model_name
        path = reverse("admin:{}_{}_changelist".format(*info))
        for query in ("", f"q={wanted}", "o=-1", "all=", f"actor={wanted}", f"reason={wanted}"):
            response = client.get(f"{path}?{query}", follow=True)
            assert response.status_code in (200, 403, 404), path + query
            assert THEIRS not in body(response), path + query


def test_the_header_of_the_own_tenant_is_no_key_to_another(filled):
    client = sign_in("owner")

    response = client.get("/admin/", headers={"X-Tenant-ID": "beta"})

    assert response.status_code == 403
    assert THEIRS not in body(response)


def test_the_switcher_refuses_a_tenant_that_is_not_the_callers_and_audits_it(filled):
    client = sign_in("owner")

    response = client.post("/admin/switch-tenant/", {"tenant": "beta"})

    assert response.status_code == 403
    assert client.get("/admin/").context["tenant"].pk == "acme"
    refused = AuditEvent.objects.filter(action="tenants.enter.refused", actor="owner")
    assert refused.get().subject == "beta"


def test_a_member_of_two_tenants_switches_without_signing_in_again(filled):
    client = sign_in("both", tenant=None)

    assert client.get("/admin/").headers["Location"].startswith("/admin/switch-tenant/")
    for tenant, mark in (("acme", OURS), ("beta", THEIRS)):
        client.post("/admin/switch-tenant/", {"tenant": tenant, "next": "/admin/"})
        assert mark in body(client.get("/admin/"))


def test_ended_memberships_end_access_at_the_next_request(filled):
    client = sign_in("operator")
    assert client.get("/admin/").status_code == 200

    Membership.objects.filter(user=filled["operator"]).delete()

    response = client.get("/admin/", follow=True)
    assert OURS not in body(response)
    assert "belongs to no tenant" in body(response)


def test_a_switched_off_tenant_lets_nobody_in(filled):
    client = sign_in("operator")

    Tenant.objects.filter(pk="acme").update(is_active=False)

    assert OURS not in body(client.get("/admin/", follow=True))


@pytest.mark.parametrize("name", ROLES)
def test_each_role_may_do_what_the_table_says(filled, name):
    with in_tenant("acme"):
        allowed = {action for action in ACTIONS if may(filled[name], action)}

    assert allowed == {action for action, roles in ACTIONS.items() if name.upper() in roles}


def test_an_auditor_reads_every_list_and_changes_nothing(filled):
    client = sign_in("auditor")
    before = _everything("acme")

    for model, pk in ids_in("acme").items():
        app, name = model.split(".")
        listed = client.get(reverse(f"admin:{app}_{name}_changelist"), follow=True)
        assert listed.status_code == 200, model
        for page in admin_pages(model, pk):
            if page.endswith("/history/"):
                continue  # reads, whatever the method
            response = client.post(page, {"post": "yes", "_reason": "because"})
            assert response.status_code in (200, 302, 403, 404, 405), page
        try:
            added = client.post(reverse(f"admin:{app}_{name}_add"), {})
        except NoReverseMatch:
            continue
        assert added.status_code in (302, 403, 404, 405), model
    for verb in ("pause", "resume", "cancel"):
        assert client.post(f"/admin/runs/1/{verb}/").status_code == 403
    assert client.post("/admin/runs/start/").status_code == 403

    assert _everything("acme") == before


def test_get_changes_nothing_anywhere(filled):
    with in_tenant("acme"):
        run = PipelineRun.objects.get()
    known = _everything("acme")
    client = sign_in("owner")

    for route in routes():
        if "logout" not in route and not route.startswith("/export/"):  # downloads are audited
            for value in (str(run.pk), "acme"):
                client.get(route.replace("{id}", value))

    assert _everything("acme") == known


def test_every_page_of_the_platform_is_closed_inside_a_tenant(filled):
    client = sign_in("root", tenant="acme")

    for page in ("tenants/tenant/", "tenants/user/", "tenants/hostlease/", "tenants/tenant/add/"):
        response = client.get(f"/admin/{page}")
        assert response.status_code == 403
        assert "belongs to the platform" in body(response)


def test_pages_of_a_tenant_ask_for_one_outside(filled):
    client = sign_in("root", tenant=None)

    response = client.get("/admin/exports/")

    assert response.status_code == 403
    assert "Choose a tenant" in body(response)
    assert "Acme" in body(response)


def test_audit_events_cannot_be_changed_even_by_a_platform_admin(filled):
    with in_tenant("acme"):
        audit.record("tests.something", actor="tests", subject="thing")
        pk = AuditEvent.objects.filter(action="tests.something").get().pk
    client = sign_in("root")

    assert client.post(f"/admin/tenants/auditevent/{pk}/change/", {"actor": "x"}).status_code == 403
    assert (
        client.post(f"/admin/tenants/auditevent/{pk}/delete/", {"post": "yes"}).status_code == 403
    )


def _everything(tenant: str) -> dict[str, list[str]]:
    """All rows of the tenant, in its schema and in the shared tables."""
    of_tenant = [
        model
        for config in apps.get_app_configs()
        if config.name in settings.TENANT_APPS
        for model in config.get_models()
    ]
    shared = [AuditEvent, Membership, PipelineRun, TenantSettings]
    with in_tenant(tenant):
        return {
            model._meta.label: sorted(map(repr, model.objects.values_list()))
            for model in [*of_tenant, *shared]
        }
