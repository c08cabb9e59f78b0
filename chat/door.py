"""The outermost door of ``/agent``: other origins may ask, and every refusal is JSON.

Not django-cors-headers: one prefix is open to other origins and nothing else is, no cookie is ever
allowed, and the same place has to turn every other layer's error page into what chat clients read.
Outermost, as a preflight brings neither credential nor tenant, and as a browser shows "Failed to
fetch" in place of any error that lacks these headers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers

PREFIX = "/agent/"
METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
ALLOWED = (
    "content-type, authorization, x-api-key, x-tenant-id, x-auth-scheme, last-event-id,"
    " cache-control, x-request-id"
)
EXPOSED = "content-location, location, x-pagination-total, x-pagination-next, retry-after"
MAX_AGE_SECONDS = 7200  # the most a browser keeps it


class ChatDoorMiddleware:
    """See the module. Does nothing outside ``/agent/``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        if request.method == "OPTIONS":
            return _opened(request, _preflight())
        response = self.get_response(request)
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            response = _in_json(response)
        return _opened(request, response)


def _preflight() -> HttpResponse:
    headers = {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": ALLOWED,
        "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
    }
    return HttpResponse(status=HTTPStatus.NO_CONTENT, headers=headers)


def _opened(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    origin = request.headers.get("Origin", "")
    if "*" in settings.CORS_ALLOWED_ORIGINS:
        response.headers["Access-Control-Allow-Origin"] = "*"
    else:
        patch_vary_headers(response, ("Origin",))
        if origin in settings.CORS_ALLOWED_ORIGINS:
            response.headers["Access-Control-Allow-Origin"] = origin
    if "Access-Control-Allow-Origin" in response.headers:
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
    return response


def _in_json(response: HttpResponse) -> HttpResponse:
    """``{"detail": ...}`` in place of an error page or a problem of the layers outside the API."""
    if response.headers.get("Content-Type", "").startswith("application/json"):
        return response
    try:
        detail = str(json.loads(response.content)["detail"])
    except (ValueError, KeyError, TypeError):
        detail = HTTPStatus(response.status_code).phrase
    answer = JsonResponse({"detail": detail}, status=response.status_code)
    for name in ("WWW-Authenticate", "Retry-After", "Allow", "X-Request-ID"):
        if name in response.headers:
            answer.headers[name] = response.headers[name]
    return answer
