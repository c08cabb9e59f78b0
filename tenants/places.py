"""Where a recipient is: time zone and country, from a city, a telephone number or a zone. Pure.

A city is looked up among those IANA names its zones after and among the larger ones below; any
other can be written with its country or state: ``Espoo, Finland``, ``Paris, Texas``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import available_timezones

import phonenumbers
from phonenumbers import timezone as zones_of_numbers

from tenants.regions import Region, regions_called

UNKNOWN_ZONE = "Etc/Unknown"  # what phonenumbers says when it cannot tell
_BY_ZONE = """
US: America/New_York America/Chicago America/Denver America/Los_Angeles America/Phoenix
    America/Anchorage Pacific/Honolulu America/Detroit
CA: America/Toronto America/Vancouver America/Edmonton America/Winnipeg America/Halifax
    America/Regina America/St_Johns
MX: America/Mexico_City
BR: America/Sao_Paulo
AR: America/Argentina/Buenos_Aires
CL: America/Santiago
CO: America/Bogota
PE: America/Lima
GB: Europe/London
IE: Europe/Dublin
FR: Europe/Paris
DE: Europe/Berlin
ES: Europe/Madrid
PT: Europe/Lisbon
IT: Europe/Rome
NL: Europe/Amsterdam
BE: Europe/Brussels
LU: Europe/Luxembourg
CH: Europe/Zurich
AT: Europe/Vienna
DK: Europe/Copenhagen
SE: Europe/Stockholm
NO: Europe/Oslo
FI: Europe/Helsinki
PL: Europe/Warsaw
CZ: Europe/Prague
HU: Europe/Budapest
GR: Europe/Athens
RO: Europe/Bucharest
BG: Europe/Sofia
UA: Europe/Kyiv
TR: Europe/Istanbul
IL: Asia/Jerusalem
AE: Asia/Dubai
SA: Asia/Riyadh
QA: Asia/Qatar
IN: Asia/Kolkata Asia/Calcutta
PK: Asia/Karachi
BD: Asia/Dhaka
LK: Asia/Colombo
SG: Asia/Singapore
MY: Asia/Kuala_Lumpur
ID: Asia/Jakarta Asia/Makassar Asia/Jayapura
TH: Asia/Bangkok
VN: Asia/Ho_Chi_Minh
PH: Asia/Manila
HK: Asia/Hong_Kong
TW: Asia/Taipei
CN: Asia/Shanghai
JP: Asia/Tokyo
KR: Asia/Seoul
AU: Australia/Sydney Australia/Melbourne Australia/Brisbane Australia/Perth Australia/Adelaide
    Australia/Darwin Australia/Hobart
NZ: Pacific/Auckland
ZA: Africa/Johannesburg
EG: Africa/Cairo
KE: Africa/Nairobi
NG: Africa/Lagos
EE: Europe/Tallinn
LV: Europe/Riga
LT: Europe/Vilnius
SK: Europe/Bratislava
SI: Europe/Ljubljana
HR: Europe/Zagreb
RS: Europe/Belgrade
BA: Europe/Sarajevo
MK: Europe/Skopje
ME: Europe/Podgorica
AL: Europe/Tirane
MT: Europe/Malta
CY: Asia/Nicosia
IS: Atlantic/Reykjavik
MD: Europe/Chisinau
MC: Europe/Monaco
LI: Europe/Vaduz
GE: Asia/Tbilisi
AM: Asia/Yerevan
AZ: Asia/Baku
NP: Asia/Kathmandu
MM: Asia/Yangon
KH: Asia/Phnom_Penh
LA: Asia/Vientiane
BN: Asia/Brunei
MO: Asia/Macau
MV: Indian/Maldives
KW: Asia/Kuwait
BH: Asia/Bahrain
OM: Asia/Muscat
JO: Asia/Amman
LB: Asia/Beirut
MA: Africa/Casablanca
TN: Africa/Tunis
DZ: Africa/Algiers
GH: Africa/Accra
ET: Africa/Addis_Ababa
TZ: Africa/Dar_es_Salaam
UG: Africa/Kampala
RW: Africa/Kigali
ZM: Africa/Lusaka
ZW: Africa/Harare
MU: Indian/Mauritius
SN: Africa/Dakar
CI: Africa/Abidjan
UY: America/Montevideo
PY: America/Asuncion
BO: America/La_Paz
EC: America/Guayaquil
VE: America/Caracas
CR: America/Costa_Rica
PA: America/Panama
GT: America/Guatemala
SV: America/El_Salvador
HN: America/Tegucigalpa
NI: America/Managua
DO: America/Santo_Domingo
JM: America/Jamaica
PR: America/Puerto_Rico
"""
_BY_CITY = """
America/New_York: atlanta, baltimore, boston, buffalo, charlotte, cincinnati, cleveland, columbus,
    jacksonville, miami, new york city, nyc, orlando, philadelphia, pittsburgh, raleigh, richmond,
    tampa, washington
America/Chicago: austin, dallas, fort worth, houston, kansas city, memphis, milwaukee, minneapolis,
    nashville, new orleans, oklahoma city, omaha, san antonio, st louis
America/Denver: albuquerque, boulder, colorado springs, el paso, salt lake city
America/Los_Angeles: fresno, las vegas, oakland, portland, sacramento, san diego, san francisco,
    san jose, seattle
