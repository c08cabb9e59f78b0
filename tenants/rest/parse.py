"""Bodies of requests: JSON and nothing else, and none that the database could not store."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

MOST_BYTES = 2 * 1024 * 1024
_HALF = re.compile("[\ud800-\udfff]")
_GAP = re.compile(r"[\s:,]*")  # between the parts of an object that has been read as JSON


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
    elif isinstance(value, float) and not math.isfinite(value):
        raise ParseError(f"{path[:200]} is a number that is too large.")
    elif isinstance(value, list):
        for position, each in enumerate(value):
            _check(each, f"{path}[{position}]")


def storable(text: str) -> bool:
    """Whether PostgreSQL takes ``text``: no NUL, no half of a surrogate pair."""
    return "\0" not in text and (text.isascii() or not _HALF.search(text))


class AlwaysJSON(BaseContentNegotiation):
    """Whatever the caller would rather have: an odd ``Accept`` is no reason to refuse."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        kind = request.content_type.partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == kind), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class KeepingJSONParser(StorableJSONParser):
    """Also keeps the body as it came, for ``verbatim``."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read()
        request = (parser_context or {}).get("request")
        if request is not None:
            request.body_as_sent = body
        return super().parse(BytesIO(body), media_type, parser_context)


def verbatim(request: Request, name: str) -> str:
    """The value of ``name`` in the body, to the byte as it was sent; ``""`` when it is not there.

    For views that read with ``KeepingJSONParser``. Of a name that stands twice the last counts, as
    in the value read.
    """
    text = getattr(request, "body_as_sent", b"").decode("utf-8", "replace")
    decoder, found = json.JSONDecoder(), ""
    at = _GAP.match(text, text.find("{") + 1).end()  # type: ignore[union-attr]  # may be empty
    while at < len(text) and text[at] == '"':
        key, at = decoder.raw_decode(text, at)
        start = _GAP.match(text, at).end()  # type: ignore[union-attr]  # as above
        _, at = decoder.raw_decode(text, start)
        if key == name:
            found = text[start:at]
        at = _GAP.match(text, at).end()  # type: ignore[union-attr]  # as above
    return found
