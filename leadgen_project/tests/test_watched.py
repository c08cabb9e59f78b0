"""U21: a person who watches a record is told when it changes, and nobody else is."""

from __future__ import annotations

import pytest
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from acra.models import RegisteredCompany
from icp.models import Lead, Notice, Watch
from leadgen_project.notices import watched
from leadgen_project.notices.look import look
from leadgen_project.notices.mail import notices_for
from leadgen_project.tests.console_data import make_people
from leadgen_project.tests.test_console_isolation import sign_in
from outreach.models import Campaign
from tenants.context import connection, in_public, in_tenant
from tenants.models import Membership


@pytest.fixture
def people(db):
    return make_people()


def make_lead(**fields: object) -> Lead:
    number = Lead.objects.count()
    return Lead.objects.create(source_ref=f"made-{number}", name="KAYA PTE. LTD.", **fields)


def test_what_a_watched_lead_has_become_is_told_once_and_to_the_watcher_alone(people):
    now = timezone.now()
    with in_tenant("acme"):
        lead, other = make_lead(), make_lead()
        assert watched.switch("operator", "LEAD", str(lead.pk)) is True
        assert look(now=now) == 0

        Lead.objects.filter(pk__in=[lead.pk, other.pk]).update(stage="SCORED", score=71)

        assert look(now=now) == 1
        assert look(now=now) == 0
        [notice] = notices_for("operator")
        assert notice.text == "Stage: Candidate, now Scored. Score: none, now 71."
        assert notice.page == reverse("admin:icp_lead_change", args=[lead.pk])
        assert not notices_for("reviewer").exists()
        assert "KAYA" not in notice.title + notice.text


def test_a_campaign_and_a_company_of_the_register_can_be_watched(people):
    now = timezone.now()
    company = RegisteredCompany.objects.create(
        uen="201900001K", name="KAYA PTE. LTD.", status="Live Company", status_class="LIVE",
        first_seen_at=now, changed_at=now,
    )  # fmt: skip
    with in_tenant("acme"):
        campaign = Campaign.objects.create(name="Spring", created_by="operator")
        watched.switch("operator", "CAMPAIGN", str(campaign.pk))
        watched.switch("operator", "COMPANY", company.uen)
        Campaign.objects.update(status="RUNNING")
        with in_public():
            RegisteredCompany.objects.update(status="Struck Off")

        assert look(now=now) == 2
        assert set(Notice.objects.values_list("text", flat=True)) == {
            "Status: Draft, now Running.", "Status: Live Company, now Struck Off.",
        }  # fmt: skip


def test_a_record_that_is_gone_is_told_of_once_and_watched_no_longer(people):
    with in_tenant("acme"):
        lead = make_lead()
        watched.switch("operator", "LEAD", str(lead.pk))
        lead.delete()

        assert look(now=timezone.now()) == 1
        assert not Watch.objects.exists()


def test_who_is_no_member_any_more_is_told_nothing(people):
    with in_tenant("acme"):
        lead = make_lead()
        watched.switch("operator", "LEAD", str(lead.pk))
        Lead.objects.update(stage="SCORED")
        with in_public():
            Membership.objects.filter(user__username="operator").delete()

        assert look(now=timezone.now()) == 0


def test_where_nobody_watches_it_costs_one_statement(people):
    with in_tenant("acme"), CaptureQueriesContext(connection) as asked:
        assert watched.look_at_watched(now=timezone.now()) == 0
    statements = [one["sql"].split(maxsplit=1)[0] for one in asked]
    assert not {"INSERT", "UPDATE", "DELETE"} & set(statements)
    assert statements.count("SELECT") == 1


@pytest.mark.parametrize("key", ["0", "-1", "x", "٣", "9" * 30, "201900001K'"])
@pytest.mark.parametrize("record", ["LEAD", "CAMPAIGN", "COMPANY", "USER"])
def test_what_does_not_exist_cannot_be_watched(people, record, key):
    with in_tenant("acme"), pytest.raises(LookupError):
        watched.switch("operator", record, key)


def test_nobody_watches_more_than_the_most(people, monkeypatch):
    monkeypatch.setattr(watched, "MOST_WATCHED", 2)
    with in_tenant("acme"):
        for _ in range(2):
            watched.switch("operator", "LEAD", str(make_lead().pk))
        with pytest.raises(watched.TooManyWatchedError, match="which is the most"):
            watched.switch("operator", "LEAD", str(make_lead().pk))


def test_the_button_on_a_lead_begins_and_ends_the_watch(people):
    with in_tenant("acme"):
        lead = make_lead()
    client = sign_in("operator", "acme")
    page = reverse("admin:icp_lead_change", args=[lead.pk])
    assert "Stop watching" not in client.get(page).content.decode()

    choice = {"record": "LEAD", "key": lead.pk}
    assert client.post("/admin/notices/watch/", choice).url == page
    assert "Stop watching" in client.get(page).content.decode()
    assert f"Lead {lead.pk}" in client.get("/admin/notices/").content.decode()

    stopped = client.post("/admin/notices/watch/", {**choice, "stay": "1"})
    assert stopped.url == "/admin/notices/"
    assert "Stop watching" not in client.get(page).content.decode()


def test_watching_takes_a_post_and_a_record_of_one_s_own_tenant(people):
    with in_tenant("beta"):
        lead = make_lead()
    client = sign_in("operator", "acme")
    choice = {"record": "LEAD", "key": lead.pk}

    assert client.get("/admin/notices/watch/", choice).status_code == 405
    assert client.post("/admin/notices/watch/", choice).status_code == 404
