"""The text of a site as the language model may see it: cut, masked, in marks, with a way back.

Visible text only. Left out: lines that repeat, lines that give orders to machines, pages whose
publisher reserves text and data mining (TDMRep; C4 of the promises). E-mail addresses and telephone
numbers are masked unless the tenant allows them (``[e-mail 1]``), identity numbers always are; the
model can still say whose ``[e-mail 1]`` is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from enrichment.by_model.orders import gives_orders
from enrichment.extract.written_emails import find_written
from enrichment.web.parse import Document
from enrichment.web.reading import squeeze
from tenants.language_model.prompts import harmless, inside_marks

FRAME_BYTES = 220  # of one page's marks and title, at most
LONGEST_LINE = 2_000
SHORTEST_SHARE = 400  # bytes of a page, or it is not worth its marks

# Any run of digits and separators; not a UEN (digits and a letter), not money.
_NUMBER = re.compile(
    r"(?<![\d@#$\u20ac\u00a3%&=.])(?:\+\s?|\(\s?\+?)?\d(?:[\d()\u2010-\u2015\u2212\u00b7. /-])"
    r"{5,28}\d(?!\d|[A-Z]\b|[%@])"
)
# Whatever has an @ in its middle, also where the rules see no mailbox (an unknown suffix).
_ANY_ADDRESS = re.compile(
    "[^\\s<>()\\[\\],;:\"'\u201c\u201d]{1,64}\\s?[@\uff20\ufe6b]\\s?[^\\s<>()\\[\\],;:\"'\u201c\u201d]{1,255}"
)
_YEARS = re.compile(r"(?:(?:18|19|20)\d\d\D{1,5})+(?:18|19|20)\d\d")
_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-](?:19|20)?\d\d|(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2}")
_IDENTITY = re.compile(r"\b[STFGM]\d{7}[A-Z]\b")  # NRIC and FIN of Singapore
_MASK = re.compile(r"\[(?:e-mail|number|identity) \d+\]")
_LIKE_MASK = re.compile(r"\[(?=(?:e-mail|number|identity) \d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Masked:
    """What stands behind a mask: the words of the page, and the address they mean."""

    words: str
    value: str


@dataclass(frozen=True, slots=True)
class Source:
    """A page as the model sees it. ``told`` is folded, with its masks taken off again."""

    number: int
    url: str
    sha256: str
    told: str
    stored: str  # all visible text, folded


@dataclass(slots=True)
class Corpus:
    """``text`` is what is sent; empty when no page may be."""

    text: str = ""
    sources: list[Source] = field(default_factory=list)
    masks: dict[str, Masked] = field(default_factory=dict)
    is_cut: bool = False
    orders: int = 0  # lines left out because they speak to machines
    reserved: int = 0  # pages left out because their publisher reserves them

    def unmasked(self, text: str) -> str:
        """``text`` with the page's own words where the model saw masks."""
        return _MASK.sub(
            lambda found: (
                self.masks[found.group()].words if found.group() in self.masks else found.group()
            ),
            text,
        )


def corpus_of(
    documents: Sequence[Document],
    *,
    limit: int,
    sees_contacts: bool,
    reserved: Iterable[str] = (),
) -> Corpus:
    """Put the pages together, at most ``limit`` bytes (so characters) with their marks.

    Every page gets its share of the room; what one does not need goes to the others.
    ``reserved`` are hashes of pages that may not be used.
    """
    corpus, not_ours = Corpus(), set(reserved)
    corpus.reserved = sum(document.sha256 in not_ours for document in documents)
    open_pages = [document for document in documents if document.sha256 not in not_ours]
    seen: set[str] = set()
    texts = [_lines(document, seen, corpus) for document in open_pages]
    masks = _Masks(sees_contacts=sees_contacts)
    hidden = [[masks.hide(line) for line in lines] for lines in texts]
    sizes = [sum(len(line.encode()) + 1 for line in lines) for lines in hidden]
    blocks = []
    for number, (document, lines, room) in enumerate(
        zip(open_pages, hidden, _shares(sizes, limit), strict=True), start=1
    ):
        kept = list(_within(lines, room))
        corpus.is_cut = corpus.is_cut or len(kept) < len(lines)
        if not kept:
            continue
        blocks.append(inside_marks("\n".join(kept), title=f"page {number} {_address(document)}"))
        corpus.masks = masks.known
        told = fold(corpus.unmasked(" ".join(kept)))
        corpus.sources.append(
            Source(number, document.url, document.sha256, told, fold(document.text))
        )
    corpus.text = "\n".join(blocks)
    return corpus


