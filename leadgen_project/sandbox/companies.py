"""The whole truth about made-up companies: the register's side, the site's side, and the traps.

``companies(seed=1, count=400)`` yields them in the order of the register. A company's
``expect`` says what an honest crawl must end with, ``never`` which strings may never be stored
as its contacts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from leadgen_project.sandbox.chance import dice
from leadgen_project.sandbox.disguises import READABLE, UNREADABLE
from leadgen_project.sandbox.expectations import TRAPS, Expect
from leadgen_project.sandbox.names import (
    folded,
    guess_hosts,
    person_name,
    street_and_postal_code,
    without_legal_suffix,
)
from leadgen_project.sandbox.registered import FIRST_RELEASE, Registered, registered

LAYOUTS = ("plain", "cards", "jsonld", "table", "single", "languages", "shop")
TITLES = (
    "Managing Director", "Chief Executive Officer", "Founder", "Director of Operations",
    "Sales Manager", "Head of Marketing", "Finance Manager", "HR Manager", "Project Manager",
    "Business Development Manager",
)  # fmt: skip
DESIGNER = "studio@pixelwright-sandbox.test"
CLIENT = "ong@happyclient-sandbox.test"
STRANGERS = (DESIGNER, CLIENT, "you@example.com", "name@domain.com", "logo@2x.png")
STRANGER_PHONES = ("+6560000001", "+6560000002")
NAMESAKE_PHONE = "+6560000003"
ATTACKER = "attacker@evil-sandbox.test"


class SiteKind(StrEnum):
    """Where the company's site stands, and who stands where it would be looked for."""

    OWN = "OWN"  # at the host its name leads to
    FORMER = "FORMER"  # at the host its former name leads to
    GIVEN = "GIVEN"  # at a host nobody can guess; the operator knows it
    NONE = "NONE"  # nowhere
    TAKEN = "TAKEN"  # it has none, and its host is another company's of similar name
    BEHIND_TAKEN = "BEHIND_TAKEN"  # the first guess is another company's, a later one its own
    PARKED = "PARKED"  # its host is for sale


@dataclass(frozen=True, slots=True)
class Person:
    """A person shown on the team page. ``email`` is empty where none is shown."""

    name: str
    title: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class Company:
    """One made-up company with everything that is true of it.

    ``emails`` are those a careful reader finds on the site (role address, people's addresses);
    ``dpo_email`` stands on the privacy page and is no sales contact. Telephone numbers are
    E.164. ``head_count`` and ``founded`` stand on the about page. Empty where there is no site.
    """

    registered: Registered
    site: SiteKind
    trap: str = ""
    expect: Expect = Expect.NO_SITE
    host: str = ""
    other_host: str = ""
    layout: str = "plain"
    way: str = "plain"  # how the role address is written
    contact_at: str = "contact"  # contact, footer, about or both
    contact_path: str = "/contact"
    role_email: str = ""
    dpo_email: str = ""
    phones: tuple[str, ...] = ()
    fax: str = ""
    people: tuple[Person, ...] = ()
    head_count: int = 0
    founded: int = 0
    shows_uen: bool = True
    gst_number: str = ""
    street_line: str = ""
    postal_code: str = ""
    social: tuple[str, ...] = ()
    technologies: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("en",)
    is_mailable: bool = True
    never: tuple[str, ...] = field(default=STRANGERS + STRANGER_PHONES)

    @property
    def uen(self) -> str:
        return self.registered.uen

    @property
    def name(self) -> str:
        return self.registered.name

    @property
    def trade_name(self) -> str:
        """The name as the site writes it, without the legal suffix."""
        return without_legal_suffix(self.registered.first_name).title()

    @property
    def own_host(self) -> str:
        """The host that is truly the company's; empty where it has none."""
        return "" if self.expect is Expect.NO_SITE else self.host

    @property
    def given_host(self) -> str:
        """The host the operator types in; empty where a guess leads there."""
        return self.host if self.site is SiteKind.GIVEN else ""

    @property
    def emails(self) -> tuple[str, ...]:
        if self.expect is not Expect.CONTACTS:
            return ()
        role = (self.role_email,) if self.way in READABLE else ()
        return (*role, *(person.email for person in self.people if person.email))


_KIND_SHARES = {
    SiteKind.OWN: 62,
    SiteKind.GIVEN: 10,
    SiteKind.NONE: 14,
    SiteKind.TAKEN: 5,
    SiteKind.BEHIND_TAKEN: 3,
    SiteKind.PARKED: 3,
}


