"""``getConfig`` and ``updateConfig`` as the migration plan writes them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from leadgen_project.config import ConfigError, read_config, update_config
from leadgen_project.config_fields import ConfigSerializer
from tenants.rest.resource import Resource

ANSWER = {
    "llmTransactionLimit": 20,
    "workingHours": {"monday": ["09:00-12:30", "13:30-18:00"], "tuesday": ["09:00-18:00"]},
    "activeTimezones": ["Asia/Singapore"],
    "emailProvider": {"transport": "graph", "fromName": "Mei of Acme"},
    "nightlyEnabled": True,
    "nightlyAt": "01:00",
    "candidatesPerNight": 500,
    "shortlistCap": 50,
}


class ConfigChange(ConfigSerializer):
    reason = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class Config(Resource):
    """The tenant's configuration."""

    serializer_class = ConfigSerializer
    rights = {"update": "tenants.edit_settings"}

    @extend_schema(
        operation_id="getConfig",
        responses=ConfigSerializer,
        examples=[OpenApiExample("as it stands", ANSWER, response_only=True)],
    )
    def retrieve(self, request: Request) -> Response:
        """All settings a client may know. Secrets are never among them."""
        self.nothing_asked()
        return Response(read_config())

    @extend_schema(
        operation_id="updateConfig",
        request=ConfigChange,
        responses=ConfigSerializer,
        examples=[
            OpenApiExample("the plan's own", {"llmTransactionLimit": 20}, request_only=True),
            OpenApiExample(
                "hours and zones",
                {"workingHours": ANSWER["workingHours"], "activeTimezones": ["Asia/Singapore"],
                 "reason": "New office."},
                request_only=True,
            ),
        ],
    )  # fmt: skip
    def update(self, request: Request) -> Response:
        """Change what is named and leave the rest. In force at once, and audited.

        The limit of the language model is shared by all tenants: to stop all calls (0) takes a
        platform admin, and an owner may go no higher than `LLM_CALLS_PER_MINUTE_MOST`.
        """
        given: dict[str, Any] = self.body(ConfigChange)
        reason = given.pop("reason")
        _check_shared_limit(given, is_admin=bool(getattr(request.user, "is_superuser", False)))
        try:
            return Response(update_config(given, actor=self.actor, reason=reason))
        except ConfigError as exc:
            raise ValidationError({exc.field: [str(exc)]}) from exc


def _check_shared_limit(given: dict[str, Any], *, is_admin: bool) -> None:
    limit = given.get("llmTransactionLimit")
    if limit is None or is_admin:
        return
    if limit == 0:
        raise PermissionDenied(
            "All tenants share this limit; only a platform admin stops all calls."
        )
    if limit > settings.LLM_CALLS_PER_MINUTE_MOST:
        most = settings.LLM_CALLS_PER_MINUTE_MOST
        raise ValidationError(
            {"llmTransactionLimit": [f"At most {most} here; more takes a platform admin."]}
        )
