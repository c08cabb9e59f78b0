"""How a resource describes itself in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from tenants.rest.idempotency import HEADER, LONGEST
from tenants.roles import ACTIONS

PROBLEM = {"$ref": "#/components/schemas/Problem"}
PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457. `errors` names the fields; `request_id` finds it in the log.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
    "example": {
        "type": "about:blank", "title": "Invalid input", "status": 400, "detail": "See errors.",
        "request_id": "5b0f0a4e-6c1d-4f0e-9a55-6d7d0f8f5b3e",
        "errors": [{"field": "reason", "message": "This field is required."}],
    },
}  # fmt: skip
STANDARD = ("list", "retrieve", "create", "partial_update", "destroy")
WORDS = {
    400: "Something in it is wrong; `errors` names the fields.",
    401: "No sign-in, or one that has ended.",
    403: "The role does not include this, or the tenant is not the caller's.",
    404: "There is no such thing in this tenant.",
    409: "Its state does not allow this now.",
    415: "The body is not JSON.",
    422: "The idempotency key was used for another call.",
    429: "Too many calls; see `Retry-After`.",
    503: "The database does not answer; try again.",
}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "tenants.rest.doors.ConsoleSession"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME,
            "description": "The console's sign-in. Calls that change something also send the"
            " cookie `csrftoken` as the header `X-CSRFToken`.",
        }  # fmt: skip


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "tenants.sign_in.bearer.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http", "scheme": "bearer",
            "description": "An API token of the console, or a JWT of the tenant's provider.",
        }  # fmt: skip


class DescribedSchema(AutoSchema):
    """Adds to each operation what all have in common."""

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api").strip("/").split("/")[0]]

    def get_operation_id(self) -> str:
        """``leads_give_site`` rather than ``api_leads_give_site_create``."""
        name: str = super().get_operation_id().removeprefix("api_")
        action = self._action()
        if action in STANDARD:
            return name
        return name.removesuffix("_create").removesuffix("_retrieve").removesuffix("_list")

    def get_description(self) -> str:  # type: ignore[override]  # as the generator has it
        right = getattr(self.view, "rights", {}).get(self._action())
        text: str = super().get_description() or ""
        if right in ACTIONS:
            roles = ", ".join(role.lower() for role in sorted(ACTIONS[right]))
            text += f"\n\nNeeds the right `{right}` ({roles})."
        return text.strip()

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        self._add_headers(operation)
        self._add_problems(operation)
        right = getattr(self.view, "rights", {}).get(self._action())
        if right in ACTIONS:
            operation["x-right"] = right
        return operation

    def _add_headers(self, operation: dict[str, Any]) -> None:
        if self.method == "POST" and hasattr(self.view, "rights"):  # those of ``Resource``
            operation.setdefault("parameters", []).append(
                {
                    "name": HEADER, "in": "header", "required": False,
                    "description": "Sent again with the same key, the call works once and answers"
                    " the same. Kept for 24 hours.",
                    "schema": {"type": "string", "maxLength": LONGEST, "pattern": "^[ -~]*$"},
                }
            )  # fmt: skip
        responses = operation["responses"]
        if self.method == "GET" and "200" in responses and not self._is_stream():
            responses["200"].setdefault("headers", {})["ETag"] = {
                "schema": {"type": "string"},
                "description": "Send it back as `If-None-Match`.",
            }
            responses["304"] = {"description": "Nothing has changed since that `ETag`."}

    def _add_problems(self, operation: dict[str, Any]) -> None:
        codes = [400, 401, 403, 404, 429, 503]
        codes += [] if self.method == "GET" else [409, 415]
        codes += [422] if self.method == "POST" else []
        for code in codes:
            operation["responses"].setdefault(
                str(code),
                {
                    "description": WORDS[code],
                    "content": {"application/problem+json": {"schema": PROBLEM}},
                },
            )

    def _is_stream(self) -> bool:
        return bool(getattr(self.view, "is_stream", False)) or self._action() == "events"

    def _action(self) -> str:
        return getattr(self.view, "action", None) or self.method
