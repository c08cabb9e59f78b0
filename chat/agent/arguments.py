"""A tool's arguments, read strictly: from commands, from a model, from the fields of an approval.

Nobody is believed: unknown names, wrong kinds and values out of bounds are refused with a sentence
each. What a person edits in a chat client comes back as text, whatever it was before.
"""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from itertools import accumulate
from typing import Annotated, Any, TypeVar, Union

from annotated_types import Ge, Le, MaxLen, MinLen

from chat.agent.toolbox import ToolError
from chat.frames import on_one_line
from tenants.language_model.llm_schema import strict_schema
from tenants.language_model.prompts import harmless

T = TypeVar("T")

DEEPEST = 20  # brackets of a call's arguments in each other
LONGEST = 300  # characters of one text
MOST_ROWS = 50
Text = Annotated[str, MaxLen(LONGEST)]
Name = Annotated[str, MinLen(1), MaxLen(LONGEST)]
Reason = Annotated[str, MinLen(1), MaxLen(LONGEST)]
Rows = Annotated[int, Ge(1), Le(MOST_ROWS)]

_UNTRUE = re.compile(r"[\ud800-\udfff\x00]")  # what no database takes as text
_MISTAKES = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "unexpected_keyword_argument": "is not known here",
    "greater_than_equal": "is too small: at least {ge}",
    "less_than_equal": "is too large: at most {le}",
    "string_too_long": "is too long: at most {max_length} characters",
    "string_too_short": "is empty",
    "too_long": "has too many entries: at most {max_length}",
    "too_short": "is empty",
    "literal_error": "must be one of {expected}",
}
_ADAPTERS: dict[type, Any] = {}  # making one takes milliseconds
_KINDS = {
    "int": "is no whole number", "float": "is no number", "bool": "is no yes or no",
    "list": "is no list", "string": "is no text",
}  # fmt: skip


class ArgumentError(ToolError):
    """The arguments cannot be used; the text names each that is wrong."""


def read_arguments(kind: type[T], given: Mapping[str, Any]) -> T:
    """A ``kind`` from ``given``. Empty values count as not given. Raises ``ArgumentError``."""
    import pydantic  # noqa: PLC0415 -- takes 0.1 s, which no other command should wait

    hints = typing.get_type_hints(kind)
    told = {str(name): _plain(value, hints.get(str(name))) for name, value in given.items()}
    known = {name: value for name, value in told.items() if value is not None or name not in hints}
    try:
        found: T = _adapter(kind).validate_python(known)
    except pydantic.ValidationError as exc:
        raise ArgumentError(" ".join(_mistake(each) for each in exc.errors())) from None
    return found


def read_json(text: str) -> dict[str, Any]:
    """The arguments of a call as a model wrote them. Raises ``ArgumentError``."""
    try:
        given = json.loads(text or "{}") if _depth_of(text) <= DEEPEST else None
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise ArgumentError("The arguments are no JSON object.")
    storable: dict[str, Any] = json.loads(on_one_line(given))  # no half characters, no NaN
    return storable


def _depth_of(text: str) -> int:
    """How deep brackets stand in each other at most; those in texts count as well."""
    steps = (1 if each in "[{" else -1 for each in text if each in "[]{}")
    return max(accumulate(steps), default=0)


def as_given(arguments: Any) -> dict[str, Any]:
    """The arguments that say something, in their order: what an approval shows."""
    named = {each.name: getattr(arguments, each.name) for each in fields(arguments)}
    return {name: value for name, value in named.items() if value not in (None, [], "")}


def schema_of(kind: type) -> dict[str, Any]:
    """The JSON Schema a model fills in; bounds are not in it, they are checked here."""
    return strict_schema(kind)


def _adapter(kind: type) -> Any:
    import pydantic  # noqa: PLC0415 -- as above

    if kind not in _ADAPTERS:
        config = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False)
        kind.__pydantic_config__ = config  # type: ignore[attr-defined]  # as pydantic documents it
        _ADAPTERS[kind] = pydantic.TypeAdapter(kind)
    return _ADAPTERS[kind]


def _plain(value: Any, hint: Any) -> Any:
    """``value`` without what nobody sees; texts of fields turned into what the field takes."""
    if isinstance(value, str):
        value = harmless(_UNTRUE.sub("", value)).strip()
        if not value:
            return None
        wanted = _without_none(hint)
        if typing.get_origin(wanted) is list:
            value = _listed(value)
        elif wanted in (int, float):
            return value.replace(",", "")
    if isinstance(value, int) and not isinstance(value, bool) and _without_none(hint) is str:
        return str(value)
    if isinstance(value, list):
        of_items = typing.get_args(_without_none(hint))
        items = [_plain(each, of_items[0] if of_items else None) for each in value]
        return [each for each in items if each is not None]
    return value


def _listed(text: str) -> Any:
    """A list typed into a field: as JSON, or parted by commas or lines."""
    if text.startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            text = text.strip("[]")
    return [part.strip().strip("\"'") for part in re.split(r"[,;\n]", text) if part.strip()]


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (Union, types.UnionType):
        kinds = [each for each in typing.get_args(hint) if each is not type(None)]
        return kinds[0] if len(kinds) == 1 else None
    return hint


def _mistake(error: Any) -> str:
    """A sentence that names the argument and repeats nothing of its value."""
    where = ".".join(str(part + 1 if isinstance(part, int) else part) for part in error["loc"])
    words = _MISTAKES.get(error["type"])
    if words is None:
        words = _KINDS.get(error["type"].partition("_")[0], "is not right")
    said = words.format_map({"ge": "", "le": "", "max_length": "", "expected": "",
                             **error.get("ctx", {})})  # fmt: skip
    return f"`{harmless(where)[:60].replace('`', '')}` {said}."
