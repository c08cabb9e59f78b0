"""What a mail may say of its reader: taken from lead, contact and register once, then frozen.

The names are those of ``lint.LEAD_VARIABLES``. What is not known is left out, so that a template's
fallback, or a held message, says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acra.models import RegisteredCompany
from enrichment.models import Contact
from icp.models import Lead
from icp.suppressions import shown
from icp.taxonomy import titles_of
from tenants.places import Place, country_of_zone, place_of_city, place_of_number

SINGAPORE = Place("Asia/Singapore", "SG")
DEFAULT_ZONE = "Asia/Singapore"  # of a lead of whom nothing is known; its country stays empty
_HONORIFIC = re.compile(r"^(?:mr|mrs|ms|mdm|madam|miss|dr|prof|ir|sir)\.?\s+", re.IGNORECASE)
# Surnames that stand first, as most Chinese names in Singapore are written.
_WORDS = """
    ang aw boey chan chang chen cheng cheong chew chia chiam chin chong choo chou chow chua
    chung eng fang fong foo gan goh han heng ho hoe hong hu huang kang khoo koh kok kong
    kwek kwok lam lau lee leong leow liang liew lim lin ling liu lo loh loke loo low lu lui
    lum ma mah neo ng ngo oh ong ooi pang peh phua pua quah quek seah seet seow siew sim sin
    sng soh soo soon sun tan tang tay teh teng teo tham thong tian toh tong tsai wang wee
    wong woo wu xu yang yap yeo yeoh yeow yip yong yu zeng zhang zhao zheng zhou zhu
"""
_SURNAMES = frozenset(_WORDS.split())


@dataclass(frozen=True, slots=True)
class LeadData:
    """Values under the names templates use, and where the reader is."""

    values: Mapping[str, Any]
    city: str
    timezone: str  # an IANA name, never empty
    country: str  # ISO 3166 alpha-2; empty when not known, which counts as Singapore in law


def lead_data_of(pairs: Sequence[tuple[Lead, Contact | None]]) -> list[LeadData]:
    """The data of each lead with the contact that is to be written to. Two statements in all."""
    uens = {lead.uen for lead, _ in pairs if lead.uen}
    columns = ("uen", "district", "primary_ssic")
    rows = RegisteredCompany.objects.filter(uen__in=uens).only(*columns)
    companies = {row.uen: row for row in rows}
    titles = titles_of({row.primary_ssic for row in companies.values() if row.primary_ssic})
    return [
        _data(lead, contact, company=companies.get(lead.uen), titles=titles)
        for lead, contact in pairs
    ]


def _data(
    lead: Lead,
    contact: Contact | None,
    *,
    company: RegisteredCompany | None,
    titles: Mapping[str, str],
) -> LeadData:
    facts = lead.facts
    website = shown(facts, "website") or lead.website
    industry = titles.get(company.primary_ssic, "") if company else ""
    first, last = split_name(contact.name) if contact else ("", "")
    city = shown(facts, "city") or ("Singapore" if company else "")
    phone = (contact.phone if contact else "") or shown(facts, "phone")
    services = _listed(facts, "services")
    values: dict[str, Any] = {
        "first_name": first,
        "last_name": last,
        "name": contact.name if contact else "",
        "title": contact.title if contact else "",
        "email": contact.email if contact else "",
        "phone": phone,
        "business_name": lead.name,
        "company": lead.name,
        "city": city,
        "website": website,
        "website_url": website,
        "category": shown(facts, "category") or industry,
        "services": services,
        "services_rendered": services,
        "industry": industry,
        "uen": lead.uen,
        "district": company.district if company and company.district else "",
    }
    place = SINGAPORE if company else place_of(city=city, phone=phone)
    known = {name: value for name, value in values.items() if value}
    return LeadData(known, city, place.timezone or DEFAULT_ZONE, place.country)


def place_of(*, city: str = "", phone: str = "", timezone: str = "") -> Place:
    """The best there is: the zone as given, else the city's, else the telephone number's."""
    if timezone:
        return Place(timezone, country_of_zone(timezone) or place_of_number(phone).country)
    by_city = place_of_city(city) if city else Place()
    return by_city if by_city.timezone else place_of_number(phone)


def split_name(name: str) -> tuple[str, str]:
    """First name and surname: ``Mei Tan`` and ``Tan Mei Ling`` both have the surname Tan.

    One word is a first name. A name that could be read both ways is taken as first name first.
    """
    words = _HONORIFIC.sub("", name.strip()).split()
    if len(words) < 2:
        return (words[0] if words else ""), ""
    is_surname = [word.casefold() in _SURNAMES for word in words]
    if is_surname[0] and (len(words) > 2 or not is_surname[1]):
        return " ".join(words[1:]), words[0]
    return words[0], words[-1]


def _listed(facts: Mapping[str, Any], field: str) -> list[str]:
    entry = facts.get(field)
    value = entry.get("value") if isinstance(entry, Mapping) else entry
    if isinstance(value, str):
        return [value] if value else []
    return [str(each) for each in value][:20] if isinstance(value, list) else []
