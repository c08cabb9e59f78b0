"""Where a company's site might be, by rule from its names. Nothing is asked here.

A name is folded to its words; the words joined, then with hyphens, stand before each suffix. A
guess is only a place to look: whether a site there is the company's is decided by ``match``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from acra.names import fold_name
from enrichment.words import word_set

MAX_GUESSES = 18  # a name that does not exist costs one look-up
MAX_FORMER = 3
SHORTEST = 3  # letters; shorter names belong to somebody else by all odds
LONGEST = 40

_TAIL = word_set("SINGAPORE INTERNATIONAL HOLDINGS GROUP ENTERPRISE ENTERPRISES SERVICES ASIA")


GIVEN, LISTED = "given", "listed"  # by somebody who answers for it; by a listing of many
TOLD = frozenset({GIVEN, LISTED})  # no guess: that nothing answers there is worth telling


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place to look for the site, and how it was come by."""

    site: str  # host name or address
    origin: str  # GIVEN, LISTED, or the rule: "name", "short_name", "former_name"


def candidate_sites(
    name: str,
    *,
    former_names: Sequence[str] = (),
    suffixes: Sequence[str],
    given: str = "",
    listed: str = "",
) -> list[Candidate]:
    """Places in the order they are to be tried, each host once; only the one told when there is.

    Each costs a name look-up, and a crawl only where a server answers.
    """
    if given or listed:
        return [Candidate(given, GIVEN) if given else Candidate(listed, LISTED)]
    words = fold_name(name).split()
    former = [fold_name(one).split() for one in former_names]
    guesses = [
        (_label(words, ""), "name"),
        *((_label(one, ""), "former_name") for one in former[:MAX_FORMER]),
        (_label(_without_tail(words), ""), "short_name"),
        (_label(words, "-"), "name"),
    ]
    found: dict[str, str] = {}
    for label, origin in guesses:
        for suffix in suffixes if label else ():
            found.setdefault(f"{label}.{suffix}", origin)
    return [Candidate(site, origin) for site, origin in found.items()][:MAX_GUESSES]


def _without_tail(words: Sequence[str]) -> Sequence[str]:
    """DBS BANK SINGAPORE is also looked for as DBS BANK."""
    end = len(words)
    while end > 1 and words[end - 1] in _TAIL:
        end -= 1
    return words[:end]


def _label(words: Sequence[str], glue: str) -> str:
    label = glue.join(words).lower()
    is_host = label.isascii() and label.replace("-", "").isalnum()
    return label if is_host and SHORTEST <= len(label) <= LONGEST else ""