def fold(text: str) -> str:
    """The form in which quotes are compared: white space as single spaces, nothing unseen.

    Marks and control words are made harmless as in what was sent. Case and punctuation count.
    """
    return squeeze(_LIKE_MASK.sub("(", harmless(text)))


def _lines(document: Document, seen: set[str], corpus: Corpus) -> list[str]:
    """The lines worth reading: no line twice, no orders."""
    lines = []
    for block in document.blocks:
        line = fold(block.text)[:LONGEST_LINE]
        if len(line) < 2 or line in seen:
            continue
        seen.add(line)
        if gives_orders(block.text):
            corpus.orders += 1
            continue
        lines.append(line)
    return lines


def _shares(sizes: Sequence[int], limit: int) -> list[int]:
    """Bytes for each page, the small ones whole, the rest alike; where they are too many for
    ``limit`` the first ones.
    """
    most = max(limit // (SHORTEST_SHARE + FRAME_BYTES), 1)
    wanted = [(size, index) for index, size in enumerate(sizes) if size][:most]
    left, shares = limit, [0] * len(sizes)
    for position, (size, index) in enumerate(sorted(wanted)):
        shares[index] = min(size, left // (len(wanted) - position) - FRAME_BYTES)
        left -= shares[index] + FRAME_BYTES
    return shares


def _within(lines: Iterable[str], room: int) -> Iterator[str]:
    """Lines until the next does not fit. A line is never cut: half a mask would show."""
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            return
        yield line


def _address(document: Document) -> str:
    """Where the page stands, without its query, which may carry names and addresses."""
    parts = urlsplit(document.url)
    path = "" if "@" in parts.path else parts.path
    return f"{parts.netloc}{path}"[:120].encode()[:140].decode(errors="ignore")


class _Masks:
    """Gives each address and number a mask of its own, the same wherever it stands."""

    def __init__(self, *, sees_contacts: bool) -> None:
        self.sees_contacts = sees_contacts
        self.known: dict[str, Masked] = {}
        self._of: dict[tuple[str, str], str] = {}

    def hide(self, line: str) -> str:
        line = _IDENTITY.sub(lambda found: self._mask("identity", found.group()), line)
        if self.sees_contacts:
            return line
        for written in sorted(find_written(line), key=lambda each: -each.start):
            mask = self._mask("e-mail", line[written.start : written.end], written.address)
            line = f"{line[: written.start]}{mask}{line[written.end :]}"
        line = _ANY_ADDRESS.sub(self._address, line)
        return _NUMBER.sub(self._number, line)

    def _address(self, found: re.Match[str]) -> str:
        words = found.group().rstrip(".!?")
        value = "".join(words.split()).replace("\uff20", "@").casefold()
        return self._mask("e-mail", words, value) + found.group()[len(words) :]

    def _number(self, found: re.Match[str]) -> str:
        words = found.group()
        digits = sum(character.isdigit() for character in words)
        if digits < 7 or _YEARS.fullmatch(words) or _DATE.fullmatch(words):
            return words
        return self._mask("number", words)

    def _mask(self, kind: str, words: str, value: str = "") -> str:
        key = (kind, words)
        if key not in self._of:
            count = sum(known == kind for known, _ in self._of) + 1
            self._of[key] = f"[{kind} {count}]"
            self.known[self._of[key]] = Masked(words, value or words)
        return self._of[key]
