"""Vendors and spend in the console: who may do what, and what is never shown."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enrichment.models import LeadStep
from icp.models import Lead
from leadgen_project.sandbox.vendors.language_model import LanguageModelStandIn
from leadgen_project.sandbox.vendors.tavily import TavilyStandIn
from leadgen_project.tests.console_data import fill, make_people
from leadgen_project.tests.money_data import fill_spending
from tenants.context import in_public, in_tenant
from tenants.models import AuditEvent
from tenants.paid import balances
from tenants.paid.credentials import key_for
from tenants.paid.vendor_state import states
from tenants.permits import Vendor
from tenants.vendor_models import CircuitBreaker, RateLimit, VendorBudget, VendorUsage

PAGES = ("vendors/", "spend/", "tenants/vendorusage/")
LEDGER = "/admin/tenants/vendorusage/ledger.csv"
SECRET = "tvly-very-secret-9876wxyz"


@pytest.fixture
def people(db):
    return make_people()


def enter(people, name: str, tenant: str | None = "acme") -> Client:
    client = Client(raise_request_exception=True)
    with in_public():
        client.force_login(people[name])
    if tenant:
        client.post("/admin/switch-tenant/", {"tenant": tenant})
    return client


def post(client: Client, path: str, **data: str):
    return client.post(f"/admin/vendors/{path}/", data, follow=True)


def budget() -> VendorBudget:
    with in_tenant("acme"):
        return VendorBudget.objects.get(vendor="TAVILY")


@pytest.mark.parametrize("verb", ["switch", "limits", "key", "remove-key", "lift", "test"])
@pytest.mark.parametrize("name", ["operator", "reviewer", "auditor"])
def test_only_owners_change_vendors(people, name, verb):
    assert post(enter(people, name), f"TAVILY/{verb}", key=SECRET).status_code == 403


def test_everybody_in_the_tenant_may_read_the_pages(people):
    for name in ("owner", "operator", "reviewer", "auditor"):
        client = enter(people, name)
        for page in PAGES:
            assert client.get(f"/admin/{page}").status_code == 200, (name, page)
        assert client.post(LEDGER).status_code == 200, name


def test_nothing_changes_by_looking(people):
    client = enter(people, "owner")

    client.get("/admin/vendors/TAVILY/switch/", {"to": "off"})

    with in_tenant("acme"):
        assert not VendorBudget.objects.exists()


def test_a_key_is_kept_and_shown_by_its_ending_alone(people):
    client = enter(people, "owner")

    page = post(client, "TAVILY/key", key=SECRET).content.decode()

    assert "wxyz" in page
    assert SECRET not in page
    with in_tenant("acme"):
        assert key_for(Vendor.TAVILY).secret == SECRET
    with in_public():
        told = AuditEvent.objects.filter(action="tenants.vendor_key.set").get()
    assert SECRET not in str(told.__dict__)


def test_a_key_with_spaces_is_refused_without_repeating_it(people):
    page = post(enter(people, "owner"), "TAVILY/key", key="two words here").content.decode()

    assert "8 to 500 characters and no spaces" in page
    assert "two words here" not in page


def test_the_kill_switch_is_one_button_and_leaves_a_trail(people):
    client = enter(people, "owner")

    post(client, "TAVILY/switch", to="off")
    assert not budget().is_on
    post(client, "TAVILY/switch", to="on")
    assert budget().is_on

    with in_public():
        trail = AuditEvent.objects.filter(action__startswith="tenants.vendor.", tenant_id="acme")
        assert list(trail.order_by("pk").values_list("action", "actor")) == [
            ("tenants.vendor.off", "owner"),
            ("tenants.vendor.on", "owner"),
        ]


def test_limits_are_saved_as_typed_and_empty_ones_follow_the_deployment(people):
    post(enter(people, "owner"), "TAVILY/limits", daily_units="40", monthly_dollars="12.50")

    saved = budget()
    assert (saved.daily_units, saved.monthly_units, saved.monthly_micros) == (40, None, 12_500_000)


def test_a_limit_that_is_no_number_changes_nothing_and_says_so(people):
    page = post(enter(people, "owner"), "TAVILY/limits", daily_units="-1").content.decode()

    assert "Daily units" in page
    with in_tenant("acme"):
        assert not VendorBudget.objects.exists()


def test_an_owner_lifts_a_stop(people):
    with in_tenant("acme"):
        VendorBudget.objects.create(tenant_id="acme", vendor="TAVILY", stopped_at=timezone.now(),
                                    stopped_reason="Tavily refused the key.")  # fmt: skip

    post(enter(people, "owner"), "TAVILY/lift")

    assert budget().stopped_at is None


def test_the_test_button_asks_the_vendor_for_free_and_says_what_it_answered(people, settings):
    with TavilyStandIn(keys={SECRET}) as vendor:
        settings.TAVILY_BASE_URL = vendor.url
        client = enter(people, "owner")
        post(client, "TAVILY/key", key=SECRET)

        page = post(client, "TAVILY/test").content.decode()

        assert "Tavily accepts the key. Its own figure: 0 credits used." in page
        assert vendor.charged == 0
    with in_public():
        assert VendorUsage.objects.get().units == 0


def test_a_test_of_the_language_model_is_a_booked_call_that_says_what_it_cost(people, settings):
    settings.LLM_INPUT_USD_PER_MILLION = settings.LLM_OUTPUT_USD_PER_MILLION = Decimal(2)
    with LanguageModelStandIn(keys={SECRET}) as model:
        settings.OPENAI_BASE_URL = model.base_url
        client = enter(people, "owner")
        post(client, "LLM/key", key=SECRET)
        assert "Test the key, paid" in client.get("/admin/vendors/").content.decode()

        page = post(client, "LLM/test").content.decode()

        paid = model.charged
    with in_public():  # what the model does not take was refused for free before
        entry = VendorUsage.objects.exclude(outcome="REFUNDED").get()
    assert (entry.outcome, entry.units, entry.purpose) == ("SETTLED", paid, "test the key")
    assert f"answers. This test cost {paid:,} tokens, USD {paid * 2 / 10**6:.6f}." in page


def test_a_test_of_a_refused_model_key_stops_the_model_until_it_is_resumed(people, settings):
    with LanguageModelStandIn(keys={SECRET}, models=frozenset({"another"})) as model:
        settings.OPENAI_BASE_URL = model.base_url
        client = enter(people, "owner")
        post(client, "LLM/key", key=SECRET)

        page = post(client, "LLM/test").content.decode()
        home = client.get("/admin/").content.decode()

        assert "reaches no model" in page
        assert "Resume" in page
        assert "Language model is not asked any more: This key reaches no model" in home
        model.models = frozenset({settings.LANGCHAIN_MODEL})
        post(client, "LLM/lift")
        assert "answers. This test cost" in post(client, "LLM/test").content.decode()


def test_an_unknown_call_is_settled_by_hand_once_and_with_a_reason(people):
    fill_spending("acme", run=fill("acme", mark="Acmemark", leads=6), now=timezone.now())
    with in_public():
        calls = VendorUsage.objects.filter(vendor="LLM", outcome="UNKNOWN", tenant_id="acme")
        call = calls.order_by("-at").first()
    client, path = enter(people, "owner"), f"/admin/tenants/vendorusage/{call.pk}"
    assert "Nobody saw how this call ended" in client.get(f"{path}/change/").content.decode()

    unreasoned = client.post(f"{path}/settle/", {"units": "700"}, follow=True)
    too_much = client.post(f"{path}/settle/", {"units": "4001", "_reason": "bill"}, follow=True)
    client.post(f"{path}/settle/", {"units": "700", "_reason": "the bill"}, follow=True)
    again = client.post(f"{path}/settle/", {"units": "0", "_reason": "no"}, follow=True)

    assert b"Say where the figure is from" in unreasoned.content
    assert b"from 0 to 4,000 tokens" in too_much.content
    assert b"settled already" in again.content
    with in_public():
        call.refresh_from_db()
        assert (call.outcome, call.units, call.micros) == ("SETTLED", 700, 1400)
        assert call.note.startswith("Settled by hand: 700 of 4,000 tokens.")
        assert balances.drift() == []
        told = AuditEvent.objects.get(action="tenants.vendor.settled")
        assert (told.actor, told.reason, told.before["units"]) == ("owner", "the bill", 4000)


def test_only_owners_settle_calls_and_only_those_of_their_tenant(people):
    fill_spending("beta", run=fill("beta", mark="Betamark", leads=6), now=timezone.now())
    fill_spending("acme", run=fill("acme", mark="Acmemark", leads=6), now=timezone.now())
    with in_public():
        unknown = VendorUsage.objects.filter(outcome="UNKNOWN")
        theirs = unknown.filter(tenant_id="beta").values_list("pk", flat=True)[0]
        ours = unknown.filter(tenant_id="acme").values_list("pk", flat=True)[0]
    sent = {"units": "0", "_reason": "mine"}

    answers = [enter(people, name).post(f"/admin/tenants/vendorusage/{ours}/settle/", sent)
               for name in ("operator", "reviewer", "auditor")]  # fmt: skip
    foreign = enter(people, "owner").post(
        f"/admin/tenants/vendorusage/{theirs}/settle/", sent, follow=True
    )

    assert {answer.status_code for answer in answers} == {403}
    assert foreign.status_code == 404
    with in_public():
        assert unknown.filter(pk__in=[ours, theirs]).count() == 2


def test_the_page_of_a_run_leads_to_what_vendors_were_asked_in_it(people):
    run = fill("acme", mark="Acmemark", leads=6)
    with in_tenant("acme"):
        first, second = Lead.objects.order_by("pk")[:2]
        LeadStep.objects.create(lead=first, run_id=run.pk, step="search", outcome="DONE")
        LeadStep.objects.create(lead=second, run_id=run.pk + 1, step="search", outcome="DONE")
    client = enter(people, "owner")

    page = client.get(f"/admin/tenants/pipelinerun/{run.pk}/change/").content.decode()
    address = f"/admin/enrichment/leadstep/?run_id={run.pk}"
    listed = client.get(address).content.decode()

    assert "What vendors were asked" in page
    assert f'href="{address}"' in page
    assert f"{address}&amp;step=search&amp;outcome=DONE" in page
    assert first.name in listed
    assert second.name not in listed


def test_what_is_spent_is_read_once_for_all_vendors(acme):
    with CaptureQueriesContext(connection) as seen:
        states(now=timezone.now())

    assert sum('FROM "tenants_vendorbalance"' in query["sql"] for query in seen) == 1


def test_the_test_button_says_what_is_wrong(people, settings):
    with TavilyStandIn(keys={"another-key"}) as vendor:
        settings.TAVILY_BASE_URL = vendor.url
        client = enter(people, "owner")
        post(client, "TAVILY/key", key=SECRET)

        page = post(client, "TAVILY/test").content.decode()

    assert "Tavily refuses the key (401)" in page
    assert SECRET not in page


def test_a_platform_admin_sets_the_calls_a_minute_of_the_language_model(people):
    client = enter(people, "root", tenant=None)

    post(client, "lanes/rate", lane="LLM", calls="7", seconds="60")

    with in_public():
        assert RateLimit.objects.get(lane="LLM").calls == 7


def test_nobody_makes_a_lane_by_typing_its_name(people):
    client = enter(people, "root", tenant=None)

    assert post(client, "lanes/rate", lane="NEW", calls="7", seconds="60").status_code == 404


def test_owners_do_not_change_the_lanes_of_the_platform(people):
    answer = post(enter(people, "owner"), "lanes/rate", lane="LLM", calls="7", seconds="60")

    assert answer.status_code == 403


def test_a_platform_admin_has_a_vendor_asked_again(people):
    with in_public():
        CircuitBreaker.objects.create(lane="LLM/0123456789ab", failures=9, last_error="HTTP 502")

    post(enter(people, "root", tenant=None), "lanes/again", lane="LLM/0123456789ab")

    with in_public():
        assert CircuitBreaker.objects.get().failures == 0


def test_the_pages_of_a_tenant_show_its_own_calls_only(people):
    for tenant in ("acme", "beta"):
        run = fill(tenant, mark=f"{tenant}mark", leads=6)
        fill_spending(tenant, run=run, now=timezone.now(), days=2)
    with in_public():
        VendorUsage.objects.filter(tenant_id="beta").update(note="betamark note")

    client = enter(people, "owner")
    for page in PAGES:
        assert b"betamark" not in client.get(f"/admin/{page}").content.lower(), page
    assert b"betamark" not in b"".join(client.post(LEDGER)).lower()


def test_the_csv_holds_what_the_filters_show(people):
    run = fill("acme", mark="Acmemark", leads=6)
    fill_spending("acme", run=run, now=timezone.now(), days=3)
    with in_tenant("acme"):
        expected = VendorUsage.objects.filter(vendor="TAVILY", run_id=run.pk).count()

    client, query = enter(people, "owner"), f"vendor__exact=TAVILY&run_id={run.pk}"
    answer = client.post(f"{LEDGER}?{query}")

    lines = b"".join(answer).decode().splitlines()
    assert len(lines) == expected + 1
    assert lines[0].startswith("id,tenant,at,day,vendor")
    assert client.get(LEDGER).status_code == 405
    with in_tenant("acme"):
        event = AuditEvent.objects.get(action="tenants.ledger.export")
    assert (event.actor, event.after) == ("owner", {"filter": query, "calls": expected})


def test_a_price_that_is_not_set_is_said(people):
    run = fill("acme", mark="Acmemark", leads=6)
    fill_spending("acme", run=run, now=timezone.now(), days=3)

    page = enter(people, "owner").get("/admin/spend/").content.decode()

    assert "price not set" in page


def test_the_pages_cost_the_same_queries_with_more_calls(people, django_assert_max_num_queries):
    run = fill("acme", mark="Acmemark", leads=6)
    fill_spending("acme", run=run, now=timezone.now(), days=30)
    client = enter(people, "owner")
    client.get("/admin/spend/")

    with django_assert_max_num_queries(60):
        client.get("/admin/spend/")
