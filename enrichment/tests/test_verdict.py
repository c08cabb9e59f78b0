"""Every word ZeroBounce has for an address leads to one verdict, under every policy."""

from __future__ import annotations

import pytest

from enrichment.verification.verdict import NEVER, Policy, Verdict, in_words, judge
from leadgen_project.sandbox.vendors.zerobounce import SHARES

STRICT = Policy(free_mail=False)
OPEN = Policy(catch_all=True, role_mailbox=True, free_mail=True)


def verdict(status, sub_status="", *, policy=STRICT, free=False) -> tuple[str, bool]:
    judged = judge(status, sub_status, is_free_mail=free, policy=policy)
    assert judged.is_allowed == (not judged.reason)
    return judged.verdict, judged.is_allowed


@pytest.mark.parametrize("word", ["", "alias_address", "leading_period_removed", "gold",
                                  "alternate", "allowed"])  # fmt: skip
def test_valid_may_be_written_to(word):
    assert verdict("valid", word) == ("DELIVERABLE", True)


@pytest.mark.parametrize(("status", "word"), [*NEVER, ("spamtrap", ""), ("abuse", "")])
def test_no_policy_lets_a_bad_address_in(status, word):
    assert verdict(status, word, policy=OPEN) == ("UNDELIVERABLE", False)


@pytest.mark.parametrize(
    ("status", "word", "lets_in"),
    [
        ("catch-all", "", {"catch_all"}),
        ("catch-all", "accept_all", {"catch_all"}),
        ("valid", "role_based_accept_all", {"catch_all"}),
        ("do_not_mail", "role_based", {"role_mailbox"}),
        ("do_not_mail", "role_based_catch_all", {"catch_all", "role_mailbox"}),
    ],
)
def test_what_lies_between_is_the_policys_choice(status, word, lets_in):
    chosen = Policy(**{name: name in lets_in for name in ("catch_all", "role_mailbox")})

    assert verdict(status, word, policy=STRICT) == ("RISKY", False)
    assert verdict(status, word, policy=chosen) == ("RISKY", True)
    for name in lets_in:
        without = Policy(**{each: each != name for each in ("catch_all", "role_mailbox")})
        assert verdict(status, word, policy=without) == ("RISKY", False)


def test_free_mail_is_left_out_or_let_in_with_lower_confidence():
    assert verdict("valid", free=True, policy=Policy(free_mail=False)) == ("RISKY", False)
    assert verdict("valid", free=True, policy=Policy(free_mail=True)) == ("RISKY", True)


@pytest.mark.parametrize(
    ("status", "word"),
    [("unknown", "greylisted"), ("unknown", "vendor_error"), ("valid", "brand_new"),
     ("superb", ""), ("catch-all", "brand_new")],
)  # fmt: skip
def test_unknown_and_words_nobody_knows_are_never_good(status, word):
    assert verdict(status, word, policy=OPEN) == ("UNKNOWN", True)


@pytest.mark.parametrize(("status", "word"), [("do_not_mail", "brand_new"), ("invalid", "odd")])
def test_new_kinds_of_bad_are_bad(status, word):
    assert verdict(status, word, policy=OPEN) == ("UNDELIVERABLE", False)


def test_nothing_known_forbids_nothing():
    assert verdict("unverified", "no_key") == (Verdict.UNVERIFIED, True)


@pytest.mark.parametrize(("status", "word"), [*SHARES, ("unverified", "no_key")])
def test_every_word_reads_as_a_sentence(status, word):
    told = in_words(status, word)

    assert told
    assert "_" not in told
