"""From a template and one lead's data to the subject and body one person reads. Pure.

A template knows ``{{ variables }}`` and nothing else: no logic, no look-ups, so neither an
operator's text nor a lead's data can run anything. Whatever comes in is data: values are escaped,
and the finished HTML is cleaned once more, because a harmless-looking value can end up in a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import nh3
from lxml import html as lxml_html

VARIABLE = re.compile(r"\{\{\s*([a-z][a-z0-9_]{0,39})\s*\}\}")
LEFT_OVER = re.compile(r"\{\{|\}\}|\{%|%\}")
MAX_VALUE = 500  # characters of one value; more is no name, city or service
MAX_SUBJECT = 200
MAX_BODY = 100_000
MAX_DEPTH = 200  # elements in one another; libxml2 drops the words of what lies below 256

TAGS = {"a", "b", "blockquote", "br", "div", "em", "h1", "h2", "h3", "hr", "i", "img", "li", "ol",
        "p", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "u", "ul"}  # fmt: skip
ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "width", "height"},
              "td": {"colspan", "align"}, "th": {"colspan", "align"}}  # fmt: skip
SCHEMES = {"http", "https", "mailto", "tel"}
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)")
_BLOCKS = {"p", "div", "h1", "h2", "h3", "li", "tr", "blockquote", "table", "ul", "ol", "hr"}


class RenderError(Exception):
    """A text that cannot be used; the sentence says what to change."""


@dataclass(frozen=True, slots=True)
class Text:
    """What is written, before it is filled in; cleaned when it was saved."""

    subject: str
    body_html: str
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    signature_html: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one person reads. With ``unresolved`` names it must not go out."""

    subject: str
    body_html: str
    body_text: str
    unresolved: tuple[str, ...] = ()


def render(text: Text, data: Mapping[str, Any], *, footer_html: str = "") -> Rendered:
    """Fill ``text`` with ``data``: a value, else the declared fallback, else it is unresolved.

    Same input, same output. Values are cut at 500 characters and keep no line breaks.
    """
    values = _values(text, data)
    subject = header_line(VARIABLE.sub(lambda m: values[m[1]], text.subject))[:MAX_SUBJECT]
    whole = "".join([text.body_html, text.signature_html, footer_html])
    body = clean(VARIABLE.sub(lambda m: escape(values.get(m[1], "")), whole))
    return Rendered(subject, body, as_text(body), unresolved_in(text, data))


def unresolved_in(text: Text, data: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of ``text`` that have neither a value in ``data`` nor a fallback, sorted."""
    return tuple(sorted(name for name, value in _values(text, data).items() if not value))


def _values(text: Text, data: Mapping[str, Any]) -> dict[str, str]:
    return {name: value_of(data, name) or text.fallbacks.get(name, "")
            for name in variables_of(text)}  # fmt: skip


def variables_of(text: Text) -> list[str]:
    """Names the text asks for, in the order of their first use."""
    parts = (text.subject, text.body_html, text.signature_html)
    return list(dict.fromkeys(name for part in parts for name in VARIABLE.findall(part)))


def value_of(data: Mapping[str, Any], name: str) -> str:
    """The value of a variable as one line of text: lists are joined, all else but scalars is none.

    ``business_name`` is also found as ``businessName``, as the former system wrote it.
    """
    found = data.get(name)
    if found is None:
        head, *rest = name.split("_")
        found = data.get(head + "".join(word.title() for word in rest))
    if isinstance(found, str | int | float) and not isinstance(found, bool):
        return one_line(str(found))[:MAX_VALUE]
    if isinstance(found, list):
        return ", ".join(one_line(str(each)) for each in found if each)[:MAX_VALUE]
    return ""


def clean_template(html: str) -> str:
    """``html`` without what does not belong into a mail; variables stay, also inside links.

    Raises ``RenderError`` for an unfinished or unknown ``{{``: what is no variable now would go out
    as it stands.
    """
    if len(html) > MAX_BODY:
        raise RenderError(f"The text has {len(html):,} characters; at most {MAX_BODY:,} can go.")
    check_braces(html)
    html = html.encode(errors="replace").decode()  # half a character, as JSON can carry it
    # A plain word passes the cleaner unchanged wherever a variable may stand.
    marked = VARIABLE.sub(lambda m: f"lgvar{m[1].encode().hex()}lgend", html)
    cleaned = clean(marked)
    if (depth := _depth(cleaned)) > MAX_DEPTH:
        raise RenderError(f"{depth:,} elements stand in one another; at most {MAX_DEPTH} may.")
    return re.sub(
        r"lgvar([0-9a-f]+)lgend",
        lambda m: f"{{{{ {bytes.fromhex(m[1]).decode()} }}}}",
        cleaned,
    )


def _depth(cleaned: str) -> int:
    """How many elements stand in one another in HTML whose every element is closed."""
    depth = deepest = 0
    for closes, tag in _TAG.findall(cleaned):
        if tag not in {"br", "hr", "img"}:
            depth += -1 if closes else 1
            deepest = max(deepest, depth)
    return deepest


def check_braces(text: str) -> None:
    """Raises ``RenderError`` when something looks like a variable and is none."""
    rest = VARIABLE.sub("", text)
    if found := LEFT_OVER.search(rest):
        around = rest[max(found.start() - 20, 0) : found.end() + 20].strip()
        raise RenderError(
            f"Near {around!r}: variables are written {{{{ like_this }}}}, in small letters,"
            " and nothing else stands in double braces."
        )


def clean(html: str) -> str:
    """HTML with the tags, attributes and link schemes a mail needs; no script, style or form."""
    return nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel=None)


def as_text(html: str) -> str:
    """The text part: paragraphs, lists, and links with their address behind them."""
    if not html.strip():
        return ""
    lines = "".join(_pieces(lxml_html.fragment_fromstring(html, create_parent="div")))
    lines = re.sub(r"[ \t]+", " ", lines)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r" ?\n ?", "\n", lines)).strip()


def _pieces(element: Any) -> Iterable[str]:
    tag = element.tag if isinstance(element.tag, str) else ""
    if tag in _BLOCKS:
        yield "\n" if tag in {"li", "tr"} else "\n\n"
    if tag == "li":
        yield "- "
    if tag == "br":
        yield "\n"
    if tag == "img":
        yield element.get("alt", "")
    yield re.sub(r"\s+", " ", element.text or "")
    for child in element:
        yield from _pieces(child)
        yield re.sub(r"\s+", " ", child.tail or "")
    href = element.get("href", "") if tag == "a" else ""
    if href and href.removeprefix("mailto:") != (element.text or "").strip():
        yield f" <{href}>"
    if tag in _BLOCKS:
        yield "\n"


def one_line(text: str) -> str:
    """Without line breaks or other controls, which have no place in a header."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def header_line(text: str) -> str:
    """One line for a header, in which nothing is taken for an encoded word (RFC 2047).

    Python's ``email`` decodes those as a header is set, and writes what they held unquoted:
    ``=?utf-8?q?a=0D=0ABcc=3A_x=40y=2Ez?=`` in a name would be a header of its own.
    """
    return one_line(text).replace("=?", "= ?")
