"""What a listing says of a business, in one spelling each. Pure: a record in, values out.

The names are those of the neutral record (``harvest.record``), and ``uen``, ``services``,
``contact_name``, ``contact_title`` of leads that were handed in. What cannot be read is left out
with a note; as it was written it stays in the listing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from acra.names import fold_name
from acra.postal import repair
from acra.uen import clean_uen, find_uens, is_uen
from enrichment.domains import is_free_mail
from enrichment.email_address import is_file_name, is_trap, normal_email
from enrichment.extract.phones import e164, kind_of
from enrichment.observation import storable
from enrichment.site.match import DIRECTORIES
from enrichment.web.host_of import host_of
from enrichment.web.pages import NotFetchedError
from enrichment.web.web_address import parse_url
from icp.normalise import HOME_REGION
from tenants.places import place_of_city

MOST: Final = 20  # values of one kind; a listing with more is a list itself
LONGEST_NAME, LONGEST = 500, 300
SINGAPORE: Final = "SG"
_PHONES_APART = re.compile(r"[;,|\n]|\s/\s|\s(?:or|and|oder|ou)\s", re.IGNORECASE)
_OTHERS_APART = re.compile(r"[;,|\s]+")
_NOT_FOR_KEYS = re.compile(r"[^0-9A-Z]")


@dataclass(frozen=True, slots=True)
class Said:
    """One value in our spelling, and as it was written. ``how``: the kind of number, for phones."""

    value: str
    raw: str
    how: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A business as one listing has it. ``country`` is ISO 3166 alpha-2, empty when not known."""

    name: Said
    phones: tuple[Said, ...] = ()
    emails: tuple[Said, ...] = ()
    sites: tuple[Said, ...] = ()  # its own; pages at places for many are among ``socials``
    socials: tuple[Said, ...] = ()
    category: str = ""  # of the managed list, or the source's own word
    source_category: str = ""
    services: tuple[str, ...] = ()  # in the order given, each once
    street: str = ""
    postcode: str = ""
    city: str = ""
    country: str = ""
    opening_hours: str = ""
    uen: str = ""
    contact_name: str = ""
    contact_title: str = ""
    notes: tuple[str, ...] = ()

    @property
    def name_key(self) -> str:
        """The name folded, without legal suffix; what says "same name"."""
        return fold_name(self.name.value)

    @property
    def place_key(self) -> str:
        """The postal code in capitals without gaps; ``""`` without one."""
        return place_key(self.postcode)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Host names of its own sites, without ``www.``."""
        return tuple(dict.fromkeys(host_of(each.value) for each in self.sites))

    @property
    def is_reachable(self) -> bool:
        """Whether it says anything by which somebody could be found."""
        return bool(self.phones or self.emails or self.sites or self.socials or self.street
                    or self.postcode or self.uen)  # fmt: skip


def read_profile(record: Mapping[str, Any]) -> Profile:
    """The profile of ``record``; an empty name where none is given. Never raises."""
    city, country = _text(record, "city"), _text(record, "country").upper()
    country = country if len(country) == 2 else place_of_city(city).country
    notes: list[str] = []
    region = country or ("" if city else HOME_REGION)  # of an unknown city nothing is guessed
    phones = _unique(_phones(_list(record, "phones"), region=region, notes=notes))
    emails = _unique(_emails(_list(record, "emails"), notes=notes))
    sites: list[Said] = []
    socials: list[Said] = []
    for said in _unique(_sites([*_list(record, "websites"), *_list(record, "socials")], notes)):
        (socials if is_for_many(host_of(said.value)) else sites).append(said)
    number, street = _text(record, "housenumber"), _text(record, "street")
    raw_name = storable(str(record.get("name") or ""))[:LONGEST_NAME]
    return Profile(
        name=Said(" ".join(raw_name.split()), raw_name),
        phones=phones,
        emails=emails,
        sites=tuple(sites),
        socials=tuple(socials),
        category=_text(record, "category") or _text(record, "source_category"),
        source_category=_text(record, "source_category"),
        services=tuple(dict.fromkeys(" ".join(each.split()) for each in _list(record, "services"))),
        street=f"{number} {street}".strip() if street else "",
        postcode=_postcode(_text(record, "postcode"), country=country),
        city=city,
        country=country,
        opening_hours=_text(record, "opening_hours"),
        uen=_uen(record, country=country),
        contact_name=_text(record, "contact_name"),
        contact_title=_text(record, "contact_title"),
        notes=tuple(notes),
    )


def place_key(postcode: str) -> str:
    """``sw1a 1aa`` and ``SW1A1AA`` are one place."""
    return _NOT_FOR_KEYS.sub("", postcode.upper())


def is_kindred(one: str, other: str) -> bool:
    """Whether two folded names may be one business: all words of one stand in the other."""
    mine, theirs = set(one.split()), set(other.split())
    return bool(mine and theirs) and (mine <= theirs or theirs <= mine)


def _phones(raws: Iterable[str], *, region: str, notes: list[str]) -> Iterator[Said]:
    for raw in raws:
        found = [said for part in (raw, *_PHONES_APART.split(raw))
                 if (said := _phone(part, region=region))]  # fmt: skip
        if not found:
            where = f" in {region}" if region else "; no country is known"
            notes.append(f"{raw[:40]!r} is no telephone number{where}.")
        yield from found


def _phone(raw: str, *, region: str) -> Said | None:
    raw = raw.strip()
    found = e164(raw, region=region)
    if found is None and raw.startswith("00"):
        found = e164(f"+{raw[2:]}", region=region)
    return Said(found[0], raw, kind_of(found[1], label="")) if found else None


def _emails(raws: Iterable[str], *, notes: list[str]) -> Iterator[Said]:
    for raw in raws:
        for part in _OTHERS_APART.split(raw.removeprefix("mailto:")):
            address = normal_email(part)
            if address and not is_trap(part) and not is_file_name(address):
                yield Said(address, part)
            elif part:
                notes.append(f"{part[:60]!r} is no address mail can go to.")


def _sites(raws: Iterable[str], notes: list[str]) -> Iterator[Said]:
    for raw in raws:
        for part in _OTHERS_APART.split(raw):
            if url := read_site(part):
                yield Said(url, part)
            elif part:
                notes.append(f"{part[:80]!r} is no web address.")


def read_site(raw: str) -> str:
    """A web address as it is kept, ``""`` for what is none. Ports and user names are refused."""
    raw = raw.strip()
    try:
        target = parse_url(raw if "://" in raw else f"http://{raw.lstrip('/')}")
    except NotFetchedError:
        return ""
    is_plain = "." in target.host and target.port in (80, 443) and "@" not in raw.partition("?")[0]
    return target.url.removesuffix("/")[:LONGEST] if raw and is_plain else ""


def is_for_many(host: str) -> bool:
    """A market place, a network, a mail provider: nobody's own domain."""
    return is_free_mail(host) or any(
        host == name or host.endswith("." + name) for name in DIRECTORIES
    )


def _uen(record: Mapping[str, Any], *, country: str) -> str:
    given = clean_uen(_text(record, "uen"))
    if is_uen(given):
        return given
    found = find_uens(_text(record, "body", most=20_000)) if country == SINGAPORE else []
    return found[0] if len(found) == 1 else ""  # several: a list of companies


def _postcode(text: str, *, country: str) -> str:
    return repair(text) if country == SINGAPORE else text


def _list(record: Mapping[str, Any], name: str) -> list[str]:
    given = record.get(name)
    values = given if isinstance(given, list | tuple) else [given]
    texts = [storable(str(each)).strip()[:LONGEST] for each in values[:MOST] if each is not None]
    return [each for each in texts if each]


def _text(record: Mapping[str, Any], name: str, *, most: int = LONGEST) -> str:
    given = record.get(name)
    return "" if given is None else storable(str(given)).strip()[:most]


def _unique(found: Iterable[Said]) -> tuple[Said, ...]:
    by_value: dict[str, Said] = {}
    for said in found:
        by_value.setdefault(said.value, said)
    return tuple(by_value.values())[:MOST]
