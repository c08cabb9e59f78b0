"""In which languages a site speaks: what it declares, and what its letters show."""

import re
from collections.abc import Sequence

from enrichment.observation import Observation, Rule, best_of_each
from enrichment.web.parse import Document
from enrichment.words import word_set

RULE = Rule("languages", 1)
LEAST_LETTERS = 60  # of a script before it counts as a language of the site
SAMPLE = 8_000  # characters of a page

_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("ta", re.compile("[\u0b80-\u0bff]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
)
_WORDS = {
    "en": word_set("the and for with our you your from this are"),
    "ms": word_set("dan yang untuk kami dengan anda ini adalah perkhidmatan"),
    "de": word_set("und die der das mit wir f\u00fcr sie ist nicht"),
    "fr": word_set("les des vous nous pour avec une est dans votre"),
    "es": word_set("los las para con una por nuestro m\u00e1s del que"),
}
LEAST_WORDS = 5


def find(documents: Sequence[Document]) -> list[Observation]:
    """Observations ``languages`` (ISO 639-1). A declared language without text in it is weak."""
    found: list[Observation] = []
    for document in documents:
        text = document.text[:SAMPLE]
        read = _read_languages(text)
        for language, quote in read.items():
            found.append(
                RULE.observe(
                    document,
                    field="languages",
                    value=language,
                    quote=quote,
                    how="text",
                    confidence=0.85,
                )
            )
        declared = document.lang.partition("-")[0]
        if declared and text and declared not in read:
            found.append(
                RULE.observe(
                    document,
                    field="languages",
                    value=declared,
                    raw=document.lang,
                    how="declared",
                    confidence=0.5,
                )
            )
    return best_of_each(found)


def _read_languages(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if not text.isascii():
        for language, letters in _SCRIPTS:
            places = letters.findall(text)
            if len(places) >= LEAST_LETTERS and not (language == "zh" and "ja" in found):
                found[language] = _line_with(text, letters)
    read = text.lower().split()
    counts = {name: sum(word in words for word in read) for name, words in _WORDS.items()}
    best = max(sorted(counts), key=lambda language: counts[language])
    if counts[best] >= LEAST_WORDS:
        words = "|".join(sorted(_WORDS[best]))
        found[best] = _line_with(text, re.compile(rf"\b(?:{words})\b", re.IGNORECASE))
    return found


def _line_with(text: str, pattern: re.Pattern[str]) -> str:
    place = pattern.search(text)
    start = text.rfind("\n", 0, place.start()) + 1 if place else 0
    return text[start : start + 200].partition("\n")[0]
