"""Errors of the API as RFC 9457 problems: what, why, and which fields are at fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from tenants import audit
from tenants.rest.places import CrowdedError

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "Invalid input",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    409: "Not possible now",
    415: "Not JSON",
    422: "The key was used for another call",
    429: "Too many calls",
}


class ConflictError(exceptions.APIException):
    """409: the thing is not in a state that allows this; the text says which it is in."""

    status_code = status.HTTP_409_CONFLICT


class KeyReusedError(exceptions.APIException):
    """422: the idempotency key belongs to another call."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY


def handle(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Django REST framework's hook: the answer to an error raised in a view.

    A view names its domain's errors in ``domain_errors`` (class -> status); their own sentence is
    shown. Everything else unknown is a fault of ours and goes on to the log.
    """
    known: Mapping[type[Exception], int] = getattr(context.get("view"), "domain_errors", {})
    for kind, code in known.items():
        if isinstance(exc, kind):
            return _answer(code, _sentence(exc))
    if isinstance(exc, CrowdedError):
        crowded = _answer(429, _sentence(exc))
        crowded["Retry-After"] = str(exc.retry_after_seconds)
        return crowded
    response = exception_handler(exc, dict(context))
    if response is None:
        return None
    code = response.status_code
    if isinstance(exc, exceptions.ValidationError):
        return _answer(code, "See errors.", errors=list(flatten(exc.detail)))
    answer = _answer(code, _detail(response))
    for header in ("WWW-Authenticate", "Retry-After", "Allow"):
        if response.has_header(header):
            answer[header] = response[header]
    return answer


def problem(
    code: int, detail: str, *, errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """The body of a problem. ``errors`` are ``{"field": "payload.ssic[0]", "message": "..."}``."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(code) or HTTPStatus(code).phrase,
        "status": code,
        "detail": detail,
        "request_id": audit.request_id.get(),
    }
    if errors is not None:
        body["errors"] = errors
    return body


def flatten(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Nested messages of serializers as one list, each with the path of its field."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            here = "" if key == api_settings.NON_FIELD_ERRORS_KEY else str(key)
            yield from flatten(value, f"{path}.{here}" if path and here else path or here)
    elif isinstance(detail, list | tuple):
        for position, value in enumerate(detail):
            nested = isinstance(value, Mapping | list | tuple)
            yield from flatten(value, f"{path}[{position}]" if nested else path)
    else:
        yield {"field": path, "message": str(detail)}


def _answer(code: int, detail: str, **more: Any) -> Response:
    return Response(problem(code, detail, **more), status=code, content_type=MEDIA_TYPE)


def _detail(response: Response) -> str:
    data = response.data
    return str(data["detail"]) if isinstance(data, dict) and "detail" in data else str(data)


def _sentence(exc: Exception) -> str:
    return str(exc)[:1000]
