"""What of a provider's people may be kept, and what is said of it. Pure but for suppressions.

Private addresses, numbers not to be called and residents of the EU are left out before anything is
stored, the cache included; so is whoever is suppressed by any of their addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from enrichment.clients.lusha import Address, Preview, Revealed
from enrichment.domains import is_free_mail, same_owner
from enrichment.email_address import normal_email
from enrichment.evidence.statements import Statement
from enrichment.extract import phones
from enrichment.extract.titles import person_key
from enrichment.people.wanted_titles import title_rank
from icp.suppressions import suppressed_pairs

# Lusha's grade of an address -> how sure it is. Grades below these are worked out, not seen.
GRADES = {"A+": 0.95, "A": 0.9, "A-": 0.85, "B+": 0.8, "B": 0.75, "B-": 0.7, "": 0.6}
GUESSED, ELSEWHERE = 0.4, 0.5
PERSON_SURE = 0.8
MAX_NAME, MAX_TITLE = 200, 200


def choose_people(
    people: Sequence[Preview], *, domain: str, wanted: Sequence[str], most: int
) -> list[Preview]:
    """Whom to reveal: at most ``most``, the most wanted title first, then the provider's order.

    Only people of this very company, with a wanted title, a name, and an address to be had.
    """
    ranked = [
        (rank, place, one)
        for place, one in enumerate(people)
        if one.domain and same_owner(one.domain, domain) and one.name
        and one.email_credits is not None
        and (rank := title_rank(one.title, wanted)) is not None
    ]  # fmt: skip
    return [one for _, _, one in sorted(ranked, key=lambda each: each[:2])][:most]


def keepable(person: Revealed, *, domain: str, with_phones: bool) -> dict[str, Any]:
    """What may be kept of ``person``, as JSON: ``{"why": ...}`` when nothing may.

    Asks the suppressions once.
    """
    if person.is_eu_contact:
        return {"why": "eu"}
    addresses = {normal_email(one.email): one for one in person.emails}
    numbers = [
        told[0] for one in person.phones
        if with_phones and not one.do_not_call and (told := phones.e164(one.phone, region="SG"))
    ]  # fmt: skip
    asked = {("EMAIL", email) for email in addresses if email}
    asked |= {("PHONE", number) for number in numbers}
    suppressed = suppressed_pairs(sorted(asked))
    if any(kind == "EMAIL" for kind, _ in suppressed):
        return {"why": "suppressed"}
    return {
        "emails": [
            {"email": email, "way": _way(email, one, domain), "grade": one.grade}
            for email, one in addresses.items()
            if email and _is_business(email, one, domain)
        ],
        "phones": [number for number in numbers if ("PHONE", number) not in suppressed],
        "title": person.title,
    }


def statements_of(
    preview: Preview, kept: Mapping[str, Any], *, call_id: int
) -> Iterator[Statement]:
    """A person as evidence, told by the paid call; nothing of one who may not be kept."""
    if "why" in kept:
        return
    subject = person_key(preview.name)
    title = kept["title"] or preview.title
    for field, value in (("people", preview.name[:MAX_NAME]), ("title", title[:MAX_TITLE])):
        if value:
            yield _said(field, value, "person", PERSON_SURE, subject, call_id)
    for one in kept["emails"]:
        sure = {"guessed": GUESSED, "elsewhere": ELSEWHERE}.get(one["way"])
        sure = GRADES.get(one["grade"], GUESSED) if sure is None else sure
        yield _said("emails", one["email"], one["way"], sure, subject, call_id)
    for number in kept["phones"]:
        yield _said("phones", number, "person", PERSON_SURE, subject, call_id)


def without_suppressed(statements: Iterable[Statement]) -> list[Statement]:
    """Those of people none of whose addresses was suppressed since. One statement of SQL."""
    statements = list(statements)
    refused = {value for _, value in suppressed_pairs(
        [("EMAIL", one.value) for one in statements if one.field == "emails"])}  # fmt: skip
    gone = {one.subject for one in statements if one.value in refused}
    return [one for one in statements if one.subject not in gone]


def _said(
    field: str, value: str, how: str, confidence: float, subject: str, call_id: int
) -> Statement:
    return Statement(
        field, value, "PROVIDER", f"Lusha, call {call_id}", f"lusha.{how}", 1, confidence,
        subject=subject,
    )  # fmt: skip


def _is_business(email: str, one: Address, domain: str) -> bool:
    """A work address, or one of unknown kind at the company's own domain."""
    host = email.partition("@")[2]
    if one.kind == "private" or is_free_mail(host):
        return False
    return one.kind == "work" or same_owner(host, domain)


def _way(email: str, one: Address, domain: str) -> str:
    """How far an address can be trusted: the last part of its method, see ``merge.DOUBTS``."""
    if one.grade not in GRADES:
        return "guessed"
    return "work" if same_owner(email.partition("@")[2], domain) else "elsewhere"
