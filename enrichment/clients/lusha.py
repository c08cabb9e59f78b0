"""Lusha V3: people at a company.

Contract: header ``api_key``; POST {base}/v3/contacts/prospecting finds people as previews, without
addresses, for 1 credit per started 25 results and at least 1; POST {base}/v3/contacts/enrich
reveals: 1 credit an e-mail, 5 a telephone number, nothing for what was revealed before.
``reveal`` left out means both, and ``waterfallEnabled`` is on where the account has it: we always
send both. ``billing.creditsCharged`` is the price. A row may be an error with status 200. GET
{base}/v3/account/usage, 5 calls a minute. A 429 has no Retry-After; nine headers tell what is left.
Sources: docs.lusha.com, V3 OpenAPI 2.10.0 of 2026-08-13.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from enrichment.clients.exchange import (
    READ_SECONDS,
    Answer,
    ClientError,
    Exchange,
    Shape,
    of_status,
)
from enrichment.clients.quoting import words_of
from tenants.permits import Charge, Halt, Permit, Vendor

PAGE = 25  # results a credit pays for
PAGE_CREDITS = 1
EMAIL_CREDITS, PHONE_CREDITS = 1, 5
# No data for a person, by law or for want of it; the answer itself is fine.
ROW_ERRORS = frozenset({"NOT_FOUND", "COMPLIANCE_RESTRICTED", "ENRICH_FAILED", "NO_SCORE"})
_WINDOWS = (("daily", 86_400.0), ("hourly", 3_600.0), ("minute", 60.0))


class LushaError(ClientError):
    """Lusha did not answer as asked. ``private`` means no data, for privacy law, for good."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A person found, not yet revealed. Credits are what revealing costs, ``None``: cannot be."""

    id: str
    first_name: str
    last_name: str
    title: str
    seniority: str
    domain: str
    email_credits: int | None
    phone_credits: int | None

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True, slots=True)
class Prospects:
    """People found, in Lusha's order; ``refused`` rows came without data."""

    people: tuple[Preview, ...]
    total: int
    refused: int
    credits: int


@dataclass(frozen=True, slots=True)
class Address:
    """``kind`` is work, private or unknown; ``grade`` Lusha's own, ``A+`` best, may be empty."""

    email: str
    kind: str
    grade: str
    updated: str


@dataclass(frozen=True, slots=True)
class Number:
    phone: str
    kind: str
    do_not_call: bool


