"""Titles as tenants want them and as people have them."""

from __future__ import annotations

import pytest

from enrichment.models import Contact
from enrichment.people.wanted_titles import title_rank, wanted_titles
from icp.models import Lead
from scoring.export_rows import best_contacts
from tenants.models import TenantSettings

WANTED = ("Managing Director", "Founder", "Head of Sales", "Director")


@pytest.mark.parametrize(
    ("title", "rank"),
    [
        ("Managing Director", 0),
        ("Group MD", 0),
        ("Co-Founder & CEO", 1),
        ("Founder and Managing Director", 0),
        ("Head of Sales, ASEAN", 2),
        ("Director, Operations", 3),
        ("Sales Manager", None),
        ("Directorate Officer", None),
        ("Personal Assistant to Managing Director", None),
        ("Former Director", None),
        ("", None),
    ],
)
def test_the_first_wanted_title_it_holds_counts(title, rank):
    assert title_rank(title, WANTED) == rank


def test_a_tenants_own_list_goes_before_the_deployments(acme, settings):
    settings.LUSHA_PREFERRED_TITLES = ["Owner"]
    assert wanted_titles() == ("Owner",)

    TenantSettings.objects.filter(pk="acme").update(preferred_titles="CFO\n\n  Head of IT \n")

    assert wanted_titles() == ("CFO", "Head of IT")


def test_exports_begin_with_the_most_wanted_person(acme):
    lead = Lead.objects.create(source_ref="x", name="ACME", stage="SCORED")
    for name, title in (("Ann Lee", "Sales Manager"), ("Bob Tan", "Head of IT"), ("Cai Ng", "")):
        email = f"{name[:3].lower()}@acme.example"
        Contact.objects.create(lead=lead, kind="PERSON", name=name, title=title, email=email)
    TenantSettings.objects.filter(pk="acme").update(preferred_titles="Head of IT\nSales Manager")

    assert best_contacts([lead.pk])[lead.pk].name == "Bob Tan"
