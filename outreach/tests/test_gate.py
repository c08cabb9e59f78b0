"""May this mail go out? One table per rule, and who wins when several object."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from outreach.gate import RULES, Facts, Say, ask, decide
from outreach.law import THRESHOLDS, Answer, Origin
from outreach.setting_links import link_of_setting
from outreach.windows import parse_hours

OPEN = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # Tuesday 10:00 in Singapore
GOOD = Facts(
    now=OPEN,
    recipient="sales@company.example",
    verdict="DELIVERABLE",
    origin=Origin.ADOPTED,
    country="SG",
)
Case = tuple[dict[str, object], str, str]


def verdict_of(**changes: object):
    return decide(ask(replace(GOOD, **changes)))


def test_a_mail_nothing_speaks_against_may_go():
    assert [verdict.say for verdict in ask(GOOD)] == [Say.ALLOW] * len(RULES)
    assert verdict_of().say is Say.ALLOW


CASES: list[Case] = [
    ({"tenant_paused": "audit."}, "HOLD", "sending_off"),
    ({"campaign_status": "PAUSED"}, "HOLD", "campaign_paused"),
    ({"campaign_status": "DRAFT"}, "HOLD", "campaign_paused"),
    ({"campaign_status": "STOPPED"}, "REFUSE", "campaign_over"),
    ({"has_mailbox": False}, "HOLD", "no_mailbox"),
    ({"mailbox_state": "RECONNECT", "mailbox_reason": "Sign in."}, "HOLD", "mailbox_not_ready"),
    ({"was_moved_in": True}, "HOLD", "moved_in"),
    ({"template_archived": True}, "REFUSE", "template_archived"),
    ({"unresolved": ("first_name",)}, "HOLD", "unresolved"),
    ({"lint_errors": ("No opt-out.",)}, "HOLD", "template_faulty"),
    ({"recipient": ""}, "REFUSE", "no_address"),
    ({"is_erased": True, "recipient": ""}, "REFUSE", "erased"),
    ({"suppressed_because": "asked for silence"}, "REFUSE", "suppressed"),
    ({"earlier_stopped": "She answered."}, "REFUSE", "sequence_ended"),
    ({"company_ceased": True}, "REFUSE", "ceased"),
    ({"verdict": "UNVERIFIED"}, "HOLD", "not_verified"),
    ({"verdict": "UNKNOWN"}, "HOLD", "not_verified"),
    ({"verdict": "something new"}, "HOLD", "not_verified"),
    ({"verdict": "RISKY"}, "HOLD", "risky"),
    ({"verdict": "RISKY", "accepts_risky": True, "is_withheld": True}, "HOLD", "left_out"),
    ({"verdict": "UNDELIVERABLE"}, "REFUSE", "undeliverable"),
    ({"forbids_collection": True}, "REFUSE", "notice_against"),
    ({"country": "DE"}, "HOLD", "no_basis"),
    ({"country": "CA"}, "HOLD", "no_basis"),
    ({"country": "DE", "bases": frozenset({"DE"})}, "HOLD", "no_notice"),
    ({"needs_one_click": True}, "REFUSE", "no_one_click"),
    ({"active_zones": frozenset({"Europe/Paris"})}, "HOLD", "zone_off"),
    ({"window": parse_hours({})}, "HOLD", "window_never"),
]


@pytest.mark.parametrize(("changes", "say", "code"), CASES)
def test_each_rule_objects_with_a_code_a_sentence_and_a_page(changes, say, code):
    found = verdict_of(**changes)

    assert (found.say, found.code) == (say, code)
    assert found.sentence.endswith((".", ")"))
    assert link_of_setting(found.setting)[1].startswith("/admin/")


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "RISKY", "accepts_risky": True},
        {"country": "DE", "bases": frozenset({"DE"}), "has_notice": True},
        {"country": "DE", "bases": frozenset({"DE"}), "is_first": False},
        {"country": "CA", "bases": frozenset({"CA"})},
        {"needs_one_click": True, "has_one_click": True},
        {"active_zones": frozenset({"Asia/Singapore"})},
        {"was_moved_in": True, "is_released": True},
    ],
)
def test_a_recorded_decision_lets_it_through(changes):
    assert verdict_of(**changes).say is Say.ALLOW


ORIGINS = {  # the default of Singapore, which holds when nobody configures anything
    Origin.REPLIED: ("ALLOW", ""),
    Origin.TYPED: ("ALLOW", ""),
    Origin.ADOPTED: ("ALLOW", ""),
    Origin.CAPTCHA: ("HOLD", "origin_asks"),
    Origin.IMPORTED: ("HOLD", "origin_asks"),
    Origin.PROVIDER: ("HOLD", "origin_asks"),
    Origin.PAGE: ("HOLD", "not_adopted"),
    Origin.GUESSED: ("REFUSE", "origin"),
    Origin.HARVESTED: ("REFUSE", "origin"),
}


@pytest.mark.parametrize("country", ["SG", "US", ""])
@pytest.mark.parametrize("origin", list(Origin))
def test_where_an_address_came_from_decides_by_itself(origin, country):
    found = verdict_of(origin=origin, country=country)

    assert (found.say, found.code) == ORIGINS[origin]


def test_an_operator_releases_what_the_policy_asks_about_and_nothing_else():
    assert verdict_of(origin=Origin.PROVIDER, is_released=True).say is Say.ALLOW
    assert verdict_of(origin=Origin.PAGE, is_released=True).code == "not_adopted"
    assert verdict_of(origin=Origin.GUESSED, is_released=True).code == "origin"


@pytest.mark.parametrize(
    ("own", "country", "say"),
    [
        ({("PROVIDER", "*"): Answer.SEND}, "SG", "ALLOW"),
        ({("PROVIDER", "US"): Answer.SEND}, "SG", "HOLD"),
        ({("PROVIDER", "US"): Answer.SEND}, "US", "ALLOW"),
        ({("PROVIDER", "*"): Answer.SEND, ("PROVIDER", "US"): Answer.NEVER}, "US", "REFUSE"),
        ({("REPLIED", "*"): Answer.ASK}, "SG", "HOLD"),
    ],
)
def test_the_tenants_own_cell_goes_before_the_default(own, country, say):
    origin = Origin(next(iter(own))[0])

    assert verdict_of(origin=origin, own_policy=own, country=country).say == say


@pytest.mark.parametrize("place", range(len(THRESHOLDS)))
@pytest.mark.parametrize(
    ("below", "label", "way_out", "say"),
    [
        (1, False, False, "ALLOW"),  # the last mail that is not yet in bulk
        (0, False, True, "REFUSE"),
        (0, True, False, "REFUSE"),
        (0, True, True, "ALLOW"),
    ],
)
def test_each_threshold_is_crossed_by_one(place, below, label, way_out, say):
    counts = [0, 0, 0]
    counts[place] = THRESHOLDS[place].most - below

    found = verdict_of(sent_alike=tuple(counts), carries_label=label, carries_opt_out=way_out)

    assert found.say == say
    assert say == "ALLOW" or THRESHOLDS[place].words in found.sentence


def test_outside_working_hours_it_waits_for_the_next():
    found = verdict_of(now=datetime(2026, 11, 24, 12, 0, tzinfo=UTC))

    assert (found.say, found.code) == (Say.HOLD, "outside_window")
    assert found.until == datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


def test_a_refusal_goes_before_a_hold_and_a_person_before_a_clock():
    night = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    assert verdict_of(now=night, tenant_paused="x.", company_ceased=True).code == "ceased"
    assert verdict_of(now=night, campaign_status="PAUSED").code == "campaign_paused"


def test_without_any_fact_nothing_goes_out():
    assert decide(ask(Facts(now=OPEN))).say is Say.REFUSE
