"""The door for programs (RFC 8628), ``/api/device/code`` and ``/api/device/token``, and out again.

Errors of these two are those of OAuth (``error``, ``error_description``) in ``application/json``,
as its libraries expect; everything else of the API answers problems.
"""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.parsers import FormParser
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.context import in_public
from tenants.identity_models import ApiToken
from tenants.rest.parse import StorableJSONParser
from tenants.rest.problems import ConflictError
from tenants.roles import READ_SCOPE, SCOPES
from tenants.sign_in import api_tokens, device_login
from tenants.sign_in.bearer import BearerAuthentication
from tenants.sign_in.lock_out import address_of

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
ERRORS = ["invalid_request", "invalid_grant", "invalid_scope", "unsupported_grant_type",
          "authorization_pending", "slow_down", "access_denied", "expired_token"]  # fmt: skip


def _example(name: str, body: dict[str, str]) -> list[OpenApiExample]:
    """One for each of the two kinds of bodies."""
    return [
        OpenApiExample(name, body, request_only=True, media_type=kind)
        for kind in (FormParser.media_type, StorableJSONParser.media_type)
    ]


class DeviceQuestion(serializers.Serializer):
    """Parameters nobody knows are passed over, as OAuth wants it."""

    client_id = serializers.CharField(max_length=60, help_text="What the program calls itself.")
    scope = serializers.CharField(
        max_length=2000, required=False, default=READ_SCOPE, allow_blank=True,
        help_text="What it wants to do, parted by blanks: `read`, and rights as in the role table;"
        " others are left out.",
    )  # fmt: skip
    device_name = serializers.CharField(
        max_length=100, required=False, default="", allow_blank=True,
        help_text="The machine it runs on, for the person who is asked.",
    )  # fmt: skip
    tenant = serializers.CharField(
        max_length=63, required=False, default="", allow_blank=True,
        help_text="The tenant it wants to work in. Left out, the person chooses.",
    )  # fmt: skip


class DeviceAnswer(serializers.Serializer):
    device_code = serializers.CharField()
    user_code = serializers.CharField()
    verification_uri = serializers.URLField()
    verification_uri_complete = serializers.URLField()
    expires_in = serializers.IntegerField(help_text="Seconds.")
    interval = serializers.IntegerField(help_text="Seconds between two questions for the token.")


class TokenQuestion(serializers.Serializer):
    grant_type = serializers.CharField(max_length=200)
    device_code = serializers.CharField(max_length=200)
    client_id = serializers.CharField(max_length=60, required=False)


class TokenAnswer(serializers.Serializer):
    access_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")
    scope = serializers.CharField()
    tenant_id = serializers.CharField()


class OAuthError(serializers.Serializer):
    error = serializers.ChoiceField(ERRORS)
    error_description = serializers.CharField()


class RefusedError(Exception):
    """400 in the words of OAuth."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class OAuthView(APIView):
    """Takes forms, as OAuth writes them, and JSON; knows no caller."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    parser_classes = [FormParser, StorableJSONParser]

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, APIException) and exc.status_code == 400:
            exc = RefusedError("invalid_request", str(exc.detail)[:1000])
        if isinstance(exc, RefusedError | device_login.NoTokenYetError):
            body = {"error": exc.code, "error_description": str(exc)}
            return Response(body, status=400, headers={"Cache-Control": "no-store"})
        return super().handle_exception(exc)

    def given(self, kind: type[serializers.Serializer]) -> dict[str, Any]:
        serializer = kind(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class DeviceCodeView(OAuthView):
    domain_errors = {device_login.TooManyLoginsError: 429}

    @extend_schema(
        operation_id="device_code",
        request=DeviceQuestion,
        responses={200: DeviceAnswer, 400: OAuthError},
        examples=_example(
            "the command-line client",
            {"client_id": "leadgen", "scope": "read", "device_name": "mei-laptop"},
        ),
    )
    def post(self, request: Request) -> Response:
        """Begin a log-in. Show the person `user_code` and `verification_uri`; both codes live ten
        minutes."""
        given = self.given(DeviceQuestion)
        asked = given["scope"].split() or [READ_SCOPE]
        # Programs are older or newer than servers, and may be given less than they ask for.
        if not (scopes := [each for each in asked if each in SCOPES]):
            raise RefusedError("invalid_scope", f"There is no such right: {', '.join(asked)}.")
        codes = device_login.begin(
            program=given["client_id"], machine=given["device_name"], scopes=scopes,
            tenant=given["tenant"], address=address_of(request), now=timezone.now(),
        )  # fmt: skip
        page = request.build_absolute_uri(reverse("admin:device"))
        body = {
            "device_code": codes.device, "user_code": codes.user, "verification_uri": page,
            "verification_uri_complete": f"{page}?code={codes.user}",
            "expires_in": codes.seconds, "interval": codes.interval_seconds,
        }  # fmt: skip
        return Response(body, headers={"Cache-Control": "no-store"})


class DeviceTokenView(OAuthView):
    @extend_schema(
        operation_id="device_token",
        request=TokenQuestion,
        responses={200: TokenAnswer, 400: OAuthError},
        examples=_example("is it there?", {"grant_type": GRANT, "device_code": "..."}),
    )
    def post(self, request: Request) -> Response:
        """The token, once, when somebody at the console has let the program in.

        Until then 400 with `authorization_pending`, or `slow_down`: then add five seconds to the
        interval. `access_denied`, `expired_token` and `invalid_grant` are final.
        """
        given = self.given(TokenQuestion)
        if given["grant_type"] != GRANT:
            raise RefusedError("unsupported_grant_type", f"Only {GRANT} is known here.")
        now = timezone.now()
        token, text = device_login.redeem(given["device_code"], now=now)
        body = {
            "access_token": text, "token_type": "Bearer", "scope": " ".join(token.scopes),
            "expires_in": int((token.expires_at - now).total_seconds()),
            "tenant_id": token.tenant_id,
        }  # fmt: skip
        return Response(body, headers={"Cache-Control": "no-store"})


class EndedSerializer(serializers.Serializer):
    message = serializers.CharField()


class TokenRevokeView(APIView):
    """Log out."""

    authentication_classes = [BearerAuthentication]
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="revoke_token", request=None, responses=EndedSerializer)
    def post(self, request: Request) -> Response:
        """End the API token of this call, whatever its scopes. 409 for a JWT of a provider."""
        credential = getattr(request, "credential", None)
        if credential is None or credential.kind != "token":
            raise ConflictError("This token is your provider's; it ends where it was made.")
        with in_public():
            row = ApiToken.objects.get(prefix=credential.id.removeprefix("token "))
        api_tokens.revoke(
            row, actor=request.user.get_username(), now=timezone.now(), reason="Logged out."
        )
        return Response({"message": "The token is revoked."}, headers={"Cache-Control": "no-store"})
