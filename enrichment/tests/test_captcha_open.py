"""A wall becomes one challenge, however often it is met."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import IntegrityError, connection, transaction

from enrichment.captcha.open import open_challenge
from enrichment.captcha.settled import is_settled
from enrichment.enrich import enrich_batch
from enrichment.models import CaptchaChallenge, HarvestRequest, HarvestSource, Listing
from enrichment.tests.pages_of import MadeUpWeb, no_site
from enrichment.web.pages import Outcome, Reason
from enrichment.web.walls import Kind, Wall
from icp.models import Lead
from icp.tests.factories import NOW, make_company, make_lead
from tenants.context import in_tenant
from tenants.models import PipelineRun

State = CaptchaChallenge.State
HOST = "kolinawidgets.com.sg"
PLACE = {"url": "https://wall.example/door", "host": "wall.example", "make": "Turnstile"}


def make_listing(**fields: object) -> Listing:
    source = HarvestSource.objects.create(name="Made-up list", kind="HTML_LIST")
    request = HarvestRequest.objects.create(
        source=source, city="Singapore", category="bakery", wanted=5, requested_by="o"
    )
    return Listing.objects.create(
        source=source, request=request, position=1, source_key="1", url=PLACE["url"], **fields
    )


def test_the_same_lead_has_one_challenge_which_is_of_the_wall_met_last(acme):
    lead = make_lead(stage="NEEDS_OPERATOR")

    first = open_challenge(lead=lead, **PLACE)
    second = open_challenge(lead=lead, url="https://wall.example/b", host="Wall.Example",
                            make="hCaptcha")  # fmt: skip

    assert second == first
    row = CaptchaChallenge.objects.get()
    assert (row.url, row.host, row.make) == ("https://wall.example/b", "wall.example", "hCaptcha")
    assert row.state == State.OPEN
    assert row.due_at - row.opened_at == timedelta(days=14)


def test_a_listing_takes_its_challenge_along_when_it_becomes_a_lead(acme):
    listing = make_listing()
    first = open_challenge(listing=listing, **PLACE)
    lead = make_lead(stage="NEEDS_OPERATOR")

    second = open_challenge(lead=lead, listing=listing, **PLACE)

    assert second == first
    assert (second.lead_id, second.source_id) == (lead.pk, listing.source_id)


def test_a_list_page_has_one_challenge_of_its_source(acme):
    listing = make_listing()
    of_page = open_challenge(source=listing.source, **PLACE)

    assert open_challenge(source=listing.source, **PLACE) == of_page
    assert open_challenge(listing=listing, **PLACE) != of_page


def test_a_host_where_ten_looked_in_vain_sends_nobody_to_the_desk_any_more(acme):
    for _ in range(10):
        open_challenge(lead=make_lead(), **PLACE)
    rows = CaptchaChallenge.objects.order_by("pk")
    rows.update(state="GIVEN_UP", settled_at=NOW, settled_by="leadgen")
    newcomer, last = make_lead(), rows.last().pk
    assert is_settled(newcomer, host="wall.example", now=NOW)
    assert not is_settled(newcomer, host="other.example", now=NOW)
    assert not is_settled(newcomer, host="wall.example", now=NOW + timedelta(days=91))

    rows.filter(pk=last).update(state="SOLVED", found="email")

    assert not is_settled(newcomer, host="wall.example", now=NOW)


def test_a_settled_wall_may_be_met_again_as_a_new_challenge(acme):
    lead = make_lead()
    first = open_challenge(lead=lead, **PLACE)
    CaptchaChallenge.objects.update(state="SOLVED", found="nothing", settled_at=NOW, settled_by="o")

    assert open_challenge(lead=lead, **PLACE) != first


def test_a_challenge_of_nothing_is_refused(acme):
    with pytest.raises(ValueError, match="of a lead"):
        open_challenge(**PLACE)
    with pytest.raises(IntegrityError, match="challenge_is_of_a_lead_or_a_source"):
        CaptchaChallenge.objects.create(make="x", due_at=NOW)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"state": "CLAIMED"}, "challenge_claimed_iff_by_whom_and_until"),
        ({"claimed_by": "o"}, "challenge_claimed_iff_by_whom_and_until"),
        ({"settled_at": NOW}, "challenge_settled_iff_when_and_by_whom"),
        ({"state": "GIVEN_UP", "settled_at": NOW}, "challenge_settled_iff_when_and_by_whom"),
        ({"state": "SOLVED", "settled_at": NOW, "settled_by": "o"}, "challenge_passed_iff"),
        ({"found": "email"}, "challenge_passed_iff_says_what_was_found"),
    ],
)
def test_the_table_refuses_states_that_contradict_themselves(acme, values, name):
    challenge = open_challenge(lead=make_lead(), **PLACE)

    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        CaptchaChallenge.objects.filter(pk=challenge.pk).update(**values)


def test_whoever_meets_a_wall_at_the_same_moment_gets_the_same_challenge(
    committed, django_db_blocker
):
    with django_db_blocker.unblock():
        with in_tenant("acme"):
            lead = make_lead(stage="NEEDS_OPERATOR")
        ready, met = Barrier(6), []

        def meet() -> None:
            with in_tenant("acme"):
                ready.wait(60)
                met.append(open_challenge(lead=lead, **PLACE).pk)
            connection.close()

        threads = [Thread(target=meet) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

    assert len(met) == 6
    assert len(set(met)) == 1


@pytest.fixture
def walled():
    """A made-up web whose one site stands behind a wall."""
    answer = no_site(HOST, outcome=Outcome.WALL, reason=Reason.WALL)
    wall = Wall(Kind.CAPTCHA, "Turnstile", "cf-turnstile")
    return MadeUpWeb({HOST: replace(answer, walls=((f"https://{HOST}/", wall),))})


@pytest.fixture
def lead(acme):
    company = make_company(name="KOLINA WIDGETS PTE. LTD.", name_key="KOLINA WIDGETS")
    run = PipelineRun.objects.create(tenant=acme)
    return make_lead(uen=company.uen, name=company.name, run_id=run.pk)


def enrich(lead: Lead, web: MadeUpWeb) -> str:
    Lead.objects.filter(pk=lead.pk).update(stage="CANDIDATE")
    enrich_batch(PipelineRun.objects.get(pk=lead.run_id), count=5, crawl=web)
    lead.refresh_from_db()
    return lead.stage


def test_a_site_behind_a_wall_opens_a_challenge(lead, walled):
    assert enrich(lead, walled) == Lead.Stage.NEEDS_OPERATOR

    challenge = CaptchaChallenge.objects.get()
    assert (challenge.lead, challenge.host, challenge.make) == (lead, HOST, "Turnstile")
    assert challenge.url == f"https://{HOST}/"


def test_the_same_wall_in_another_night_opens_no_second_one(lead, walled):
    enrich(lead, walled)

    assert enrich(lead, walled) == Lead.Stage.NEEDS_OPERATOR
    assert CaptchaChallenge.objects.count() == 1


@pytest.mark.parametrize("state", ["SOLVED", "GIVEN_UP"])
def test_a_wall_a_person_has_dealt_with_keeps_the_lead_no_more(lead, walled, state):
    enrich(lead, walled)
    challenge = CaptchaChallenge.objects.get()
    found = "nothing" if state == "SOLVED" else ""
    CaptchaChallenge.objects.update(
        state=state, found=found, settled_at=challenge.opened_at, settled_by="o"
    )

    assert enrich(lead, walled) == Lead.Stage.ENRICHED
    assert CaptchaChallenge.objects.count() == 1


def test_a_wall_elsewhere_or_long_ago_is_not_settled(acme):
    lead = make_lead()
    open_challenge(lead=lead, **PLACE)
    CaptchaChallenge.objects.update(state="SOLVED", found="nothing", settled_at=NOW, settled_by="o")

    assert is_settled(lead, host="wall.example", now=NOW)
    assert not is_settled(lead, host="other.example", now=NOW)
    assert not is_settled(lead, host="wall.example", now=NOW + timedelta(days=91))
