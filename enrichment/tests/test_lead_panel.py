"""The page of a lead shows each value with the page it comes from; suppressed contacts are out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.template.loader import render_to_string

from enrichment.lead_panel import contacts_panel, facts_panel, site_panel
from enrichment.models import Contact, EnrichmentRun, Evidence
from icp.models import Lead
from icp.suppressions import add


@pytest.fixture
def lead(acme):
    return Lead.objects.create(source_ref="x", name="ACME")


def evidence(lead: Lead, field: str, value: str, **more: object) -> Evidence:
    return Evidence.objects.create(
        lead=lead, field=field, value=value, source="PAGE", reference="https://acme.example/about",
        method="about.rule", confidence=Decimal("0.80"), **more,
    )  # fmt: skip


def shown(content: tuple[str, dict] | None) -> str:
    assert content is not None
    template, context = content
    return " ".join(render_to_string(template, {"panel": context}).split())


def test_a_fact_shows_quote_link_time_and_its_alternatives(lead):
    row = evidence(lead, "city", "Singapore", quote="We sit in Singapore.")
    evidence(lead, "city", "Johor", quote="and in Johor")
    lead.facts = {"city": {"value": "Singapore", "evidence": row.pk, "also": ["Johor"]}}

    text = shown(facts_panel(lead))

    assert "We sit in Singapore." in text
    assert 'href="https://acme.example/about"' in text
    assert "80 % sure" in text
    assert "1 more statement" in text
    assert "and in Johor" in text


def test_a_fact_with_many_values_shows_them_all(lead):
    row = evidence(lead, "technologies", "Odoo")
    lead.facts = {"technologies": {"value": ["Odoo", "WordPress"], "evidence": row.pk}}

    text = shown(facts_panel(lead))

    assert "Odoo" in text
    assert "WordPress" in text


def test_what_a_page_says_is_never_markup(lead):
    row = evidence(lead, "about", "<script>x</script>", quote="<b>bold</b>")
    row.reference = "javascript:alert(1)"
    row.save()
    lead.facts = {"about": {"value": "<script>x</script>", "evidence": row.pk}}

    text = shown(facts_panel(lead))

    assert "<script>" not in text
    assert "<b>bold" not in text
    assert 'href="javascript' not in text


def test_the_site_shows_why_it_matched_and_what_was_left_out(lead):
    EnrichmentRun.objects.create(
        lead=lead, outcome="DONE", site="https://acme.example/", match_score=90,
        match_lines=[{"reason": "The UEN stands on it", "points": 90, "quote": "UEN 2019"}],
        skipped=[{"url": "https://acme.example/x", "code": "robots", "sentence": "Not allowed."}],
    )  # fmt: skip

    text = shown(site_panel(lead))

    assert "90 of 100 points" in text
    assert "The UEN stands on it" in text
    assert "Not allowed." in text


def test_a_lead_nobody_looked_at_has_no_panels(lead):
    assert (facts_panel(lead), contacts_panel(lead), site_panel(lead)) == (None, None, None)


@pytest.mark.parametrize(
    ("kind", "value", "withdrawn"),
    [
        ("EMAIL", "Jo@acme.sg", {"jo@acme.sg"}),
        ("DOMAIN", "acme.sg", {"jo@acme.sg", "ann@mail.acme.sg"}),
        ("DOMAIN", "mail.acme.sg", {"ann@mail.acme.sg"}),
        ("PHONE", "61234567", set()),
    ],
)
def test_contacts_are_withdrawn_when_their_address_or_domain_is_suppressed(
    lead, kind, value, withdrawn
):
    for email in ("jo@acme.sg", "ann@mail.acme.sg", "x@notacme.sg"):
        Contact.objects.create(lead=lead, kind="PERSON", email=email)

    add(kind, value, reason="asked", actor="tests")

    found = Contact.objects.filter(is_mailable=False)
    assert {contact.email for contact in found} == withdrawn
    if withdrawn:
        assert "not to be written to" in shown(contacts_panel(lead))
