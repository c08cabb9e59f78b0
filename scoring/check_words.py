"""Whether a model's sentences say nothing that the lines they were made from do not say.

A word test, not an understanding: every number must stand in the lines, and so must every word that
could be a name, which is any with a capital that is not an ordinary opener of an English sentence.
It refuses some honest sentences; those lose nothing but their place beside the rule's.
"""

from __future__ import annotations

import re

from enrichment.words import word_set

# Words that may open a sentence or are said in any score, whatever the lines are.
_ORDINARY = word_set(
    "a an the it its it's this that these they there their although also and as at against all"
    " because besides both but by clear clearly company companies despite established even fairly"
    " few fits for fully further given good has have having here high however i icp if in is known"
    " lead likely low meets medium mostly most no none nothing not of on one only or overall points"
    " rather reasons score scores scored several since solid some still strong strongly such surely"
    " than though to together two well weak what while with without worth yet young settled long"
    " mainly above below missing"
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NUMBER_WORDS = word_set(
    "three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred"
    " hundreds thousand thousands million millions billion dozen dozens percent"
)
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_MARKUP = re.compile(r"[<>{}@=|\\`*_~^\[\]]|https?:|www\.|\.(?:com|sg|net|org|test)\b|&\w+;")
_QUOTES = "\u2018\u2019\u201c\u201d\u2013\u2014\u2026"


def misfit(text: str, *, lines: str, longest: int) -> str | None:
    """The code of what is wrong with ``text``; ``None`` when it says only what ``lines`` say."""
    if not text:
        return "empty"
    if len(text) > longest:
        return "too_long"
    if _MARKUP.search(text) or text[0] in "=+-@'\"" or not _is_plain(text):
        return "markup"
    known = {word.casefold() for word in _WORD.findall(lines)}
    told = {_plain(number) for number in _NUMBER.findall(lines)}
    if any(_plain(number) not in told for number in _NUMBER.findall(text)):
        return "number"
    for word in _WORD.findall(text):
        folded = word.casefold().replace("\u2019", "'")
        if folded in known or folded in _ORDINARY:
            continue
        if folded in _NUMBER_WORDS:
            return "number"
        if word != word.lower():
            return "name"
    return None


def _plain(number: str) -> str:
    return number.replace(",", "").strip(".")


def _is_plain(text: str) -> bool:
    """Printable, and in the letters our word test understands."""
    return text.isprintable() and all(ord(c) < 0x250 or c in _QUOTES for c in text)
