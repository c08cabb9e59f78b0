"""Ways to say a command, written as people say it, and read as written.

``why is {company} on (top|the shortlist) [now]``: words stand for themselves in any case,
``{name}`` for whatever is said there, ``(a|b)`` for one of several, ``[x]`` for what may be left
out. Everything must match, so that no half of a sentence is acted on.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from tenants.language_model.prompts import harmless

LONGEST = 600  # characters of a command
_TOKEN = re.compile(r"\{(\w+)\}|([(\[|)\]])|([^\s(\[|)\]{}]+)")
_OPEN = {"(": "(?:", "[": "(?:", "|": "|", ")": ")", "]": ")?"}
_UNTRUE = re.compile(r"[\ud800-\udfff\x00]")
_POLITE = re.compile(r"^(?:please|hey|ok|okay|and|so|now|can you|could you|would you)[ ,]+",
                     re.IGNORECASE)  # fmt: skip


def tidy(text: str) -> str:
    """One line of ``text`` as commands are read: no politeness, no mark at the end."""
    text = harmless(_UNTRUE.sub("", unicodedata.normalize("NFKC", text)))
    text = " ".join(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())[: LONGEST + 1]
    while (shorter := _POLITE.sub("", text)) != text:
        text = shorter
    return text.rstrip(" ?!.;,").strip()


def match(pattern: str, text: str) -> dict[str, str] | None:
    """What ``text`` (tidy) says at the names of ``pattern``; ``None`` when it does not fit."""
    if len(text) > LONGEST:
        return None
    found = _compiled(pattern).fullmatch(f" {text}")
    return {k: v.strip() for k, v in found.groupdict().items() if v} if found else None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Each word brings the space before it, so that what is left out leaves none."""
    parts = []
    for name, mark, word in _TOKEN.findall(pattern):
        if name:
            parts.append(rf" (?P<{name}>[^ ].*?)")
        else:
            parts.append(_OPEN[mark] if mark else " " + re.escape(word))
    return re.compile("".join(parts), re.IGNORECASE)
