"""``getConfig`` and ``updateConfig`` as the migration plan writes them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from leadgen_project.config import MOST_ZONES, TRANSPORTS, ConfigError, read_config, update_config
from outreach.windows import DAYS
from tenants.rest.resource import Resource
from tenants.rest.strict import StrictSerializer

MOST_SPANS = 10
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


WorkingHours = type(
    "WorkingHours",
    (StrictSerializer,),
    {
        "__doc__": "Hours by weekday; a day that is not named is closed.",
        **{
            day: serializers.ListField(
                child=serializers.RegexField(r"^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$"),
                max_length=MOST_SPANS, required=False, help_text="Spans such as 09:00-17:30.",
            )
            for day in DAYS
        },
    },
)  # fmt: skip


class EmailProvider(StrictSerializer):
    """How mail leaves the house. Secrets are no part of it: mailboxes are connected elsewhere."""

    transport = serializers.ChoiceField(TRANSPORTS, required=False)
    fromName = serializers.CharField(max_length=100, required=False)  # noqa: N815 -- the plan's style
    replyTo = serializers.EmailField(max_length=254, required=False)  # noqa: N815 -- as above


class ConfigSerializer(StrictSerializer):
    llmTransactionLimit = serializers.IntegerField(  # noqa: N815 -- the plan's name
        min_value=0, max_value=100_000, required=False,
        help_text="Calls of the language model a minute, of all tenants together.",
    )  # fmt: skip
    workingHours = WorkingHours(required=False)  # noqa: N815 -- as above
    activeTimezones = serializers.ListField(  # noqa: N815 -- as above
        child=serializers.CharField(max_length=64), max_length=MOST_ZONES, required=False,
        help_text="IANA names; mail goes only to places in these.",
    )  # fmt: skip
    emailProvider = EmailProvider(required=False)  # noqa: N815 -- as above
    nightlyEnabled = serializers.BooleanField(required=False)  # noqa: N815 -- as above
    nightlyAt = serializers.RegexField(  # noqa: N815 -- as above
        r"^([01][0-9]|2[0-3]):[0-5][0-9]$", required=False,
        help_text="Local time of the deployment's nightly zone.",
    )  # fmt: skip
    candidatesPerNight = serializers.IntegerField(  # noqa: N815 -- as above
        min_value=1, max_value=100_000, required=False
    )
    shortlistCap = serializers.IntegerField(  # noqa: N815 -- as above
        min_value=1, max_value=10_000, required=False
    )


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
