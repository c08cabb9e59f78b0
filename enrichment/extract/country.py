"""Which country a site speaks from, so that "6000 1234" can be read as a telephone number.

Votes by fixed weights: structured data, top-level domain, postal codes and country names in the
text, language variants. Singapore when nothing speaks: the register's companies are there.
"""

import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from enrichment.extract.pages import first_text, listed, organizations
from enrichment.web.parse import Document
from enrichment.words import word_set

DEFAULT = "SG"
TEXT_LIMIT = 30_000  # characters a page may speak with

# Country codes as top-level domains that really mean the country (.io, .co, .me, .tv do not).
_BY_DOMAIN = {
    name: name.upper()
    for name in word_set(
        "sg my id th vn ph hk tw cn jp kr in au nz us ca de fr it es nl be at ch se no dk fi pl "
        "pt ie br mx za ae sa il tr"
    )
} | {"uk": "GB"}
_NAMES = {
    "singapore": "SG", "malaysia": "MY", "indonesia": "ID", "thailand": "TH", "hong kong": "HK",
    "united states": "US", "usa": "US", "u.s.a": "US", "canada": "CA", "united kingdom": "GB",
    "england": "GB", "scotland": "GB", "wales": "GB", "australia": "AU", "new zealand": "NZ",
    "deutschland": "DE", "germany": "DE", "israel": "IL",
}  # fmt: skip
_STATE = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM"
    "|NY"
    "|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC"
)
_SPELLED_STATE = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia"
    "|Hawaii"
    "|Idaho|Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan"
    "|Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada|New (?:Hampshire|Jersey|Mexico|York)"
    "|North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|South Carolina"
    "|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|Wisconsin|Wyoming"
)
_PLACES = (
    (re.compile(r"(?:Singapore|S'pore|\bS)\s{0,3}\(?\d{6}\b|#\d{2,3}-\d{2,4}\b"), "SG", 4),
    (re.compile(r"\+65\b|\(65\)|\(\+65\)"), "SG", 3),
    (re.compile(r"\bPte\.?\s{0,2}Ltd", re.IGNORECASE), "SG", 2),
    (re.compile(
        r"(?<!\d)\(\d{3}\)\s{0,2}\d{3}[-. ]\d{4}(?!\d)"
        r"|(?<![\d-])\d{3}([-.])\d{3}\1\d{4}(?![\d-])"), "US", 2),
    (re.compile(r"\b[ABCEGHJ-NPRSTVXY]\d[A-Z]\s?\d[A-Z]\d\b"), "CA", 5),
    (re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]?\s\d[ABD-HJLNP-UW-Z]{2}\b"), "GB", 4),
    (re.compile(r"\+44\b|(?<!\d)\(?0(?:1\d{3}|20|800)\)?\s\d{3}"), "GB", 2),
    (re.compile(r"\b\d{5}\s{1,2}(?:Kuala Lumpur|Selangor|Johor|Penang)\b", re.IGNORECASE), "MY", 4),
)  # fmt: skip
_ZIP = re.compile(r"(?<![\d-])\d{5}(?:-\d{4})?(?![\d-])")
_STATE_BEFORE = re.compile(rf"\b(?:{_STATE}|{_SPELLED_STATE})\.?,?\s{{1,3}}\Z")
_NAME_PATTERNS = {name: re.compile(rf"\b{re.escape(name)}\b") for name in _NAMES}


def country_of(documents: Sequence[Document]) -> str:
    """ISO code of the country the site speaks from; ``SG`` when it does not say."""
    votes: Counter[str] = Counter()
    for document in documents:
        votes.update(_votes(document))
    if not votes:
        return DEFAULT
    top = max(votes.values())
    leaders = sorted(country for country, count in votes.items() if count == top)
    return DEFAULT if DEFAULT in leaders else leaders[0]


def _votes(document: Document) -> Counter[str]:
    votes: Counter[str] = Counter()
    last_label = (urlsplit(document.url).hostname or "").rpartition(".")[2]
    if last_label in _BY_DOMAIN:
        votes[_BY_DOMAIN[last_label]] += 8
    for node in organizations(document):
        for address in listed(node.get("address")):
            if isinstance(address, dict):
                country = first_text(address.get("addressCountry"))
                country = _NAMES.get(country.lower(), country)
                if re.fullmatch(r"[A-Za-z]{2}", country):
                    votes[country.upper()] += 8
    text = document.text[:TEXT_LIMIT]
    for pattern, country, weight in _PLACES:
        if pattern.search(text):
            votes[country] += weight
    if _has_zip_code(text):
        votes["US"] += 4
    lowered = document.lowered[:TEXT_LIMIT]
    for name, country in _NAMES.items():
        if name in lowered and _NAME_PATTERNS[name].search(lowered):
            votes[country] += 1
    variant = document.lang.partition("-")[2].upper()
    if variant in ("SG", "GB", "CA", "AU", "NZ", "MY"):  # en-us is every editor's default
        votes[variant] += 2
    return votes


def _has_zip_code(text: str) -> bool:
    """Five digits behind a state. Looked for from the digits: they are few, words are many."""
    return any(
        _STATE_BEFORE.search(text[max(0, digits.start() - 20) : digits.start()])
        for digits in _ZIP.finditer(text)
    )
