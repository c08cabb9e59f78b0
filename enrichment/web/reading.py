"""What a visitor reads on a page: its visible text as blocks in reading order.

One pass over the tree. Scripts, styles, templates, hidden elements and form fields are left out of
the text but stay in the tree. Hidden means: the ``hidden`` attribute, an inline style that says so,
or, for inline elements only, a rule of the page's own style sheet (``<b class="x">NOSPAM</b>`` with
``.x{display:none}``; for blocks such a rule mostly means a tab that opens on a click).
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from lxml import etree

MAX_ELEMENTS = 200_000
MAX_TEXT = 1_500_000  # characters of text kept of one page


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Not "head" itself: where a page leaves <body> out, libxml2 keeps <main> and <footer> in the head.
UNREAD = _names(
    "script style template noscript title meta base link svg math canvas audio video object embed "
    "iframe select textarea datalist noframes"
)
BLOCK = _names(
    "address article aside blockquote body br button caption center dd details dialog dir div dl "
    "dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li "
    "main menu nav ol option p pre section summary table tbody td tfoot th thead tr ul"
)
_HIDING_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])"
    r"|(?:left|top|text-indent|right)\s*:\s*-\d{3,}",
    re.IGNORECASE,
)
_REVERSING_STYLE = re.compile(r"direction\s*:\s*rtl", re.IGNORECASE)
_AT_RULE = re.compile(r"@[a-z-]+[^{};]{0,200}\{(?:[^{}]{0,2000}\{[^{}]{0,2000}\}){0,400}[^{}]*\}")
_CLASS_RULE = re.compile(r"([.#])([\w-]{1,60})(?:::?[a-z-]{1,20})?\s{0,5}\{([^{}]{0,500})\}")
_INVISIBLE = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad]+")
TESTIMONY = re.compile(r"testimon|(?<!p)review(?!er)|client-?say|quote(?!-?form)", re.IGNORECASE)
_FOOTER = re.compile(r"(?:^|[\s_-])(?:site-?)?footer|colophon|copyright", re.IGNORECASE)


class Region(StrEnum):
    """Where on the page a block stands, as far as the markup says."""

    BODY = ""
    HEADER = "header"
    NAV = "nav"
    FOOTER = "footer"
    ASIDE = "aside"
    QUOTE = "quote"  # words of somebody else: testimonials, reviews


_REGION_OF_TAG = {
    "header": Region.HEADER,
    "nav": Region.NAV,
    "footer": Region.FOOTER,
    "aside": Region.ASIDE,
    "blockquote": Region.QUOTE,
    "q": Region.QUOTE,
}


@dataclass(frozen=True, slots=True)
class Block:
    """One line of visible text. ``start`` is its place in ``Reading.text``."""

    text: str
    start: int
    tag: str
    region: Region
    element: Any  # lxml element: the innermost block element around the line


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of one pass: blocks, their joined text, and the anchors by visibility."""

    text: str
    blocks: tuple[Block, ...]
    anchors: tuple[Any, ...]
    hidden: tuple[Any, ...]  # the topmost hidden elements


def squeeze(text: str) -> str:
    """Text with each run of white space as one space and zero-width characters gone."""
    if not text.isascii():
        text = _INVISIBLE.sub("", text)
    return " ".join(text.split())


def _own_rules(root: Any) -> tuple[frozenset[str], frozenset[str]]:
    """Names (``.class``, ``#id``) the page's own style sheets hide, and those they reverse."""
    hiding, reversing = set(), set()
    for style in root.iter("style"):
        css = (style.text or "")[:200_000]
        if "none" not in css and "rtl" not in css:
            continue
        for kind, name, body in _CLASS_RULE.findall(_without_at_rules(css)):
            if _HIDING_STYLE.search(body):
                hiding.add(kind + name)
            if _REVERSING_STYLE.search(body) and "override" in body:
                reversing.add(kind + name)
    return frozenset(hiding), frozenset(reversing)


def _without_at_rules(css: str) -> str:
    return _AT_RULE.sub(" ", css) if "@" in css else css


