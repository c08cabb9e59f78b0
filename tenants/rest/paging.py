"""Pages by cursor: the next page begins behind the last row seen, however many rows there are.

Not the framework's own cursor, which counts rows of equal value and gives up at a thousand.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q
from django.db.models.expressions import Combinable
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from tenants.rest.parse import storable

DEFAULT_LIMIT, MOST = 50, 500
LARGEST = 2**63 - 1


def whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= abs(value) <= LARGEST:
        raise ValueError(value)
    return value


def text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 1000 or not storable(value):
        raise ValueError(value)
    return value


def moment(value: Any) -> datetime:
    found = parse_datetime(text(value))
    if found is None or found.tzinfo is None:
        raise ValueError(value)
    return found


@dataclass(frozen=True, slots=True)
class Order:
    """One way to sort: a value that is never NULL, ties broken by the key in the same direction."""

    by: Combinable
    read: Callable[[Any], Any]


BY_KEY = "id"


class CursorPages(BasePagination):
    """``{"results": [...], "next": address or null}``; ``limit``, ``ordering`` and ``cursor``.

    The view says in ``orders`` what it can be sorted by (name -> ``Order``), in ``ordering`` what
    comes by default, and in ``key`` how its rows are told apart (field, reader).
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        asked: Mapping[str, Any] = getattr(view, "paging", None) or request.query_params
        limit = _limit(asked.get("limit"))
        name = asked.get("ordering") or view.ordering
        orders, (key, read_key) = view.orders, view.key
        if name.removeprefix("-") not in (*orders, BY_KEY):
            known = ", ".join(sorted((*orders, BY_KEY)))
            raise ValidationError({"ordering": [f"Use one of {known}, with - for descending."]})
        is_down = name.startswith("-")
        order = orders.get(name.removeprefix("-"))
        if order is not None:
            queryset = queryset.alias(_place=order.by)
        if given := asked.get("cursor"):
            queryset = queryset.filter(
                _behind(given, name, order, key=key, read_key=read_key, is_down=is_down)
            )
        columns = [F(key)] if order is None else [F("_place"), F(key)]
        if order is not None:
            queryset = queryset.annotate(_place=order.by)
        sorted_rows = queryset.order_by(*(c.desc() if is_down else c.asc() for c in columns))
        rows = list(sorted_rows[: limit + 1])
        self._next = None
        if len(rows) > limit:
            rows = rows[:limit]
            last = rows[-1]
            place = [] if order is None else [_plain(last._place)]  # noqa: SLF001 -- annotated above
            cursor = _write([name, *place, _plain(getattr(last, key))])
            address = request.get_full_path()
            self._next = request.build_absolute_uri(replace_query_param(address, "cursor", cursor))
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self._next})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema,
                "next": {
                    "type": ["string", "null"],
                    "format": "uri",
                    "description": "The address of the next page; null at the end.",
                },
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        names = sorted((*view.orders, BY_KEY))
        return [
            {
                "name": "ordering", "in": "query", "required": False,
                "description": f"Default: {view.ordering}.",
                "schema": {"type": "string", "enum": [*names, *(f"-{each}" for each in names)]},
            },
            {
                "name": "limit", "in": "query", "required": False,
                "description": "Rows of a page.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MOST,
                           "default": DEFAULT_LIMIT},
            },
            {
                "name": "cursor", "in": "query", "required": False,
                "description": "From `next` of the page before; it keeps to that page's ordering.",
                "schema": {"type": "string", "maxLength": 4000},
            },
        ]  # fmt: skip


def _limit(given: Any) -> int:
    if given in (None, ""):
        return DEFAULT_LIMIT
    digits = str(given)
    if not (digits.isascii() and digits.isdigit() and len(digits) < 5 and 1 <= int(digits) <= MOST):
        raise ValidationError({"limit": [f"Write a whole number from 1 to {MOST}."]})
    return int(digits)


def _behind(
    cursor: str,
    name: str,
    order: Order | None,
    *,
    key: str,
    read_key: Callable[[Any], Any],
    is_down: bool,
) -> Q:
    """The rows after the cursor. Written so that an index on (value, key) is entered at its place:
    the first condition bounds the value, the second leaves out its ties already seen."""
    past, up_to = ("lt", "lte") if is_down else ("gt", "gte")
    try:
        parts = _read(cursor)
        after = read_key(parts[-1])
        place = order.read(parts[1]) if order is not None else None
        is_ours = parts[0] == name and len(parts) == (2 if order is None else 3)
    except (ValueError, TypeError, OverflowError, IndexError):
        is_ours = False
    if not is_ours:
        raise ValidationError({"cursor": ["This cursor is not of this list and ordering."]})
    if order is None:
        return Q(**{f"{key}__{past}": after})
    return Q(**{f"_place__{up_to}": place}) & (
        Q(**{f"_place__{past}": place}) | Q(**{f"{key}__{past}": after})
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _write(parts: Sequence[Any]) -> str:
    raw = json.dumps(parts, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _read(cursor: str) -> list[Any]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = json.loads(raw)
    except (binascii.Error, UnicodeError, RecursionError) as exc:
        raise ValueError(cursor) from exc
    if not isinstance(parts, list) or not parts:
        raise ValueError(cursor)
    return parts
