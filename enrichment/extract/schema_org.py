"""What a site says of its organisation in structured data."""

import re
from collections.abc import Sequence

from enrichment.extract.pages import first_text, organizations
from enrichment.observation import Observation, Rule, best_of_each
from enrichment.web.parse import Document, absolute_url

RULE = Rule("schema_org", 1)

_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")
_TEXT_FIELDS = (
    ("name", "name", 0.85),
    ("legalName", "legal_name", 0.95),
    ("alternateName", "trade_name", 0.8),
    ("description", "about", 0.7),
)


def find(documents: Sequence[Document]) -> list[Observation]:
    """``name``, ``legal_name``, ``trade_name``, ``url``, ``founded_year``, ``headcount``,
    ``about``. Telephone, e-mail, address and ``sameAs`` are read by the modules of those fields.
    """
    found: list[Observation] = []
    for document in documents:
        for node in organizations(document):
            for source, field, confidence in _TEXT_FIELDS:
                value = first_text(node.get(source))
                if value:
                    found.append(_seen(document, field, value, value, confidence))
            url = absolute_url(first_text(node.get("url")), document.url)
            if url:
                found.append(_seen(document, "url", url, url, 0.8))
            founded = _YEAR.search(first_text(node.get("foundingDate")))
            if founded:
                found.append(
                    _seen(document, "founded_year", founded.group(1), founded.string, 0.95)
                )
            count = _headcount(node.get("numberOfEmployees"))
            if count:
                found.append(_seen(document, "headcount", count, count, 0.9))
    return best_of_each(found)


def _headcount(value: object) -> str:
    """``"15"``, or ``"11-50"`` for a range; ``""`` when there is none."""
    if isinstance(value, dict):
        low, high = first_text(value.get("minValue")), first_text(value.get("maxValue"))
        if low and high:
            return f"{low}-{high}"
        value = value.get("value")
    text = first_text(value).replace(",", "")
    found = re.match(r"\d{1,7}(?:\s?[-\u2013]\s?\d{1,7})?", text)
    return found.group(0).replace(" ", "").replace("\u2013", "-") if found else ""


def _seen(document: Document, field: str, value: str, raw: str, confidence: float) -> Observation:
    return RULE.observe(
        document, field=field, value=value, raw=raw, how="structured", confidence=confidence
    )
