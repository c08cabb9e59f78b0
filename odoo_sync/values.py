"""One value in its forms: ours, a cell of ``load``, a value of ``write``, and as Odoo reads it.

Odoo answers ``false`` for empty text, ``[id, name]`` for a link, ids for tags. Here empty is "" or
0 or [], a link is its id, tags are a sorted list of ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import unescape
from typing import Any

Value = str | int | float | bool | list[int]
_UNPRINTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_MARKS = re.compile(
    r"</?(?:p|ul|ol|li|b|i|br|div|span|strong|em|a|h\d)(?:\s[^>]*)?/?>", re.IGNORECASE
)
NUMBERS = ("integer", "float", "monetary")
LONGEST = 10_000  # of a text of ours; a description is the longest


@dataclass(frozen=True, slots=True)
class Link:
    """A record there, by a text of one of its fields: the country whose ``code`` is SG."""

    model: str
    by: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags by name, made there when there are none of that name. Added, never taken away."""

    model: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.names)


Unresolved = str | int | float | bool | Link | Tags


def clean(text: str) -> str:
    """What Odoo can keep: no control characters, no lone surrogates, an end."""
    return _UNPRINTED.sub("", text).strip()[:LONGEST]


def as_cell(value: Value) -> str:
    """For ``load``, where all is text; links and tags by database id (``field/.id``)."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list):
        return ",".join(str(each) for each in value)
    return "" if value == 0 else str(value)


def column_of(field: str, kind: str) -> str:
    return f"{field}/.id" if kind in ("many2one", "many2many") else field


def as_written(value: Value, kind: str) -> Any:
    """For ``write``. Tags are added one by one, so that others' stay."""
    if isinstance(value, list):
        return [[4, each, 0] for each in value]
    if kind == "many2one":
        return value or False
    return value if value != "" else False


def as_read(value: Any, kind: str) -> Value:
    """What Odoo answered, in our form."""
    if kind == "boolean":
        return bool(value)
    if kind == "many2many":
        return sorted(int(each) for each in value or [])
    if kind == "many2one":
        return int(value[0]) if isinstance(value, list | tuple) and value else int(value or 0)
    if kind in NUMBERS:
        number = float(value or 0)
        return int(number) if number.is_integer() else number
    return value if isinstance(value, str) else ""


def alike(one: Value, other: Value, kind: str) -> bool:
    """Whether two values say the same, whatever form Odoo gives them: a scheme, a wrapping, case
    of a selection are its own doing."""
    if isinstance(one, list) and isinstance(other, list):
        return set(one) <= set(other)
    if kind == "html":
        return _words(str(one)) == _words(str(other))
    if isinstance(one, str) and isinstance(other, str):
        return _plain(one) == _plain(other)
    return one == other


def _words(text: str) -> str:
    return "".join(unescape(_MARKS.sub("", text)).split())


def _plain(text: str) -> str:
    return re.sub(r"^https?://", "", " ".join(text.split()), flags=re.IGNORECASE).rstrip("/")


def shown(value: Any) -> str:
    """For people: a preview, a conflict."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    return " ".join(unescape(_MARKS.sub(" ", str(value))).split())


def without_repeats(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in (clean(each)[:100] for each in names) if name))
