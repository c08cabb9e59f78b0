"""A model's Markdown, made safe to show: nothing loads, nothing leads elsewhere unseen.

A picture's address would carry data out the moment it is drawn, so no picture is left. Links lead
to our own pages; other addresses are shown as text, to be read before they are followed.
"""

from __future__ import annotations

import re

from django.conf import settings

from tenants.language_model.prompts import harmless

LONGEST = 8_000  # characters shown of one message
_LINK = re.compile(r"\[([^\[\]\n]{0,200})\]\(\s*<?([^\s()<>]{0,2000})>?[^()\n]{0,200}\)")
_OWN = re.compile(r"[\w/.,?=&%:-]*", re.ASCII)
_DEFINED = re.compile(r"^(\s{0,3}\[[^\]\n]*\])\s*:", re.MULTILINE)
_DEFINED_BELOW = re.compile(r"(?<=\n)(\s{0,3}\[[^\]\n]*\])\s*:")
_BARE = re.compile(r"(?<![`\w])(?:[a-z][a-z0-9+.-]{1,20}://|www\.|data:|javascript:)[^\s`<>()\[\]]+",
                   re.IGNORECASE)  # fmt: skip
_KEPT = re.compile("\ue000(\\d+)\ue001")


def clean(text: str, *, is_line: bool = True) -> str:
    """``text`` without pictures, HTML and links of strangers; cut when it is very long.

    ``is_line``: it begins a line, where the address of a link may be defined.
    """
    kept: list[str] = []

    def link(hit: re.Match[str]) -> str:
        words, address = hit[1].strip(), hit[2]
        if is_own(address):
            kept.append(f"[{words or 'Open'}]({address})")
            return f"\ue000{len(kept) - 1}\ue001"
        return f"{words} {address}" if _BARE.match(address) else words

    text = harmless(text.encode(errors="ignore").decode())[:LONGEST]
    text = text.replace("\ue000", "").replace("\ue001", "")
    text = re.sub(r"!+(?=\[)", "", text)
    text = _LINK.sub(link, text)
    text = text.replace("](", "] (").replace("][", "] [").replace("<", "\\<")
    text = (_DEFINED if is_line else _DEFINED_BELOW).sub(r"\1", text)
    text = _BARE.sub(lambda hit: f"`{hit[0]}`", text)
    return _KEPT.sub(lambda hit: kept[int(hit[1])], text).strip()


def is_own(address: str) -> bool:
    """Whether ``address`` is a page of ours."""
    base = settings.BASE_URL.rstrip("/") + "/"
    return address.startswith(base) and _OWN.fullmatch(address[len(base) :]) is not None
