"""Which company of the register is this business? Candidates with points, each with its reason.

Only strong agreement settles it: another company's UEN would bring another company's facts. What is
likely is proposed to a person. The points are our judgement, not measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q

from acra.models import RegisteredCompany
from acra.names import fold_name, fold_words
from acra.search import matching
from enrichment.listings.profile import SINGAPORE, Profile
from enrichment.models import Evidence

SURE: Final = 90  # points from which it is the company
PROPOSED: Final = 40  # from here on worth a person's look
AHEAD: Final = 20  # points before the next, to be sure
KEPT: Final = 3
MOST: Final = 50  # companies looked at for one way of asking

UEN_SHOWN, SAME_NAME, SAME_SHORT_NAME, FORMER_NAME, LIKE_NAME = 90, 60, 40, 45, 25
ONLY_ONE, SAME_POSTCODE, SAME_STREET, SAME_PHONE, CEASED = 15, 40, 25, 35, -40
SHORT: Final = 5  # letters; such a name is many people's


@dataclass(frozen=True, slots=True)
class Business:
    """What is known of somebody who may stand in the register. ``uens``: shown by itself."""

    name: str
    uens: tuple[str, ...] = ()
    postcode: str = ""
    street: str = ""
    phones: tuple[str, ...] = ()

    @classmethod
    def of_profile(cls, profile: Profile) -> Business:
        return cls(
            profile.name.value, (profile.uen,) if profile.uen else (), profile.place_key,
            profile.street, tuple(each.value for each in profile.phones),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One reason with its points (negative: against) and the words behind it."""

    reason: str
    points: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """A company it may be; ``score`` is the sum of the lines, cut to 0..100."""

    uen: str
    name: str
    score: int
    lines: tuple[Line, ...]
    is_sure: bool = False

    def lines_as_json(self) -> list[dict[str, Any]]:
        return [{"reason": line.reason, "points": line.points, "words": line.words}
                for line in self.lines]  # fmt: skip


def may_be_registered(country: str) -> bool:
    """The register is Singapore's; whose country nobody knows is not looked for."""
    return country == SINGAPORE


def match_register(business: Business) -> list[Match]:
    """At most three companies it may be, the likeliest first. About five statements, indexed."""
    companies = _candidates(business)
    numbers = _numbers_known([company.uen for company in companies], business.phones)
    living = [one for one in companies if _is_same(one, business) and _is_alive(one)]
    found = [
        _weigh(company, business, is_only=living == [company], numbers=numbers)
        for company in companies
    ]
    found = sorted((one for one in found if one.score >= PROPOSED),
                   key=lambda one: (-one.score, one.uen))  # fmt: skip
    return _with_verdict(found[:KEPT])


def _with_verdict(found: Sequence[Match]) -> list[Match]:
    if not found or found[0].score < SURE:
        return list(found)
    if len(found) > 1 and found[0].score - found[1].score < AHEAD:
        return list(found)
    first = found[0]
    return [Match(first.uen, first.name, first.score, first.lines, is_sure=True), *found[1:]]


def _candidates(business: Business) -> list[RegisteredCompany]:
    key = fold_name(business.name)
    words = key.split()
    beginnings = [" ".join(words[:end]) for end in range(2, len(words))]
    asked = Q(pk__in=business.uens)
    if key:
        asked |= Q(name_key__in=[key, *beginnings])
    found = list(RegisteredCompany.objects.filter(asked)[:MOST])
    if len(words) > 1 and not any(_is_same(company, business) for company in found):
        # Its words among those of present and former names; one word alone is in thousands.
        found += matching(key, RegisteredCompany.objects.all())[:MOST]
    return list({company.uen: company for company in found}.values())


def _numbers_known(uens: Iterable[str], phones: Sequence[str]) -> dict[str, str]:
    """UEN -> one of ``phones`` that another lead, known to be that company, has."""
    if not phones:
        return {}
    rows = Evidence.objects.filter(
        field="phones", value__in=phones, superseded_at=None, lead__uen__in=list(uens)
    )
    return dict(rows.values_list("lead__uen", "value"))


def _weigh(
    company: RegisteredCompany, business: Business, *, is_only: bool, numbers: dict[str, str]
) -> Match:
    lines = tuple(_lines(company, business, is_only=is_only, numbers=numbers))
    score = max(0, min(100, sum(line.points for line in lines)))
    return Match(company.uen, company.name, score, lines)


def _lines(
    company: RegisteredCompany, business: Business, *, is_only: bool, numbers: dict[str, str]
) -> Iterator[Line]:
    if company.uen in business.uens and len(business.uens) == 1:
        yield Line("its UEN is shown", UEN_SHOWN, company.uen)
    yield from _of_name(company, business, is_only=is_only)
    if business.postcode and business.postcode == company.postal_code:
        yield Line("same postal code", SAME_POSTCODE, company.postal_code)
    elif company.street and fold_words(company.street) in fold_words(business.street):
        yield Line("same street", SAME_STREET, company.street)
    if company.uen in numbers:
        yield Line("a telephone number known to be its own", SAME_PHONE, numbers[company.uen])
    if not _is_alive(company):
        yield Line("the company has ceased", CEASED, company.status)


def _of_name(company: RegisteredCompany, business: Business, *, is_only: bool) -> Iterator[Line]:
    key = fold_name(business.name)
    if _is_same(company, business):
        is_short = len(key.replace(" ", "")) <= SHORT
        yield Line("same name", SAME_SHORT_NAME if is_short else SAME_NAME, company.name)
        if is_only and not is_short:
            yield Line("no other living company has that name", ONLY_ONE)
    elif key and key in map(fold_name, company.former_names):
        yield Line("its former name", FORMER_NAME, "; ".join(company.former_names)[:200])
    elif key and (f"{company.name_key} ".startswith(f"{key} ")
                  or f"{key} ".startswith(f"{company.name_key} ")):  # fmt: skip
        yield Line("the names begin alike", LIKE_NAME, company.name)


def _is_same(company: RegisteredCompany, business: Business) -> bool:
    key = fold_name(business.name)
    return key != "" and company.name_key == key


def _is_alive(company: RegisteredCompany) -> bool:
    return company.status_class != RegisteredCompany.StatusClass.CEASED
