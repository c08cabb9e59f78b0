"""Keep a spreadsheet program from running what a company or a web page put into a text.

CSV has no types, so a cell that begins like a formula gets an apostrophe in front. Numbers and
telephone numbers stay as they are: ``+65 6123 4567`` is none. Undoing it is exact: take one
apostrophe away where it stands before an apostrophe or before something that begins like a
formula (``plain``). XLSX cells have a type, text, and need nothing. Sources: OWASP "CSV Injection";
the full-width signs are what Excel and LibreOffice turn into the ordinary ones.
"""

from __future__ import annotations

import re

STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# Spaces, control characters and marks of no width, which programs skip before they look.
SKIPPED = re.compile("[\\s\x00-\x1f\u200b-\u200f\u2060\ufeff]*")
NUMBER = re.compile(r"[+-]?[0-9 ().-]+")
# XML 1.0 cannot carry these, so no XLSX file can.
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
LONGEST_CELL = 32_767  # characters, Excel's limit


def is_dangerous(text: str) -> bool:
    """Whether a spreadsheet program might take ``text`` for a formula."""
    if NUMBER.fullmatch(text):
        return False
    begin = SKIPPED.match(text)
    return text.startswith(STARTS) or text[begin.end() if begin else 0 :].startswith(STARTS)


def for_csv(text: str) -> str:
    """The text as a CSV cell that is only ever text."""
    quoted = text.lstrip("'")
    return f"'{text}" if is_dangerous(quoted if quoted != text else text) else text


def plain(cell: str) -> str:
    """The text a cell of our CSV files stands for: the inverse of ``for_csv``."""
    if cell.startswith("'") and is_dangerous(cell.lstrip("'")):
        return cell[1:]
    return cell


def for_xlsx(text: str) -> str:
    """The text as an XLSX cell: what XML cannot carry becomes �, what is too long is cut."""
    text = NOT_IN_XML.sub("\ufffd", text)
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"
