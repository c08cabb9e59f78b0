"""Rows for tests: made-up companies of the register, codes, rules, leads."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count

from acra.models import RegisteredCompany, SsicCode
from icp import suppressions
from icp.models import IcpRule, Lead, Suppression
from icp.save_rule import save_rule
from tenants.context import in_public

NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)  # the 22nd in Singapore
TODAY = date(2026, 11, 22)
NUMBERS = count(1)
CODES = {  # code -> section, title; a few of edition 2025A
    "K": ("K", "TELECOMMUNICATIONS, COMPUTER PROGRAMMING AND OTHER INFORMATION SERVICE ACTIVITIES"),
    "61": ("K", "TELECOMMUNICATIONS"),
    "62": ("K", "COMPUTER PROGRAMMING, INFORMATION TECHNOLOGY CONSULTANCY AND RELATED ACTIVITIES"),
    "620": ("K", "COMPUTER PROGRAMMING, INFORMATION TECHNOLOGY CONSULTANCY"),
    "62011": ("K", "Development of software and applications (except games and cybersecurity)"),
    "62021": ("K", "Information technology consultancy (except cybersecurity)"),
    "46": ("G", "WHOLESALE TRADE"),
    "46411": ("G", "Wholesale of textiles and leathers"),
    "47": ("G", "RETAIL TRADE"),
    "01": ("A", "AGRICULTURE AND RELATED SERVICE ACTIVITIES"),
    "01111": ("A", "Growing of leafy and fruit vegetables (non-hydroponics)"),
    "26": ("C", "MANUFACTURE OF COMPUTER, ELECTRONIC AND OPTICAL PRODUCTS"),
    "56111": ("I", "Restaurants"),
}
PLAN_PAYLOAD = {  # as the first development plan has it
    "industries": ["technology"],
    "employee_range": {"min": 2, "max": 100},
    "incorporation_year": {"min": 2000, "max": 2025},
}


def as_platform(work):
    """Run ``work`` outside the tenant: the register belongs to the platform."""
    with in_public():
        return work()


def make_codes() -> None:
    rows = [
        SsicCode(code=code, section=section, title=title, level="x")
        for code, (section, title) in CODES.items()
    ]
    as_platform(lambda: SsicCode.objects.bulk_create(rows, ignore_conflicts=True))


def make_company(**fields: object) -> RegisteredCompany:
    """A live software company of 2020 in district 1, unless ``fields`` say otherwise."""
    number = next(NUMBERS)
    values: dict[str, object] = {
        "uen": f"2020{number:05d}A",
        "name": f"MADE UP {number} PTE. LTD.",
        "name_key": f"MADE UP {number}",
        "entity_type": "Local Company",
        "company_type": "Exempt Private Company Limited by Shares",
        "status": "Live Company",
        "status_class": "LIVE",
        "registered_on": date(2020, 6, 15),
        "postal_code": "018956",
        "district": 1,
        "address_key": f"018956-{number}",
        "primary_ssic": "62011",
        "annual_return_on": date(2026, 6, 1),
        "officers_count": 2,
        "first_seen_at": NOW,
        "changed_at": NOW,
        **fields,
    }
    return as_platform(lambda: RegisteredCompany.objects.create(**values))


def make_rule(payload: dict | None = None, *, name: str = "default") -> IcpRule:
    make_codes()
    return save_rule(name, payload if payload is not None else {}, actor="tests", now=NOW)


def make_lead(**fields: object) -> Lead:
    number = next(NUMBERS)
    values: dict[str, object] = {
        "source_ref": f"ref {number}",
        "uen": f"2019{number:05d}A",
        "name": f"LEAD {number}",
        **fields,
    }
    return Lead.objects.create(**values)


def lift_by_two(suppression: Suppression, *, reason: str = "a mistake") -> None:
    """One owner asks, another confirms."""
    for actor in ("olga", "omar"):
        suppressions.lift(suppression, reason=reason, actor=actor, now=NOW)
