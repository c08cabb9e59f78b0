"""The official side of a made-up entity: what the register knows of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from leadgen_project.sandbox.chance import dice
from leadgen_project.sandbox.industries import INDUSTRIES, Industry
from leadgen_project.sandbox.names import (
    BUILDINGS,
    core_name,
    street_and_postal_code,
    without_legal_suffix,
)
from leadgen_project.sandbox.uen import UenBook

FIRST_RELEASE = date(2026, 9, 14)
LIVE_STATUSES = ("Live Company", "Live", "Live (Receiver or Receiver and Manager appointed)")
NO_SUCH_STATUS = "Dormant (Sandbox)"
"""A label no list knows: an ingest keeps it, counts it and does not guess."""

_ENTITY_TYPES = {
    "LC": "Local Company",
    "SP": "Sole Proprietorship/ Partnership",
    "LL": "Limited Liability Partnership",
    "LP": "Limited Partnership",
    "FC": "Foreign Company Branch",
}
_KINDS = ("LC", "SP", "LL", "LP", "FC")
_KIND_WEIGHTS = tuple(accumulate((74, 18, 5, 1, 2)))
_INDUSTRY_WEIGHTS = tuple(accumulate(industry.weight for industry in INDUSTRIES))
_ENDED = {
    "LC": ("Struck Off",) * 9
    + (
        "Gazetted To Be Struck Off",
        "Gazetted To Be Struck Off",
        "Dissolved - Members Voluntary Winding Up",
        "In Liquidation - Creditors voluntary winding up",
        "Amalgamated",
        "Under Judicial Management",
        LIVE_STATUSES[2],
        NO_SUCH_STATUS,
    ),
    "SP": ("Terminated",) * 4 + ("Cancelled",) * 3 + ("Cancelled (Non-Renewal)", "Suspended"),
}
_ENDED["LL"] = ("Ceased Registration", "Ceased Registration", "Cancellation In Progress")
_ENDED["LP"] = _ENDED["FC"] = ("Ceased Registration",)
_YEARS = ((1968, 1989), (1990, 1999), (2000, 2009), (2010, 2018), (2019, 2022), (2023, 2026))
_YEAR_WEIGHTS = tuple(accumulate((4, 8, 15, 25, 24, 24)))
_SUFFIXES = ("PTE. LTD.",) * 14 + (
    "PTE LTD",
    "PRIVATE LIMITED",
    "(S) PTE. LTD.",
    "(SINGAPORE) PTE. LTD.",
    "(PTE.) LTD.",
    "PTE. LIMITED",
)


@dataclass(frozen=True, slots=True)
class Registered:
    """One entity of the register, as it really is.

    ``postal_code`` is the true one and ``postal_code_published`` what the extract says.
    ``first_name`` and ``was_live`` are of the first release; the site goes by those.
    """

    index: int
    kind: str
    uen: str
    name: str
    first_name: str
    former_names: tuple[str, ...]
    status: str
    was_live: bool
    registered_on: date
    block: str
    street: str
    level: str
    unit: str
    building: str
    postal_code: str
    postal_code_published: str
    primary_ssic: str
    secondary_ssic: str
    activity: str
    company_type: str
    officers: int
    annual_return_on: date | None
    industry: Industry

    @property
    def entity_type(self) -> str:
        return _ENTITY_TYPES[self.kind]

    @property
    def is_live(self) -> bool:
        return self.status in LIVE_STATUSES

    @property
    def address(self) -> str:
        """One line as people write it: ``12 Kelaro Avenue 3 #04-11 Sandbox Tower``."""
        unit = f" #{self.level}-{self.unit}" if self.level else ""
        return f"{self.block} {self.street.title()}{unit} {self.building.title()}"


def registered(*, seed: int = 1, count: int = 400, month: int = 0) -> Iterator[Registered]:
    """Yield the entities of release ``month``, those of the first release first.

    Streams: memory stays flat, about 40 microseconds each. About 60 % are live. A later
    month has the same entities, changed as ``changed_in_month`` says, and ``count // 50``
    (at least two) new ones per month.
    """
    book = UenBook()
    newcomers = new_per_month(count)
    for index in range(count + newcomers * month):
        born = 0 if index < count else (index - count) // newcomers + 1
        entity = _invent(seed, index, born=born, book=book)
        for later in range(born + 1, month + 1):
            entity = changed_in_month(entity, seed=seed, month=later)
        yield entity


