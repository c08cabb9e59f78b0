"""Registration numbers: UEN (with its check letter) and GST numbers."""

import re
from collections.abc import Iterator, Sequence

from acra.uen import PATTERN, has_good_letter
from enrichment.extract.pages import first_text, listed, organizations
from enrichment.observation import Lines, Observation, Rule, best_of_each
from enrichment.web.parse import Document
from enrichment.web.reading import Region

RULE = Rule("registrations", 1)

_UEN = re.compile(rf"(?<![0-9A-Za-z])(?:{PATTERN})(?![0-9A-Za-z])", re.IGNORECASE)
_UEN_HINT = re.compile(r"\d{4}[A-Za-z]\b")
_UEN_LABEL = re.compile(
    r"\b(?:u\.?e\.?n|co(?:mpany|y)?\.?\s?reg|business\s?reg|reg(?:istration|n|d)?\.?|roc|rcb|acra"
    r"|unique entity)"
    r"\b[^\n]{0,25}$",
    re.IGNORECASE,
)
_GST_LABELLED = re.compile(
    r"\bGST\s{0,2}(?:reg(?:istration|n|d)?\.?)?\s{0,2}(?:no|number|num"
    r"|#)?\.?\s{0,2}[:#.\-\u2013]?\s{0,2}"
    r"((?:M[R2-9BX]?|MR|MB|MX|F|20|19)?[-\u2013]?\d{7,9}[-\u2013]?[\dA-Z]|[0-9]{9}[A-Z]"
    r"|M[A-Z0-9]-?\d{7}-?[A-Z0-9]?)(?![0-9A-Za-z])",
    re.IGNORECASE,
)


def find(documents: Sequence[Document]) -> list[Observation]:
    """Observations ``uen`` and ``gst_number`` of one site.

    A UEN with the wrong check letter counts only behind a label, and with little confidence: the
    register itself prints some. Sources: register facts, section 3.
    """
    found: list[Observation] = []
    for document in documents:
        if document.root is None:
            continue
        text = document.text
        if _UEN_HINT.search(text):
            found.extend(_uens(document))
        if "GST" in text or "gst" in text:
            found.extend(_gst_numbers(document))
        found.extend(_structured(document))
    return best_of_each(found)


def _uens(document: Document) -> Iterator[Observation]:
    lines = Lines.of(document)
    text = document.text
    for place in _UEN.finditer(text):
        uen = place.group(0).upper()
        block = lines.at(place.start())
        if block.region is Region.QUOTE:
            continue
        before = text[max(block.start, place.start() - 60) : place.start()]
        labelled = bool(_UEN_LABEL.search(before))
        good = has_good_letter(uen)
        if not good and not labelled:
            continue
        confidence = {(True, True): 0.98, (True, False): 0.75, (False, True): 0.4}[good, labelled]
        quote = lines.quote(place.start(), place.end())
        yield RULE.observe(
            document,
            field="uen",
            value=uen,
            raw=place.group(0),
            quote=quote,
            how="labelled" if labelled else "text",
            confidence=confidence,
        )


def _gst_numbers(document: Document) -> Iterator[Observation]:
    lines = Lines.of(document)
    for place in _GST_LABELLED.finditer(document.text):
        number = place.group(1).upper().replace("\u2013", "-")
        quote = lines.quote(place.start(), place.end())
        yield RULE.observe(
            document,
            field="gst_number",
            value=number,
            raw=place.group(1),
            quote=quote,
            confidence=0.9,
        )


def _structured(document: Document) -> Iterator[Observation]:
    for node in organizations(document):
        for name in ("identifier", "taxID", "vatID", "leiCode"):
            for value in listed(node.get(name)):
                raw = first_text(value.get("value") if isinstance(value, dict) else value)
                if _UEN.fullmatch(raw) and has_good_letter(raw.upper()):
                    yield RULE.observe(
                        document,
                        field="uen",
                        value=raw.upper(),
                        raw=raw,
                        how="structured",
                        confidence=0.95,
                    )
