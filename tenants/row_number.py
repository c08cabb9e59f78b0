"""A row's number, as an address or a form gives it."""

from __future__ import annotations

MOST_DIGITS = 18  # more are beyond the database


def row_number(text: str) -> int:
    """The number; 0, which no row has, for what is none, such as ``²``, a digit to Python."""
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) if is_number else 0
