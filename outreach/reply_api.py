"""Answers over the API: what people wrote back, and a decision on each."""

from __future__ import annotations

from django.db.models import F, QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from outreach.answer_models import Reply
from outreach.answers.decide_reply import DECISIONS, decide_reply
from outreach.api import NUMBER
from outreach.serializers import LARGEST
from tenants.clock import database_now
from tenants.rest.paging import Order, moment
from tenants.rest.problems import ConflictError
from tenants.rest.resource import Resource
from tenants.rest.strict import QuerySerializer, StrictSerializer


class ReplySerializer(serializers.ModelSerializer):
    message = serializers.IntegerField(source="message_id", help_text="The mail it answers.")
    campaign = serializers.IntegerField(
        source="message.step.campaign_id", allow_null=True, default=None
    )
    lead_id = serializers.UUIDField(source="message.lead.public_id", allow_null=True, default=None)
    mailbox = serializers.CharField(source="mailbox.address")

    class Meta:
        model = Reply
        fields = ["id", "kind", "state", "message", "campaign", "lead_id", "mailbox", "sender",
                  "subject", "excerpt", "notes", "received_at", "decided_at",
                  "decided_by"]  # fmt: skip
        read_only_fields = fields


class ReplyQuery(QuerySerializer):
    state = serializers.ListField(
        child=serializers.ChoiceField(Reply.State.choices), required=False
    )
    kind = serializers.ChoiceField(Reply.Kind.choices, required=False)
    campaign = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)
    lead_id = serializers.UUIDField(required=False)


class ReplyDecision(StrictSerializer):
    state = serializers.ChoiceField(
        [(state.value, state.label) for state in DECISIONS],
        help_text="NOT_INTERESTED suppresses whom the mail went to.",
    )


class Replies(Resource):
    """Replies to our mail, and what was decided on each."""

    queryset = Reply.objects.none()
    serializer_class = ReplySerializer
    query_class = ReplyQuery
    lookup_value_regex = NUMBER
    orders = {"received_at": Order(F("received_at"), moment)}
    rights = {"decide": "outreach.decide_reply"}

    def get_queryset(self) -> QuerySet[Reply]:
        return Reply.objects.select_related("mailbox", "message__step", "message__lead").defer(
            "message__body_html", "message__body_text", "message__gate", "message__lead__facts",
            "message__lead__trace",
        )  # fmt: skip

    @extend_schema(parameters=[ReplyQuery])
    def list(self, request: Request) -> Response:
        """Replies, newest first; those that wait for a person with `state=WAITING`."""
        asked = self.lookups(state="state__in", campaign="message__step__campaign",
                             lead_id="message__lead__public_id")  # fmt: skip
        return self.page_of(self.get_queryset().filter(**asked), ReplySerializer)

    def retrieve(self, request: Request, pk: str) -> Response:
        self.nothing_asked()
        return Response(ReplySerializer(self.get_object()).data)

    @extend_schema(
        request=ReplyDecision, responses=ReplySerializer,
        examples=[OpenApiExample("no", {"state": "NOT_INTERESTED"}, request_only=True)],
    )  # fmt: skip
    @action(detail=True, methods=["post"])
    def decide(self, request: Request, pk: str) -> Response:
        """Say what a reply means; 409 when somebody has already."""
        reply, state = self.get_object(), self.body(ReplyDecision)["state"]
        if not decide_reply(reply, state, actor=self.actor, now=database_now()):
            raise ConflictError("Somebody has decided on this reply already.")
        return Response(ReplySerializer(self.get_queryset().get(pk=reply.pk)).data)
