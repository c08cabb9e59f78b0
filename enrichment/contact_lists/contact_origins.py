"""How the addresses of a list were obtained: the words of a file, and the methods of evidence.

The gate reads the method: it decides whether an address may be mailed (``outreach.law``).
"""

from __future__ import annotations

from enum import StrEnum


class ListOrigin(StrEnum):
    """Methods of evidence. The values are stored; what may be mailed hangs on them."""

    GIVEN = "import.given"  # by an act of the recipient's own: a card, a form, a contract
    LIST = "import.list"  # a list whose supplier warrants that it is lawful
    BOUGHT = "import.bought"
    HARVESTED = "import.harvested"
    GUESSED = "import.guessed"


WORDS: dict[ListOrigin, tuple[str, ...]] = {
    ListOrigin.GIVEN: ("given", "given to us", "they gave it to us", "card", "business card",
                       "form", "web form", "contract", "customer", "they wrote to us"),
    ListOrigin.LIST: ("list", "warranted list", "partner", "association", "member list"),
    ListOrigin.BOUGHT: ("bought", "purchased", "rented", "provider", "data provider"),
    ListOrigin.HARVESTED: ("harvested", "scraped", "directory", "listing", "web", "website",
                           "internet", "search"),
    ListOrigin.GUESSED: ("guessed", "pattern"),
}  # fmt: skip
BY_WORD = {word: origin for origin, words in WORDS.items() for word in words}
SHOWN = {
    ListOrigin.GIVEN: "given to us",
    ListOrigin.LIST: "a warranted list",
    ListOrigin.BOUGHT: "bought",
    ListOrigin.HARVESTED: "harvested",
    ListOrigin.GUESSED: "guessed",
}
ASKED_FOR = (
    "given (by card, form or contract), list (its supplier warrants that it is lawful), bought,"
    " harvested or guessed"
)
