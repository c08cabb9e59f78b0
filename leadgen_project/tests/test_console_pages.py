"""Pages of the console that are ours alone: first page, runs, errors, health, the crawler."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from icp import suppressions
from icp.models import FileRecall, Lead
from leadgen_project import heartbeat
from leadgen_project.console import sidebar
from leadgen_project.console.errors import server_error
from leadgen_project.console.funnel import funnel
from leadgen_project.console.pages import link
from leadgen_project.tests.console_data import PASSWORD, fill, make_people, make_register
from tenants.context import in_tenant
from tenants.models import AuditEvent, Heartbeat, PipelineRun, Tenant, TenantSettings


@pytest.fixture
def people(db):
    return make_people()


@pytest.fixture
def client(people):
    client = Client()
    client.force_login(people["operator"])
    return client


@pytest.fixture
def run(people):
    make_register()
    return fill("acme", mark="Acmemark", leads=12)


def shown(response) -> str:
    return response.content.decode()


# --- first page -----------------------------------------------------------------------------
def test_the_first_page_names_the_next_step_of_an_empty_tenant(client):
    assert "The register is not loaded yet" in shown(client.get("/admin/"))

    make_register()

    assert "Say which companies you want" in shown(client.get("/admin/"))


def test_the_first_page_says_ran_how_many_blocked_and_next(client, run):
    page = shown(client.get("/admin/"))

    assert "Finished" in page
    assert "places on the shortlist wait for you" in page
    assert "01:00 SGT" in page


def test_every_row_of_the_funnel_adds_up_and_links_only_to_lists_of_that_length(client, run):
    with in_tenant("acme"):
        rows = funnel(run, reports=run.reports)
        assert all(row.adds_up for row in rows)
        linked = [part for row in rows for part in row.parts if part.link]
        assert linked
        for part in linked:
            assert client.get(part.link).context["cl"].result_count == part.count, part


def test_a_number_whose_leads_moved_on_is_shown_without_a_link(run):
    with in_tenant("acme"):
        Lead.objects.filter(stage="REJECTED").update(run_id=run.pk + 1)

        rejected = [part for row in funnel(run, reports=run.reports) for part in row.parts
                    if part.kind == "rejected"]  # fmt: skip

    assert rejected
    assert all(part.link == "" for part in rejected)


def test_the_first_page_costs_the_same_for_one_lead_or_many(client, run, monkeypatch):
    monkeypatch.setattr(sidebar, "CACHE_SECONDS", 3600)  # however slow the machine
    client.get("/admin/")
    with CaptureQueriesContext(connection) as few:
        client.get("/admin/")
    with in_tenant("acme"):
        for number in range(30):
            Lead.objects.create(source_ref=f"more {number}", name=f"MORE {number}", run_id=run.pk)

    with CaptureQueriesContext(connection) as many:
        client.get("/admin/")

    assert len(many) == len(few)


def test_the_platforms_first_page_costs_the_same_for_two_tenants_or_three(people):
    client = Client()
    client.force_login(people["root"])
    client.get("/admin/")
    with CaptureQueriesContext(connection) as two:
        client.get("/admin/")
    gamma = Tenant.objects.create(schema_name="gamma", name="Gamma")
    TenantSettings.objects.create(tenant=gamma)

    with CaptureQueriesContext(connection) as three:
        assert "Gamma" in shown(client.get("/admin/"))

    assert len(three) == len(two)


# --- runs -----------------------------------------------------------------------------------
def test_a_night_is_started_by_post_alone(client, run):
    assert client.get("/admin/runs/start/").status_code == 200
    assert PipelineRun.objects.count() == 1

    response = client.post("/admin/runs/start/")

    started = PipelineRun.objects.get(status="RUNNING")
    assert started.started_by == "operator"
    assert response.headers["Location"] == f"/admin/tenants/pipelinerun/{started.pk}/change/"


def test_a_second_night_is_refused_in_words(client, run):
    client.post("/admin/runs/start/")

    response = client.post("/admin/runs/start/", follow=True)

    assert "under way already" in shown(response)
    assert PipelineRun.objects.filter(status="RUNNING").count() == 1


def test_a_run_is_paused_resumed_and_cancelled_after_a_question(client, run):
    client.post("/admin/runs/start/")
    pk = PipelineRun.objects.get(status="RUNNING").pk

    for verb, status in (("pause", "PAUSED"), ("resume", "RUNNING"), ("cancel", "CANCELLED")):
        client.get(f"/admin/runs/{pk}/{verb}/")
        assert PipelineRun.objects.get(pk=pk).status != status
        client.post(f"/admin/runs/{pk}/{verb}/", {"_reason": f"To {verb}"})
        assert PipelineRun.objects.get(pk=pk).status == status

    assert "cannot become" in shown(client.post(f"/admin/runs/{pk}/pause/", follow=True))


def test_a_run_is_not_cancelled_without_a_reason_and_shows_those_it_got(client, run):
    client.post("/admin/runs/start/")
    pk = PipelineRun.objects.get(status="RUNNING").pk
    client.post(f"/admin/runs/{pk}/pause/")

    refused = client.post(f"/admin/runs/{pk}/cancel/", {"_reason": " "}, follow=True)
    assert "Say why it is cancelled" in shown(refused)
    assert PipelineRun.objects.get(pk=pk).status == "PAUSED"
    client.post(f"/admin/runs/{pk}/cancel/", {"_reason": "wrong <rule>"})

    page = shown(client.get(f"/admin/tenants/pipelinerun/{pk}/change/"))
    assert "by operator: wrong &lt;rule&gt;" in page
    assert page.index("Paused ") < page.index("Cancelled ")
    assert AuditEvent.objects.get(action="tenants.run.cancelled").reason == "wrong <rule>"


def test_the_live_part_of_a_run_says_whether_to_ask_again(client, run):
    answer = client.get(f"/admin/runs/{run.pk}/progress/").json()

    assert answer["open"] is False
    assert "Visit their web sites" in answer["html"]


def test_the_candidate_list_is_streamed_and_holds_no_formula(client, run):
    with in_tenant("acme"):
        Lead.objects.create(source_ref="bad", name="=HYPERLINK(1)", run_id=run.pk)

    response = client.post(f"/admin/runs/{run.pk}/candidates.csv")
    text = b"".join(response.streaming_content).decode()

    assert len(text.splitlines()) == 1 + 12 + 1
    assert "'=HYPERLINK(1)" in text


def test_the_candidate_list_withholds_is_audited_and_recalled(client, run):
    page = f"/admin/runs/{run.pk}/candidates.csv"
    with in_tenant("acme"):
        first, second = Lead.objects.filter(run_id=run.pk).exclude(uen="").order_by("uen")[:2]
        suppressions.add("UEN", first.uen, reason="asked before", actor="x")

    text = b"".join(client.post(page).streaming_content).decode()

    assert first.uen not in text
    assert second.uen in text
    assert client.get(page).status_code == 405
    with in_tenant("acme"):
        assert AuditEvent.objects.get(action="scoring.export_candidates").subject == str(run)
        suppressions.add("UEN", second.uen, reason="asked after", actor="x")
        line = FileRecall.objects.get()
        assert line.taken_out.file_name.endswith("candidates.csv")
        assert line.taken_out.rows == 11


def test_who_may_not_export_takes_no_candidates_out(people, run):
    auditor = Client()
    auditor.force_login(people["auditor"])

    assert auditor.post(f"/admin/runs/{run.pk}/candidates.csv").status_code == 403
    assert b"candidates.csv" not in auditor.get("/admin/exports/").content


# --- doors ----------------------------------------------------------------------------------
def test_the_sign_in_page_of_a_tenants_host_names_the_tenant(people):
    page = shown(Client().get("/admin/login/", headers={"host": "acme.localhost"}))

    assert "Acme" in page
    assert Client().get("/admin/login/").status_code == 200


def test_an_account_without_a_tenant_is_told_so_at_the_door(people):
    response = Client().post("/admin/login/", {"username": "nobody", "password": PASSWORD})

    assert "belongs to no tenant yet" in shown(response)


def test_signing_in_on_a_tenants_host_enters_it(people):
    client = Client(headers={"host": "acme.localhost"})

    response = client.post(
        "/admin/login/",
        {"username": "operator", "password": PASSWORD, "next": "/admin/"},
        follow=True,
    )

    assert response.status_code == 200
    assert response.context["tenant"].pk == "acme"


def test_a_new_password_is_set_audited_and_keeps_the_session(client):
    new = "another horse battery"

    client.post("/admin/password_change/", {"old_password": PASSWORD, "new_password1": new,
                                            "new_password2": new})  # fmt: skip

    assert client.get("/admin/").status_code == 200
    again = Client().post("/admin/login/", {"username": "operator", "password": new})
    assert again.status_code == 302
    assert AuditEvent.objects.get(action="tenants.user.password").actor == "operator"


@pytest.mark.parametrize("path", ["/admin/login/", "/crawler", "/nowhere", "/admin/"])
def test_every_answer_forbids_foreign_scripts(path, client):
    policy = client.get(path, follow=True).headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "script-src 'self' 'unsafe-eval'" in policy


def test_the_crawler_page_tells_how_to_refuse(db, settings):
    page = shown(Client().get("/crawler"))

    assert settings.CRAWL_USER_AGENT in page
    assert "User-agent: leadgen\nDisallow: /" in page


def test_a_missing_page_of_the_api_is_a_problem_in_json(db):
    response = Client().get("/api/nothing")

    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == 404


# --- health ---------------------------------------------------------------------------------
def test_health_is_down_without_a_worker(db):
    response = Client().get("/health")

    assert response.status_code == 503
    assert response.json()["database"] == "ok"
    assert response.json()["queue"]["state"] == "no worker"


def test_health_is_fine_while_workers_show_that_they_live(db):
    now = timezone.now()
    heartbeat.beat()
    Schedule.objects.update(next_run=now)
    OrmQ.objects.create(key="leadgen", payload="x", lock=now - timedelta(seconds=40))

    response = Client().get("/health")

    assert response.status_code == 200
    queue = response.json()["queue"]
    assert (queue["state"], queue["waiting"], queue["working"]) == ("working", 1, 0)
    assert 40 <= queue["oldest_seconds"] < 60


def test_health_is_down_half_a_minute_after_the_last_sign_of_life(db):
    heartbeat.beat()
    Heartbeat.objects.update(seen_at=timezone.now() - timedelta(seconds=31))

    response = Client().get("/health")

    assert response.status_code == 503
    assert response.json()["queue"]["state"] == "silent"


def test_health_is_down_when_workers_live_but_the_ticks_stop(db):
    heartbeat.beat()
    late = timezone.now() - timedelta(minutes=10)
    Schedule.objects.update(next_run=late)

    assert Client().get("/health").status_code == 503


# --- errors ---------------------------------------------------------------------------------
def test_a_post_without_a_fresh_token_changes_nothing_and_says_so(people, run):
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["operator"])

    response = client.post("/admin/runs/start/")

    assert response.status_code == 403
    assert "This form is too old" in shown(response)
    assert not PipelineRun.objects.filter(status="RUNNING").exists()


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OperationalError("gone"), 503, "The database does not answer"),
        (RuntimeError("bug"), 500, "Something broke"),
    ],
)
def test_failures_have_a_page_that_asks_the_database_nothing(error, status, words):
    request = RequestFactory().get("/admin/")
    try:
        raise error
    except type(error):
        response = server_error(request)

    assert response.status_code == status
    assert words in shown(response)


def test_a_right_that_is_missing_is_named_with_who_can_give_it(people):
    client = Client()
    client.force_login(people["auditor"])

    response = client.get("/admin/runs/start/")

    assert response.status_code == 403
    assert "started and stopped by owners and operators" in shown(response)


def test_every_entry_of_the_sidebar_has_its_page():
    named = [*sidebar.TENANT_PAGES, *sidebar.OFFICE_PAGES, *sidebar.PLATFORM_PAGES]

    missing = [title for title, _icon, page, _number in named if not link(page)]

    assert missing == []
    assert link("icp_why_not")


@pytest.mark.parametrize(
    ("page", "title"),
    [("enrichment_triage", "Where leads stand"), ("enrichment_contact_changelist", "Contacts"),
     ("index", "Today")],
)  # fmt: skip
def test_the_menu_marks_the_one_page_we_are_at(client, page, title):
    groups = client.get(link(page)).context["sidebar_navigation"]
    items = [item for group in groups for item in group["items"]]
    assert [item["title"] for item in items if item["active"]] == [title]
