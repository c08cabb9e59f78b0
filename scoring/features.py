"""From what is known about a lead to the inputs of its score, each with the statement behind it.

Pure: evidence and contacts come in as plain values, ages are counted up to the day passed in. So
the same evidence gives the same features on any machine, in any order, on any day.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple
from urllib.parse import urlsplit

from enrichment.domains import same_owner
from enrichment.evidence.merge import PRECEDENCE
from enrichment.site.website_score import website_score
from scoring.catalogue import Value

# Field of an evidence row -> feature, as enrichment writes them.
NUMBERS = {"officers_count": "officers", "district": "district", "headcount": "head_count"}
TEXTS = {"primary_ssic": "ssic", "secondary_ssic": "ssic_secondary", "status": "status",
         "entity_type": "entity_type", "company_type": "company_type"}  # fmt: skip
SETS = {"technologies": "technologies", "social": "social", "languages": "languages"}
PRESENCE = {"hiring": "hiring", "gst_number": "gst_registered"}
DATES = {"registered_on": "age_years", "annual_return_on": "annual_return_months"}
PHONES, EMAILS, TITLES, SITE, UEN = "phones", "emails", "title", "website", "uen"
SIGNS = "website_signs"
FIELDS = frozenset({*NUMBERS, *TEXTS, *SETS, *PRESENCE, *DATES, PHONES, EMAILS, TITLES, SITE, UEN,
                    SIGNS})  # fmt: skip
RULE = "_icp_rule"  # kept beside the features, so that a comparison of runs can name it

NETWORKS = {"t.me": "telegram", "wa.me": "whatsapp", "weixin.qq.com": "wechat",
            "youtu.be": "youtube", "twitter.com": "x", "fb.com": "facebook"}  # fmt: skip
FALSE_WORDS = frozenset({"", "0", "no", "false", "none"})
# Sites where anybody may have a page: an address there is not a domain of one's own (hand-made).
_SHARED = """
    facebook.com instagram.com linkedin.com google.com business.site blogspot.com wordpress.com
    wixsite.com weebly.com webflow.io myshopify.com github.io squarespace.com strikingly.com
    godaddysites.com carousell.sg carousell.com shopee.sg lazada.sg linktr.ee notion.site
    yolasite.com jimdosite.com site123.me netlify.app vercel.app
"""
SHARED_HOSTS = frozenset(_SHARED.split())


class Statement(NamedTuple):
    """One evidence row that stands."""

    pk: int
    field: str
    value: str
    source: str
    confidence: float
    contact: int | None = None


class Person(NamedTuple):
    """One contact: a person or a role mailbox."""

    pk: int
    kind: str  # ROLE, PERSON or PERSONAL
    name: str
    title: str
    email: str
    phone: str
    is_mailable: bool


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known about one lead."""

    fit: str
    rule: str = ""  # name and version of the ICP rule that selected it
    statements: Sequence[Statement] = ()
    contacts: Sequence[Person] = ()
    was_enriched: bool = False
    site: str = ""  # the site that was taken as the company's own
    site_match: int | None = None
    uen: str = ""


class Input(NamedTuple):
    """A feature's value and the evidence row it came from."""

    value: Value
    evidence: int | None = None


@dataclass(slots=True)
class _Reader:
    known: Known
    as_of: date
    found: dict[str, Input] = field(default_factory=dict)

    def best(self, name: str) -> Statement | None:
        return min(self.of(name), key=_rank, default=None)

    def of(self, name: str) -> list[Statement]:
        """What a model says is a proposal: it earns no points, so no page can talk it into any."""
        return [s for s in self.known.statements if s.field == name and s.source != "LLM"]

    def put(self, feature: str, value: Value, evidence: Statement | None = None) -> None:
        self.found[feature] = Input(value, evidence.pk if evidence else None)

    def behind(self, names: Sequence[str], contact: Person) -> Statement | None:
        """The best statement that speaks of ``contact``, of the first field that has one."""
        mine = [s for name in names for s in self.of(name) if s.contact == contact.pk]
        return min(mine, key=lambda s: (names.index(s.field), _rank(s)), default=None)


def features(known: Known, *, as_of: date) -> dict[str, Input]:
    """Feature -> value and evidence, for all that is known; what is not known is absent.

    A contact that may not be mailed gives no points. Where several statements speak of one field
    the precedence decides (operator, register, import, page, provider, language model), then the
    confidence, then the value itself: never the order of the rows.
    """
    reader = _Reader(known, as_of)
    reader.put("fit", known.fit)
    if known.rule:
        reader.put(RULE, known.rule)
    _simple(reader)
    _dates(reader)
    _site(reader)
    _contacts(reader)
    return reader.found


def _rank(statement: Statement) -> tuple[int, float, str, str]:
    return (PRECEDENCE.get(statement.source, 9), -statement.confidence, statement.value,
            statement.field)  # fmt: skip


