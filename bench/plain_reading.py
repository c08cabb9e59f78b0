"""What one writes first to read a company's page: the yardstick of our own reading.

The same fields as ``enrichment.extract``, as a competent engineer has them after a day: text nodes
by XPath, one expression a field, libphonenumber's matcher, JSON-LD, a search for each technology.
None of the care: no hidden text, no owner of an address, no lines of the layout, no merging.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import phonenumbers
from lxml import html as lxml_html

from enrichment.extract.technologies import MARKS

Value = tuple[str, str, str]  # field, value, the words around it

_RULES = {
    name: re.compile(rule)
    for name, rule in {
        "email": r"[\w.+-]+@[\w-]+\.[\w.-]+",
        "hidden_email": r"[\w.+-]+\s*[\[(]at[\])]\s*[\w-]+\s*(?:[\[(]dot[\])]\s*[\w-]+)+",
        "postal_code": r"(?i)(?:Singapore|S)\s*\(?(\d{6})",
        "unit": r"#\d{2,3}-\d{2,4}",
        "street": r"(?i)\d+[A-Z]?\s+(?:\w+\s+){1,4}(?:road|rd|street|st|avenue|drive|lane|way)",
        "uen": r"\b(?:\d{8}[A-Z]|\d{9}[A-Z]|[RST]\d{2}[A-Z]{2}\d{4}[A-Z])\b",
        "gst_number": r"(?i)GST\s*Reg[^:]*:?\s*([\w-]+)",
        "founded_year": r"(?i)(?:founded|established|incorporated|since)\s+(?:in\s+)?"
        r"((?:19|20)\d\d)",
        "headcount": r"(?i)(?:team of|staff of|(\d+)\+? employees|employs)\s*(\d*)",
        "hiring": r"(?i)we(?:'re| are) hiring|join our team|career opportunities|vacanc(?:y|ies)",
        "notice": r"(?i)no(?:t)? [^.]{0,60}(?:unsolicited|marketing e?-?mails?|spam)",
        "person": r"([A-Z][a-z]+(?:\s[A-Z][a-z]+){1,3})\s*[,\n-]\s*"
        r"((?:\w+ ){0,3}(?:Director|Manager|Officer|Founder|Head of \w+))",
    }.items()
}
_SOCIAL = re.compile(r"facebook|linkedin|instagram|twitter|youtube|tiktok")
_MARKS = [(re.compile(re.escape(mark)), name) for mark, name in MARKS.items()]
QUOTE = 80  # characters on either side


def tree_of(body: bytes, url: str) -> Any:
    root = lxml_html.fromstring(body, base_url=url)
    root.make_links_absolute(url)
    return root


def read_page(body: bytes, url: str, root: Any) -> list[Value]:
    """All values of one page, each once."""
    text = " ".join(root.xpath("//body//text()[not(ancestor::script or ancestor::style)]"))
    found = [*_written(text), *_linked(root), *_in_scripts(root), *_about(root)]
    for match in phonenumbers.PhoneNumberMatcher(text, "SG"):
        number = phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
        found.append(("phone", number, _around(text, match.start, match.end)))
    source = body.decode("utf-8", "replace").lower()
    found += [("technology", name, mark.pattern) for mark, name in _MARKS if mark.search(source)]
    if language := root.get("lang"):
        found.append(("language", language, ""))
    return list({(field, value): (field, value, quote) for field, value, quote in found}.values())


def _written(text: str) -> Iterator[Value]:
    for field, rule in _RULES.items():
        for match in rule.finditer(text):
            value = ", ".join(part for part in match.groups() if part) or match.group(0)
            yield field, value, _around(text, match.start(), match.end())


def _linked(root: Any) -> Iterator[Value]:
    for link in map(str, root.xpath("//a/@href")):
        if link.startswith("mailto:"):
            yield "email", link[7:].partition("?")[0], link
        elif link.startswith("tel:"):
            yield "phone", link[4:], link
        elif _SOCIAL.search(link):
            yield "social", link, link


def _in_scripts(root: Any) -> Iterator[Value]:
    for script in root.xpath("//script/text()"):
        for address in _RULES["email"].findall(script):
            yield "email", address, ""
    for script in root.xpath("//script[@type='application/ld+json']/text()"):
        try:
            data = json.loads(script)
        except ValueError:
            continue
        for node in _nodes(data):
            for name in ("name", "legalName", "email", "telephone", "taxID", "sameAs", "address"):
                if value := node.get(name):
                    yield f"schema.{name}", json.dumps(value), ""


def _nodes(data: Any) -> Iterator[dict[str, Any]]:
    for node in data if isinstance(data, list) else [data]:
        if isinstance(node, dict):
            yield node
            yield from _nodes(node.get("@graph", []))


def _about(root: Any) -> Iterator[Value]:
    described = root.xpath("//meta[@name='description']/@content")
    texts: Iterable[str] = (" ".join(p.itertext()) for p in root.xpath("//p"))
    longest = max(texts, key=len, default="")
    for text in (*described[:1], longest):
        if len(text) > 40:
            yield "about", text[:1500], text[:300]


def _around(text: str, start: int, end: int) -> str:
    return " ".join(text[max(0, start - QUOTE) : end + QUOTE].split())