def new_per_month(count: int) -> int:
    """Return how many entities each later release adds."""
    return max(2, count // 50)


def release_date(month: int) -> date:
    """Return the day of the release ``month`` months after the first."""
    years, months = divmod(FIRST_RELEASE.month - 1 + month, 12)
    return FIRST_RELEASE.replace(year=FIRST_RELEASE.year + years, month=months + 1)


def changed_in_month(entity: Registered, *, seed: int, month: int) -> Registered:
    """Return the entity one release later; usually the same object.

    Fixed shares instead of dice: of every 64 entities one ceases, one moves, one is renamed,
    one changes its activity and one files its return, so small sandboxes have each change.
    """
    turn = (entity.index * 37 + month * 11 + seed) % 64
    rnd = dice(seed, entity.index, "month", month)
    if not entity.is_live:
        return entity
    if turn == 0:
        gone = "Gazetted To Be Struck Off" if entity.kind in {"LC", "FC"} else "Cancelled"
        return replace(entity, status=gone)
    if turn == 1:
        street, postal_code = street_and_postal_code(rnd)
        return replace(
            entity,
            block=str(rnd.randint(1, 980)),
            street=street,
            postal_code=postal_code,
            postal_code_published=postal_code,
        )
    if turn == 2:
        old = without_legal_suffix(entity.name)
        core = core_name(seed, entity.index + 7_001, entity.industry)
        name = f"{core} {entity.name.removeprefix(old).strip()}".strip()
        return replace(entity, name=name, former_names=(old, *entity.former_names))
    if turn == 3:
        return replace(entity, primary_ssic=rnd.choice(entity.industry.codes), officers=9)
    if turn == 4 and entity.annual_return_on:
        return replace(entity, annual_return_on=release_date(month) - timedelta(days=5))
    return entity


def _invent(seed: int, index: int, *, born: int, book: UenBook) -> Registered:
    rnd = dice(seed, index)
    industry = rnd.choices(INDUSTRIES, cum_weights=_INDUSTRY_WEIGHTS)[0]
    kind = rnd.choices(_KINDS, cum_weights=_KIND_WEIGHTS)[0]
    first, last = rnd.choices(_YEARS, cum_weights=_YEAR_WEIGHTS)[0]
    year = FIRST_RELEASE.year if born else rnd.randint(first, last)
    if kind != "LC":
        year = max(year, 2005)
    uen, year = book.next(kind, year)
    registered_on = _registration_date(rnd, year, born)
    is_live = born > 0 or rnd.random() < 0.62
    status = _live_status(kind) if is_live else rnd.choice(_ENDED[kind])
    core = core_name(seed, index, industry)
    name = f"{_decorated(rnd, core)} {_legal_suffix(rnd, kind)}".strip()
    former: tuple[str, ...] = ()
    if rnd.random() < 0.1:
        former = tuple(
            core_name(seed, index + 7_000_000 + step, industry)
            for step in range(rnd.choice((1, 1, 1, 2, 3)))
        )
    street, postal_code = street_and_postal_code(rnd)
    block, level, unit = str(rnd.randint(1, 980)), f"{rnd.randint(1, 24):02d}", _unit(rnd)
    if rnd.random() < 0.08:  # a service address: many companies behind one door
        block, street, postal_code = "10", "VENTARA LINK", "068811"
        level, unit = rnd.choice((("12", "01"), ("08", "15")))
    elif rnd.random() < 0.12:
        level = unit = ""
    codes = list(industry.codes)
    primary = rnd.choice(codes)
    codes.remove(primary)
    return Registered(
        index=index,
        kind=kind,
        uen=uen,
        name=name,
        first_name=name,
        former_names=former,
        status=status,
        was_live=status in LIVE_STATUSES,
        registered_on=registered_on,
        block=block,
        street=street,
        level=level,
        unit=unit,
        building=rnd.choice(BUILDINGS),
        postal_code=postal_code,
        postal_code_published=_published(rnd, postal_code),
        primary_ssic=primary,
        secondary_ssic=rnd.choice(codes) if rnd.random() < 0.35 else "",
        activity=rnd.choice(industry.activities) if rnd.random() < 0.5 else "",
        company_type=_company_type(rnd, kind),
        officers=rnd.choice((1, 1, 1, 2, 2, 3, 4, 6, 11)),
        annual_return_on=_annual_return(rnd, kind, registered_on, is_live=is_live),
        industry=industry,
    )


def _registration_date(rnd: Random, year: int, born: int) -> date:
    if born:
        return release_date(born) - timedelta(days=rnd.randint(1, 28))
    day = date(year, rnd.randint(1, 12), rnd.randint(1, 28))
    return min(day, FIRST_RELEASE - timedelta(days=rnd.randint(1, 90)))


def _live_status(kind: str) -> str:
    return "Live Company" if kind in {"LC", "FC"} else "Live"


def _legal_suffix(rnd: Random, kind: str) -> str:
    if kind == "LC":
        return rnd.choice(_SUFFIXES)
    return {"LL": "LLP", "LP": "LP", "FC": "SDN. BHD.", "SP": rnd.choice(("", "", "& CO."))}[kind]


def _decorated(rnd: Random, core: str) -> str:
    """Return the name as some owners write theirs; real ones begin with ', @, $ and digits."""
    throw = rnd.random()
    if throw < 0.02:
        return rnd.choice(("8 ", "@", "$", "'", "1ST ")) + core
    stem, _, rest = core.partition(" ")
    if throw < 0.05:
        return f'"{stem}" {rest}'
    return f"{stem}, {rest}" if throw < 0.08 else core


def _unit(rnd: Random) -> str:
    return rnd.choice(("00", "K12")) if rnd.random() < 0.02 else f"{rnd.randint(1, 60):02d}"


def _published(rnd: Random, postal_code: str) -> str:
    """Return the postal code as the extract has it: some lost a zero, some are of before 1995."""
    if postal_code.startswith("0") and rnd.random() < 0.3:
        return postal_code[1:]
    return postal_code[:2] + "06" if rnd.random() < 0.02 else postal_code


def _company_type(rnd: Random, kind: str) -> str:
    if kind != "LC":
        return "na"
    word = rnd.choice(("Exempt Private", "Exempt Private", "Private", "Unlimited Private"))
    full = f"{word} Company" + ("" if word.startswith("Unlimited") else " Limited by Shares")
    return full.upper() if rnd.random() < 0.05 else full


def _annual_return(rnd: Random, kind: str, registered_on: date, *, is_live: bool) -> date | None:
    if kind != "LC" or (FIRST_RELEASE - registered_on).days < 400:
        return None
    age = rnd.randint(10, 380) if is_live else rnd.randint(500, 1500)
    return FIRST_RELEASE - timedelta(days=age)
