"""Telephone numbers of a site, in E.164, by kind.

Candidates are whole runs of digits and separators; a part of a longer run (an account number, a
licence) is never taken. What libphonenumber calls valid in the site's country is a number; how
readily a national number without label is believed depends on the way it is grouped.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import unquote

import phonenumbers
from phonenumbers import PhoneNumberType

from enrichment.extract.country import country_of
from enrichment.extract.pages import first_text, is_page_of_others, listed, organizations
from enrichment.observation import Lines, Observation, Rule, best_of_each, quote_of
from enrichment.web.parse import Document
from enrichment.web.reading import Region

RULE = Rule("phones", 1)
MAX_CANDIDATES = 400  # of one page

PHONES, FAX, WHATSAPP = "phones", "fax", "whatsapp"  # fields
TEL, MOBILE, TOLL_FREE = "tel", "mobile", "toll_free"  # kinds, last part of the method

_RUN = re.compile(
    r"(?:\+\s?|\(\s?\+?)?\d(?:[\d().\u2010-\u2015\u2212\u00b7 -]|\s?/\s?(?=\d)){5,28}\d"
    r"(?:(?!\w|[%@])|(?=[A-Z][a-z]))"
)
_GLUED = re.compile(r"[\w@#$\u20ac\u00a3%&=]\Z")  # what may not stand right before a number
_GLUED_LABEL = re.compile(r"(?:Tel|Fax|Phone|Mobile|Call)\Z")
_FAX_BEHIND = re.compile(r"\s{0,2}\(?fax\)?(?!\w)[^\d]{0,3}$", re.IGNORECASE)
_TRUNK = frozenset(
    {"GB", "AU", "NZ", "DE", "FR", "IL", "MY", "IN", "TH", "ID", "JP", "KR", "NL", "BE"}
)
_SIGNS = re.compile(r"[^\d+]")
_SPLIT = re.compile(r"\s?/\s?|\s{1,3}[-\u2013\u2014]\s{1,3}|\s{2,}")
_FAX = re.compile(
    r"(?:(?<![a-zA-Z])e?(?:fax|facsimile|telefax|faks)|\bf)\b\s{0,2}(?:no|number"
    r"|line)?[.:)\]]{0,3}\s{0,3}$|\bf\s?[:.]\s?$|\bfax\b[^\d\n]{0,15}$",
    re.IGNORECASE,
)
_MOBILE = re.compile(
    r"\b(?:mobile|hp|h/p|handphone|cell(?:phone)?|hand phone|m)\b\s{0,2}[.:)]{0,2}\s{0,3}$",
    re.IGNORECASE,
)
_WHATSAPP = re.compile(r"whats\s?app[^\d\n]{0,20}$", re.IGNORECASE)
_LABEL = re.compile(
    r"\b(?:tel|telephone|tele|phone|ph|call|hotline|helpline|enquir(?:y|ies)|contact|office|main"
    r"|line|did"
    r"|mobile|hp|h/p|cell|whats\s?app|sms|text|free|toll[- ]?free|t|p|o|m|d|general|sales"
    r"|reach us|dial"
    r"|fax|f|facsimile|direct|local|number|us|at|on|or|emergency|24\s?h(?:ou)?rs?|reservations?"
    r"|appointments?)"
    r"\b[^\w\n]{0,4}(?:no|number|us|line|at|now|today)?[^\w\n]{0,6}$",
    re.IGNORECASE,
)
_NOT_PHONE = re.compile(
    r"\b(?:bank|account|acct|a/c|uen|gst|vat|reg(?:istration|\.)?|roc|rcb|licen[cs]e|permit"
    r"|invoice|iban|swift|isbn|issn"
    r"|sku|model|part|item|order\s?(?:no|#)|paynow|serial|catalog(?:ue)?|product|ref(?:erence)?"
    r"|id|ean|upc"
    r"|tin|abn|acn|duns|price|usd|sgd|date|copyright|version|cert(?:ificate)?|patent|dbs|ocbc|uob"
    r"|posb|coordinates|lat|lng)"
    r"\b[^\n]{0,24}$|[$€£©]\s?$",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"\bnot ours\b|\bsuppliers?\b|third[- ]part|\b(?:web\s?site|site|designed|developed|powered"
    r"|hosted|built|maintained|photos?) by\b|\b(?:design|web|media|channel|strategic|technology"
    r"|delivery|logistics|trusted|our|happy)\s(?:partner|client|customer|vendor|agency|landlord)\b",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?:19|20)\d\d[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d\d")
_YEARS = re.compile(r"(?:19|20)\d\d\s?[-\u2013]\s?(?:19|20)\d\d")
_GROUPED = {
    "SG": re.compile(r"[3689]\d{3}[ .-]\d{4}|1800[ -]\d{3}[ -]?\d{4}|800[ -]\d{3}[ -]?\d{4}"),
    "US": re.compile(
        r"(?:1[-. ]?)?(?:\(\d{3}\)\s?-?\s?|\d{3}\s?[-. /]\s?)\d{3}\s?[-. ]\s?\d{4}"
        r"|\(\d{3}\)\s?\d{7}"
    ),
    "GB": re.compile(r"\(?0\d{2,4}\)?[ -]\d{3,4}[ -]?\d{3,4}|\(?0\d{4}\)?[ -]\d{5,6}"),
}
_GROUPED["CA"] = _GROUPED["US"]
_TOLL_FREE = frozenset(
    {PhoneNumberType.TOLL_FREE, PhoneNumberType.SHARED_COST, PhoneNumberType.UAN}
)


@lru_cache(maxsize=8192)
def e164(raw: str, *, region: str) -> tuple[str, int] | None:
    """The number in E.164 and its libphonenumber type, ``None`` when it is not a valid number."""
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return text, phonenumbers.number_type(number)


def find(documents: Sequence[Document], *, region: str = "") -> list[Observation]:
    """Observations ``phones``, ``fax`` and ``whatsapp``; the method ends in the kind of number.

    ``region`` (ISO 3166 alpha-2) reads national numbers; without it the pages tell their own.
    """
    region = region or country_of(documents)
    found = [
        observation
        for document in documents
        if document.root is not None
        for read in (_in_anchors, _in_text, _in_structured_data)
        for sighting in read(document, region=region)
        for observation in sighting.observations()
    ]
    return _one_kind(best_of_each(found))


def _one_kind(found: list[Observation]) -> list[Observation]:
    """A number that is called a fax somewhere is none to call."""
    labelled = {seen.value for seen in found if seen.field == FAX}
    return [seen for seen in found if seen.value not in labelled or seen.field == FAX]


def kind_of(number_type: int, *, label: str = "") -> str:
    """``tel``, ``mobile`` or ``toll_free``, by libphonenumber's type and the label."""
    if number_type in _TOLL_FREE:
        return TOLL_FREE
    if number_type == PhoneNumberType.MOBILE or (
        number_type == PhoneNumberType.FIXED_LINE_OR_MOBILE and _MOBILE.search(label)
    ):
        return MOBILE
    return TEL


