"""How well contacts were found, held against the truth of the sandbox."""

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from leadgen_project.sandbox.companies import Company
from leadgen_project.sandbox.disguises import READABLE
from leadgen_project.sandbox.expectations import Expect

Values = AbstractSet[str | tuple[str, str]]


@dataclass(slots=True)
class Found:
    """What somebody stored for one company. Telephone numbers in E.164, names as shown."""

    emails: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    people: set[tuple[str, str]] = field(default_factory=set)  # name, title
    postal_codes: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Quality:
    """Counts per field; ``wrong`` lists stored strings that may never be stored, by UEN."""

    hit: Counter[str] = field(default_factory=Counter)
    expected: Counter[str] = field(default_factory=Counter)
    stored: Counter[str] = field(default_factory=Counter)
    missed: dict[str, list[str]] = field(default_factory=dict)
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def recall(self, what: str) -> float:
        """Return the share of true values that were found; 1.0 when there are none."""
        return self.hit[what] / self.expected[what] if self.expected[what] else 1.0

    def precision(self, what: str) -> float:
        """Return the share of stored values that are true; 1.0 when nothing is stored."""
        return self.hit[what] / self.stored[what] if self.stored[what] else 1.0


def measure(companies: Iterable[Company], found: Mapping[str, Found]) -> Quality:
    """Compare what was stored, by UEN, with the truth.

    Fields: ``role_email`` (readable ones), ``email`` (role and people), ``phone`` (fax numbers
    count neither way), ``person`` (name and title together) and ``postal_code`` of sites that
    can be read to the end; a company that must yield nothing counts towards ``stored`` only.
    The data protection officer's address counts neither way.
    """
    quality = Quality()
    for company in companies:
        stored = found.get(company.uen, Found())
        is_readable = company.expect is Expect.CONTACTS
        role = {company.role_email} if is_readable and company.way in READABLE else set()
        people = {(one.name, one.title) for one in company.people}
        pairs: dict[str, tuple[Values, Values]] = {
            "role_email": (role, stored.emails & {company.role_email}),
            "email": (set(company.emails), stored.emails - {company.dpo_email}),
            "phone": (set(company.phones), stored.phones - {company.fax}),
            "person": (people, stored.people),
            "postal_code": ({company.postal_code}, stored.postal_codes),
        }
        for what, (true, given) in pairs.items():
            _count(quality, company, what, true if is_readable else set(), given)
        forbidden = set(company.never) & (stored.emails | stored.phones)
        if forbidden:
            quality.wrong[company.uen] = sorted(forbidden)
    return quality


def _count(
    quality: Quality,
    company: Company,
    what: str,
    true: Values,
    given: Values,
) -> None:
    hits = true & given
    quality.hit[what] += len(hits)
    quality.expected[what] += len(true)
    quality.stored[what] += len(given)
    if lost := true - hits:
        kind = company.trap or company.layout
        text = f"{company.host} ({kind}, {company.way}): {sorted(map(str, lost))}"
        quality.missed.setdefault(what, []).append(text)
