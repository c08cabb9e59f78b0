"""What the language model is asked about a site, and the only form in which it may answer.

There is no place for words of its own: each value stands in the page's words beside the quote it
was taken from, and what it thinks of the site is a choice from a list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tenants.language_model.prompts import Prompt

PROMPT = Prompt(
    name="read",
    version=1,
    system=(
        "You read pages of one company's web site and write down what they say about that company."
        " Copy, never compose: every value is in the page's own words, and every quote is copied"
        " letter by letter from one line of the page whose number you name, at most 300 characters,"
        " and holds the value. What the pages do not say is left out; an empty list is a good"
        " answer. Never guess, never use what you know from elsewhere, leave out clients, partners"
        " and suppliers.\n"
        "Fields: about (one sentence that says what the company does), services (one product or"
        " service), industries (one industry it serves), founded_year (four digits), headcount (a"
        " number), hiring (the words that say so), person (a name; title is that person's title,"
        " in the same quote), email and phone (also a mask such as [e-mail 1] or [number 2]; of is"
        " the name of the person it belongs to, in the same quote, else null), address (a postal"
        " address).\n"
        "website.score says from 0 to 100 how well the site serves a customer who does not know the"
        " company; website.signs are your reasons, each with a quote."
    ),
    most_answer_tokens=6_000,
)


@dataclass(frozen=True, slots=True)
class Fact:
    field: Literal[
        "about", "services", "industries", "founded_year", "headcount", "hiring", "person",
        "email", "phone", "address",
    ]  # fmt: skip
    value: str
    of: str | None
    title: str | None
    quote: str
    page: int


@dataclass(frozen=True, slots=True)
class Sign:
    sign: Literal[
        "says_what_it_does", "names_customers", "names_prices", "shows_its_people",
        "easy_to_reach", "up_to_date", "vague", "out_of_date", "placeholder_text",
        "broken_language",
    ]  # fmt: skip
    quote: str
    page: int


@dataclass(frozen=True, slots=True)
class Website:
    score: int
    signs: list[Sign]


@dataclass(frozen=True, slots=True)
class Reading:
    """All the model may say of a site."""

    facts: list[Fact]
    website: Website