@dataclass(frozen=True, slots=True)
class Sighting:
    """One number on one page, with what its surroundings call it."""

    document: Document
    number: tuple[str, int]  # E.164 and libphonenumber's type
    raw: str
    quote: str
    how: str
    confidence: float
    label: str = ""
    is_fax: bool = False
    is_whatsapp: bool = False

    def observations(self) -> Iterator[Observation]:
        kind = kind_of(self.number[1], label=self.label)
        fields = [FAX] if self.is_fax else [PHONES]
        if self.is_whatsapp:
            fields.append(WHATSAPP)
        for field in fields:
            yield RULE.observe(
                self.document,
                field=field,
                value=self.number[0],
                raw=self.raw,
                quote=self.quote,
                how=f"{self.how}.{kind}" if field == PHONES else self.how,
                confidence=self.confidence,
            )


def _in_anchors(document: Document, *, region: str) -> Iterator[Sighting]:
    for anchor in document.reading.anchors:
        href = (anchor.get("href") or "").strip()
        scheme = href[:12].lower()
        if scheme.startswith(("tel:", "callto:", "sms:")):
            raw = unquote(href.partition(":")[2]).strip("/ ").partition(";")[0].partition("?")[0]
        elif "wa.me/" in href or "whatsapp.com/send" in href or scheme.startswith("whatsapp:"):
            raw = f"+{_whatsapp_number(href)}"
        else:
            continue
        number = e164(raw[:40], region=region)
        if number is None:
            continue
        quote = quote_of(anchor, fallback=href)
        label = _words_before(anchor)
        is_fax = bool(_FAX.search(label)) or "fax" in quote.lower()[:12]
        is_whatsapp = "wa.me/" in href or "whatsapp" in href
        yield Sighting(
            document, number, raw, quote, "tel", 0.95, label, is_fax=is_fax, is_whatsapp=is_whatsapp
        )


def _words_before(anchor: Any) -> str:
    previous = anchor.getprevious()
    if previous is not None:
        return ("".join(previous.itertext()) + (previous.tail or ""))[-40:]
    parent = anchor.getparent()
    return (parent.text or "")[-40:] if parent is not None else ""


def _whatsapp_number(href: str) -> str:
    found = re.search(r"(?:wa\.me/|[?&]phone=)\+?(?:%2B)?([\d%\s-]{8,20})", href[:500])
    return re.sub(r"\D", "", unquote(found.group(1))) if found else ""


