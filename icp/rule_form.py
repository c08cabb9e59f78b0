"""Between a rule's payload and the fields of its editor, both ways, losing nothing on the way.

What an operator typed is passed on as typed when it is no number: ``icp.rules`` names the mistake.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from acra.models import RegisteredCompany
from icp.conditions import Place, Policy
from icp.keys import ALIASES, COMPANY_TYPES, ENTITY_TYPES, EXCLUDABLE, KEYS, Key
from icp.rules import ORDER_WORDS

POLICY_WORDS = {
    Policy.MATCH_LOWER: "counts, but lower",
    Policy.MATCH: "counts fully",
    Policy.NO_MATCH: "does not count",
}
PLACE_WORDS = {
    Place.PRIMARY: "its first activity",
    Place.SECONDARY: "its second activity",
    Place.EITHER: "either activity",
}
EXCLUSIONS = {
    "uens": "These companies (UEN)", "ssic": "SSIC codes", "districts": "Postal districts",
    "postal_sectors": "Postal sectors", "entity_types": "Entity types",
    "company_types": "Company types",
}  # fmt: skip
ALWAYS_KNOWN = ("status", "has_former_names")
NUMERIC = ("districts",)


@dataclass(frozen=True, slots=True)
class Field:
    """One key as the editor shows it."""

    key: str
    spec: Key
    value: Any  # text, a list of choices, or {"min": .., "max": ..}
    policy: str
    errors: list[str]

    @property
    def is_set(self) -> bool:
        return any(self.value.values()) if isinstance(self.value, dict) else bool(self.value)

    @property
    def has_policy(self) -> bool:
        return self.key not in ALWAYS_KNOWN

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """Value, words, and whether it is chosen."""
        words = dict(RegisteredCompany.StatusClass.choices) if self.key == "status" else {}
        known = [choice for choice in self.spec.choices if choice != "CEASED"]
        return [(choice, words.get(choice, choice), choice in self.value) for choice in known]


def payload_of(post: Mapping[str, Any]) -> dict[str, Any]:
    """The payload that the posted fields describe; ``post`` is a ``QueryDict``."""
    payload: dict[str, Any] = {}
    for key, spec in KEYS.items():
        value = _read(post, key, spec)
        if value not in (None, "", [], {}):
            payload[key] = value
    policies = {key: post.get(f"unknown.{key}", "") for key in KEYS}
    unknown = {key: value for key, value in policies.items()
               if value and value != Policy.MATCH_LOWER and key in payload}  # fmt: skip
    excluded = {name: words for name in EXCLUDABLE if (words := _excluded(post, name))}
    rest = {
        "unknown": unknown,
        "exclude": excluded,
        "ssic_in": _unless_default(post.get("ssic_in", ""), Place.PRIMARY),
        "order": _unless_default(post.get("order", ""), "newest"),
        "limit": _number(post.get("limit", "")),
    }
    return payload | {key: value for key, value in rest.items() if value not in (None, "", {})}


def words_of(payload: Mapping[str, Any]) -> list[str]:
    """The industry words of a payload from the editor."""
    words = payload.get("industries", [])
    return [str(word) for word in words] if isinstance(words, list) else []


def with_codes(payload: Mapping[str, Any], codes: Iterable[str]) -> dict[str, Any]:
    """``payload`` with ``codes`` added to its SSIC codes; whether they exist is asked on saving."""
    standing = payload.get("ssic", [])
    standing = standing if isinstance(standing, list) else []
    both = list(dict.fromkeys([*standing, *(code for code in codes if code.isdigit())]))
    return {**payload, **({"ssic": both} if both else {})}


def fields_of(
    payload: Mapping[str, Any], errors: Mapping[str, list[str]]
) -> dict[str, list[Field]]:
    """The editor's fields by group, filled from ``payload``, mistakes beside them."""
    ours = {ALIASES.get(key, key): value for key, value in payload.items()}
    unknown = ours.get("unknown") if isinstance(ours.get("unknown"), Mapping) else {}
    groups: dict[str, list[Field]] = {}
    for key, spec in KEYS.items():
        policy = unknown.get(key) if isinstance(unknown, Mapping) else None
        field = Field(key, spec, _shown(ours.get(key), spec), str(policy or Policy.MATCH_LOWER),
                      errors_of(key, errors))  # fmt: skip
        groups.setdefault(spec.group, []).append(field)
    return groups