def _simple(reader: _Reader) -> None:
    for name, feature in NUMBERS.items():
        best = reader.best(name)
        number = first_number(best.value) if best else None
        if number is not None:
            reader.put(feature, number, best)
    for name, feature in TEXTS.items():
        best = reader.best(name)
        if best and best.value.strip():
            reader.put(feature, best.value.strip(), best)
    for name, feature in SETS.items():
        best = reader.best(name)
        values = sorted({_item(name, s.value) for s in reader.of(name)} - {""})
        if values:
            reader.put(feature, list(values), best)
    for name, feature in PRESENCE.items():
        if best := reader.best(name):
            reader.put(feature, best.value.strip().casefold() not in FALSE_WORDS, best)


def _item(name: str, value: str) -> str:
    """One member of a set; of a page on a social network, the network's name."""
    value = value.strip()
    if name != "social" or "//" not in value:
        return value
    host = host_of(value).removeprefix("www.")
    return NETWORKS.get(host) or host.rpartition(".")[0].rpartition(".")[2]


def _dates(reader: _Reader) -> None:
    for name, feature in DATES.items():
        best = reader.best(name)
        day = iso_date(best.value) if best else None
        if day is None or day > reader.as_of:  # a date to come says nothing about the past
            continue
        months = whole_months(day, reader.as_of)
        reader.put(feature, months // 12 if feature == "age_years" else months, best)


def _site(reader: _Reader) -> None:
    known, evidence = reader.known, reader.best(SITE)
    if known.site:
        scheme = known.site.partition("://")[0].lower()
        reader.put("site_found", True, evidence)
        reader.put("own_domain", not _is_shared(host_of(known.site)), evidence)
        if scheme in {"http", "https"}:
            reader.put("tls", scheme == "https", evidence)
        if known.site_match is not None:
            reader.put("site_match", known.site_match, evidence)
    elif known.was_enriched:
        reader.put("site_found", False)
    if signs := reader.best(SIGNS):
        reader.put("website_score", website_score(signs.value, as_of=reader.as_of)[0], signs)
    on_page = [s for s in reader.of(UEN) if s.source == "PAGE"]
    if on_page and known.uen:
        own = [s for s in on_page if s.value.strip().upper() == known.uen]
        reader.put("uen_on_site", bool(own), min(own or on_page, key=_rank))


def _contacts(reader: _Reader) -> None:
    known = reader.known
    if not known.was_enriched and not known.contacts:
        return
    contacts = sorted(known.contacts, key=lambda c: (c.email, c.name, c.phone))
    mailable = [c for c in contacts if c.email and c.is_mailable]
    people = [c for c in contacts if c.kind == "PERSON" and c.name]
    _flag(reader, "role_mailbox", [c for c in mailable if c.kind == "ROLE"], EMAILS)
    _flag(reader, "person_email", [c for c in mailable if c.kind == "PERSON" and c.name], EMAILS)
    _flag(reader, "named_person", people, "people", TITLES)
    titled = [c for c in people if c.title]
    if titled:
        evidence = reader.behind((TITLES, "people"), titled[0])
        reader.put("titles", sorted({c.title for c in titled}), evidence)
    _phone(reader, [c for c in contacts if c.phone])
    host = host_of(known.site)
    if host and mailable:
        own = [c for c in mailable if same_owner(c.email.rpartition("@")[2], host)]
        _flag(reader, "email_own_domain", own, EMAILS)


def _flag(reader: _Reader, feature: str, contacts: Sequence[Person], *names: str) -> None:
    evidence = reader.behind(names, contacts[0]) if contacts else None
    reader.put(feature, bool(contacts), evidence)


def _phone(reader: _Reader, contacts: Sequence[Person]) -> None:
    evidence = reader.best(PHONES)
    if contacts and evidence is None:
        evidence = reader.behind((PHONES,), contacts[0])
    reader.put("phone", bool(contacts) or evidence is not None, evidence)


def _is_shared(host: str) -> bool:
    labels = host.split(".")
    return any(".".join(labels[start:]) in SHARED_HOSTS for start in range(len(labels)))


def host_of(url: str) -> str:
    """The host of a URL or bare host name, in small letters; empty where there is none."""
    try:
        return (urlsplit(url if "//" in url else f"//{url}").hostname or "").lower()
    except ValueError:  # an unbalanced bracket in what somebody typed
        return ""


def first_number(text: str) -> int | None:
    """``11-50`` -> 11, ``1,200+`` -> 1200; of a range the lower end."""
    found = re.search(r"\d[\d,]{0,11}", text)
    return int(found.group().replace(",", "")) if found else None


def iso_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        return None


def whole_months(start: date, end: date) -> int:
    """Full months from ``start`` to ``end``: 31 January to 28 February is none."""
    return (end.year - start.year) * 12 + end.month - start.month - (end.day < start.day)
