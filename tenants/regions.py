"""What stands behind a city's comma: a country, or a state of the US or province of Canada. Pure.

Two letters may be both: CA is California and Canada. Every reading is given; who asks decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

_COUNTRIES = """
AE united arab emirates, uae | AL albania | AM armenia | AR argentina | AT austria | AU australia
AZ azerbaijan | BA bosnia and herzegovina | BD bangladesh | BE belgium | BG bulgaria | BH bahrain
BN brunei | BO bolivia | BR brazil | BY belarus | CA canada | CH switzerland | CI ivory coast
CL chile | CN china | CO colombia | CR costa rica | CY cyprus | CZ czechia, czech republic
DE germany | DK denmark | DO dominican republic | DZ algeria | EC ecuador | EE estonia | EG egypt
ES spain | ET ethiopia | FI finland | FJ fiji | FR france | GB united kingdom, uk, great britain,
england, scotland, wales, northern ireland | GE georgia | GH ghana | GR greece | GT guatemala
HK hong kong | HN honduras | HR croatia | HU hungary | ID indonesia | IE ireland | IL israel
IN india | IS iceland | IT italy | JM jamaica | JO jordan | JP japan | KE kenya | KH cambodia
KR south korea, korea | KW kuwait | KZ kazakhstan | LA laos | LB lebanon | LI liechtenstein
LK sri lanka | LT lithuania | LU luxembourg | LV latvia | MA morocco | MC monaco | MD moldova
ME montenegro | MK north macedonia | MM myanmar | MN mongolia | MO macau, macao | MT malta
MU mauritius | MV maldives | MX mexico | MY malaysia | NG nigeria | NI nicaragua | NL netherlands,
the netherlands, holland | NO norway | NP nepal | NZ new zealand | OM oman | PA panama | PE peru
PG papua new guinea | PH philippines, the philippines | PK pakistan | PL poland | PR puerto rico
PT portugal | PY paraguay | QA qatar | RO romania | RS serbia | RU russia | RW rwanda
SA saudi arabia | SE sweden | SG singapore | SI slovenia | SK slovakia | SN senegal
SV el salvador | TH thailand | TN tunisia | TR turkey, türkiye | TW taiwan | TZ tanzania
UA ukraine | UG uganda | US united states, united states of america, usa, america | UY uruguay
UZ uzbekistan | VE venezuela | VN vietnam, viet nam | ZA south africa | ZM zambia | ZW zimbabwe
"""
#: Names by time zone; those after a slash have a second zone as well.
_STATES = """
US America/New_York: CT connecticut | DC district of columbia | DE delaware | FL florida
    | GA georgia | ME maine | MD maryland | MA massachusetts | NH new hampshire | NJ new jersey
    | NY new york | NC north carolina | OH ohio | PA pennsylvania | RI rhode island
    | SC south carolina | VT vermont | VA virginia | WV west virginia | IN indiana | KY kentucky
US America/Detroit: MI michigan
US America/Chicago: AL alabama | AR arkansas | IL illinois | IA iowa | LA louisiana
    | MN minnesota | MS mississippi | MO missouri | OK oklahoma | WI wisconsin | KS kansas
    | NE nebraska | ND north dakota | SD south dakota | TN tennessee | TX texas
US America/Denver: CO colorado | MT montana | NM new mexico | UT utah | WY wyoming | ID idaho
US America/Phoenix: AZ arizona
US America/Los_Angeles: CA california | NV nevada | OR oregon | WA washington
US America/Anchorage: AK alaska
US Pacific/Honolulu: HI hawaii
CA America/Toronto: ON ontario | QC quebec
CA America/Vancouver: BC british columbia
CA America/Edmonton: AB alberta
CA America/Winnipeg: MB manitoba
CA America/Regina: SK saskatchewan
CA America/Halifax: NS nova scotia | NB new brunswick | PE prince edward island
CA America/St_Johns: NL newfoundland and labrador, newfoundland
"""
#: In parts of these it is another hour: the city's own zone, where it is known, goes first.
_SPLIT = frozenset(["FL", "IN", "KY", "KS", "NE", "ND", "SD", "TN", "TX", "ID", "OR", "MI"])


@dataclass(frozen=True, slots=True)
class Region:
    """``country``: ISO 3166 alpha-2. ``code``: ISO 3166-2 of a state, empty for a whole country.

    ``timezone``: of most of the state; ``is_split``: not of all of it.
    """

    country: str
    code: str = ""
    timezone: str = ""
    is_split: bool = False


def regions_called(name: str) -> frozenset[Region]:
    """All that ``name`` (in small letters, without accents or dots) may be; empty for none."""
    return _regions().get(name, frozenset())


@lru_cache(maxsize=1)
def _regions() -> dict[str, frozenset[Region]]:
    found: dict[str, frozenset[Region]] = {}

    def add(code: str, names: str, region: Region) -> None:
        for name in (code.lower(), *(each.strip() for each in names.split(","))):
            found[name] = found.get(name, frozenset()) | {region}

    for entry in _COUNTRIES.replace(",\n", ", ").replace("\n", " | ").split("|"):
        if entry.strip():
            code, _, names = entry.strip().partition(" ")
            add(code, names, Region(code))
    for line in _STATES.replace("\n    ", " ").strip().splitlines():
        head, _, states = line.partition(":")
        country, _, zone = head.partition(" ")
        for entry in states.split("|"):
            code, _, names = entry.strip().partition(" ")
            add(code, names, Region(country, f"{country}-{code}", zone, code in _SPLIT))
    return found
