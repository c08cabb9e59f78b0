"""Mail over the API: ``queueEmail`` and ``getTemplates`` of the plan, campaigns and messages."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from outreach import campaigns, decide, serializers
from outreach.models import Campaign, EmailTemplate, Message
from outreach.queue import QueueError, queue_mail
from tenants.clock import database_now
from tenants.rest.paging import Order, moment
from tenants.rest.problems import ConflictError
from tenants.rest.resource import Resource
from tenants.rest.strict import EmptySerializer, ReasonSerializer

NUMBER = "[0-9]{1,18}"
RUN, RELEASE = "outreach.run_campaign", "outreach.release"
PLAN_EXAMPLE = {
    "leadData": {
        "name": "John Doe", "email": "john.doe@example.com", "websiteUrl": "http://example.com",
        "businessName": "Example Corp", "servicesRendered": ["Consulting", "Training"],
        "city": "austin",
    },
    "templateId": 1,
    "city": "austin",
    "timezone": "America/Chicago",
}  # fmt: skip
WHY = [OpenApiExample("why", {"reason": "The text is being rewritten."}, request_only=True)]


class QueueEmails(Resource):
    """One mail into the queue."""

    serializer_class = serializers.QueuedEmail
    rights = {"create": "outreach.queue_mail"}

    @extend_schema(
        operation_id="queueEmail",
        request=serializers.QueueEmail,
        responses={201: serializers.QueuedEmail, 200: serializers.QueuedEmail},
        examples=[OpenApiExample("the plan's own", PLAN_EXAMPLE, request_only=True)],
    )
    def create(self, request: Request) -> Response:
        """Queue one mail; 200 when the same one waits already or went out within a day.

        Nothing is sent before every rule of the gate allows it; `state` and `reason` say what it
        waits for. A lead without an address ends as ERROR_NO_EMAIL.
        """
        given: dict[str, Any] = self.body(serializers.QueueEmail)
        try:
            message, is_new = queue_mail(
                lead_data=given["leadData"], template_id=given["templateId"], city=given["city"],
                timezone=given["timezone"], actor=self.actor, now=database_now(),
            )  # fmt: skip
        except QueueError as exc:
            raise ValidationError({exc.field: [str(exc)]}) from exc
        data = serializers.QueuedEmail(message).data
        return Response(data, status=201 if is_new else 200)


class Templates(Resource):
    """The texts that may be sent."""

    queryset = EmailTemplate.objects.none()
    serializer_class = serializers.TemplateSerializer
    pagination_class = None

    @extend_schema(operation_id="getTemplates", parameters=[serializers.TemplateQuery])
    def list(self, request: Request) -> Response:
        """All templates by name, each with its current wording."""
        asked = serializers.TemplateQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        rows = EmailTemplate.objects.prefetch_related("versions").order_by("name")
        if not asked.validated_data["archived"]:
            rows = rows.filter(is_archived=False)
        return Response(serializers.TemplateSerializer(rows, many=True).data)


class CampaignResource(Resource):
    """Campaigns with counts that add up. They are written in the console."""

    queryset = Campaign.objects.none()
    serializer_class = serializers.CampaignSerializer
    query_class = serializers.CampaignQuery
    lookup_value_regex = NUMBER
    orders = {"created_at": Order(F("created_at"), moment)}
    rights = {"start": RUN, "pause": RUN, "resume": RUN, "stop": RUN}
    domain_errors = {campaigns.CampaignError: 409}

    def get_queryset(self) -> QuerySet[Campaign]:
        return Campaign.objects.prefetch_related("mailboxes")

    @extend_schema(parameters=[serializers.CampaignQuery])
    def list(self, request: Request) -> Response:
        """Campaigns, newest first."""
        asked, rows = self.asked(), self.get_queryset()
        if asked.get("status"):
            rows = rows.filter(status__in=asked["status"])
        page: list[Campaign] = self.paginate_queryset(rows) or []
        return self.get_paginated_response(_shown(page))

    def retrieve(self, request: Request, pk: str) -> Response:
        self.nothing_asked()
        return Response(_shown([self.get_object()])[0])

    @extend_schema(request=EmptySerializer, responses=serializers.CampaignSerializer)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """Queue its first mail to everybody in its audience; 409 names all that is in the way."""
        campaign = self.get_object()
        self.body(EmptySerializer)
        campaigns.start(campaign, actor=self.actor, now=database_now())
        return self._answer(campaign)

    @extend_schema(request=ReasonSerializer, responses=serializers.CampaignSerializer, examples=WHY)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Send nothing more until it is resumed."""
        campaign, reason = self.get_object(), self.body(ReasonSerializer)["reason"]
        campaigns.pause(campaign, actor=self.actor, reason=reason)
        return self._answer(campaign)

    @extend_schema(request=ReasonSerializer, responses=serializers.CampaignSerializer, examples=WHY)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Go on where it was paused."""
        campaign, reason = self.get_object(), self.body(ReasonSerializer)["reason"]
        campaigns.resume(campaign, actor=self.actor, reason=reason, now=database_now())
        return self._answer(campaign)

    @extend_schema(request=ReasonSerializer, responses=serializers.CampaignSerializer, examples=WHY)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, pk: str) -> Response:
        """End it for good; what waits is cancelled."""
        campaign, reason = self.get_object(), self.body(ReasonSerializer)["reason"]
        campaigns.stop(campaign, actor=self.actor, reason=reason, now=database_now())
        return self._answer(campaign)

    def _answer(self, campaign: Campaign) -> Response:
        return Response(_shown([self.get_queryset().get(pk=campaign.pk)])[0])


class MessageResource(Resource):
    """Single mails: where each stands, why, and what happened to it."""

    queryset = Message.objects.none()
    serializer_class = serializers.MessageSerializer
    query_class = serializers.MessageQuery
    lookup_value_regex = NUMBER
    orders = {"created_at": Order(F("created_at"), moment)}
    rights = {"release": RELEASE, "drop": RELEASE}
    domain_errors = {decide.DecisionError: 409}

    def get_queryset(self) -> QuerySet[Message]:
        return Message.objects.select_related("step", "lead", "template_version", "variation",
                                              "mailbox")  # fmt: skip

    @extend_schema(parameters=[serializers.MessageQuery])
    def list(self, request: Request) -> Response:
        """Messages, newest first."""
        asked = self.lookups(status="status__in", campaign="step__campaign",
                             lead_id="lead__public_id", mailbox="mailbox__address")  # fmt: skip
        return self.page_of(self.get_queryset().filter(**asked), serializers.MessageSerializer)

    @extend_schema(responses=serializers.MessageDetail)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One message with its data, the gate's answers, its words as sent, and its events."""
        self.nothing_asked()
        message = self.get_object()
        events = message.events.order_by("at", "pk")[:200]
        data = serializers.MessageSerializer(message).data
        more = {name: getattr(message, name) for name in ("lead_data", "gate", "subject",
                                                          "body_text")}  # fmt: skip
        shown = serializers.EventSerializer(events, many=True).data
        return Response({**data, **more, "events": shown})

    @extend_schema(request=ReasonSerializer, responses=serializers.MessageSerializer, examples=WHY)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        """Let a message go that the origin policy asks about; 409 for any other hold."""
        message, reason = self.get_object(), self.body(ReasonSerializer)["reason"]
        return self._decided(message, decide.release([message.pk], actor=self.actor, reason=reason,
                                                     now=database_now()))  # fmt: skip

    @extend_schema(request=ReasonSerializer, responses=serializers.MessageSerializer, examples=WHY)
    @action(detail=True, methods=["post"])
    def drop(self, request: Request, pk: str) -> Response:
        """Cancel a message that waits or is held."""
        message, reason = self.get_object(), self.body(ReasonSerializer)["reason"]
        return self._decided(message, decide.drop([message.pk], actor=self.actor, reason=reason,
                                                  now=database_now()))  # fmt: skip

    def _decided(self, message: Message, changed: int) -> Response:
        if not changed:
            word = message.get_status_display().lower()
            raise ConflictError(f"Nothing changed: the message is {word}. {message.sentence}")
        fresh = self.get_queryset().get(pk=message.pk)
        return Response(serializers.MessageSerializer(fresh).data)


def _shown(rows: list[Campaign]) -> Any:
    counts = campaigns.counts_of(rows)
    return serializers.CampaignSerializer(rows, many=True, context={"counts": counts}).data