@dataclass(frozen=True, slots=True)
class Revealed:
    """A person with what was revealed."""

    id: str
    name: str
    title: str
    is_eu_contact: bool
    emails: tuple[Address, ...]
    phones: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class Reveal:
    """Persons revealed; ``refused`` tells by id why there is no data of others."""

    people: tuple[Revealed, ...]
    refused: tuple[tuple[str, str], ...]
    credits: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Credits of the account."""

    total: int
    used: int
    remaining: int
    plan: str


class LushaClient:
    """One account per call: the key comes with the permit."""

    def __init__(self, base_url: str, *, seconds: float = READ_SECONDS) -> None:
        self._exchange = Exchange("Lusha", base_url, "LUSHA_BASE_URL", LushaError, seconds)

    def prospect(self, permit: Permit, *, domain: str, titles: Sequence[str]) -> Prospects:
        """Who works at the company of ``domain`` under one of ``titles``? Up to 25, for 1 credit.

        Only people with a work address on record, and none on a do-not-call list. Raises
        ``LushaError``; also when the answer lacks a needed field.
        """
        body = {
            "pagination": {"page": 0, "size": PAGE},
            "filters": {
                "companies": {"include": {"domains": [domain]}},
                "contacts": {
                    "include": {"jobTitles": list(titles), "existingDataPoints": ["work_email"]}
                },
            },
            "options": {"includePartialProfiles": False, "excludeDnc": True},
        }
        shape = self._ask(permit, "/v3/contacts/prospecting", body=body, asked=[domain, *titles])
        charged = _settle(permit, shape)
        rows = shape.objects("results")
        people = tuple(_preview(row) for row in rows if not _refusal(row))
        total = shape.object("pagination").whole("total")
        return Prospects(people, total, len(rows) - len(people), charged)

    def reveal(self, permit: Permit, *, ids: Sequence[str], with_phones: bool = False) -> Reveal:
        """E-mail addresses of up to 100 people, and numbers only ``with_phones``.

        Costs 1 credit a person, 5 more with numbers, nothing for what was revealed before.
        """
        body = {
            "ids": list(ids),
            "reveal": ["emails", "phones"] if with_phones else ["emails"],
            "waterfallEnabled": False,
        }
        shape = self._ask(permit, "/v3/contacts/enrich", body=body, asked=ids)
        charged = _settle(permit, shape)
        people, refused = [], []
        for row in shape.objects("results"):
            if why := _refusal(row):
                refused.append((row.text_if_any("id"), why))
            else:
                people.append(_revealed(row, with_phones=with_phones))
        return Reveal(tuple(people), tuple(refused), charged)

    def usage(self, permit: Permit) -> Usage:
        """Credits of the account; free, but only 5 times a minute."""
        shape = self._ask(permit, "/v3/account/usage", body=None, asked=[])
        permit.settle(0)
        account = shape.object("credits")
        return Usage(account.whole("total"), account.whole("used"), account.whole("remaining"),
                     _plan(shape))  # fmt: skip

    def close(self) -> None:
        self._exchange.close()

    def _ask(self, permit: Permit, path: str, *, body: Any, asked: Iterable[str]) -> Shape:
        key = permit.use(Vendor.LUSHA)
        method = "GET" if body is None else "POST"
        answer = self._exchange.send(method, path, headers={"api_key": key}, body=body)
        if answer.status not in (200, 201):
            raise _error(answer, asked=[key, *asked])
        return Shape.of(answer.body, vendor="Lusha", error=LushaError)


def _settle(permit: Permit, shape: Shape) -> int:
    """Book what the answer says it cost, before anything else of it is read."""
    charged = shape.object("billing").whole("creditsCharged")
    if charged < 0:
        shape.drifted("billing.creditsCharged", "is below nothing")
    permit.settle(charged, reference=shape.text_if_any("requestId"))
    return charged


def _refusal(row: Shape) -> str:
    """Why the row holds no data; empty when it does."""
    if row.values.get("error") is None:
        return ""
    code = row.object("error").text("code")
    return code if code in ROW_ERRORS else "OTHER"


def _preview(row: Shape) -> Preview:
    title, company = row.object_if_any("jobTitle"), row.object_if_any("company")
    prices = {each.text("field"): each.whole("credits") for each in row.objects("canReveal")}
    return Preview(
        id=row.text("id"),
        first_name=row.text_if_any("firstName"),
        last_name=row.text_if_any("lastName"),
        title=title.text_if_any("title"),
        seniority=title.text_if_any("seniority"),
        domain=company.text_or_null("domain").lower().removeprefix("www."),
        email_credits=prices.get("emails"),
        phone_credits=prices.get("phones"),
    )


def _revealed(row: Shape, *, with_phones: bool) -> Revealed:
    first, last = row.text_if_any("firstName"), row.text_if_any("lastName")
    return Revealed(
        id=row.text("id"),
        name=row.text_if_any("fullName") or f"{first} {last}".strip(),
        title=row.object_if_any("jobTitle").text_if_any("title"),
        is_eu_contact=row.object_if_any("location").flag_if_any("isEuContact"),
        emails=tuple(
            Address(
                each.text("email"),
                each.text("type").lower(),
                each.text_if_any("confidence"),
                each.text_if_any("updateDate"),
            )
            for each in row.objects_if_any("emails")
        ),
        phones=tuple(
            Number(each.text("number"), each.text("type").lower(), each.flag_if_any("doNotCall"))
            for each in (row.objects_if_any("phones") if with_phones else ())
        ),
    )


def _plan(shape: Shape) -> str:
    plan = shape.values.get("plan")
    name = plan.get("name") if isinstance(plan, dict) else plan
    return name if isinstance(name, str) else ""


def _error(answer: Answer, *, asked: list[str]) -> LushaError:
    """The error that an answer other than 200 stands for."""
    said = words_of(_message(answer.body), asked=asked)
    also = f" It says: {said}" if said else ""
    status = answer.status
    match status:
        case 401:
            return LushaError(
                "Lusha refuses the key (401). Enter another one under Vendors.",
                code="key", charge=Charge.NONE, halt=Halt.KEY, status=status,
            )  # fmt: skip
        case 402:
            return LushaError(
                "The Lusha credits are used up (402). Top them up at Lusha, or wait for its next"
                " billing cycle; then allow it again under Vendors.",
                code="credits", charge=Charge.NONE, halt=Halt.CREDITS, status=status,
            )  # fmt: skip
        case 403:
            return LushaError(
                f"Lusha does not let this account ask for people (403). See the plan at"
                f" Lusha; then allow it again under Vendors.{also}",
                code="key", charge=Charge.NONE, halt=Halt.KEY, status=status,
            )  # fmt: skip
        case 404 | 405:
            return LushaError(
                f"Lusha's address does not know our question ({status}). Check LUSHA_BASE_URL.",
                code="rejected", charge=Charge.NONE, status=status,
            )  # fmt: skip
        case 410:
            return LushaError(
                "Lusha has forgotten where we were (410); it is asked from the beginning.",
                code="rejected", retryable=True, charge=Charge.NONE, status=status,
            )  # fmt: skip
        case 429:
            window, wait = _full_window(answer)
            return LushaError(
                f"Lusha has had too many requests{window}.",
                code="rate", retryable=True, charge=Charge.NONE, retry_after=wait, status=status,
            )  # fmt: skip
        case 451:
            return LushaError(
                "Lusha may not say anything here, by privacy law (451). It is not asked again.",
                code="private", charge=Charge.NONE, status=status,
            )  # fmt: skip
    return of_status(status, vendor="Lusha", error=LushaError, also=also, is_theirs=status == 499)


def _message(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    errors = body.get("errors")
    parts = [body.get("message"), *(errors if isinstance(errors, list) else ())]
    return "; ".join(part for part in parts if isinstance(part, str))


def _full_window(answer: Answer) -> tuple[str, float | None]:
    """Which window is full, the longest one, and how long it may take until it turns."""
    for name, seconds in _WINDOWS:
        if answer.count(f"x-{name}-requests-left") == 0:
            words = {"daily": "today", "hourly": "in this hour", "minute": "in this minute"}[name]
            return f" {words}", seconds
    return "", None
