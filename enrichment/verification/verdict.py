"""May an address be written to? The vendor's words and the tenant's policy in, a verdict out.

Pure. Statuses and sub-statuses as ZeroBounce lists them (its client's vocabulary of 2.3.0). New
ones appear without notice: what is not on the table is never good.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """As ``Contact.Verdict``."""

    DELIVERABLE = "DELIVERABLE"
    RISKY = "RISKY"
    UNDELIVERABLE = "UNDELIVERABLE"
    UNKNOWN = "UNKNOWN"
    UNVERIFIED = "UNVERIFIED"


@dataclass(frozen=True, slots=True)
class Policy:
    """Which addresses between good and bad may be written to, with lower confidence."""

    catch_all: bool = False
    role_mailbox: bool = False
    free_mail: bool = True


@dataclass(frozen=True, slots=True)
class Judgement:
    """``is_allowed``: nothing known forbids writing; ``reason`` says what does."""

    verdict: Verdict
    is_allowed: bool = True
    reason: str = ""


GOOD = frozenset({"", "alias_address", "leading_period_removed", "gold", "alternate", "allowed"})
# Whoever holds these complains or is paid to wait for mail nobody asked for.
TO_SUPPRESS = {"spamtrap": "a spam trap", "abuse": "somebody known to complain of mail"}
NEVER = {
    ("invalid", "mailbox_not_found"): "there is no such mailbox",
    ("invalid", "mailbox_quota_exceeded"): "its mailbox is full",
    ("invalid", "no_dns_entries"): "its domain does not exist or takes no mail",
    ("invalid", "failed_syntax_check"): "it is no e-mail address",
    ("invalid", "possible_typo"): "its domain looks misspelt",
    ("invalid", "unroutable_ip_address"): "its mail server is not on the internet",
    ("invalid", "does_not_accept_mail"): "its domain takes no mail",
    ("do_not_mail", "disposable"): "it is a throw-away mailbox",
    ("do_not_mail", "toxic"): "it is known for abuse, spam or bots",
    ("do_not_mail", "global_suppression"): "it is on a list of people who want no mail",
    ("do_not_mail", "possible_trap"): "it may be a spam trap",
    ("do_not_mail", "mx_forward"): "its domain only forwards mail",
    ("do_not_mail", "blocked"): "it is blocked at the verifier",
    ("do_not_mail", "ai_agent_mailbox"): "a program reads it, not a person",
}
CATCH_ALL = "its domain takes any address, so it cannot be verified"
ROLE = "it is a shared mailbox such as info@"
FREE_MAIL = "it is at a free-mail provider"
ROLE_CATCH_ALL = "it is a shared mailbox whose domain takes any address"
# Why nothing is known yet, by sub-status.
NOT_YET = {
    "": "not checked yet",
    "no_key": "there is no ZeroBounce key",
    "off": "ZeroBounce is switched off",
    "stopped": "ZeroBounce is stopped, see Vendors",
    "budget": "the budget was used up",
    "rate": "too many waited for ZeroBounce",
    "down": "ZeroBounce did not answer",
    "not_mailable": "it may not be written to anyway",
    "over_cap": "a night checks a company's best addresses only",
}
NO_ANSWER = {
    "vendor_error": "ZeroBounce failed",
    "no_answer": "ZeroBounce left it out of its answer",
    "declined": "ZeroBounce could not check it",
    "answer_lost": "the answer was lost",
    "antispam_system": "an anti-spam system was in the way",
    "greylisted": "its mail server put the question off",
    "mail_server_temporary_error": "its mail server had a passing error",
    "forcible_disconnect": "its mail server hung up",
    "mail_server_did_not_respond": "its mail server did not answer",
    "timeout_exceeded": "its mail server was too slow",
    "failed_smtp_connection": "its mail server could not be reached",
    "exception_occurred": "the verifier had an error",
}


def judge(status: str, sub_status: str, *, is_free_mail: bool, policy: Policy) -> Judgement:
    """The verdict on an address, and whether the tenant's policy lets it be written to.

    Of an address nobody could tell anything about, nothing forbids writing; it is not sendable
    all the same, because only DELIVERABLE and RISKY are.
    """
    match status, sub_status:
        case "unverified", _:
            return Judgement(Verdict.UNVERIFIED)
        case "valid", "role_based_accept_all":
            return _risky(policy.catch_all, CATCH_ALL)
        case "valid", word if word in GOOD:
            return _risky(policy.free_mail, FREE_MAIL) if is_free_mail else _DELIVERABLE
        case "catch-all", ("" | "accept_all"):
            return _risky(policy.catch_all, CATCH_ALL)
        case "do_not_mail", "role_based":
            return _risky(policy.role_mailbox, ROLE)
        case "do_not_mail", "role_based_catch_all":
            return _risky(policy.role_mailbox and policy.catch_all, ROLE_CATCH_ALL)
        case (("invalid" | "do_not_mail" | "spamtrap" | "abuse"), _):
            reason = f"Not deliverable: {_never(status, sub_status)}."
            return Judgement(Verdict.UNDELIVERABLE, is_allowed=False, reason=reason)
    return Judgement(Verdict.UNKNOWN)  # "unknown", and words that are not on the table


def in_words(status: str, sub_status: str, *, is_free_mail: bool = False) -> str:
    """What was found out, for the operator: ``its mailbox is full``."""
    match status, sub_status:
        case "unverified", _:
            return NOT_YET.get(sub_status, "nobody was asked")
        case "unknown", _:
            return NO_ANSWER.get(sub_status, "nobody could tell")
        case "valid", "role_based_accept_all":
            return ROLE_CATCH_ALL
        case "valid", word if word in GOOD:
            return FREE_MAIL if is_free_mail else "it takes mail"
        case "catch-all", _:
            return CATCH_ALL
        case "do_not_mail", "role_based":
            return ROLE
        case "do_not_mail", "role_based_catch_all":
            return ROLE_CATCH_ALL
        case (("invalid" | "do_not_mail" | "spamtrap" | "abuse"), _):
            return _never(status, sub_status)
    return f"the verifier says {status} {sub_status}".strip() + ", a word we do not know"


_DELIVERABLE = Judgement(Verdict.DELIVERABLE)


def _risky(is_allowed: bool, why: str) -> Judgement:
    reason = "" if is_allowed else f"Left out by your sending policy: {why}."
    return Judgement(Verdict.RISKY, is_allowed, reason)


def _never(status: str, sub_status: str) -> str:
    if status in TO_SUPPRESS:
        return f"it belongs to {TO_SUPPRESS[status]}"
    return NEVER.get((status, sub_status), f"the verifier says {status} {sub_status}".strip())
