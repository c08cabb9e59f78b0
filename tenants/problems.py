"""Answers to programs that went wrong: ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import JsonResponse


def problem(
    status: int, detail: str, *, title: str = "", headers: dict[str, str] | None = None, **more: Any
) -> JsonResponse:
    """One problem: ``title`` says what kind (else the status' own words), ``detail`` which."""
    body = {
        "type": "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }
    return JsonResponse(
        body, status=status, content_type="application/problem+json", headers=headers
    )