def rest_of(payload: Mapping[str, Any], errors: Mapping[str, list[str]]) -> dict[str, Any]:
    """What stands beside the keys: exclusions, order, limit."""
    excluded = payload.get("exclude")
    excluded = excluded if isinstance(excluded, Mapping) else {}
    choices = {"entity_types": tuple(dict.fromkeys(ENTITY_TYPES.values())),
               "company_types": tuple(COMPANY_TYPES.values())}  # fmt: skip
    return {
        "exclusions": [
            {"name": name, "label": label, "choices": choices.get(name, ()),
             "value": _chosen(excluded.get(name), choices[name]) if name in choices
             else _line(excluded.get(name)), "errors": errors_of(f"exclude.{name}", errors)}
            for name, label in EXCLUSIONS.items()
        ],
        "ssic_in": payload.get("ssic_in") or Place.PRIMARY, "places": PLACE_WORDS.items(),
        "order": payload.get("order") or "newest", "orders": ORDER_WORDS.items(),
        "limit": payload.get("limit") or "", "policies": POLICY_WORDS.items(),
        "order_errors": errors_of("order", errors), "limit_errors": errors_of("limit", errors),
    }  # fmt: skip


def errors_of(key: str, errors: Mapping[str, list[str]]) -> list[str]:
    """The sentences that belong beside the field of ``key``, its parts included."""
    return [
        sentence
        for path, sentences in errors.items()
        if field_of(path) == key
        for sentence in sentences
    ]


def field_of(path: str) -> str:
    """The field of the editor that a problem's path speaks of: ``ssic[2]`` -> ``ssic``."""
    parts = path.split(".")
    if parts[0] == "exclude" and len(parts) > 1:
        return f"exclude.{parts[1].split('[')[0]}"
    if parts[0] == "unknown" and len(parts) > 1:
        return ALIASES.get(parts[1], parts[1])
    first = parts[0].split("[")[0]
    return ALIASES.get(first, first)


def _read(post: Mapping[str, Any], key: str, spec: Key) -> Any:
    if spec.shape == "choices":
        return post.getlist(key)  # type: ignore[attr-defined]  # a QueryDict
    if spec.shape == "range":
        ends = {end: _number(post.get(f"{key}.{end}", "")) for end in ("min", "max")}
        return {end: value for end, value in ends.items() if value is not None}
    text = post.get(key, "").strip()
    if spec.shape == "flag":
        return {"yes": True, "no": False}.get(text)
    if spec.shape == "number":
        return _number(text)
    if spec.shape == "date":
        return text
    return _words(text, numeric=key in NUMERIC)


def _excluded(post: Mapping[str, Any], name: str) -> list[Any]:
    if name in {"entity_types", "company_types"}:
        return list(post.getlist(f"exclude.{name}"))  # type: ignore[attr-defined]  # a QueryDict
    return _words(post.get(f"exclude.{name}", ""), numeric=name in NUMERIC)


def _words(text: str, *, numeric: bool) -> list[Any]:
    """Parted by commas, semicolons or lines."""
    for mark in ";\n\r\t":
        text = text.replace(mark, ",")
    words = [word.strip() for word in text.split(",") if word.strip()]
    return [_number(word) for word in words] if numeric else words


def _number(text: str) -> Any:
    text = text.strip()
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        return text


def _unless_default(value: str, default: str) -> str:
    return "" if value == default else value


def _shown(value: Any, spec: Key) -> Any:
    if spec.shape == "choices":
        return _chosen(value, spec.choices)
    if spec.shape == "range":
        ends = value if isinstance(value, Mapping) else {}
        return {end: "" if ends.get(end) is None else ends[end] for end in ("min", "max")}
    if spec.shape == "flag":
        return {True: "yes", False: "no"}.get(value, "") if isinstance(value, bool) else ""
    if spec.shape in {"number", "date"}:
        return "" if value is None else value
    return _line(value)


def _chosen(value: Any, choices: tuple[str, ...]) -> list[str]:
    """The choices meant by whatever spelling the payload has."""
    given = value if isinstance(value, list) else [value] if value else []
    folded = {str(ENTITY_TYPES.get(str(each).casefold(), each)).casefold() for each in given}
    return [choice for choice in choices if choice.casefold() in folded]


def _line(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(each if isinstance(each, str) else json.dumps(each) for each in value)
    return "" if value is None else str(value)
