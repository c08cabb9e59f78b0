"""Lusha V3 on loopback: made-up people at the sandbox's companies, as strict as the contract.

At each company with a site some of the people on its team page are known, with titles, and some
who stand nowhere. What a person's data are like goes by their place in the list: private
addresses, numbers not to be called, residents of the EU, rows that are refused.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from leadgen_project.sandbox.chance import dice
from leadgen_project.sandbox.companies import TITLES, Company
from leadgen_project.sandbox.loopback import Reply, Request
from leadgen_project.sandbox.names import person_name
from leadgen_project.sandbox.vendors.stand_in import VendorCall, VendorStandIn, reply_json

KEY = "lusha-sandbox"
EMAIL_CREDITS, PHONE_CREDITS, WATERFALL_CREDITS = 1, 5, 3
_CONTACT_FILTERS = {
    "names", "jobTitles", "jobTitlesExactMatch", "normalizedJobTitles", "searchText", "countries",
    "locations", "seniorityIds", "departments", "linkedinUrls", "existingDataPoints",
    "existingDataPointsCondition", "emails", "ids", "skills", "education",
}  # fmt: skip
_COMPANY_FILTERS = {
    "names", "domains", "ids", "locations", "sizes", "revenues", "mainIndustriesIds",
    "subIndustriesIds", "technologies", "sicCodes", "naicsCodes", "foundedYear", "keywords",
}  # fmt: skip
_WINDOWS = {"minute": 60.0, "hourly": 3_600.0, "daily": 86_400.0}
_REFUSALS = {  # status of a refused account -> its message
    "inactive": (403, "Account is inactive"),
    "no v3": (403, "V3 API is not enabled for this account"),
    "plan": (403, "This endpoint is not part of your plan"),
}


@dataclass(frozen=True, slots=True)
class MadeUpPerson:
    """All that Lusha would know of one person. ``refusal`` is the code of a row without data."""

    id: str
    first_name: str
    last_name: str
    title: str
    domain: str
    emails: tuple[tuple[str, str, str | None], ...]  # address, type, confidence
    phones: tuple[tuple[str, str, bool], ...]  # number, type, do not call
    is_eu_contact: bool = False
    refusal: str = ""


@dataclass(slots=True)
class LushaStandIn(VendorStandIn):
    """``truth`` gives the companies; ``most`` the requests a minute, an hour and a day.

    ``account`` is "active" or a key of ``_REFUSALS``. ``blocked`` domains answer 451. ``change``
    spoils an answer's body, as a vendor does that changes without telling.
    """

    truth: Callable[[], Sequence[Company]] = tuple
    keys: set[str] = field(default_factory=lambda: {KEY})
    most: dict[str, int] = field(
        default_factory=lambda: {"minute": 300, "hourly": 1_800, "daily": 18_000}
    )
    account: str = "active"
    blocked: set[str] = field(default_factory=set)
    change: Callable[[dict[str, Any]], Any] | None = None
    revealed: set[tuple[str, str]] = field(default_factory=set)  # id, field: paid for once
    _times: deque[float] = field(default_factory=deque, init=False)

    def _key(self, request: Request) -> str:
        return request.headers.get("api_key", "")

    def _trouble(self, status: int) -> Reply:
        text = "Too many requests" if status == 429 else "Internal server error"
        return self._reply({"statusCode": status, "message": text}, status)

    def _answer(self, request: Request, call: VendorCall) -> Reply:
        do = {
            ("POST", "/v3/contacts/prospecting"): self._prospect,
            ("POST", "/v3/contacts/enrich"): self._enrich,
            ("GET", "/v3/account/usage"): self._usage,
        }.get((request.method, request.path))
        if do is None:
            return self._refuse(404, f"Cannot {request.method} {request.path}")
        if call.key not in self.keys:
            return self._refuse(401, "Invalid API key")
        if self.account in _REFUSALS:
            return self._refuse(*_REFUSALS[self.account])
        if not self._take_turn():
            return self._refuse(429, "Too many requests")
        return do(call)

    # --- the windows ----------------------------------------------------------------------------
    def _used(self) -> dict[str, int]:
        now = time.monotonic()
        return {name: sum(at > now - length for at in self._times)
                for name, length in _WINDOWS.items()}  # fmt: skip

    def _take_turn(self) -> bool:
        used = self._used()
        if any(used[name] >= self.most[name] for name in _WINDOWS):
            return False
        self._times.append(time.monotonic())
        return True

    def _reply(self, value: Any, status: int = 200) -> Reply:
        headers: list[tuple[str, str]] = []
        for name, used in self._used().items():
            left = max(self.most[name] - used, 0)
            headers += [(f"x-rate-limit-{name}", str(self.most[name])),
                        (f"x-{name}-usage", str(used)),
                        (f"x-{name}-requests-left", str(left))]  # fmt: skip
        return reply_json(value, status, headers=headers)

    def _refuse(self, status: int, message: str, errors: Sequence[str] = ()) -> Reply:
        body: dict[str, Any] = {"statusCode": status, "message": message}
        if errors:
            body["errors"] = list(errors)
        return self._reply(body, status)

    def _give(self, call: VendorCall, results: list[dict[str, Any]], **also: Any) -> Reply:
        answer = {
            "requestId": f"sandbox-{len(self.calls)}",
            "results": results,
            "billing": {"creditsCharged": call.units, "resultsReturned": len(results)},
            **also,
        }
        return self._reply(self.change(answer) if self.change else answer)

    # --- who works there? -----------------------------------------------------------------------
    def _prospect(self, call: VendorCall) -> Reply:
        asked = call.question
        if errors := _wrong_prospecting(asked):
            return self._refuse(400, "Validation failed", errors)
        filters = asked["filters"]
        domains = filters.get("companies", {}).get("include", {}).get("domains", [])
        if self.blocked.intersection(domains):
            return self._refuse(451, "Unavailable for legal reasons")
        page, size = asked["pagination"]["page"], asked["pagination"]["size"]
        wanted = filters.get("contacts", {}).get("include", {})
        known = [one for one in self._people_at(domains) if _fits(one, wanted)]
        if asked.get("options", {}).get("excludeDnc"):
            known = [one for one in known if not any(do_not for _, _, do_not in one.phones)]
        shown = known[page * size : (page + 1) * size]
        if not self._charge(call, max(1, math.ceil(len(shown) / 25))):
            return self._refuse(402, "Insufficient credits for this operation")
        rows = [self._preview(one) for one in shown]
        pages = {"page": page, "size": size, "total": len(known)}
        return self._give(call, rows, pagination=pages)

    def _people_at(self, domains: Sequence[str]) -> list[MadeUpPerson]:
        hosts = {domain.lower().removeprefix("www.") for domain in domains}
        return [one for company in self.truth() if company.host and company.host in hosts
                for one in people_at(company)]  # fmt: skip

    def _preview(self, one: MadeUpPerson) -> dict[str, Any]:
        prices = {"emails": EMAIL_CREDITS, "phones": PHONE_CREDITS}
        has = {"emails": one.emails, "phones": one.phones}
        can = [{"field": name, "credits": 0 if (one.id, name) in self.revealed else price}
               for name, price in prices.items() if has[name]]  # fmt: skip
        return {**_about(one), "has": [name for name in prices if has[name]], "canReveal": can}

    # --- reveal ---------------------------------------------------------------------------------
    def _enrich(self, call: VendorCall) -> Reply:
        asked = call.question
        if errors := _wrong_enriching(asked):
            return self._refuse(400, "Validation failed", errors)
        wanted = asked.get("reveal", ["emails", "phones"])  # left out means both
        by_id = {one.id: one for company in self.truth() if company.host
                 for one in people_at(company)}  # fmt: skip
        found = [by_id.get(each) for each in asked["ids"]]
        if not self._charge(call, self._price(found, asked, wanted)):
            return self._refuse(402, "Insufficient credits for this operation")
        rows = []
        for given, one in zip(asked["ids"], found, strict=True):
            if one is None or one.refusal:
                code = one.refusal if one else "NOT_FOUND"
                rows.append({"id": given, "error": {"code": code, "message": "No data (Sandbox)"}})
                continue
            self.revealed |= {(one.id, name) for name in wanted}
            rows.append(_in_full(one, wanted))
        return self._give(call, rows)

    def _price(
        self, found: Sequence[MadeUpPerson | None], asked: dict[str, Any], wanted: Sequence[str]
    ) -> int:
        total = 0
        for one in found:
            if one is None or one.refusal:
                continue
            for name, price in (("emails", EMAIL_CREDITS), ("phones", PHONE_CREDITS)):
                data = one.emails if name == "emails" else one.phones
                if name in wanted and data and (one.id, name) not in self.revealed:
                    total += price
            if asked.get("waterfallEnabled", True):  # a third party is asked, at its price
                total += WATERFALL_CREDITS
        return total

    def _usage(self, call: VendorCall) -> Reply:
        used = self.charged
        left = 10_000 if self.credits is None else self.credits
        windows = {
            name: {
                "limit": self.most[name], "used": count, "remaining": self.most[name] - count,
                "resetsAt": "2026-11-23T00:00:00.000Z",
            }
            for name, count in self._used().items()
        }  # fmt: skip
        return self._reply({
            "credits": {"total": used + left, "used": used, "remaining": left},
            "rateLimits": windows, "plan": "Sandbox",
            "pricing": {"revealEmail": {"credits": EMAIL_CREDITS, "perQuantity": 1},
                        "revealPhone": {"credits": PHONE_CREDITS, "perQuantity": 1}},
        })  # fmt: skip


def people_at(company: Company) -> list[MadeUpPerson]:
    """Whom Lusha knows at a company: some of its site's people, and two who stand nowhere."""
    chance = dice("lusha", company.uen)
    named = [(one.name, one.title) for one in company.people if chance.random() < 0.6]
    for title in chance.sample(TITLES, 2):
        name = person_name(chance)
        if name not in dict(named) and name not in {one.name for one in company.people}:
            named.append((name, title))
    return [_invent(name, title, company, place) for place, (name, title) in enumerate(named)]


