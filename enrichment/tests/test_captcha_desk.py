"""Who has a challenge in hand, by a clock of the tests' own; what an answer leaves behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from enrichment.captcha import figures
from enrichment.captcha import resolve as resolving
from enrichment.captcha.claim import claim, claim_next, release, skip
from enrichment.captcha.errors import ClaimEndedError, FoundError, HeldError, SettledError
from enrichment.captcha.found import Found, read_found
from enrichment.captcha.open import open_challenge
from enrichment.captcha.resolve import fail, resolve
from enrichment.captcha.stop import resume_source
from enrichment.captcha.tidy import tidy
from enrichment.harvest_models import HarvestRequest
from enrichment.listings.take import take
from enrichment.models import CaptchaChallenge, Contact, EnrichmentRun, Evidence, Listing
from enrichment.tests.test_captcha_open import PLACE, make_listing
from icp import suppressions
from icp.models import Lead
from icp.tests.factories import make_lead
from tenants.models import AuditEvent

State = CaptchaChallenge.State
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LEASE = timedelta(seconds=600)


def after(**parts: float) -> datetime:
    return START + timedelta(**parts)


@pytest.fixture
def queue(acme) -> list[CaptchaChallenge]:
    """Three challenges, the first one waiting longest."""
    return [
        open_challenge(lead=make_lead(stage="NEEDS_OPERATOR"), now=after(minutes=number - 10),
                       url=f"https://wall.example/{number}", host="wall.example", make="hCaptcha")
        for number in range(3)
    ]  # fmt: skip


def events() -> list[str]:
    rows = AuditEvent.objects.filter(action__startswith="enrichment.").order_by("pk")
    return [action.removeprefix("enrichment.") for action in rows.values_list("action", flat=True)]


# --- the queue ----------------------------------------------------------------------------------
def test_the_longest_waiting_goes_first_and_two_people_never_hold_the_same(queue):
    taken = [claim_next(actor=name, now=START) for name in ("ann", "bob", "cid", "dan")]

    assert taken == [*queue, None]
    assert events() == ["challenge.claim"] * 3


def test_who_has_one_in_hand_gets_it_again_with_the_lease_begun_anew(queue):
    claim_next(actor="ann", now=START)

    again = claim_next(actor="ann", now=after(minutes=5))

    assert again == queue[0]
    assert again.held_until == after(minutes=5) + LEASE
    assert again.lease == 1


def test_a_claim_ends_by_itself_and_the_challenge_is_free(queue):
    claim_next(actor="ann", now=START)

    assert claim_next(actor="bob", now=START + LEASE - timedelta(seconds=1)) == queue[1]
    release(queue[1], actor="bob", now=after(seconds=1))
    assert claim_next(actor="bob", now=START + LEASE) == queue[0]


def test_an_answer_after_the_claim_ended_is_refused_until_it_is_claimed_again(queue):
    claim_next(actor="ann", now=START)
    late = START + LEASE

    with pytest.raises(ClaimEndedError, match="has ended"):
        resolve(queue[0], "a@x.example", actor="ann", now=late)
    claim(queue[0], actor="ann", now=late)
    assert resolve(queue[0], "a@x.example", actor="ann", now=late)


def test_an_answer_by_somebody_else_is_refused(queue):
    claim_next(actor="ann", now=START)

    for act in (release, skip, fail):
        with pytest.raises(HeldError, match="ann has it in hand until 09:10:00 UTC"):
            act(queue[0], actor="bob", now=START)
    with pytest.raises(HeldError, match="ann has it in hand"):
        resolve(queue[0], "a@x.example", actor="bob", now=START)
    with pytest.raises(HeldError, match="ann has it in hand"):
        claim(queue[0], actor="bob", now=START)


def test_the_number_of_an_earlier_claim_opens_nothing(queue):
    first = claim_next(actor="ann", now=START).lease
    release(queue[0], actor="ann", now=START)
    claim_next(actor="ann", now=START)

    with pytest.raises(ClaimEndedError):
        resolve(queue[0], "", actor="ann", lease=first, now=START)
    with pytest.raises(ClaimEndedError):
        skip(queue[0], actor="ann", lease=first, now=START)


def test_released_keeps_its_place_and_skipped_goes_to_the_end(queue):
    claim_next(actor="ann", now=START)
    release(queue[0], actor="ann", now=START)
    assert claim_next(actor="ann", now=START) == queue[0]

    skip(queue[0], actor="ann", now=START)

    assert [claim_next(actor=name, now=START) for name in ("ann", "bob", "cid")] == [
        queue[1], queue[2], queue[0],
    ]  # fmt: skip
    assert CaptchaChallenge.objects.get(pk=queue[0].pk).tries == 0


def test_nobody_releases_what_nobody_holds(queue):
    with pytest.raises(HeldError, match="not claimed"):
        release(queue[0], actor="ann", now=START)


# --- answers ------------------------------------------------------------------------------------
def test_what_was_found_becomes_evidence_of_its_own_origin_and_the_lead_goes_on(queue):
    challenge = claim_next(actor="ann", now=START)

    assert resolve(challenge, "Sales@Acme.example; 6123 4567", actor="ann", now=START)

    lead = Lead.objects.get(pk=challenge.lead_id)
    rows = Evidence.objects.filter(lead=lead).order_by("field")
    assert [(row.field, row.value, row.source, row.reference) for row in rows] == [
        ("emails", "sales@acme.example", "CAPTCHA", challenge.url),
        ("phones", "+6561234567", "CAPTCHA", challenge.url),
    ]
    contact = Contact.objects.get()
    assert (contact.email, contact.phone) == ("sales@acme.example", "+6561234567")
    assert lead.stage == Lead.Stage.CANDIDATE
    assert lead.facts["email"]["value"] == "sales@acme.example"
    challenge.refresh_from_db()
    assert (challenge.state, challenge.found) == (State.SOLVED, "email, phone")
    assert "sales@" not in str(AuditEvent.objects.values_list())


def test_nothing_there_lets_the_lead_go_on_without_evidence(queue):
    challenge = claim_next(actor="ann", now=START)

    resolve(challenge, " nothing there ", actor="ann", now=START)

    assert not Evidence.objects.filter(source="CAPTCHA").exists()
    assert Lead.objects.get(pk=challenge.lead_id).stage == Lead.Stage.CANDIDATE


def test_the_same_answer_again_changes_nothing_and_another_is_refused(queue):
    challenge = claim_next(actor="ann", now=START)
    resolve(challenge, "a@x.example", actor="ann", now=START)
    before = list(Evidence.objects.values()), events()

    assert not resolve(challenge, "A@x.example", actor="ann", now=after(hours=1))
    for text, actor in (("b@x.example", "ann"), ("", "ann"), ("a@x.example", "bob")):
        with pytest.raises(SettledError, match="passed already, by ann"):
            resolve(challenge, text, actor=actor, now=START)
    with pytest.raises(SettledError):
        fail(challenge, actor="ann", now=START)
    assert (list(Evidence.objects.values()), events()) == before


def test_what_nobody_holds_is_settled_at_once_by_who_brings_the_answer(queue):
    assert resolve(queue[2], "a@x.example", actor="ann", now=START)

    claim_next(actor="ann", now=START)
    assert resolve(queue[0], "", actor="bob", now=START + LEASE)


@pytest.mark.parametrize("value", ["gone@acme.example", "+65 6123 4567", "x@sub.barred.example"])
def test_a_suppressed_value_is_refused_and_nothing_is_settled(queue, value):
    suppressions.add("EMAIL", "gone@acme.example", reason="asked", actor="o")
    suppressions.add("PHONE", "61234567", reason="asked", actor="o")
    suppressions.add("DOMAIN", "barred.example", reason="asked", actor="o")
    challenge = claim_next(actor="ann", now=START)

    with pytest.raises(FoundError, match="suppressed"):
        resolve(challenge, f"ok@acme.example, {value}", actor="ann", now=START)

    assert not Evidence.objects.filter(source="CAPTCHA").exists()
    assert CaptchaChallenge.objects.get(pk=challenge.pk).state == State.CLAIMED


def test_a_failure_returns_it_and_saying_so_twice_counts_once(queue):
    challenge = claim_next(actor="ann", now=START)

    assert fail(challenge, actor="ann", now=START)
    assert not fail(challenge, actor="ann", now=START)

    challenge.refresh_from_db()
    assert (challenge.state, challenge.tries) == (State.OPEN, 1)
    assert Lead.objects.get(pk=challenge.lead_id).stage == Lead.Stage.NEEDS_OPERATOR
    assert [claim_next(actor=name, now=START) for name in ("ann", "bob", "cid")][2] == challenge


def test_after_three_failures_it_is_given_up_and_the_lead_goes_on(queue):
    for name in ("ann", "bob", "ann"):
        claim(queue[0], actor=name, now=START)
        assert fail(queue[0], actor=name, now=START)

    assert not fail(queue[0], actor="ann", now=START)
    row = CaptchaChallenge.objects.get(pk=queue[0].pk)
    assert (row.state, row.tries, row.settled_by) == (State.GIVEN_UP, 3, "ann")
    assert Lead.objects.get(pk=row.lead_id).stage == Lead.Stage.CANDIDATE
    assert events()[-1] == "challenge.give_up"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", Found()),
        ("-", Found()),
        ("Nothing", Found()),
        ("mailto:A@X.example", Found(("a@x.example",))),
        ("a@x.example, a@X.example\nb@x.example", Found(("a@x.example", "b@x.example"))),
        ("6123 4567", Found((), ("+6561234567",))),
        ("+1 (512) 555-0123", Found((), ("+15125550123",))),
    ],
)
def test_the_one_field_is_read(acme, text, found):
    assert read_found(text, region="SG") == found


@pytest.mark.parametrize("text", ["hello", "a@b", "a@", "12", "x" * 401, "https://x.example", "@"])
def test_what_is_neither_address_nor_number_is_refused(acme, text):
    with pytest.raises(FoundError):
        read_found(text, region="SG")


# --- the queue keeps in line with its leads --------------------------------------------------
def test_a_lead_that_waited_before_there_were_challenges_gets_one(acme):
    lead = make_lead(stage="NEEDS_OPERATOR")
    EnrichmentRun.objects.create(
        lead=lead, outcome="WALL", error="https://old.example/ is a CAPTCHA wall (hCaptcha)"
    )
    plain = make_lead(stage="NEEDS_OPERATOR", website="plain.example")

    assert figures.waiting_count() == 2
    first = claim_next(actor="ann", now=START)

    assert (first.lead, first.url, first.make) == (lead, "https://old.example/", "hCaptcha")
    assert CaptchaChallenge.objects.get(lead=plain).url == "https://plain.example"
    assert figures.waiting_count() == 2


def test_a_lead_that_went_on_by_itself_takes_its_challenge_out_of_the_queue(queue):
    held = claim_next(actor="ann", now=START)
    Lead.objects.filter(pk=held.lead_id).update(stage="CANDIDATE")

    with pytest.raises(SettledError, match="no longer needed"):
        resolve(held, "a@x.example", actor="ann", now=START)
    assert figures.waiting_count() == 2
    tidy(now=START)

    assert CaptchaChallenge.objects.get(pk=held.pk).state == State.CANCELLED
    assert events()[-1] == "challenge.cancel"


def test_what_nobody_came_to_is_given_up_at_its_deadline_unless_it_is_in_hand(queue):
    last_moment = queue[2].due_at
    claim(queue[0], actor="ann", now=last_moment - timedelta(seconds=1))

    tidy(now=last_moment)

    states = CaptchaChallenge.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == [State.CLAIMED, State.GIVEN_UP, State.GIVEN_UP]
    assert Lead.objects.get(pk=queue[1].lead_id).stage == Lead.Stage.CANDIDATE


def test_a_listing_without_a_lead_is_read_again_with_what_was_found(acme):
    listing = make_listing(outcome="WALLED", record={"name": "Bakery", "city": "Johor"})
    challenge = open_challenge(listing=listing, **PLACE)

    resolve(challenge, "a@x.example, 6123 4567", actor="ann", now=START)

    listing.refresh_from_db()
    assert listing.outcome == Listing.Outcome.FOUND
    assert listing.record == {
        "name": "Bakery", "city": "Johor", "category": "bakery", "source_url": listing.url,
        resolving.IN_RECORD: {"emails": ["a@x.example"], "phones": ["+6561234567"]},
    }  # fmt: skip


def test_an_entry_that_was_never_read_becomes_a_lead_by_what_the_person_read(acme):
    listing = make_listing(outcome="WALLED")
    challenge = open_challenge(listing=listing, **PLACE)

    with pytest.raises(FoundError, match="name of the business as well"):
        resolve(challenge, "a@x.example", actor="ann", now=START)
    resolve(challenge, "Ah Seng Bakery, a@x.example", actor="ann", now=START)
    listing.refresh_from_db()
    take(listing)

    lead = Lead.objects.get()
    assert (listing.outcome, lead.name) == (Listing.Outcome.TAKEN, "Ah Seng Bakery")
    assert Evidence.objects.get(lead=lead, field="emails").source == "CAPTCHA"


def test_a_name_alone_or_a_slip_of_the_pen_settles_nothing(acme):
    challenge = open_challenge(listing=make_listing(outcome="WALLED"), **PLACE)

    with pytest.raises(FoundError, match="a name alone makes no lead"):
        resolve(challenge, "sales at bakery", actor="ann", now=START)

    challenge.refresh_from_db()
    assert challenge.state == State.OPEN


def test_what_stands_on_a_page_of_the_list_itself_belongs_to_no_one_business(acme):
    challenge = open_challenge(source=make_listing().source, **PLACE)

    with pytest.raises(FoundError, match="a page of the list itself"):
        resolve(challenge, "a@x.example", actor="ann", now=START)
    resolve(challenge, "", actor="ann", now=START)

    challenge.refresh_from_db()
    assert challenge.state == State.SOLVED


def test_an_entry_whose_harvest_is_over_becomes_a_lead_at_once(acme):
    listing = make_listing(outcome="WALLED", record={"name": "Bakery", "city": "Johor"})
    HarvestRequest.objects.update(status="COMPLETED", finished_at=START)
    challenge = open_challenge(listing=listing, **PLACE)

    resolve(challenge, "a@x.example", actor="ann", now=START)

    listing.refresh_from_db()
    assert listing.outcome == Listing.Outcome.TAKEN
    assert Evidence.objects.get(lead=listing.lead, field="emails").value == "a@x.example"


def test_an_entry_nobody_could_read_is_refused_and_met_no_more(acme):
    listing = make_listing(outcome="WALLED")
    challenge = open_challenge(listing=listing, **PLACE)

    tidy(now=challenge.due_at)

    listing.refresh_from_db()
    assert (listing.outcome, listing.code) == (Listing.Outcome.REFUSED, "walled")


# --- the stop rule -----------------------------------------------------------------------------
def more_listings(first: Listing, count: int) -> list[Listing]:
    return [
        Listing.objects.create(
            source=first.source, request=first.request, position=number, source_key=f"k{number}",
            outcome="TAKEN", url="https://list.example/", retrieved_at=after(minutes=number),
        )
        for number in range(10, 10 + count)
    ]  # fmt: skip


def test_a_source_with_too_many_walls_pauses_itself_and_a_person_resumes_it(acme):
    first = make_listing(outcome="TAKEN", retrieved_at=START)
    listings = more_listings(first, 20)
    source = first.source

    for listing in listings[:6]:
        open_challenge(listing=listing, **PLACE)
    source.refresh_from_db()
    assert source.paused_at is None
    open_challenge(listing=listings[6], **PLACE)

    source.refresh_from_db()
    assert source.paused_at is not None
    assert source.pause_reason.startswith("7 of its last 20 listings stood behind a wall")
    assert [row.source for row in figures.of_sources(now=timezone.now())] == [source]
    assert resume_source(source, actor="ann", now=after(hours=1))
    assert not resume_source(source, actor="ann", now=after(hours=1))
    open_challenge(listing=listings[7], **PLACE)
    source.refresh_from_db()
    assert source.paused_at is None
    assert events() == ["source.pause", "source.resume"]


def test_hosts_show_what_became_of_their_walls(queue):
    resolve(queue[0], "a@x.example", actor="ann", now=START)
    resolve(queue[1], "", actor="ann", now=START)

    ((host, row),) = figures.of_hosts(now=START)

    assert host == "wall.example"
    assert (row.met, row.waiting, row.useful, row.empty, row.given_up) == (3, 1, 1, 1, 0)
    assert row.note == ""
