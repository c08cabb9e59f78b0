"""Coined names of companies, people and streets, and the hosts a name leads to."""

import re
import unicodedata
from random import Random

from leadgen_project.sandbox.industries import Industry

_SYLLABLES = tuple(
    consonant + vowel
    for consonant in "BDKLMNRTV"
    for vowel in "AEIO"
    if consonant + vowel not in {"TI", "DI"}
)
_ENDINGS = ("RA", "LO", "VEX", "LIS", "DOR", "NIA", "QUE", "TIX", "MAR", "ZEN", "TON", "VIA")
_MIDDLES = ("",) * 14 + (
    "HARBOUR",
    "PACIFIC",
    "SUMMIT",
    "CEDAR",
    "EASTERN",
    "LUMEN",
    "GARDEN",
    "BRIDGE",
    "NORTHERN",
    "CITY",
    "UNION",
    "ATLAS",
)
_STEMS = len(_SYLLABLES) ** 2 * len(_ENDINGS)
_NAMES = _STEMS * len(_MIDDLES) * 5
_STRIDE = 1_000_003  # prime, so each index below ``_STEMS`` gets a stem of its own

_GIVEN = (
    "Wei Ling", "Jun Hao", "Siti", "Arjun", "Mei Hua", "Farid", "Priya", "Kok Leong", "Grace",
    "Daniel", "Nurul", "Hui Min", "Marcus", "Shalini", "Boon Kiat", "Adeline", "Ravi", "Yi Xuan",
    "Hafiz", "Michelle",
)  # fmt: skip
_FAMILY = (
    "Tan", "Lim", "Ng", "Rahman", "Kumar", "Goh", "Chua", "Ismail", "Pillai", "Ong", "Teo", "Wong",
    "Nair", "Yeo", "Sim", "Hassan", "Koh", "Chew",
)  # fmt: skip
_STREETS = (
    "KELARO AVENUE 3", "MERAPATI ROAD", "TAMORU CRESCENT", "JALAN BELIDA", "SAMBORO STREET 21",
    "LORONG MAWARI", "VENTARA LINK", "OLD DAMORA ROAD", "TELOK BERANI DRIVE", "KOLENA LANE",
    "NORTH MADUKA ROAD", "RIVERTON WAY", "UPPER SALENA ROAD", "TANAH LIMAU STREET 4",
)  # fmt: skip
# Sectors that have a district and are real-looking; the last four digits are coined.
_SECTORS = (
    "01", "04", "06", "07", "08", "11", "15", "18", "20", "22", "23", "26", "30", "33", "36", "40",
    "41", "42", "46", "48", "52", "53", "56", "60", "61", "63", "65", "68", "72", "73", "75", "78",
    "79",
)  # fmt: skip
BUILDINGS = ("SANDBOX TOWER", "SANDBOX CENTRE", "SANDBOX INDUSTRIAL PARK", "SANDBOX HOUSE")

SUFFIXES = ("com.sg.test", "sg.test", "com.test")
"""Ends of a host that are tried for a folded name, in this order."""

_LEGAL_END = re.compile(
    r"""[\s,]*(?:
        \(?\s*(?:PTE|PRIVATE)\.?\s*\)?\.?\s*(?:LTD|LIMITED)\.?
      | LIMITED\ LIABILITY\ PARTNERSHIP | SDN\.?\ BHD\.? | SENDIRIAN\ BERHAD | PTY\.?\ LTD\.?
      | (?:&\s*)?CO\.?,?\s*LTD\.? | &\ CO\.? | COMPANY\ LIMITED
      | LTD\.? | LIMITED | LLP | LP | VCC | BERHAD | INC\.? | CORP\.? | GMBH | B\.?V\.?
      | \(S\) | \(SINGAPORE\)
    )\s*$""",
    re.IGNORECASE | re.VERBOSE,
)


def core_name(seed: int, index: int, industry: Industry) -> str:
    """Return the name of entity ``index`` without a legal suffix, in capitals."""
    place = (index * _STRIDE + seed * 7_919) % _NAMES
    place, stem = divmod(place, _STEMS)
    noun, middle = divmod(place, len(_MIDDLES))
    first, rest = divmod(stem, len(_SYLLABLES) * len(_ENDINGS))
    second, end = divmod(rest, len(_ENDINGS))
    # The high digits repeat for neighbours; spread them without losing the order of stems.
    middle, noun = (middle + index * 5) % len(_MIDDLES), (noun + index) % 5
    words = [_SYLLABLES[first] + _SYLLABLES[second] + _ENDINGS[end], _MIDDLES[middle]]
    return " ".join(word for word in (*words, industry.nouns[noun]) if word)


def person_name(rnd: Random) -> str:
    """Return a person's name, given name first."""
    return f"{rnd.choice(_GIVEN)} {rnd.choice(_FAMILY)}"


def street_and_postal_code(rnd: Random) -> tuple[str, str]:
    """Return a coined street and a six-digit code in a sector that exists."""
    return rnd.choice(_STREETS), f"{rnd.choice(_SECTORS)}{rnd.randrange(9999):04d}"


def without_legal_suffix(name: str) -> str:
    """Drop ``PTE. LTD.`` and its like, and ``(S)`` or ``(SINGAPORE)``, from the end, repeatedly."""
    while (shorter := _LEGAL_END.sub("", name)) != name and shorter:
        name = shorter
    return name


def folded(name: str) -> str:
    """Return the lower-case letters and digits of a name without its legal suffix."""
    plain = unicodedata.normalize("NFKD", without_legal_suffix(name))
    return re.sub(r"[^a-z0-9]", "", plain.lower())


def guess_hosts(name: str) -> tuple[str, ...]:
    """Return the hosts at which a company of this name would be looked for, best first."""
    return tuple(f"{folded(name)}.{suffix}" for suffix in SUFFIXES)
