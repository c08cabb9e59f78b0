"""``authenticateOutlook`` and ``handleOutlookCallback`` as the migration plan writes them."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from outreach.mailboxes import oauth
from outreach.models import Mailbox
from tenants.rest.problems import MEDIA_TYPE, problem
from tenants.rest.resource import Resource
from tenants.rest.strict import StrictSerializer
from tenants.roles import may

LOOPBACK = ("http://127.0.0.1", "http://localhost")
MICROSOFT = (Mailbox.Transport.GRAPH_DRAFT, Mailbox.Transport.GRAPH_DIRECT)


class SignInQuestion(StrictSerializer):
    """All of it may be left out, as the plan does."""

    mailbox = serializers.EmailField(
        max_length=320, required=False,
        help_text="The mailbox to connect; left out, the one whose address signs in.",
    )  # fmt: skip
    redirectUri = serializers.URLField(  # noqa: N815 -- the plan's style
        max_length=500, required=False,
        help_text="Where the maker sends the browser with code and state: https, or loopback, and"
        " registered with the application there. Left out, the console's own address.",
    )  # fmt: skip

    def validate_redirectUri(self, value: str) -> str:  # noqa: N802 -- as above
        if not value.startswith("https://") and not value.startswith(LOOPBACK):
            raise serializers.ValidationError("https, or an address on this machine.")
        return value


class SignInAddress(serializers.Serializer):
    authUrl = serializers.CharField(help_text="Open it in a browser.")  # noqa: N815 -- the plan's name


class SignInAnswer(StrictSerializer):
    code = serializers.CharField(max_length=4000, trim_whitespace=False)
    state = serializers.CharField(max_length=200)


class Said(serializers.Serializer):
    message = serializers.CharField()


class OutlookSignIn(Resource):
    """Connect a Microsoft 365 mailbox."""

    rights = {"begin": "outreach.work_mailboxes", "finish": "outreach.work_mailboxes"}

    @extend_schema(
        operation_id="authenticateOutlook",
        request=SignInQuestion,
        responses=SignInAddress,
        examples=[
            OpenApiExample("the plan's own", {}, request_only=True),
            OpenApiExample("sign in again", {"mailbox": "olga@us.example"}, request_only=True),
        ],
    )
    def begin(self, request: Request) -> Response:
        """Begin a sign-in at Microsoft; the answer is the address to open in a browser.

        It is good for ten minutes, once, for the account (and the console session, if there is
        one) that asked for it. Tokens never reach the caller.
        """
        given = self.body(SignInQuestion)
        mailbox = self._mailbox(given.get("mailbox", ""))
        here = request.build_absolute_uri(reverse("admin:mailbox-signed-in"))
        try:
            address = oauth.begin(
                mailbox,
                transport=mailbox.transport if mailbox else Mailbox.Transport.GRAPH_DRAFT,
                redirect_uri=given.get("redirectUri", here),
                caller=self._caller(),
                now=timezone.now(),
            )
        except oauth.SignInError as exc:
            return _refused(409, exc)
        return Response({"authUrl": address})

    @extend_schema(
        operation_id="handleOutlookCallback",
        request=SignInAnswer,
        responses=Said,
        examples=[
            OpenApiExample(
                "what Microsoft sent back",
                {"code": "0.AXoA-code-of-microsoft", "state": "Xr5-state-of-authenticateOutlook"},
                request_only=True,
            )
        ],
    )
    def finish(self, request: Request) -> Response:
        """Hand over what Microsoft sent back. 400 for a state that is used, old or foreign.

        A refusal spends the state and uses up an Idempotency-Key: begin again.
        """
        given = self.body(SignInAnswer)
        try:
            mailbox = oauth.finish(
                state=given["state"], code=given["code"], caller=self._caller(), now=timezone.now()
            )
        except oauth.SignInError as exc:
            return _refused(400, exc)
        return Response({"message": f"{mailbox.address} is connected."})

    def _mailbox(self, address: str) -> Mailbox | None:
        if not address:
            return None
        found = Mailbox.objects.filter(address__iexact=address, transport__in=MICROSOFT).first()
        if found is None:
            raise ValidationError({"mailbox": ["There is no such Microsoft mailbox here."]})
        return found

    def _caller(self) -> oauth.Caller:
        user = self.request.user
        return oauth.Caller(
            number=user.pk or 0,
            name=self.actor,
            session="" if self.request.auth else self.request.session.session_key or "",
            may_add=may(user, "outreach.edit_mailboxes"),
        )


def _refused(status: int, exc: oauth.SignInError) -> Response:
    """A plain answer, not an error: with an idempotency key an error would unspend the state."""
    return Response(problem(status, str(exc)), status=status, content_type=MEDIA_TYPE)
