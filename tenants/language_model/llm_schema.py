"""Dataclasses as strict JSON Schemas for a model, and a model's words back as dataclasses.

Only a subset of JSON Schema is taken in strict mode, and the exact list is not known, so limits of
length and number are not sent: they are checked when the answer comes.
"""

from __future__ import annotations

from typing import Any, TypeVar

from tenants.clients.language_model_errors import AnswerUnusableError

T = TypeVar("T")

# Keywords every strict server takes; all others are dropped.
_SENT = frozenset({"type", "properties", "items", "enum", "anyOf", "$ref", "$defs", "const",
                   "description"})  # fmt: skip
_ADAPTERS: dict[type, Any] = {}  # making one takes milliseconds


def strict_schema(schema: type) -> dict[str, Any]:
    """The strict form: every property required, none beyond them."""
    return _strict(_adapter(schema).json_schema())


def read_answer(text: str, schema: type[T]) -> T:
    """The object ``text`` holds as JSON. Fields nobody asked for are dropped.

    Raises ``AnswerUnusableError``, whose text repeats nothing of the answer.
    """
    import pydantic  # noqa: PLC0415 -- takes 0.1 s, which no other command should wait

    try:
        found: T = _adapter(schema).validate_json(_without_fence(text))
    except (pydantic.ValidationError, ValueError, RecursionError):
        raise AnswerUnusableError(
            "The language model's answer has not the form that was asked for."
        ) from None
    return found


def _adapter(schema: type) -> Any:
    import pydantic  # noqa: PLC0415 -- as above

    if schema not in _ADAPTERS:
        _ADAPTERS[schema] = pydantic.TypeAdapter(schema)
    return _ADAPTERS[schema]


def _without_fence(text: str) -> str:
    """Some servers wrap JSON into a fenced block."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        return text.strip("`").removeprefix("json").strip()
    return text


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {name: value for name, value in node.items() if name in _SENT}
    for name in ("properties", "$defs"):
        if name in kept:
            kept[name] = {key: _strict(value) for key, value in kept[name].items()}
    for name in ("items", "anyOf"):
        if name in kept:
            kept[name] = _strict(kept[name])
    if kept.get("type") == "object":
        kept["required"] = list(kept.get("properties", {}))
        kept["additionalProperties"] = False
    return kept