class _Reader:
    def __init__(self, root: Any) -> None:
        self.hiding, self.reversing = _own_rules(root)
        self.blocks: list[Block] = []
        self.pieces: list[str] = []
        self.length = 0
        self.anchors: list[Any] = []
        self.hidden: list[Any] = []
        self.elements: list[Any] = [root]
        self.regions: list[Region] = [Region.BODY]

    def flush(self) -> None:
        if not self.pieces:
            return
        text = squeeze("".join(self.pieces))
        self.pieces.clear()
        if text:
            element = self.elements[-1]
            self.blocks.append(Block(text, self.length, element.tag, self.regions[-1], element))
            self.length += len(text) + 1

    def enter_block(self, element: Any, tag: str) -> None:
        self.flush()
        self.elements.append(element)
        self.regions.append(self.region(element, tag))

    def leave_block(self) -> None:
        self.flush()
        self.elements.pop()
        self.regions.pop()

    def passes_over(self, element: Any, *, is_block: bool) -> bool:
        """Whether the element's text is not read as it stands: hidden, or turned round here."""
        if self.is_hidden(element, is_inline=not is_block):
            if element.tag in ("body", "html"):
                return False  # shown by a script once it has loaded
            self.hidden.append(element)
            return True
        if not is_block and self.reverses(element):
            self.pieces.append("".join(element.itertext())[::-1])
            return True
        return False

    def is_hidden(self, element: Any, *, is_inline: bool) -> bool:
        hidden = element.get("hidden")
        if hidden is not None and hidden != "until-found":
            return True
        style = element.get("style")
        if style and _hides(style):
            return True
        return bool(self.hiding) and is_inline and _is_named(element, self.hiding)

    def reverses(self, element: Any) -> bool:
        style = element.get("style")
        turned = style and "override" in style
        if turned and (_REVERSING_STYLE.search(style) or element.get("dir") == "rtl"):
            return True
        return bool(self.reversing) and _is_named(element, self.reversing)

    def region(self, element: Any, tag: str) -> Region:
        current = self.regions[-1]
        if current is Region.QUOTE or tag == "body":
            return current
        found = _REGION_OF_TAG.get(tag)
        if found is None:
            classes, name = element.get("class"), element.get("id")
            if classes or name:
                found = _region_named(f"{classes or ''} {name or ''}")
                if found is Region.FOOTER and current is not Region.BODY:
                    return current
        return found or current


@lru_cache(maxsize=4096)
def _region_named(label: str) -> Region | None:
    if TESTIMONY.search(label):
        return Region.QUOTE
    return Region.FOOTER if _FOOTER.search(label) else None


@lru_cache(maxsize=4096)
def _hides(style: str) -> bool:
    return bool(_HIDING_STYLE.search(style))


def _is_named(element: Any, rules: frozenset[str]) -> bool:
    if "#" + (element.get("id") or "") in rules:
        return True
    return any("." + name in rules for name in (element.get("class") or "").split())


def _opens_mail(anchor: Any) -> bool:
    """Whether a link is an address or a number: a word of its own, even where no space parts it."""
    href = anchor.get("href") or ""
    return href[:7].lower() == "mailto:" or href[:4].lower() == "tel:"


def read(root: Any) -> Reading:
    """Read a tree once. Time and memory grow with the size of the page, up to the limits above."""
    reader = _Reader(root)
    walker = etree.iterwalk(root, events=("start", "end"))
    pieces, anchors = reader.pieces, reader.anchors
    seen = 0
    for event, element in walker:
        tag = element.tag
        if event == "end":
            if tag in BLOCK:
                reader.leave_block()
            elif tag == "a" and anchors and anchors[-1] is element and _opens_mail(element):
                pieces.append(" ")
            if tail := element.tail:
                pieces.append(tail)
            continue
        seen += 1
        if seen > MAX_ELEMENTS or reader.length > MAX_TEXT:
            break
        is_block = tag in BLOCK
        if is_block:
            reader.enter_block(element, tag)
        if tag in UNREAD or reader.passes_over(element, is_block=is_block):
            walker.skip_subtree()
            continue
        if tag == "a" or tag == "area":
            anchors.append(element)
            if _opens_mail(element):
                pieces.append(" ")
        if text := element.text:
            pieces.append(text)
    reader.flush()
    text = "\n".join(block.text for block in reader.blocks)
    return Reading(text, tuple(reader.blocks), tuple(reader.anchors), tuple(reader.hidden))
