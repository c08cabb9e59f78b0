"""Where a recipient is: time zone and country, from a city, a telephone number or a zone. Pure.

A city is looked up among those IANA names its zones after and among the larger ones below.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import available_timezones

import phonenumbers
from phonenumbers import timezone as zones_of_numbers

UNKNOWN_ZONE = "Etc/Unknown"  # what phonenumbers says when it cannot tell
_BY_ZONE = """
US: America/New_York America/Chicago America/Denver America/Los_Angeles America/Phoenix
    America/Anchorage Pacific/Honolulu America/Detroit
CA: America/Toronto America/Vancouver America/Edmonton America/Winnipeg America/Halifax
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


@dataclass(frozen=True, slots=True)
class Place:
    """``timezone``: an IANA name; ``country``: ISO 3166 alpha-2. Either may be empty: not known."""

    timezone: str = ""
    country: str = ""


def place_of_city(city: str) -> Place:
    """``austin`` is America/Chicago in the US; nothing for a city that is not listed."""
    zone = _cities().get(_folded(city), "")
    return Place(zone, country_of_zone(zone))


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


def _folded(city: str) -> str:
    head = city.partition(",")[0]
    return " ".join(head.casefold().replace(".", " ").replace("_", " ").replace("-", " ").split())


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
