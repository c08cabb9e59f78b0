"""Postal addresses in Singapore: code, street, unit, and the whole as written.

A six-digit number alone is no postal code; ``Singapore``, ``S`` or ``SG`` before it makes it one,
or structured data. The street is looked for in the same line and in at most three lines before.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from acra.postal import districts_by_sector
from enrichment.extract.pages import first_text, listed, organizations
from enrichment.observation import Lines, Observation, Rule, best_of_each
from enrichment.web.parse import Document
from enrichment.web.reading import Region
from enrichment.words import word_set

RULE = Rule("addresses", 1)
MAX_PLACES = 60  # of one page; a list of outlets goes on beyond, an address of the company does not
LINES_BEFORE = 3

_POSTAL = re.compile(
    r"(?<![A-Za-z])(?:Republic of\s)?(?:Singapore|S['\u2019]?pore|SGP?|S|\(S\)|\(Singapore\))"
    r"(?:\s{0,2}(?:postal(?:\scode)?|[,:.\-\u2013]))?\s{0,3}[(\[]?\s?(\d{6})(?!\d)[)\]]?"
    r"|\bpostal(?:\scode)?\s{0,2}:?\s{0,2}(\d{6})(?!\d)"
    r"|(?<!\d)(\d{6})[ ,]{0,3}Singapore\b",
    re.IGNORECASE,
)
_HINT = re.compile(r"\d{6}")
_UNIT = re.compile(
    r"#\s?([A-Z]?\d{1,3}[A-Z]?)\s?[-\u2013]\s?(\d{1,5}[A-Z]?(?:\s?[/&,-]\s?\d{1,5}[A-Z]?){0,4})",
    re.IGNORECASE,
)
_STREET_WORDS = word_set(
    "road rd street st avenue ave drive dr lane ln crescent cres place pl way walk link close "
    "cl boulevard blvd quay terrace ter view rise grove park industrial hill square sq "
    "central ctrl loop circle circuit field gardens gdns green heights mall promenade track "
    "valley vale ridge turn junction estate sector gateway"
)
_STREET = re.compile(
    r"(?:\b(?:blk|block|no\.?)\s?)?\b\d{1,4}[A-Z]?(?:[-/]\d{1,4}[A-Z]?)?,?\s{1,2}"
    r"(?:(?:[A-Z0-9][\w'\u2019.&-]{0,30}|of|the)\s){0,5}"
    rf"(?:(?:{'|'.join(_STREET_WORDS)})\b\.?(?:\s(?:[A-Z]?\d{{1,3}}[A-Z]?|north|south|east|west"
    rf"|central)\b){{0,2}}"
    r"|(?:(?:jalan|jln|lorong|lor|bukit|bt|kampong|kg|tanjong|tg|upper|changi|raffles|shenton"
    r"|temasek|marina)\s[\w' -]{2,40}))",
    re.IGNORECASE,
)
_MALAY_STREET = re.compile(
    r"(?:\b(?:blk|block|no\.?)\s?)?\b\d{1,4}[A-Z]?,?\s{1,2}(?:jalan|jln|lorong|lor|bukit|kampong"
    r"|tanjong|geylang)\b[^,#\n(]{0,40}",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^.{0,60}?\b(?:address|office|hq|headquarters?|head office|showroom|located at|location"
    r"|visit us(?: at)?"
    r"|find us at|registered(?: office)?)\s{0,2}[:\-\u2013]\s{0,2}",
    re.IGNORECASE,
)


def find(documents: Sequence[Document]) -> list[Observation]:
    """Observations ``postal_code``, ``street``, ``unit`` and ``address`` of one site."""
    found: list[Observation] = []
    for document in documents:
        if document.root is not None:
            found.extend(_in_structured_data(document))
            if _HINT.search(document.text):
                found.extend(_in_text(document))
    return best_of_each(found)


def is_postal_code(code: str) -> bool:
    """Whether six digits lie in a sector that exists (74, 88 and 91 do, without a district)."""
    return code[:2] in districts_by_sector() or code[:2] in ("74", "88", "91")


def _in_text(document: Document) -> Iterator[Observation]:
    lines = Lines.of(document)
    for place in islice(_POSTAL.finditer(document.text), MAX_PLACES):
        code = place.group(1) or place.group(2) or place.group(3)
        if not is_postal_code(code):
            continue
        index = lines.index_at(place.start())
        block = document.blocks[index]
        if block.region is Region.QUOTE:
            continue
        before = _text_before(document, index, place.start())
        street = _street_in(before)
        unit = _unit_in(before) or _unit_in(document.text[place.end() : place.end() + 20])
        sure = 0.9 if street or unit else 0.75
        raw = place.group(0)
        quote = lines.quote(place.start(), place.end())
        yield RULE.observe(
            document,
            field="postal_code",
            value=code,
            raw=raw,
            quote=quote,
            how="text",
            confidence=sure,
        )
        if unit:
            yield RULE.observe(
                document, field="unit", value=unit, quote=quote, how="text", confidence=sure
            )
        if street:
            whole = f"{street}{' #' + unit if unit else ''} Singapore {code}"
            for field, value in (("street", street), ("address", whole)):
                yield RULE.observe(
                    document, field=field, value=value, quote=quote, how="text", confidence=sure
                )


def _text_before(document: Document, index: int, place: int) -> str:
    """The line up to ``place`` and, while no street is in it, the lines before."""
    block = document.blocks[index]
    text = document.text[max(block.start, place - 160) : place]
    for back in range(1, LINES_BEFORE + 1):
        if _street_in(text) or index - back < 0:
            break
        earlier = document.blocks[index - back]
        if len(earlier.text) > 120 or _POSTAL.search(earlier.text):
            break
        text = f"{earlier.text}, {text}"
    return text


def _street_in(text: str) -> str:
    found = list(_MALAY_STREET.finditer(text)) or list(_STREET.finditer(text))
    if not found:
        return ""
    # The last one stands nearest to the code.
    street = _UNIT.sub("", found[-1].group(0))
    return " ".join(street.split()).strip(" ,.-")[:120]


def _unit_in(text: str) -> str:
    found = _UNIT.findall(text)
    return "-".join(found[-1]).replace(" ", "").upper() if found else ""


def _in_structured_data(document: Document) -> Iterator[Observation]:
    for node in organizations(document):
        for address in listed(node.get("address")):
            if isinstance(address, dict):
                yield from _of_postal_address(document, address)
            elif isinstance(address, str):
                code = _POSTAL.search(address)
                if code:
                    yield from _of_written(document, address, code)


def _of_postal_address(document: Document, address: dict[str, object]) -> Iterator[Observation]:
    code = re.sub(r"\D", "", first_text(address.get("postalCode")))
    street = first_text(address.get("streetAddress"))
    country = first_text(address.get("addressCountry")).upper()
    if len(code) != 6 or not is_postal_code(code) or country not in ("", "SG", "SGP", "SINGAPORE"):
        return
    yield RULE.observe(
        document,
        field="postal_code",
        value=code,
        raw=first_text(address.get("postalCode")),
        how="structured",
        confidence=0.95,
    )
    if not street:
        return
    unit = _unit_in(street)
    plain = " ".join(_UNIT.sub("", street).split()).strip(" ,")
    whole = f"{plain}{' #' + unit if unit else ''} Singapore {code}"
    values = {"street": plain, "unit": unit, "address": whole}
    for field, value in values.items():
        if value:
            yield RULE.observe(
                document, field=field, value=value, raw=street, how="structured", confidence=0.95
            )


def _of_written(document: Document, text: str, place: re.Match[str]) -> Iterator[Observation]:
    code = place.group(1) or place.group(2) or place.group(3)
    if not is_postal_code(code):
        return
    values = {"postal_code": code, "street": _street_in(text), "unit": _unit_in(text)}
    for field, value in values.items():
        if value:
            yield RULE.observe(
                document, field=field, value=value, raw=text, how="structured", confidence=0.9
            )