def companies(
    *, seed: int = 1, count: int = 400, month: int = 0, traps: tuple[str, ...] = tuple(TRAPS)
) -> Iterator[Company]:
    """Yield the companies of a release in the register's order; streams.

    Entities that are not live have no site. Of the live ones every third carries one of
    ``traps`` in turn, so that a sandbox of 400 has each; the others are an ordinary mix of
    sites. With ``traps=()`` all are ordinary.
    """
    taken: set[str] = set()
    live = 0
    for entity in registered(seed=seed, count=count, month=month):
        if not entity.was_live:  # a site outlives a strike-off: the first status counts
            yield Company(entity, SiteKind.NONE)
            continue
        trap = traps[live // 3 % len(traps)] if traps and live % 3 == 2 else ""
        live += 1
        yield _with_site(entity, seed=seed, trap=trap, taken=taken)


def _with_site(entity: Registered, *, seed: int, trap: str, taken: set[str]) -> Company:
    rnd = dice(seed, entity.index, "site")
    kind = SiteKind.OWN if trap else _kind_of(rnd, entity)
    host, other = _hosts(entity, kind, rnd)
    if host in taken or other in taken:
        kind, host, other, trap = SiteKind.NONE, "", "", ""
    taken.update({host, other} - {""})
    if not host:
        return Company(entity, kind, other_host=other, never=_never(other, "", ""))
    return _invent_site(entity, rnd, kind=kind, host=host, other=other, trap=trap)


def _never(other: str, host: str, trap: str) -> tuple[str, ...]:
    """Return what may not be stored: strangers, namesakes and what a trap lays out."""
    never = [*STRANGERS, *STRANGER_PHONES]
    if other:
        never += [f"sales@{other}", f"broker@{other}", NAMESAKE_PHONE]
    if trap in {"honeypot", "robots-some"}:
        never += [f"trap@{host}", f"private@{host}"]
    if trap in {"other-uen", "redirect-other-company"}:
        never += [f"sales@{host}", NAMESAKE_PHONE]
    if trap == "prompt-injection":
        never.append(ATTACKER)
    if trap == "directory":
        never += [f"info@neighbour{number}-sandbox.test" for number in range(1, 13)]
    return tuple(never)


def _kind_of(rnd: Random, entity: Registered) -> SiteKind:
    if entity.former_names and rnd.random() < 0.3:
        return SiteKind.FORMER
    return rnd.choices(tuple(_KIND_SHARES), weights=tuple(_KIND_SHARES.values()))[0]


def _hosts(entity: Registered, kind: SiteKind, rnd: Random) -> tuple[str, str]:
    """Return the company's own host and the one where somebody else stands."""
    first, *later = guess_hosts(entity.first_name)
    match kind:
        case SiteKind.OWN:
            return rnd.choice((first, first, first, *later)), ""
        case SiteKind.FORMER:
            return guess_hosts(entity.former_names[-1])[0], ""
        case SiteKind.GIVEN:
            stem = folded(entity.first_name)
            return f"my{stem[:5]}{entity.index}.{rnd.choice(('shop', 'asia', 'biz'))}.test", ""
        case SiteKind.TAKEN | SiteKind.PARKED:
            return "", first
        case SiteKind.BEHIND_TAKEN:
            return later[-1], first
    return "", ""


def _invent_site(
    entity: Registered, rnd: Random, *, kind: SiteKind, host: str, other: str, trap: str
) -> Company:
    role = rnd.choice(("info", "sales", "enquiry", "hello", "admin", "contact")) + f"@{host}"
    line, postal_code = entity.address, entity.postal_code
    if rnd.random() < 0.15:  # works elsewhere than it is registered
        street, postal_code = street_and_postal_code(rnd)
        line = f"{rnd.randint(1, 300)} {street.title()} #01-0{rnd.randint(1, 9)}"
    # Traps stand on simple sites, so that a failure has one cause.
    layout = rnd.choice(LAYOUTS[:3] if trap else LAYOUTS)
    number = 10 + entity.index % 9_990
    phones = [f"+656000{number:04d}"]
    if rnd.random() < 0.4:
        phones.append(f"+659000{number:04d}")
    if trap == "redirect-other-company":
        other = f"group-{host}"
    technologies = tuple(t for t in entity.industry.technologies if rnd.random() < 0.7)
    return Company(
        entity,
        kind,
        trap=trap,
        expect=TRAPS.get(trap, Expect.CONTACTS),
        host=host,
        other_host=other,
        layout=layout,
        way="mailto" if trap else _way(rnd),
        contact_at=rnd.choice(("contact", "contact", "footer", "about", "both")),
        contact_path=rnd.choice(
            ("/contact", "/contact-us/", "/contact.html", "/get-in-touch", "/pages/contact")
        ),
        role_email=role,
        dpo_email=f"dpo@{host}" if rnd.random() < 0.6 else "",
        phones=tuple(phones),
        fax=f"+656001{number:04d}" if rnd.random() < 0.3 else "",
        people=() if trap == "robots-some" else _team(rnd, host),
        head_count=rnd.choice((4, 8, 12, 18, 25, 35, 60, 90, 140, 260)),
        founded=min(entity.registered_on.year, FIRST_RELEASE.year) - rnd.choice((0, 0, 0, 2)),
        shows_uen=rnd.random() < 0.8,
        gst_number=f"M9-{8_000_000 + entity.index % 1_000_000}-{entity.index % 10}"
        if rnd.random() < 0.5
        else "",
        street_line=line,
        postal_code=postal_code,
        social=_social(rnd, entity),
        technologies=technologies,
        languages=("en", "zh") if layout == "languages" else ("en",),
        is_mailable=trap != "no-collection",
        never=_never(other, host, trap),
    )


def _way(rnd: Random) -> str:
    """Return how the role address is written: half in the open, 4 % past reading."""
    throw = rnd.random()
    if throw < 0.5:
        return "mailto" if throw < 0.35 else "plain"
    return rnd.choice(tuple(UNREADABLE if throw > 0.96 else READABLE))


def _team(rnd: Random, host: str) -> tuple[Person, ...]:
    people: dict[str, Person] = {}
    titles = list(TITLES)
    rnd.shuffle(titles)
    for title in titles[: rnd.choice((0, 1, 2, 2, 3, 4))]:
        name = person_name(rnd)
        email = f"{name.lower().replace(' ', '.')}@{host}" if rnd.random() < 0.5 else ""
        people.setdefault(name, Person(name, title, email))
    return tuple(people.values())


def _social(rnd: Random, entity: Registered) -> tuple[str, ...]:
    handle = folded(entity.first_name) + "-sandbox"
    links = (
        f"https://www.linkedin.com/company/{handle}",
        f"https://www.facebook.com/{handle}",
        f"https://www.instagram.com/{handle.replace('-', '_')}",
    )
    return tuple(link for link in links if rnd.random() < 0.5)