def _in_text(document: Document, *, region: str) -> Iterator[Sighting]:
    lines = Lines.of(document)
    text = document.text
    of_others = is_page_of_others(document)
    for run in islice(_RUN.finditer(text), MAX_CANDIDATES):
        if sum(letter.isdigit() for letter in run.group(0)) < 7:
            continue
        touching = text[max(0, run.start() - 6) : run.start()]
        if _GLUED.search(touching) and not _GLUED_LABEL.search(touching):
            continue
        index = lines.index_at(run.start())
        block = document.blocks[index]
        if block.region is Region.QUOTE or (of_others and block.region is Region.BODY):
            continue
        before = text[max(block.start, run.start() - 40) : run.start()]
        if not before.strip() and index:
            # A label may stand in the cell or line before.
            before = document.blocks[index - 1].text[-40:] + " "
        after = text[run.end() : min(block.start + len(block.text), run.end() + 40)]
        if _NOT_PHONE.search(before) or _OTHERS.search(lines.around(run.start(), run.end())):
            continue
        alone = len(block.text) <= len(run.group(0)) + 4
        yield from _numbers(
            document,
            run,
            before,
            after,
            alone=alone,
            quote=lines.quote(run.start(), run.end()),
            region=region,
        )


def _numbers(
    document: Document,
    run: re.Match[str],
    before: str,
    after: str,
    *,
    alone: bool,
    quote: str,
    region: str,
) -> Iterator[Sighting]:
    raw = _balanced(run.group(0)).strip(" .-/")
    if _DATE.fullmatch(raw) or _YEARS.search(raw):
        return
    labelled = bool(_LABEL.search(before))
    number = _believed(raw, region=region, labelled=labelled, alone=alone)
    parts = [(raw, number)]
    if number is None:
        pieces = [piece.strip() for piece in _SPLIT.split(raw)]
        parts = [(p, _believed(p, region=region, labelled=labelled, alone=False)) for p in pieces]
        if len(pieces) < 2:
            return
    is_fax = bool(_FAX.search(before)) or bool(_FAX_BEHIND.match(after))
    for piece, believed in parts:
        if believed is None:
            continue
        confidence = 0.9 if labelled or raw.startswith(("+", "(+")) else 0.75
        is_whatsapp = bool(_WHATSAPP.search(before))
        yield Sighting(
            document,
            believed,
            piece,
            quote,
            "text",
            confidence,
            before,
            is_fax=is_fax,
            is_whatsapp=is_whatsapp,
        )


def _believed(raw: str, *, region: str, labelled: bool, alone: bool) -> tuple[str, int] | None:
    """The number, when its form and its label together make it one."""
    digits = re.sub(r"\D", "", raw)
    if not 7 <= len(digits) <= 15:
        return None
    if raw.startswith(("+", "(+")):
        return e164(raw, region=region)
    if raw.startswith("00") and not raw.startswith("000"):
        return e164("+" + digits[2:], region=region) or e164(raw, region=region)
    number = _national(raw, region=region)
    grouped = _GROUPED.get(region)
    is_grouped = bool(grouped and grouped.fullmatch(raw))
    if number is None and _GROUPED["US"].fullmatch(raw):
        number, is_grouped = e164(raw, region="US"), True
    if number is None:
        return None
    with_country_code = region == "SG" and len(digits) == 10 and digits.startswith("65")
    if labelled or is_grouped or (alone and len(raw) > len(digits)):
        return number
    if with_country_code or (alone and region == "SG" and len(digits) == 8):
        return number
    return None


def _national(raw: str, *, region: str) -> tuple[str, int] | None:
    if region in _TRUNK and not _SIGNS.sub("", raw).startswith(("0", "1800", "1300", "13")):
        return None  # written for readers there, it would start with its trunk prefix
    return e164(raw, region=region)


def _balanced(raw: str) -> str:
    """The run up to a bracket that was not opened in it."""
    depth = 0
    for place, letter in enumerate(raw):
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return raw[:place]
    return raw


def _in_structured_data(document: Document, *, region: str) -> Iterator[Sighting]:
    for node in organizations(document):
        points = [point for point in listed(node.get("contactPoint")) if isinstance(point, dict)]
        for owner in (node, *points):
            for name, is_fax in (("telephone", False), ("faxNumber", True)):
                for given in listed(owner.get(name)):
                    raw = first_text(given).removeprefix("tel:")
                    number = e164(raw[:40], region=region)
                    if number:
                        yield Sighting(
                            document, number, raw, raw, "structured", 0.95, is_fax=is_fax
                        )