def _invent(name: str, title: str, company: Company, place: int) -> MadeUpPerson:
    chance = dice("lusha", company.uen, name)
    first, _, last = name.rpartition(" ")
    local = name.lower().replace(" ", ".")
    throw = (company.registered.index + place) % 10
    grade = "A+" if throw < 5 else "A" if throw < 7 else None if throw == 7 else "C"
    emails: list[tuple[str, str, str | None]] = [(f"{local}@{company.host}", "work", grade)]
    if throw % 3 == 0:
        emails.insert(0, (f"{local}{throw}@gmail.com", "private", "A"))
    if throw == 4:
        emails = [(f"{local}@gmail.com", "private", "B")]
    number = f"+65600{20_000 + company.registered.index % 9_000 + place}"
    phones = ((number, "direct", throw == 5),) if chance.random() < 0.7 else ()
    digest = hashlib.sha256(f"{company.uen}/{name}".encode()).hexdigest()[:20]
    return MadeUpPerson(
        id=f"v1.{digest}" if place % 2 else str(int(digest[:12], 16)),
        first_name=first,
        last_name=last,
        title=title,
        domain=company.host,
        emails=tuple(emails),
        phones=phones,
        is_eu_contact=throw == 6,
        refusal="COMPLIANCE_RESTRICTED" if throw == 9 else "",
    )


