"""What one published value means, and how COPY wants it: texts, dates, codes, former names.

Converters give the value in the text format of COPY and what is odd about it (or nothing). Typed
values have single spaces, no invisible signs, and nothing where the publisher wrote ``na``.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from datetime import date
from functools import cache
from pathlib import Path

from acra.columns import MISSING
from acra.names import fold_name
from acra.postal import district_of, repair
from acra.status import StatusClass, status_class

__all__ = [
    "ENTITY_TYPES", "LONGEST_NAME", "SSIC_EDITION", "SSIC_FILE", "Converted", "clean",
    "clean_name", "copy_text", "count_value", "date_value", "entity_type", "former_names",
    "postal_value", "ssic_value", "status_value", "text_value",
]  # fmt: skip

Converted = tuple[str, str]  # value for COPY, what is odd about it or ""

SSIC_EDITION = "2025A"
SSIC_FILE = Path(__file__).with_name("data") / f"ssic_{SSIC_EDITION}.csv"
LONGEST_NAME = 500  # characters; the longest real one has under 200
LONGEST_VALUE = 100  # of the other texts; several stand in one index row, which has its limit
LONGEST_COUNT = 6  # digits
ENTITY_TYPES = {"LLP": "Limited Liability Partnership", "LP": "Limited Partnership"}  # May 2025

_NA = "na"
_NULL = "\\N"  # in the text format of COPY
_SSIC = re.compile(r"[0-9]{5}")
_FULL_POSTAL_CODE = 6


def clean(value: str) -> str:
    """``value`` with single spaces and no control or invisible characters; ``na`` is empty."""
    if not (value.isascii() and value.isprintable()):
        value = "".join(map(_visible, value))
    value = " ".join(value.split())
    return "" if value.lower() in MISSING else value


def copy_text(value: str) -> str:
    """``value`` as the text format of COPY wants it."""
    value = value.replace("\\", "\\\\")
    return value.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def clean_name(published: str) -> str:
    """A name cleaned and cut; "NA" may be one, only the publisher's own ``na`` is none."""
    if not (published.isascii() and published.isprintable()):
        published = "".join(map(_visible, published))
    if "  " in published or published.strip() != published:
        published = " ".join(published.split())
    if len(published) > LONGEST_NAME:
        published = published[:LONGEST_NAME].rstrip()
    return "" if published == _NA else published


def text_value(published: str) -> Converted:
    return clean(published)[:LONGEST_VALUE].rstrip().replace("\\", "\\\\"), ""


def entity_type(published: str) -> Converted:
    value, _ = text_value(published)
    return ENTITY_TYPES.get(value, value), ""


def status_value(published: str) -> Converted:
    """The label and, after a tab, its class."""
    label, _ = text_value(published)
    kind = status_class(label)
    return f"{label}\t{kind}", "status not known" if kind is StatusClass.UNKNOWN else ""


def date_value(published: str, *, latest: date) -> Converted:
    text = clean(published)
    try:
        found = date.fromisoformat(text) if len(text) == len("2026-01-31") else None
    except ValueError:
        found = None
    if found is None:
        return _NULL, "date is none" if text else ""
    return found.isoformat(), "date in the future" if found > latest else ""


def postal_value(published: str) -> Converted:
    """The code, lost zeros given back, its district, and the code once more if it is full."""
    text, _ = text_value(published)
    code = repair(text)
    district = district_of(code)
    odd = "" if district or not text else "postal code in no district"
    if code != text:
        odd = "zero of the postal code restored"
    return f"{code}\t{district or _NULL}\t{code if len(code) == _FULL_POSTAL_CODE else ''}", odd


def ssic_value(published: str) -> Converted:
    """Five digits are kept, even of another edition; all else is no code."""
    code = clean(published)
    if not code or code in _ssic_codes():
        return code, ""
    if _SSIC.fullmatch(code) and code != "00000":
        return code, f"SSIC code not in {SSIC_EDITION}"
    return "", "SSIC code is none"


def count_value(published: str) -> Converted:
    text = clean(published)
    is_count = text.isascii() and text.isdecimal() and len(text) <= LONGEST_COUNT
    return (text, "") if is_count else (_NULL, "")


def former_names(published: tuple[str, ...]) -> str:
    """The list as JSON and, after a tab, its words for the search."""
    names = [name for name in map(clean, published) if name]
    keys = " ".join(filter(None, map(fold_name, names)))
    return f"{copy_text(json.dumps(names, ensure_ascii=False))}\t{keys}"


def _visible(character: str) -> str:
    match unicodedata.category(character):
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cf" | "Cs" | "Co":
            return ""
    return character


@cache
def _ssic_codes() -> frozenset[str]:
    with SSIC_FILE.open(encoding="utf-8", newline="") as file:
        return frozenset(row["code"] for row in csv.DictReader(file) if row["level"] == "sub-class")
