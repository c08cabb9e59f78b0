"""What the company says it does: its own description, and two or three sentences of it.

The summary is extractive: sentences of the site as they stand, chosen by points for words that
describe a business and against words that sell or greet, then put back into page order.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from enrichment.extract.pages import is_about_page, is_legal_page
from enrichment.observation import Observation, Rule
from enrichment.web.parse import Document
from enrichment.web.reading import Block, Region

RULE = Rule("about", 1)
SENTENCES = 3
MAX_SUMMARY = 600
MAX_ABOUT = 1_500
MAX_CANDIDATES = 400

_SENTENCE_END = re.compile(r"(?<=[a-z0-9)][.!?])\s+(?=[A-Z])")
_ABBREVIATION = re.compile(r"\b(?:Pte|Ltd|Co|Inc|Dr|Mr|Mrs|Ms|No|St|Blk|Tel|e\.g|i\.e|etc)\.$")
_DESCRIBES = re.compile(
    r"\b(?:provid\w+|special\w+|offer\w*|manufactur\w+|suppl\w+|distribut\w+|design\w*|develop\w*"
    r"|deliver\w*|serv(?:es?|ing|ices?)|install\w*|consult\w*|leading|established|founded"
    r"|incorporated"
    r"|solutions?|clients?|customers?|industr\w+|compan(?:y|ies)|firm|business(?:es)?|experience"
    r"|products?|projects?|since|based in)\b",
    re.IGNORECASE,
)
_WE_ARE = re.compile(
    r"\b(?:we are|is an? |was (?:founded|established)|our company|we (?:provide|offer"
    r"|specialise"
    r"|specialize|supply|design|help))\b",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"cookie|privacy|copyright|all rights|subscribe|newsletter|add to cart|read more|click|lorem"
    r"|sign up|log ?in|terms (?:of|and)|javascript|browser|password|follow us|opening hours|@"
    r"|personal data|\bwe collect\b|ignore (?:all|any|the|previous)|instruction",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a page with its points; ``order`` is its place on the site."""

    text: str
    points: int
    order: int
    document: Document


def find(documents: Sequence[Document]) -> list[Observation]:
    """Observations ``about`` (its own description) and ``summary``, where there are words."""
    sentences = sorted(_sentences(documents), key=lambda s: (-s.points, s.order))
    chosen: list[Sentence] = []
    for sentence in sentences:
        length = sum(len(other.text) + 1 for other in chosen) + len(sentence.text)
        if sentence.points > 0 and length <= MAX_SUMMARY and len(chosen) < SENTENCES:
            chosen.append(sentence)
    found = list(_descriptions(documents))
    if chosen:
        best = chosen[0]
        summary = " ".join(s.text for s in sorted(chosen, key=lambda s: s.order))
        found.append(
            RULE.observe(
                best.document,
                field="summary",
                value=summary,
                quote=best.text,
                how="sentences",
                confidence=0.7,
            )
        )
    return found


def _descriptions(documents: Sequence[Document]) -> Iterator[Observation]:
    """The longest paragraph of the about page, else the description in the first head."""
    for document in documents:
        if not is_about_page(document):
            continue
        texts = [block.text for block in document.blocks if _is_prose(block)]
        texts = [text for text in texts if not _NOISE.search(text)]
        if texts:
            text = max(texts, key=len)[:MAX_ABOUT]
            yield RULE.observe(
                document, field="about", value=text, quote=text, how="page", confidence=0.8
            )
            return
    for document in documents[:1]:
        for name in ("description", "og:description"):
            text = document.meta.get(name, "")
            if len(text) >= 30:
                yield RULE.observe(
                    document, field="about", value=text, quote=text, how="meta", confidence=0.7
                )
                return


def _is_prose(block: Block) -> bool:
    return (
        block.region not in (Region.NAV, Region.QUOTE, Region.FOOTER)
        and len(block.text) >= 40
        and block.text.count(" ") >= 6
    )


def _sentences(documents: Sequence[Document]) -> Iterator[Sentence]:
    seen: set[str] = set()
    order = 0
    for number, document in enumerate(documents):
        if is_legal_page(document):
            continue
        bonus = 2 if is_about_page(document) else int(number == 0)
        for block in document.blocks:
            if not _is_prose(block):
                continue
            for text in _split(block.text[:3000]):
                if text in seen or order >= MAX_CANDIDATES:
                    continue
                seen.add(text)
                order += 1
                yield Sentence(text, _points(text) + bonus, order, document)


def _split(text: str) -> list[str]:
    pieces: list[str] = []
    for piece in _SENTENCE_END.split(text):
        if pieces and _ABBREVIATION.search(pieces[-1]):
            pieces[-1] = f"{pieces[-1]} {piece}"
        else:
            pieces.append(piece)
    return [piece for piece in pieces if 30 <= len(piece) <= 400]


def _points(text: str) -> int:
    if _NOISE.search(text) or text.endswith("?") or text.count("!") > 1:
        return -10
    points = min(len(set(_DESCRIBES.findall(text.lower()))), 4)
    points += 2 * bool(_WE_ARE.search(text)) + ("Singapore" in text)
    return points - 2 * text.endswith(":") - (len(text) > 300) - 3 * ("I " in text[:20])
