"""An operator has a vendor asked about one lead: the price is shown, a task does it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from enrichment import tasks
from enrichment.ask_now import NotOfferedError, offers, start
from enrichment.models import Contact, Evidence, LeadStep, VendorAnswer
from enrichment.tests.vendor_rig import enriched, lead_into
from icp.models import Lead
from leadgen_project.sandbox.companies import SiteKind
from leadgen_project.sandbox.server import Sandbox
from tenants.context import in_public
from tenants.models import AuditEvent, Membership, PipelineRun, User
from tenants.permits import Vendor
from tenants.vendor_models import VendorUsage


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(seed=5, count=80, vendors=["tavily", "lusha"], traps=()) as running:
        yield running


@pytest.fixture
def lead(acme, sandbox, settings):
    lead_into(sandbox, settings)
    settings.VENDOR_UNIT_MICROS = {**settings.VENDOR_UNIT_MICROS, Vendor.TAVILY: 8000}
    company = next(one for one in sandbox.companies
                   if one.site is SiteKind.GIVEN and one.registered.is_live)  # fmt: skip
    run = PipelineRun.objects.create(tenant=acme)
    return enriched(company, run, stage="SCORED")


def give_site(lead: Lead, site: str) -> None:
    row = Evidence.objects.create(lead=lead, field="website", value=site, source="PAGE",
                                  reference=site, method="discover.name", confidence=1)  # fmt: skip
    lead.facts = {"website": {"value": site, "evidence": row.pk}}
    lead.save(update_fields=["facts"])


class Visitor:
    """Somebody of this role at the console, which is entered from outside any tenant."""

    def __init__(self, role: str) -> None:
        with in_public():
            user = User.objects.create_user(role.lower(), password="x" * 12)
            Membership.objects.create(tenant_id="acme", user=user, role=role)
            self._client = Client()
            self._client.force_login(user)
            session = self._client.session
            session["tenant"] = "acme"
            session.save()

    def get(self, page: str):
        with in_public():
            return self._client.get(page)

    def post(self, page: str, values: dict):
        with in_public():
            return self._client.post(page, values)


def test_without_a_site_a_search_is_offered_with_its_price(lead):
    (offer,) = offers(lead)

    assert (offer.step, offer.price) == ("search", "at most 1 Tavily credit (0.008 US dollars)")
    assert offer.why_not == ""


def test_with_a_site_people_are_offered(lead):
    give_site(lead, "http://kolina.example/")

    (offer,) = offers(lead)

    assert (offer.step, offer.price) == ("people", "at most 3 Lusha credits")


def test_what_is_known_already_is_free(lead):
    tasks.search_now(lead_id=lead.pk)
    Evidence.objects.all().delete()
    Lead.objects.update(facts={})
    lead.refresh_from_db()

    assert offers(lead)[0].price == "free: the answer is known"


def test_without_a_key_the_reason_stands_in_place_of_the_price(lead, settings):
    settings.VENDOR_KEYS = dict.fromkeys(Vendor, "")

    assert "TAVILY_API_KEY" in offers(lead)[0].why_not
    with pytest.raises(NotOfferedError, match="TAVILY_API_KEY"):
        start(lead, "search", actor="olga", subject="lead")


@pytest.mark.parametrize("stage", ["CANDIDATE", "NEEDS_OPERATOR"])
def test_nothing_is_offered_before_enrichment(lead, stage):
    lead.stage = stage

    assert offers(lead) == []


def test_the_task_does_what_was_asked_for(lead):
    tasks.search_now(lead_id=lead.pk)
    lead.refresh_from_db()
    tasks.find_people_now(lead_id=lead.pk)

    assert LeadStep.objects.get(lead=lead, step="search").outcome == "DONE"
    assert "website" in lead.facts
    assert LeadStep.objects.filter(lead=lead, step="people").exists()
    assert VendorAnswer.objects.filter(vendor=Vendor.LUSHA).exists()
    assert set(VendorUsage.objects.values_list("run_id", flat=True)) == {None}


def test_a_task_for_a_lead_that_is_gone_does_nothing(acme):
    tasks.search_now(lead_id=1)


def test_the_button_queues_the_task_and_leaves_a_trail(lead):
    visitor = Visitor("OPERATOR")

    answer = visitor.post(reverse("admin:enrichment_ask", args=[lead.pk]), {"step": "search"})

    page = visitor.get(answer["Location"]).content.decode()
    assert "under way, at most 1 Tavily credit" in page
    assert OrmQ.objects.count() == 1
    assert AuditEvent.objects.get(action="enrichment.ask.search").actor == "operator"


def test_the_page_shows_the_price_the_steps_and_where_people_come_from(lead):
    tasks.search_now(lead_id=lead.pk)
    contact = Contact.objects.create(lead=lead, kind="PERSON", name="Siti Lee", title="Owner")
    Evidence.objects.create(lead=lead, contact=contact, field="people", value="Siti Lee",
                            source="PROVIDER", reference="Lusha, call 12", method="lusha.person",
                            confidence=0.8, subject="siti lee")  # fmt: skip

    page = Visitor("OPERATOR").get(reverse("admin:icp_lead_change", args=[lead.pk]))

    text = " ".join(page.content.decode().split())
    assert "Web search (Tavily)" in text
    assert "1 paid call" in text
    assert "Provider: Lusha, call 12" in text
    assert "Find people with wanted titles" in text


@pytest.mark.parametrize("role", ["AUDITOR", "REVIEWER"])
def test_who_may_only_look_has_no_button_and_may_not_ask(lead, role):
    visitor = Visitor(role)

    page = visitor.get(reverse("admin:icp_lead_change", args=[lead.pk])).content.decode()
    answer = visitor.post(reverse("admin:enrichment_ask", args=[lead.pk]), {"step": "search"})

    assert "Search the web for its site" not in page
    assert answer.status_code == 403
    assert OrmQ.objects.count() == 0


def test_the_steps_of_all_leads_can_be_looked_through(lead):
    tasks.search_now(lead_id=lead.pk)

    page = Visitor("AUDITOR").get(reverse("admin:enrichment_leadstep_changelist"))

    assert page.status_code == 200
    assert lead.name in page.content.decode()


def test_asking_is_a_post(lead):
    page = reverse("admin:enrichment_ask", args=[lead.pk])

    assert Visitor("OPERATOR").get(page).status_code == 405
