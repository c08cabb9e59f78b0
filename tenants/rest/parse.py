"""Bodies of requests: JSON and nothing else, and none that the database could not store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

MOST_BYTES = 2 * 1024 * 1024


class StorableJSONParser(JSONParser):
    """JSON without NUL characters and half characters, which PostgreSQL cannot keep."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request = (parser_context or {}).get("request")
        length = request.META.get("CONTENT_LENGTH") if request else None
        if length and length.isdigit() and int(length) > MOST_BYTES:
            raise ParseError(f"The body is larger than {MOST_BYTES // 2**20} MB.")
        try:
            found = super().parse(stream, media_type, parser_context)
            _check(found)
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None
        return found


def _check(value: Any, path: str = "body") -> None:
    if isinstance(value, str):
        if not storable(value):
            raise ParseError(f"{path[:200]} holds characters that cannot be stored.")
    elif isinstance(value, Mapping):
        for key, each in value.items():
            _check(key, path)
            _check(each, f"{path}.{key}")
    elif isinstance(value, list):
        for position, each in enumerate(value):
            _check(each, f"{path}[{position}]")


def storable(text: str) -> bool:
    """Whether PostgreSQL takes ``text``: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


class AlwaysJSON(BaseContentNegotiation):
    """Whatever the caller would rather have: an odd ``Accept`` is no reason to refuse."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        kind = request.content_type.partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == kind), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type
