from __future__ import annotations

import pytest

from icp.give_site import SiteError, give_site, read_address
from icp.models import Lead
from icp.suppressions import add
from icp.tests.factories import make_lead
from tenants.models import AuditEvent


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("www.Acme.com.sg", "www.acme.com.sg"),
        (" https://acme.sg/ ", "https://acme.sg"),
        ("http://acme.sg:80/en/", "http://acme.sg/en"),
    ],
)
def test_an_address_is_read_as_people_type_it(typed, stored):
    assert read_address(typed) == stored


@pytest.mark.parametrize(
    "typed",
    ["acme", "acme sg.com", "ftp://acme.sg", "javascript:alert(1)", "http://u:p@acme.sg",
     "acme.sg:8080", "http://[::1", "..", "file:///etc/passwd"],
)  # fmt: skip
def test_what_is_no_web_address_is_refused(typed):
    with pytest.raises(SiteError):
        read_address(typed)


def test_a_given_site_makes_the_lead_a_candidate_again_and_is_audited(acme):
    lead = make_lead(stage=Lead.Stage.SCORED)

    give_site(lead, "www.acme.com.sg", actor="ana")

    lead.refresh_from_db()
    assert (lead.website, lead.stage) == ("www.acme.com.sg", "CANDIDATE")
    event = AuditEvent.objects.get(action="icp.lead.give_site")
    assert (event.actor, event.after) == ("ana", {"website": "www.acme.com.sg"})


def test_a_given_site_can_be_taken_back(acme):
    lead = make_lead(website="wrong.example")

    give_site(lead, "", actor="ana")

    lead.refresh_from_db()
    assert lead.website == ""


def test_a_suppressed_site_is_refused_and_changes_nothing(acme):
    lead = make_lead(stage=Lead.Stage.SCORED)
    add("DOMAIN", "acme.com.sg", reason="they asked", actor="ana")

    with pytest.raises(SiteError, match="suppression list"):
        give_site(lead, "www.acme.com.sg", actor="ana")

    lead.refresh_from_db()
    assert (lead.website, lead.stage) == ("", "SCORED")
