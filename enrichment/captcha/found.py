"""Read the one field of the desk: an e-mail address, a telephone number, both, or nothing there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import phonenumbers

from enrichment.captcha.errors import FoundError
from enrichment.email_address import normal_email
from icp.suppressions import find_suppression

LONGEST = 400
NOTHING = "nothing"
_NOTHING = re.compile(r"nothing(?: there)?|none|-+", re.IGNORECASE)
_NUMBER = re.compile(r"(?:tel:)?[+\d\s().\-/]{5,40}")
_WORD = re.compile(r"[^\W\d_]{2}")
_BETWEEN = re.compile(r"[,;\n]+")


@dataclass(frozen=True, slots=True)
class Found:
    """Addresses and numbers in their one spelling; both empty: somebody looked in vain.

    ``name``: of the business, where only its entry in a list is known.
    """

    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    name: str = ""

    @property
    def kinds(self) -> str:
        """``email``, ``phone``, ``email, phone`` or ``nothing``: no value, so it may stay."""
        kinds = [
            name for name, values in (("email", self.emails), ("phone", self.phones)) if values
        ]
        return ", ".join(kinds) or NOTHING

    def values(self) -> Iterator[tuple[str, str]]:
        """(field of evidence, value)"""
        yield from (("emails", value) for value in self.emails)
        yield from (("phones", value) for value in self.phones)


def read_found(text: str, *, region: str, with_name: bool = False) -> Found:
    """``sales@x.example, 6123 4567`` -> both; empty or "nothing there" -> nothing.

    Several values stand apart by commas, semicolons or lines. ``region`` (ISO 3166) reads numbers
    without a country code. ``with_name``: nothing else is known of the business, so its name stands
    among them. Raises ``FoundError`` for anything else, and for suppressed values.
    """
    if len(text) > LONGEST:
        raise FoundError(f"That is longer than {LONGEST} characters; write addresses and numbers.")
    emails: dict[str, None] = {}
    phones: dict[str, None] = {}
    names: list[str] = []
    for part in filter(None, map(str.strip, _BETWEEN.split(text))):
        if _NOTHING.fullmatch(part):
            continue
        if "@" in part:
            emails[_email(part)] = None
        elif with_name and _WORD.search(part):
            names.append(part)
        else:
            phones[_phone(part, region)] = None
    if with_name and (emails or phones) and not names:
        raise FoundError("Write the name of the business as well: nothing else is known of it.")
    if names and not (emails or phones):
        raise FoundError(
            "Write an address or number beside the name, or say that nothing is there: a name alone"
            " makes no lead."
        )
    return Found(tuple(emails), tuple(phones), ", ".join(names)[:200])


def _email(text: str) -> str:
    address = normal_email(text.removeprefix("mailto:"))
    if address is None:
        raise FoundError("One of these is no e-mail address; write it like name@example.com.")
    if find_suppression(email=address):
        raise FoundError("This address is suppressed and is not kept. Is anything else there?")
    return address


def _phone(text: str, region: str) -> str:
    number = None
    if _NUMBER.fullmatch(text):
        try:
            number = phonenumbers.parse(text.removeprefix("tel:"), region)
        except phonenumbers.NumberParseException:
            number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise FoundError(
            "Write an e-mail address, a telephone number with its country code, or say that"
            " nothing is there."
        )
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if find_suppression(phone=written):
        raise FoundError("This number is suppressed and is not kept. Is anything else there?")
    return written
