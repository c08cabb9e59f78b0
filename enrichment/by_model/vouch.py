"""What of a model's reading may be believed: only what the page says in the very words quoted.

The rule: a quote is found when, with white space as single spaces and unseen characters gone on
both sides, it stands in the visible text of the page it names, and in what was sent of it. A value
is founded when it stands in its quote. An address or number must besides be one the reading by rule
holds to be the company's own: a model can say whose it is, it cannot bring a new one. Everything
else is refused and counted by reason.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from enrichment.by_model.corpus import Corpus, Source, fold
from enrichment.by_model.orders import gives_orders
from enrichment.by_model.reading_prompt import PROMPT, Fact, Reading, Sign
from enrichment.evidence.statements import Statement
from enrichment.extract.titles import clean_name, is_title, person_key
from enrichment.observation import MAX_QUOTE, storable

METHOD = "llm.read"
CONFIDENCE = 0.5  # below every rule: nobody has measured how often it is right
SHORTEST_QUOTE = 3
MOST_FACTS = 120  # of one answer that are looked at
MOST_SIGNS = 10
_FIELDS = {
    "about": "about", "services": "services", "industries": "industries_served",
    "founded_year": "founded_year", "headcount": "headcount", "hiring": "hiring",
    "person": "people", "email": "emails", "phone": "phones", "address": "address",
}  # fmt: skip
_PEOPLE_WORDS = re.compile(
    r"employ|staff|team|people|person|workforce|strength|specialist|engineer|worker|professional"
    r"|colleague|member|strong",
    re.IGNORECASE,
)
_HIRING_WORDS = re.compile(
    r"hiring|join|career|vacanc|position|opening|recruit|job|apply", re.IGNORECASE
)
_FOUNDED_WORDS = re.compile(
    r"since|found|establish|incorporat|form|start|set up|began|est\b|inception|history|year",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"\b\d{5,6}\b|\bsingapore\b", re.IGNORECASE)
_UNWORDLY = re.compile(r"https?:|www\.|[@<>{}=|\\]")


@dataclass(slots=True)
class Vouched:
    """What was accepted, and how many values were refused for what."""

    statements: list[Statement] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    website_score: int | None = None


@dataclass(frozen=True, slots=True)
class OfRule:
    """What reading by rule knows to be the company's own, from the same pages."""

    addresses: Collection[str] = ()
    numbers: Collection[str] = ()


class _RefusedError(Exception):
    """One value is not accepted; the text is the reason's code."""


def vouch(reading: Reading, *, corpus: Corpus, of_rule: OfRule) -> Vouched:
    """Check every value of ``reading``. Pure; the same reading gives the same statements."""
    vouched = Vouched()
    pages = {source.number: source for source in corpus.sources}
    people = {person_key(fact.value) for fact in reading.facts if fact.field == "person"}
    wanted: dict[tuple[str, ...], Statement] = {}
    for fact in reading.facts[:MOST_FACTS]:
        try:
            for said in _accepted(fact, corpus=corpus, pages=pages, of_rule=of_rule, people=people):
                wanted.setdefault(said.key, said)
        except _RefusedError as refused:
            vouched.refused[str(refused)] += 1
    if left := len(reading.facts) - MOST_FACTS:
        vouched.refused["too_many"] += max(left, 0)
    vouched.statements = [*wanted.values(), *_of_website(reading, corpus, pages, vouched)]
    vouched.refused = +vouched.refused
    return vouched


def _accepted(
    fact: Fact,
    *,
    corpus: Corpus,
    pages: dict[int, Source],
    of_rule: OfRule,
    people: Collection[str],
) -> Iterator[Statement]:
    source, quote = _quoted(fact.quote, fact.page, corpus=corpus, pages=pages)
    given = fold(corpus.unmasked(fact.value))
    if fact.field != "hiring" and (not given or given not in quote):
        raise _RefusedError("value_not_in_quote")
    value = _value(fact, given, quote=quote, corpus=corpus, of_rule=of_rule)
    subject = ""
    if fact.field == "person":
        subject = person_key(value)
    elif fact.of is not None and fact.field in {"email", "phone"}:
        subject = person_key(fold(fact.of))
        if subject not in people or fold(fact.of) not in quote:
            raise _RefusedError("person_not_in_quote")
    yield _statement(_FIELDS[fact.field], value, quote, source, subject=subject)
    if fact.field == "person" and fact.title:
        title = fold(fact.title)
        if title in quote and is_title(title):
            yield _statement("title", title, quote, source, subject=subject)


