"""The OpenAPI document and the page that shows it, made once per process."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET
from drf_spectacular.generators import SchemaGenerator

from tenants.rest.schema import PROBLEM_SCHEMA


@require_GET
def schema(_request: HttpRequest) -> HttpResponse:
    """The document. It holds nothing of any tenant and needs no sign-in."""
    return HttpResponse(_document(), content_type="application/vnd.oai.openapi+json")


@cache
def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document of everything under ``/api/``."""
    found: dict[str, Any] = SchemaGenerator().get_schema(  # type: ignore[no-untyped-call]
        request=None, public=True
    )
    return found


@cache
def _document() -> bytes:
    return json.dumps(document(), default=str).encode()


def add_common_parts(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Hook of the generator: the schema every error answer refers to."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    found: dict[str, Any] = _any_value(result)
    return found


def _any_value(part: Any) -> Any:
    """``oneOf: [anything, null]``, which the generator writes, refuses null: it fits both."""
    if isinstance(part, dict):
        if part.get("oneOf") == [{}, {"type": "null"}]:
            part = {key: value for key, value in part.items() if key != "oneOf"}
        return {key: _any_value(value) for key, value in part.items()}
    return [_any_value(each) for each in part] if isinstance(part, list) else part


@require_GET
@ensure_csrf_cookie
def docs_page(request: HttpRequest) -> HttpResponse:
    """Swagger UI out of the package's own files: no script in the page, nothing from elsewhere."""
    return render(request, "api/docs.html")