def _fits(one: MadeUpPerson, wanted: dict[str, Any]) -> bool:
    titles = [title.lower() for title in wanted.get("jobTitles", ())]
    has = {"work_email": any(kind == "work" for _, kind, _ in one.emails), "phone": one.phones}
    return (not titles or any(title in one.title.lower() for title in titles)) and all(
        has.get(point) for point in wanted.get("existingDataPoints", ())
    )


def _about(one: MadeUpPerson) -> dict[str, Any]:
    return {
        "id": one.id,
        "firstName": one.first_name,
        "lastName": one.last_name,
        "jobTitle": {"title": one.title, "departments": [], "seniority": "manager"},
        "company": {"id": 1, "name": "Sandbox", "domain": f"www.{one.domain}"},
        "location": {"country": "Singapore"},
        "socialLinks": {"linkedin": None},
    }


def _in_full(one: MadeUpPerson, wanted: Sequence[str]) -> dict[str, Any]:
    row = {**_about(one), "fullName": f"{one.first_name} {one.last_name}"}
    row["location"] = {"country": "Singapore", "isEuContact": one.is_eu_contact}
    row["updateDate"] = "2026-10-01"
    if "emails" in wanted:
        row["emails"] = [
            {"email": email, "type": kind, "confidence": grade, "updateDate": "2026-10-01"}
            for email, kind, grade in one.emails
        ]
    if "phones" in wanted:
        row["phones"] = [
            {"number": number, "type": kind, "doNotCall": do_not, "updateDate": "2026-10-01"}
            for number, kind, do_not in one.phones
        ]
    return row


def _wrong_prospecting(asked: Any) -> list[str]:
    if not isinstance(asked, dict):
        return ["body must be an object"]
    errors = _strange(asked, {"pagination", "filters", "options"}, "")
    pages, filters = asked.get("pagination"), asked.get("filters")
    if not isinstance(pages, dict) or not isinstance(filters, dict):
        return [*errors, "pagination and filters are required"]
    errors += _strange(pages, {"page", "size"}, "pagination.")
    if not _is_within(pages.get("page"), 0, 1000):
        errors.append("pagination.page must be between 0 and 1000")
    if not _is_within(pages.get("size"), 10, 100):
        errors.append("pagination.size must be between 10 and 100")
    errors += _strange(filters, {"companies", "contacts"}, "filters.")
    for name, known in (("companies", _COMPANY_FILTERS), ("contacts", _CONTACT_FILTERS)):
        part = filters.get(name, {})
        errors += _strange(part, {"include", "exclude"}, f"filters.{name}.")
        for side in ("include", "exclude"):
            errors += _strange(part.get(side, {}), known, f"filters.{name}.{side}.")
    options = asked.get("options", {})
    errors += _strange(options, {"includePartialProfiles", "excludeDnc"}, "options.")
    return errors


def _wrong_enriching(asked: Any) -> list[str]:
    if not isinstance(asked, dict):
        return ["body must be an object"]
    errors = _strange(asked, {"ids", "reveal", "waterfallEnabled"}, "")
    ids, reveal = asked.get("ids"), asked.get("reveal", ["emails"])
    if not isinstance(ids, list) or not 1 <= len(ids) <= 100:
        errors.append("ids must contain 1 to 100 elements")
    elif not all(isinstance(each, str) for each in ids):
        errors.append("each value in ids must be a string")
    if not isinstance(reveal, list) or set(reveal) - {"emails", "phones"}:
        errors.append("each value in reveal must be one of: emails, phones")
    return errors


def _strange(part: Any, known: set[str], path: str) -> list[str]:
    if not isinstance(part, dict):
        return [f"{path.rstrip('.')} must be an object"]
    return [f"property {path}{name} should not exist" for name in part if name not in known]


def _is_within(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
