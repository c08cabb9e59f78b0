"""What to ask a search for when a company's site is not known: by rule from the register."""

from __future__ import annotations

import re

from acra.names import fold_name
from enrichment.words import word_set

MAX_CHARACTERS = 400  # of Tavily
MAX_ACTIVITY_WORDS = 6

# Words of activities that every second company has, and that find nothing (hand-made).
_EMPTY = word_set(
    "a an and or of the in for with to by on as na nil other others not elsewhere classified nec "
    "including excluding except etc general various activities activity services service business "
    "businesses company company's related principal holding"
)
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]+")
_BRACKETS = re.compile(r"\([^)]*\)?")


def search_query(name: str, *, activity: str = "", place: str = "Singapore") -> str:
    """``"KOLINA WIDGETS" wholesale hardware Singapore``, at most 400 characters.

    The name stands without its legal form, in quotation marks; of the activity up to six words that
    tell something. The same facts give the same query, so that the cache knows it again.
    """
    words = [word.lower() for word in _WORD.findall(_BRACKETS.sub(" ", activity))]
    telling = list(dict.fromkeys(word for word in words if word not in _EMPTY))
    quoted = f'"{fold_name(name)[: MAX_CHARACTERS - 20]}"'
    query = " ".join([quoted, *telling[:MAX_ACTIVITY_WORDS], place])
    while len(query) > MAX_CHARACTERS and telling:
        telling.pop()
        query = " ".join([quoted, *telling[:MAX_ACTIVITY_WORDS], place])
    return query