America/Phoenix: mesa, scottsdale, tucson
America/Toronto: mississauga, montreal, ottawa, quebec
America/Edmonton: calgary
Europe/London: birmingham, bristol, edinburgh, glasgow, leeds, liverpool, manchester
Europe/Berlin: cologne, dusseldorf, frankfurt, hamburg, munich, stuttgart
Europe/Paris: lyon, marseille, toulouse
Europe/Madrid: barcelona, valencia
Europe/Rome: milan, turin
Europe/Zurich: basel, bern, geneva
Europe/Amsterdam: rotterdam, the hague
Asia/Kolkata: bangalore, bengaluru, chennai, delhi, hyderabad, mumbai, new delhi, pune
Asia/Kuala_Lumpur: george town, johor bahru, penang, petaling jaya, shah alam
Asia/Jakarta: bandung, surabaya
Asia/Dubai: abu dhabi, sharjah
Asia/Ho_Chi_Minh: da nang, hanoi, saigon
Asia/Shanghai: beijing, guangzhou, shenzhen
Asia/Tokyo: kyoto, osaka, yokohama
Asia/Manila: cebu, makati, quezon city
Asia/Bangkok: chiang mai, phuket
Australia/Sydney: canberra, newcastle
Pacific/Auckland: christchurch, wellington
Africa/Johannesburg: cape town, durban, pretoria
"""


_WIDE = frozenset({"BR", "MX"})


@dataclass(frozen=True, slots=True)
class Place:
    """``timezone``: an IANA name; ``country``: ISO 3166 alpha-2. Either may be empty: not known.

    ``region``: ISO 3166-2 of the state, where one was written.
    """

    timezone: str = ""
    country: str = ""
    region: str = ""


def place_of_city(city: str) -> Place:
    """``austin`` is America/Chicago in the US; nothing for a city that is not listed.

    What stands behind a comma decides: ``Paris, Texas`` is in the US, ``Espoo, Finland`` need not
    be listed. A tail that could be two places (``CA``) and is none of the listed city's: nothing.
    """
    listed = _listed(city)
    tails = [_folded(part) for part in city.split(",")[1:]]
    named = next((found for tail in reversed(tails) if (found := regions_called(tail))), None)
    if not named:
        return listed
    fitting = [region for region in named if region.country == listed.country]
    meant = named if len(named) == 1 else fitting
    if len(meant) != 1:
        return Place()
    (region,) = meant
    states = (each for tail in tails for each in regions_called(tail) if each.code)
    return _in_region(
        listed, region if region.code else _state(states, country=region.country) or region
    )


def name_of_city(city: str) -> str:
    """The city's own name, as its neighbours write it: ``Paris`` of ``Paris, Texas``."""
    return " ".join(city.partition(",")[0].split())


def listed_cities() -> list[str]:
    """Names of the cities that need no country, in the order of the alphabet."""
    known = (name for name, zone in _cities().items() if country_of_zone(zone))
    return sorted(name.title() for name in known)


def place_of_number(number: str) -> Place:
    """Where a number (E.164) is at home; a zone only if it can be but one."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return Place()
    zones = zones_of_numbers.time_zones_for_number(parsed)
    is_one = len(zones) == 1 and zones[0] != UNKNOWN_ZONE
    return Place(zones[0] if is_one else "", phonenumbers.region_code_for_number(parsed) or "")


def country_of_zone(zone: str) -> str:
    """The country a zone belongs to; empty for zones that are not listed."""
    return _zones().get(zone, "")


def _listed(city: str) -> Place:
    zone = _cities().get(_folded(name_of_city(city)), "")
    return Place(zone, country_of_zone(zone))


def _state(found: Iterable[Region], *, country: str) -> Region | None:
    return next((each for each in found if each.country == country), None)


def _in_region(listed: Place, region: Region) -> Place:
    """The place of a city in ``region``, whatever city of that name is ``listed``."""
    is_at_home = listed.country == region.country
    if is_at_home and (not region.code or region.is_split):
        return Place(listed.timezone, region.country, region.code)
    zone = region.timezone or _only_zone_of(region.country)
    return Place(zone, region.country, region.code)


def _only_zone_of(country: str) -> str:
    """Its zone, unless it has several: here, or hours apart in parts that are not listed here."""
    if country in _WIDE:
        return ""
    zones = [zone for zone, home in _zones().items() if home == country]
    return zones[0] if len(zones) == 1 else ""


def _folded(name: str) -> str:
    """Without accents, case, dots and dashes."""
    bare = "".join(each for each in unicodedata.normalize("NFKD", name)
                   if not unicodedata.combining(each))  # fmt: skip
    return " ".join(bare.casefold().replace(".", " ").replace("_", " ").replace("-", " ").split())


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    found = {}
    for country, zones in _entries(_BY_ZONE).items():
        found.update(dict.fromkeys(zones.split(), country))
    return found


@lru_cache(maxsize=1)
def _cities() -> dict[str, str]:
    named = {_folded(zone.rpartition("/")[2]): zone
             for zone in sorted(available_timezones()) if zone.count("/") == 1
             and not zone.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/"))}  # fmt: skip
    named.update({_folded(zone.rpartition("/")[2]): zone for zone in _zones()})
    for zone, cities in _entries(_BY_CITY).items():
        named.update({_folded(city): zone for city in cities.split(",")})
    return named


def _entries(table: str) -> dict[str, str]:
    """``head: words`` a line; an indented line goes on with the one before."""
    found: dict[str, str] = {}
    head = ""
    for line in table.strip().splitlines():
        words = line
        if not line.startswith(" "):
            head, _, words = line.partition(":")
        found[head] = f"{found.get(head, '')} {words.strip()}".strip()
    return found