def _quoted(
    words: str, number: int, *, corpus: Corpus, pages: dict[int, Source]
) -> tuple[Source, str]:
    """The page and the quote in the page's own words."""
    source = pages.get(number)
    quote = fold(corpus.unmasked(words))
    if len(quote) < SHORTEST_QUOTE or source is None:
        raise _RefusedError("quote_not_found")
    if quote not in source.told or quote not in source.stored:
        raise _RefusedError("quote_not_found")
    if len(quote) > MAX_QUOTE:
        raise _RefusedError("quote_too_long")
    if gives_orders(quote):
        raise _RefusedError("gives_orders")
    return source, quote


def _value(fact: Fact, given: str, *, quote: str, corpus: Corpus, of_rule: OfRule) -> str:
    """The value as it is stored; each field has a form of its own."""
    match fact.field:
        case "founded_year" if re.fullmatch(r"(?:18|19|20)\d\d", given):
            fits = bool(_FOUNDED_WORDS.search(quote))
        case "headcount" if re.fullmatch(r"\d{1,3}(?:,\d{3})+|\d{1,6}", given):
            given = given.replace(",", "")
            fits = bool(_PEOPLE_WORDS.search(quote)) and int(given) > 0
        case "hiring":
            given, fits = "yes", bool(_HIRING_WORDS.search(quote))
        case "about":
            fits = 20 <= len(given) <= MAX_QUOTE and not _UNWORDLY.search(given)
        case "services" | "industries":
            fits = 3 <= len(given) <= 80 and any(c.isalpha() for c in given)
            fits = fits and not _UNWORDLY.search(given)
        case "address":
            fits = 10 <= len(given) <= 200 and bool(_ADDRESS.search(given))
        case "person":
            name = clean_name(given)
            given, fits = name or "", name is not None
        case "email" | "phone":
            given = _reach(fact, given, corpus=corpus, of_rule=of_rule)
            fits = True
        case _:
            fits = False
    if not fits:
        raise _RefusedError("not_of_its_kind")
    return given


def _reach(fact: Fact, given: str, *, corpus: Corpus, of_rule: OfRule) -> str:
    """The address or number as the rules read it."""
    masked = corpus.masks.get(fact.value.strip())
    if fact.field == "email":
        address = (masked.value if masked else given).casefold()
        if address in of_rule.addresses:
            return address
    else:
        digits = _digits(masked.words if masked else given)
        for number in of_rule.numbers:
            if digits and _digits(number).endswith(digits.lstrip("0")) and len(digits) >= 7:
                return number
    raise _RefusedError("not_by_rule")


def _of_website(
    reading: Reading, corpus: Corpus, pages: dict[int, Source], vouched: Vouched
) -> Iterable[Statement]:
    """The score for the site, with the signs that have a quote. Without one there is no score."""
    statements: dict[str, Statement] = {}
    for sign in reading.website.signs[:MOST_SIGNS]:
        try:
            source, quote = _quoted(sign.quote, sign.page, corpus=corpus, pages=pages)
        except _RefusedError as refused:
            vouched.refused[str(refused)] += 1
            continue
        statements.setdefault(
            sign.sign, _statement("website_opinion", _in_words(sign), quote, source)
        )
    score = reading.website.score
    if not statements or not 0 <= score <= 100:
        vouched.refused["score_without_reason"] += 1
        return []
    vouched.website_score = score
    first = next(iter(statements.values()))
    told = Statement(
        "website_score", str(score), "LLM", first.reference, METHOD, PROMPT.version, CONFIDENCE,
        quote=first.quote, sha256=first.sha256,
    )  # fmt: skip
    return [told, *statements.values()]


def _in_words(sign: Sign) -> str:
    return sign.sign.replace("_", " ")


def _statement(
    name: str, value: str, quote: str, source: Source, *, subject: str = ""
) -> Statement:
    return Statement(
        name, storable(value), "LLM", storable(source.url)[:2000], METHOD, PROMPT.version,
        CONFIDENCE, quote=storable(quote), sha256=source.sha256, subject=subject,
    )  # fmt: skip


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
