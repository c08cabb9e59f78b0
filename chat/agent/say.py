"""Words and links of answers: Markdown in which nobody else's text can act.

Names come from a public register and from strangers' pages. They stand in answers as text: with no
mark that a reader's program would turn into a picture, a link or a heading.
"""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from tenants.language_model.prompts import harmless

LONGEST = 200
_MARKS = re.compile(r"([\\`*_\[\]<>|#~!])")


def said(text: object) -> str:
    """``text`` as one line of Markdown that shows exactly that."""
    line = " ".join(harmless(str(text)).split())
    if len(line) > LONGEST:
        line = line[: LONGEST - 1] + "…"
    return _MARKS.sub(r"\\\1", line)


def code(text: object) -> str:
    """``text`` as it is to be typed."""
    return "`" + " ".join(harmless(str(text)).replace("`", "'").split())[:LONGEST] + "`"


def page(name: str, *args: Any) -> str:
    """The absolute address of a page of the console; empty where there is none."""
    try:
        return settings.BASE_URL.rstrip("/") + reverse(f"admin:{name}", args=args)
    except NoReverseMatch:
        return ""


def link(words: str, address: str) -> str:
    """``words``, which are ours, as a link; as they are where there is no address."""
    return f"[{words}]({address})" if address else words


def counted(number: int, one: str, many: str = "") -> str:
    """``1 lead``, ``2,000 leads``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def dollars(micros: int) -> str:
    return f"{micros / 1_000_000:,.2f} US dollars"
