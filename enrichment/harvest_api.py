"""Harvests over the API: ``triggerHarvest`` of the plan, and the resource beside it."""

from __future__ import annotations

from typing import Any, cast

from django.db import transaction
from django.db.models import F, QuerySet
from django.http import Http404, StreamingHttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from enrichment import harvest_serializers as serializers
from enrichment.harvest import decide, mail_templates
from enrichment.harvest.ask_for import HarvestError, ask_for
from enrichment.harvest.call import call
from enrichment.harvest.counts import progress_of
from enrichment.harvest_models import HarvestRequest, HarvestSource, Listing
from icp.api import UUID
from tenants.clock import database_now
from tenants.models import User
from tenants.rest.events import EVENT, Look, stream
from tenants.rest.paging import Order, moment
from tenants.rest.problems import ConflictError
from tenants.rest.resource import Resource
from tenants.rest.strict import EmptySerializer, ReasonSerializer

RIGHT = "enrichment.harvest"
PLAN_EXAMPLE = {"city": "austin", "templateId": 1, "numLeads": 50}
WHY = [OpenApiExample("why", {"reason": "The list is being mended."}, request_only=True)]


class TriggerHarvests(Resource):
    """Ask for leads of one city."""

    serializer_class = serializers.TriggeredHarvest
    rights = {"create": RIGHT}

    @extend_schema(
        operation_id="triggerHarvest",
        request=serializers.TriggerHarvest,
        responses={202: serializers.TriggeredHarvest},
        examples=[OpenApiExample("the plan's own", PLAN_EXAMPLE, request_only=True)],
    )
    def create(self, request: Request) -> Response:
        """Begin a harvest; watch it at `/api/harvests/{requestId}`.

        With an `Idempotency-Key` the same call twice is one harvest. 409 when no source can be
        read for the city; 400 names the field at fault.
        """
        given: dict[str, Any] = self.body(serializers.TriggerHarvest)
        source = _source(given["source"])
        try:
            made = self._ask(given, source)
        except HarvestError as exc:
            if exc.field == "source" and source is None:
                raise ConflictError(str(exc)) from exc
            raise ValidationError({exc.field: [str(exc)]}) from exc
        location = request.build_absolute_uri(f"/api/harvests/{made.public_id}")
        data = serializers.TriggeredHarvest(made).data
        return Response(data, status=202, headers={"Location": location})

    @transaction.atomic
    def _ask(self, given: dict[str, Any], source: HarvestSource | None) -> HarvestRequest:
        made = ask_for(
            city=given["city"], wanted=given["wanted"], category=given["category"], source=source,
            template_id=given["templateId"], template_fault=mail_templates.fault,
            actor=self.actor, now=database_now(),
        )  # fmt: skip
        call(made.pk)
        return made


class Harvests(Resource):
    """Harvests: what each was asked for, how far it is, what it came to."""

    queryset = HarvestRequest.objects.none()
    serializer_class = serializers.HarvestSerializer
    query_class = serializers.HarvestQuery
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_regex = UUID
    orders = {"requested_at": Order(F("requested_at"), moment)}
    rights = {"pause": RIGHT, "resume": RIGHT, "cancel": RIGHT}
    domain_errors = {decide.DecisionError: 409}

    def get_queryset(self) -> QuerySet[HarvestRequest]:
        return HarvestRequest.objects.select_related("source")

    @extend_schema(parameters=[serializers.HarvestQuery])
    def list(self, request: Request) -> Response:
        """Harvests, newest first, with counts that add up."""
        asked, rows = self.asked(), self.get_queryset()
        if asked.get("status"):
            rows = rows.filter(status__in=asked["status"])
        page: list[HarvestRequest] = self.paginate_queryset(rows) or []
        return self.get_paginated_response(_shown(page))

    def retrieve(self, request: Request, id: str) -> Response:  # noqa: A002 -- the address's word
        """One harvest and how far it is. Poll it with ``If-None-Match``."""
        self.nothing_asked()
        return Response(_shown([self.get_object()])[0])

    @extend_schema(request=ReasonSerializer, responses=serializers.HarvestSerializer, examples=WHY)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, id: str) -> Response:  # noqa: A002 -- as above
        """Ask the source nothing more until it is resumed."""
        harvest, reason = self.get_object(), self.body(ReasonSerializer)["reason"]
        decide.pause(harvest, actor=self.actor, reason=reason, now=database_now())
        return self._answer(harvest)

    @extend_schema(request=EmptySerializer, responses=serializers.HarvestSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, id: str) -> Response:  # noqa: A002 -- as above
        """Go on where it was paused."""
        harvest = self.get_object()
        self.body(EmptySerializer)
        with transaction.atomic():
            decide.resume(harvest, actor=self.actor)
            call(harvest.pk)
        return self._answer(harvest)

    @extend_schema(request=ReasonSerializer, responses=serializers.HarvestSerializer, examples=WHY)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, id: str) -> Response:  # noqa: A002 -- as above
        """End it for good. Leads it made stay."""
        harvest, reason = self.get_object(), self.body(ReasonSerializer)["reason"]
        decide.cancel(harvest, actor=self.actor, reason=reason, now=database_now())
        return self._answer(harvest)

    @extend_schema(
        responses={
            (200, "text/event-stream"): OpenApiResponse(
                EVENT,
                "Events `progress` (data: as of the harvest's own address) while it changes, `end`"
                " when it is over, `again` when the stream closes before; then connect anew.",
            )
        }
    )
    @action(detail=True, methods=["get"])
    def events(self, request: Request, id: str) -> StreamingHttpResponse:  # noqa: A002 -- as above
        """The same as server-sent events, for at most five minutes a connection."""
        self.nothing_asked()
        number = self.get_object().pk
        return stream(lambda: _look(number), user=cast(User, request.user))

    def _answer(self, harvest: HarvestRequest) -> Response:
        return Response(_shown([self.get_queryset().get(pk=harvest.pk)])[0])


class ListingsOfHarvest(Resource):
    """The entries one harvest met, each with what became of it."""

    queryset = Listing.objects.none()
    serializer_class = serializers.ListingSerializer
    query_class = serializers.ListingQuery
    ordering = "id"

    @extend_schema(parameters=[serializers.ListingQuery])
    def list(self, request: Request, id: str) -> Response:  # noqa: A002 -- the address's word
        """In the order they were met."""
        asked = self.asked()
        harvest = _find(id)
        rows = Listing.objects.filter(request=harvest).select_related("lead")
        if asked.get("outcome"):
            rows = rows.filter(outcome__in=asked["outcome"])
        return self.page_of(rows, serializers.ListingSerializer)


def _find(public_id: str) -> HarvestRequest:
    harvest = HarvestRequest.objects.filter(public_id=public_id).first()
    if harvest is None:
        raise Http404("There is no such harvest here.")
    return harvest


def _source(name: str) -> HarvestSource | None:
    if not name:
        return None
    found = HarvestSource.objects.filter(name=name).first()
    if found is None:
        names = HarvestSource.objects.order_by("name").values_list("name", flat=True)
        known = ", ".join(names[:20]) or "none"
        raise ValidationError({"source": [f"There is no source {name}; there are: {known}."]})
    return found


def _look(number: int) -> Look | None:
    found = list(HarvestRequest.objects.filter(pk=number).select_related("source"))
    if not found:
        return None
    return Look(_shown(found)[0], is_over=found[0].status not in HarvestRequest.OPEN)


def _shown(rows: list[HarvestRequest]) -> Any:
    progress = progress_of(rows)
    return serializers.HarvestSerializer(rows, many=True, context={"progress": progress}).data
