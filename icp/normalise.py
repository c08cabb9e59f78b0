"""One spelling for each address, host, UEN and number, so that nobody slips by in capitals.

``normalise`` refuses what is no such thing; ``fold`` never fails, for asking about what was found.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from urllib.parse import urlsplit

import idna
import phonenumbers
import tldextract
from email_validator import EmailNotValidError, validate_email

from icp.models import Suppression

Kind = Suppression.Kind
HOME_REGION = "SG"  # numbers without a country code
LONGEST_VALUE = 320  # an e-mail address: 64 + 1 + 255
# The list of public suffixes comes with the package; it never goes online for it.
_SUFFIXES = tldextract.TLDExtract(suffix_list_urls=())
_UEN = re.compile(r"\d{8,9}[A-Z]|[RST]\d{2}[A-Z]{2}\d{4}[A-Z]")
# What nearly all addresses look like; the rest goes to the slow and thorough reader.
_PLAIN_EMAIL = re.compile(
    r"[a-z0-9_]+(?:[.+-][a-z0-9_]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,24}"
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


class NotAValueError(ValueError):
    """The text is no e-mail address, domain, UEN or telephone number; the message says why."""


def normalise(kind: str, text: str) -> str:
    """The one spelling of ``text``. Raises ``NotAValueError`` with a sentence for the operator.

    EMAIL: small letters, domain in ASCII (IDNA 2008), ``+tags`` kept. DOMAIN: a host, which stands
    for itself and all below it; ``www.`` and everything around the host are cut. UEN: capitals,
    shape only (some real check letters fail). PHONE: E.164, Singapore unless it says otherwise.
    PERSON: the company's reference in capitals, a space, the name in small letters.
    """
    cleaned = unicodedata.normalize("NFKC", text).strip()
    if not cleaned:
        raise NotAValueError("The value is empty.")
    if len(cleaned) > LONGEST_VALUE:
        raise NotAValueError(f"The value is longer than {LONGEST_VALUE} characters.")
    if not cleaned.isprintable():
        raise NotAValueError("The value holds characters that cannot be shown.")
    return _BY_KIND[kind](cleaned)


def fold(kind: str, text: str) -> str:
    """As ``normalise``, but an odd text is only stripped and lowered: asking must not fail."""
    try:
        return normalise(kind, text)
    except NotAValueError:
        return unicodedata.normalize("NFKC", text).strip().lower()


def guess_kind(text: str) -> str | None:
    """What ``text`` looks like; ``None`` when it looks like nothing that can be suppressed."""
    for kind in (Kind.UEN, Kind.EMAIL, Kind.PHONE, Kind.DOMAIN):
        try:
            normalise(kind, text)
        except NotAValueError:
            continue
        return kind
    return None


def hosts_above(host: str) -> list[str]:
    """``host`` and what stands above it, down to the registrable domain: a.b.c.sg, b.c.sg, c.sg."""
    labels = host.split(".")
    least = max(len(_suffix_of(host).split(".")) + 1, 1)
    return [".".join(labels[start:]) for start in range(len(labels) - least + 1)] or [host]


def _email(text: str) -> str:
    text = text.removeprefix("mailto:").strip("<>").strip()
    plain = text.lower()
    if len(plain) <= 120 and _PLAIN_EMAIL.fullmatch(plain):
        return plain
    try:
        read = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as exc:
        raise NotAValueError(f"This is no e-mail address: {exc}") from exc
    return f"{read.local_part.lower()}@{_ascii_host(read.domain)}"


def _domain(text: str) -> str:
    if "@" in text:
        raise NotAValueError("This is an e-mail address, not a domain.")
    host = urlsplit(text if "//" in text else f"//{text}").hostname if _is_plain(text) else None
    if not host:
        raise NotAValueError("This is no domain; write it like example.com.sg.")
    host = _ascii_host(host.rstrip(".")).removeprefix("www.")
    suffix = _suffix_of(host)
    if host == suffix:
        raise NotAValueError(f"{host} is a public suffix: it would suppress everybody below it.")
    labels = host.split(".")
    if len(labels) < 2 or len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise NotAValueError("This is no domain; write it like example.com.sg.")
    if labels[-1].isdigit():
        raise NotAValueError("This is an IP address, not a domain.")
    return host


def _is_plain(text: str) -> bool:
    """Whether ``urlsplit`` can be trusted with it: it raises on unbalanced brackets."""
    return not re.search(r"[\s\[\]]", text)


def _uen(text: str) -> str:
    folded = re.sub(r"[\s-]", "", text).upper()
    if not _UEN.fullmatch(folded):
        raise NotAValueError("This is no UEN; it looks like 201912345A, 53012345X or T19LL1234A.")
    return folded


def _phone(text: str) -> str:
    if not re.fullmatch(r"(?:tel:)?[+\d\s().\-/]+", text):
        raise NotAValueError("This is no telephone number.")
    try:
        number = phonenumbers.parse(text.removeprefix("tel:"), HOME_REGION)
    except phonenumbers.NumberParseException as exc:
        raise NotAValueError("This is no telephone number.") from exc
    if not phonenumbers.is_possible_number(number):
        raise NotAValueError("No telephone number has so many digits; write +65 and 8 digits.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _person(text: str) -> str:
    """``201912345A mei tan``: where somebody works (UEN, or the lead's reference), and the name."""
    place, _, name = text.partition(" ")
    words = " ".join(name.casefold().replace(".", "").split())
    if not words or not place.strip():
        raise NotAValueError("Write the company's UEN, a space, and the person's name.")
    return f"{place.upper()} {words}"


def _ascii_host(host: str) -> str:
    try:
        host.encode("ascii")
    except UnicodeEncodeError:
        try:
            return idna.encode(host, uts46=True).decode().lower()
        except idna.IDNAError as exc:
            raise NotAValueError(f"This is no domain: {exc}") from exc
    return host.lower()


def _suffix_of(host: str) -> str:
    return _SUFFIXES(host).suffix


_BY_KIND: dict[str, Callable[[str], str]] = {
    Kind.EMAIL: _email,
    Kind.DOMAIN: _domain,
    Kind.UEN: _uen,
    Kind.PHONE: _phone,
    Kind.PERSON: _person,
}
