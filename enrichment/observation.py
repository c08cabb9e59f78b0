"""What a rule read from a page: the value, the very words it stands on, and where."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from enrichment.web.parse import Document
from enrichment.web.reading import Block, squeeze

MAX_QUOTE = 300
MAX_VALUE = 2_000


@dataclass(frozen=True, slots=True)
class Observation:
    """One value read from one page by one rule.

    ``quote`` is verbatim: it occurs in the page's visible text, or, for values that stand in
    markup (``mailto:``, structured data), in its source. ``subject`` is empty for the company,
    else the key of the person it speaks of.
    """

    field: str
    value: str
    raw: str
    url: str
    page_sha256: str
    quote: str
    method: str
    version: int
    confidence: float
    subject: str = ""


def storable(text: str) -> str:
    """The text without what no database takes: NUL, and halves of characters from JSON escapes."""
    if text.isascii():
        return text.replace("\x00", "")
    return text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")


@dataclass(frozen=True, slots=True)
class Rule:
    """The name and version a family of observations carries."""

    name: str
    version: int = 1

    def observe(
        self,
        document: Document,
        *,
        field: str,
        value: str,
        raw: str = "",
        quote: str = "",
        how: str = "",
        confidence: float,
        subject: str = "",
    ) -> Observation:
        """An observation on ``document``; ``how`` is appended to the rule's name."""
        return Observation(
            field=field,
            value=storable(value)[:MAX_VALUE],
            raw=storable(raw or value)[:MAX_VALUE],
            url=document.url,
            page_sha256=document.sha256,
            quote=storable(quote or raw or value)[:MAX_QUOTE],
            method=f"{self.name}.{how}" if how else self.name,
            version=self.version,
            confidence=round(confidence, 2),
            subject=subject,
        )


@dataclass(frozen=True, slots=True)
class Lines:
    """The blocks of a document with a way back from a place in its text."""

    document: Document
    starts: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, document: Document) -> "Lines":
        return cls(document, [block.start for block in document.blocks])

    def index_at(self, place: int) -> int:
        return bisect_right(self.starts, place) - 1

    def at(self, place: int) -> Block:
        return self.document.blocks[self.index_at(place)]

    def around(self, start: int, end: int, *, room: int = 200) -> str:
        """The text about a place, at most ``room`` characters either side, within its line."""
        block = self.at(start)
        first = max(block.start, start - room)
        return self.document.text[first : min(block.start + len(block.text), end + room)]

    def quote(self, start: int, end: int) -> str:
        """The line around a place, or as much of it around the place as a quote may hold."""
        block = self.at(start)
        line_start, line_end = block.start, block.start + len(block.text)
        room = MAX_QUOTE - (min(end, line_end) - start)
        if line_end - line_start > MAX_QUOTE:
            line_start = max(line_start, start - room // 2)
            line_end = min(line_end, line_start + MAX_QUOTE)
        return self.document.text[line_start:line_end].strip()


def quote_of(element: Any, *, fallback: str) -> str:
    """The words of an element or, when it shows none, of what stands around it."""
    for candidate in (element, element.getparent()):
        if candidate is None:
            continue
        text = squeeze("".join(candidate.itertext())[: MAX_QUOTE * 4])
        if text:
            return text[:MAX_QUOTE]
    return fallback[:MAX_QUOTE]


def best_of_each(observations: Iterable[Observation]) -> list[Observation]:
    """One observation per field, value, subject and method: the surest, then the earliest."""
    best: dict[tuple[str, str, str, str], Observation] = {}
    for seen in observations:
        key = (seen.field, seen.value, seen.subject, seen.method)
        if key not in best or seen.confidence > best[key].confidence:
            best[key] = seen
    return list(best.values())
