"""Contacts in the console: list with verdicts, verify now, the sending policy."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_q.models import OrmQ

from enrichment.choose_policy import choose_policy, preview_policy
from enrichment.models import Contact, SendingPolicy, Verification
from enrichment.verification.judge_contacts import judge_contacts, link_contacts
from enrichment.verification.verdict import Policy
from enrichment.verification.verifications import hash_of
from icp import suppressions
from icp.models import Lead
from leadgen_project.tests.console_data import make_people
from tenants.context import in_tenant
from tenants.models import AuditEvent
from tenants.permits import Vendor

LIST = "/admin/enrichment/contact/"
POLICY = "/admin/enrichment/sendingpolicy/"
WORDS = {
    "good@a.test": ("valid", ""), "all@a.test": ("catch-all", ""),
    "info@a.test": ("do_not_mail", "role_based"), "me@gmail.com": ("valid", ""),
    "dead@a.test": ("invalid", "mailbox_not_found"),
}  # fmt: skip


def know(lead, words=WORDS):
    for email, (status, sub_status) in words.items():
        Contact.objects.create(lead=lead, kind="ROLE", email=email)
        Verification.objects.create(address=email, address_hash=hash_of(email), status=status,
                                    sub_status=sub_status, source="VENDOR")  # fmt: skip
    link_contacts(Contact.objects.all())
    judge_contacts(Contact.objects.all())


@pytest.fixture
def lead(acme):
    lead = Lead.objects.create(source_ref="201500001A", name="ACME WIDGETS PTE. LTD.")
    know(lead)
    return lead


@pytest.fixture
def people(db):
    return make_people()


@pytest.fixture
def stored(people):
    """As ``lead``, with nobody inside the tenant: requests enter it themselves."""
    with in_tenant("acme"):
        lead = Lead.objects.create(source_ref="201500001A", name="ACME WIDGETS PTE. LTD.")
        know(lead)
    return lead


def client_of(people, who):
    client = Client()
    client.force_login(people[who])
    return client


def mailable() -> set[str]:
    return set(Contact.objects.filter(is_mailable=True).values_list("email", flat=True))


def shown(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


# --- policy -------------------------------------------------------------------------------------
def test_by_default_catch_all_and_shared_mailboxes_are_left_out(lead):
    assert mailable() == {"good@a.test", "me@gmail.com"}


def test_a_policy_is_previewed_exactly_and_then_holds(lead):
    wanted = Policy(catch_all=True, role_mailbox=True, free_mail=False)

    before = preview_policy(wanted)
    changed = choose_policy(wanted, actor="owner", reason="Small companies")

    assert (before.let_in, before.taken_out, before.sendable) == (2, 1, 2)
    assert changed == 3
    assert mailable() == {"good@a.test", "all@a.test", "info@a.test"}
    assert Contact.objects.get(email="me@gmail.com").not_mailable_reason == (
        "Left out by your sending policy: it is at a free-mail provider."
    )
    event = AuditEvent.objects.get(action="enrichment.sending_policy.change")
    assert (event.before["role_mailbox"], event.after["role_mailbox"]) == (False, True)
    assert choose_policy(wanted, actor="owner", reason="Again") == 0
    assert SendingPolicy.objects.count() == 1


def test_no_policy_lets_a_suppressed_address_in_again(lead):
    suppressions.add("EMAIL", "info@a.test", reason="asked", actor="test")

    choose_policy(Policy(catch_all=True, role_mailbox=True), actor="owner", reason="x")

    contact = Contact.objects.get(email="info@a.test")
    assert (contact.is_mailable, contact.not_mailable_reason) == (False, "Suppressed.")


def test_an_erased_suppression_is_asked_again_when_a_contact_comes_back(lead):
    suppressions.add("EMAIL", "other@b.test", reason="asked", actor="test")
    from icp.models import Suppression

    Suppression.objects.update(value="", value_hash=hash_of("all@a.test"))

    choose_policy(Policy(catch_all=True), actor="owner", reason="x")

    assert not Contact.objects.get(email="all@a.test").is_mailable


def test_the_policy_page_previews_and_saves_with_a_reason(stored, people):
    owner = client_of(people, "owner")
    chosen = {"catch_all": "include", "role_mailbox": "exclude", "free_mail": "include"}

    preview = shown(owner.post(POLICY, {**chosen, "preview": "1"}))
    refused = shown(owner.post(POLICY, chosen))
    saved = owner.post(POLICY, {**chosen, "_reason": "We try"}, follow=True)

    assert "What this would change" in preview
    assert "Say why" in refused
    assert "Saved. 1 contact changed." in shown(saved)
    with in_tenant("acme"):
        assert "all@a.test" in mailable()


@pytest.mark.parametrize(("who", "status"), [("owner", 302), ("operator", 403), ("auditor", 403)])
def test_only_owners_change_the_policy(stored, people, who, status):
    response = client_of(people, who).post(POLICY, {"free_mail": "exclude", "_reason": "x"})

    assert response.status_code == status


# --- list ---------------------------------------------------------------------------------------
def test_the_list_says_verdict_why_who_and_when(stored, people):
    page = shown(client_of(people, "auditor").get(LIST))

    for text in ("Deliverable", "there is no such mailbox", "says ZeroBounce", "ACME WIDGETS",
                 "no, by your policy"):  # fmt: skip
        assert text in page


@pytest.mark.parametrize(
    ("query", "emails"),
    [
        ("verdict=RISKY", {"all@a.test", "info@a.test", "me@gmail.com"}),
        ("mailable=sendable", {"good@a.test", "me@gmail.com"}),
        ("mailable=withheld", {"all@a.test", "info@a.test", "dead@a.test"}),
        ("mailable=forbidden", set()),
        ("checked_by=NONE", set()),
        ("q=dead@a.test", {"dead@a.test"}),
        ("q=widgets", set(WORDS)),
    ],
)
def test_the_list_filters_and_finds(stored, people, query, emails):
    rows = client_of(people, "operator").get(f"{LIST}?{query}").context["cl"].result_list

    assert {row.email for row in rows} == emails


def test_the_list_costs_the_same_for_one_row_and_many(stored, people):
    client = client_of(people, "operator")
    client.get(LIST)

    def cost(query):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(f"{LIST}?{query}")
        return len(queries)

    assert cost("q=dead@a.test") == cost("q=widgets")


def test_strangers_see_no_contacts(stored, people):
    page = client_of(people, "bee").get(LIST)

    assert "good@a.test" not in page.content.decode()


# --- one lead -----------------------------------------------------------------------------------
def test_the_lead_page_says_the_verdicts_and_what_verifying_costs(stored, people, settings):
    settings.VENDOR_KEYS = {**settings.VENDOR_KEYS, Vendor.ZEROBOUNCE: "k" * 20}
    settings.VENDOR_UNIT_MICROS = {**settings.VENDOR_UNIT_MICROS, Vendor.ZEROBOUNCE: 8_000}
    with in_tenant("acme"):
        Contact.objects.create(lead=stored, kind="ROLE", email="new@a.test")

    page = shown(client_of(people, "operator").get(f"/admin/icp/lead/{stored.pk}/change/"))

    assert "not checked yet" in page
    assert "it takes mail, says ZeroBounce" in page
    assert "Verify now" in page
    assert "Costs at most 6 ZeroBounce credits (US$ 0.048)" in page


def test_without_a_key_the_button_says_that_only_free_checks_run(stored, people, settings):
    settings.VENDOR_KEYS = dict.fromkeys(Vendor, "")

    page = shown(client_of(people, "operator").get(f"/admin/icp/lead/{stored.pk}/change/"))

    assert "Only the free checks: there is no ZeroBounce key." in page


@pytest.mark.parametrize(("who", "status"), [("operator", 302), ("owner", 302), ("reviewer", 403),
                                             ("auditor", 403)])  # fmt: skip
def test_workers_may_have_a_lead_verified_now(stored, people, who, status):
    url = reverse("admin:enrichment_verify", args=[stored.pk])
    client = client_of(people, who)

    assert client.get(url).status_code == 405
    assert client.post(url).status_code == status
    assert OrmQ.objects.count() == (status == 302)


def test_a_lead_of_another_tenant_is_not_found(stored, people):
    url = reverse("admin:enrichment_verify", args=[stored.pk])

    assert client_of(people, "bee").post(url).status_code == 404
    assert not OrmQ.objects.exists()
