"""What a cell means: telephone numbers, addresses, moments, lists. Each refusal is a sentence."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import phonenumbers

from enrichment.email_address import normal_email
from enrichment.observation import storable
from icp.give_site import SiteError, read_address
from outreach.wording.render import one_line
from tenants.places import place_of_city

NOTHING = frozenset({"null", "none", "nan", "n/a", "na", "-", "--", "nil", "undefined"})
LONGEST_PHONE = 60
_PLAIN_EMAIL = re.compile(
    r"[a-z0-9_]+(?:[.+-][a-z0-9_]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,24}"
)
_NANP = re.compile(r"1?([2-9]\d\d[2-9]\d{6})")  # the commonest plan, without the slow reader
_FLOAT = re.compile(r"(\d{6,15})\.0")
_NOT_DIGITS = re.compile(r"[\s().\-/]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OLDEST = datetime(1995, 1, 1, tzinfo=UTC)
_MOST_ITEMS, _LONGEST_ITEM = 40, 200


class CellError(ValueError):
    """The cell cannot be read; the text says why."""


def said(cells: dict[str, str], name: str) -> str:
    """The cell as one line without odd characters; ``""`` for words that mean nothing."""
    text = cells.get(name, "")
    if not text:
        return ""
    if not (text.isprintable() and text.isascii()):
        text = storable(text)
    text = one_line(text) if not text.isprintable() or "  " in text else text.strip()
    return "" if text.lower() in NOTHING else text


def region_of(city: str) -> str:
    """The country whose numbers are meant in ``city``; empty when it is not known."""
    return _region(city) if city else ""


@lru_cache(maxsize=4096)
def _region(city: str) -> str:
    return place_of_city(city).country


def read_phone(text: str, *, region: str) -> str:
    """E.164. Without a country code it is of ``region``. Raises ``CellError``."""
    if of_a_float := _FLOAT.fullmatch(text):  # what pandas makes of a column with gaps
        text = of_a_float[1]
    digits = _NOT_DIGITS.sub("", text)
    if region in {"US", "CA"} and (plain := _NANP.fullmatch(digits)):
        return f"+1{plain[1]}"
    if not text.startswith(("+", "tel:+", "00")) and not region:
        raise CellError(
            f"phone: {_short(text)} has no country code, and its city is not known; write +65 ..."
            " or name the region of the file."
        )
    if len(text) > LONGEST_PHONE:
        raise CellError(f"phone: {_short(text)} is no telephone number.")
    try:
        number = phonenumbers.parse(text.removeprefix("tel:"), region or None)
    except phonenumbers.NumberParseException:
        raise CellError(f"phone: {_short(text)} is no telephone number.") from None
    if not phonenumbers.is_possible_number(number):
        raise CellError(f"phone: {_short(text)} has too few or too many digits.")
    found = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if len(found) > 20:
        raise CellError(f"phone: {_short(text)} has too many digits.")
    return found


def read_email(text: str) -> str:
    """The address in small letters. Raises ``CellError``."""
    plain = text.lower()
    if len(plain) <= 120 and _PLAIN_EMAIL.fullmatch(plain):
        return plain
    found = normal_email(text.removeprefix("mailto:"))
    if found is None:
        raise CellError(f"email: {_short(text)} is no e-mail address.")
    return found


def read_moment(text: str, name: str, *, now: datetime) -> datetime:
    """A moment as ISO text, or as seconds or milliseconds since 1970; without a zone it is UTC.

    Raises ``CellError``, also for what lies ahead or before there was such mail.
    """
    try:
        found = _moment(text)
    except (ValueError, OverflowError):
        raise CellError(f"{name}: {_short(text)} is no moment.") from None
    if not _OLDEST < found <= now + timedelta(days=1):
        raise CellError(f"{name}: {_short(text)} lies ahead, or too far back.")
    return found


def moment_in(
    cells: dict[str, str], name: str, *, reasons: list[str], now: datetime
) -> datetime | None:
    """The moment in the column ``name``; None without one, with the reason if it is none."""
    if not (text := said(cells, name.lower())):
        return None
    try:
        return read_moment(text, name, now=now)
    except CellError as exc:
        reasons.append(str(exc))
        return None


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        seconds = float(text)
        if abs(seconds) > 1e11:
            seconds /= 1000
        return _EPOCH + timedelta(seconds=seconds)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def read_site(text: str) -> str:
    """A web site as it is given by hand. Raises ``CellError``."""
    try:
        found = read_address(text)
    except SiteError as exc:
        raise CellError(f"websiteUrl: {exc}") from None
    if len(found) > 500:
        raise CellError("websiteUrl: it is longer than 500 characters.")
    return found


def read_list(text: str) -> list[str]:
    """A JSON list or words between commas: in their order, each once."""
    found: Any = None
    if text.startswith("["):
        found = read_json(text)
    parts = found if isinstance(found, list) else re.split(r"[,;|\n]", text)
    lines = (one_line(storable(str(each)))[:_LONGEST_ITEM] for each in parts
             if isinstance(each, str | int | float) and not isinstance(each, bool))  # fmt: skip
    return list(dict.fromkeys(line for line in lines if line))[:_MOST_ITEMS]


def read_json(text: str) -> Any:
    """What the JSON says; None for what is none, or nests too deep to be data."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _short(text: str) -> str:
    return repr(storable(text) if len(text) <= 40 else f"{storable(text[:37])}...")
