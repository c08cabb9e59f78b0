"""Odoo over the API: what went there and why not, what would go, conflicts, the recall list."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from enrichment.api import find_lead
from icp.models import Lead
from odoo_sync import serializers
from odoo_sync.decide import decide
from odoo_sync.models import OdooConflict, OdooConnection, OdooPush, OdooRecall
from odoo_sync.odoo_page import DECIDE, PUSH
from odoo_sync.preview import Line, preview
from odoo_sync.recall import mark_done
from odoo_sync.start import NoOdooError, send, start
from odoo_sync.sync import connection_in_use
from odoo_sync.tend import call
from odoo_sync.values import Tags
from tenants.clock import database_now
from tenants.rest.paging import Order, moment
from tenants.rest.problems import ConflictError
from tenants.rest.resource import Resource
from tenants.rest.strict import EmptySerializer

NUMBER = "[0-9]{1,18}"
RECENT = 20
SEND_EXAMPLE = {"lead_ids": ["5b0f0a4e-6c1d-4f0e-9a55-6d7d0f8f5b3e"]}


class Pushes(Resource):
    """Leads on their way into Odoo, and there."""

    queryset = OdooPush.objects.none()
    serializer_class = serializers.PushSerializer
    query_class = serializers.PushQuery
    lookup_value_regex = NUMBER
    orders = {"approved_at": Order(F("approved_at"), moment)}
    rights = {"create": PUSH, "start": PUSH}
    domain_errors = {NoOdooError: 409}

    def get_queryset(self) -> QuerySet[OdooPush]:
        return OdooPush.objects.select_related("lead").defer("lead__facts", "lead__trace", "keys")

    @extend_schema(parameters=[serializers.PushQuery])
    def list(self, request: Request) -> Response:
        """Where each lead stands and why, newest first; `state=PARKED` needs somebody."""
        asked = self.lookups(state="state__in", outcome="outcome__in", lead_id="lead__public_id")
        return self.page_of(self.get_queryset().filter(**asked), serializers.PushSerializer)

    @extend_schema(responses=serializers.PushDetail)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One lead with its records there, the tries, and what became of it."""
        self.nothing_asked()
        push = self.get_object()
        conflicts = OdooConflict.objects.filter(record__push=push, choice="OPEN")
        return Response({
            **serializers.PushSerializer(push).data,
            "records": serializers.RecordSerializer(push.records.order_by("pk"), many=True).data,
            "tries": serializers.TrySerializer(
                push.tries.order_by("-pk")[:RECENT], many=True
            ).data,
            "outcomes": serializers.OutcomeSerializer(
                push.outcomes.order_by("-pk")[:RECENT], many=True
            ).data,
            "open_conflicts": conflicts.count(),
        })  # fmt: skip

    @extend_schema(
        request=serializers.LeadsToSend, responses={202: serializers.Queued},
        examples=[OpenApiExample("one lead", SEND_EXAMPLE, request_only=True)],
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        """Approve these leads and send them, whatever became of them before.

        Suppressions are asked all the same: poll the pushes for what became of each. What was
        deleted in Odoo is made there again. 409 where no Odoo is in use.
        """
        ids = list(dict.fromkeys(self.body(serializers.LeadsToSend)["lead_ids"]))
        rows = Lead.objects.filter(public_id__in=ids).values_list("public_id", "pk")
        known: dict[Any, int] = dict(rows)
        queued = send(known.values(), actor=self.actor, now=database_now()) if known else 0
        told = {"queued": queued, "already": len(known) - queued,
                "unknown": [each for each in ids if each not in known]}  # fmt: skip
        return Response(serializers.Queued(told).data, status=202)

    @extend_schema(request=EmptySerializer, responses={202: serializers.StartedPush})
    @action(detail=False, methods=["post"])
    def start(self, request: Request) -> Response:
        """Send what was accepted or has changed, now instead of tonight.

        409 while no Odoo is in use, or it cannot be asked: the text says why.
        """
        self.body(EmptySerializer)
        started = start(actor=self.actor, now=database_now())
        return Response(serializers.StartedPush(started).data, status=202)


class OdooOfLead(Resource):
    """What would be written into Odoo for a lead."""

    queryset = OdooConnection.objects.none()
    serializer_class = serializers.Planned

    @extend_schema(responses=serializers.Planned)
    def retrieve(self, request: Request, id: str) -> Response:  # noqa: A002 -- the address's word
        """Exactly what would be written for this lead. Odoo is not asked, and nothing is sent."""
        self.nothing_asked()
        lead = find_lead(id)
        connection = connection_in_use() or OdooConnection.objects.order_by("pk").first()
        if connection is None:
            raise NotFound("No Odoo is connected.")
        found = preview(connection, lead)
        records = [
            {"kind": kind, "model": model, "odoo_id": row.odoo_id if row else None,
             "link_reason": row.link_reason if row else "",
             "values": [_planned(line) for line in lines]}
            for kind, model, lines, row in found.kinds
        ]  # fmt: skip
        told = {"connection": connection.name, "is_suppressed": found.is_suppressed,
                "records": records, "left_out": found.left_out}  # fmt: skip
        return Response(serializers.Planned(told).data)


class Conflicts(Resource):
    """Values somebody changed in Odoo, beside ours. Theirs stand until somebody decides."""

    queryset = OdooConflict.objects.none()
    serializer_class = serializers.ConflictSerializer
    query_class = serializers.ConflictQuery
    lookup_value_regex = NUMBER
    orders = {"found_at": Order(F("found_at"), moment)}
    rights = {"decide": DECIDE}

    def get_queryset(self) -> QuerySet[OdooConflict]:
        return OdooConflict.objects.select_related("record__push__lead").defer(
            "record__push__keys", "record__push__lead__facts", "record__push__lead__trace",
            "record__pushed", "record__held",
        )  # fmt: skip

    @extend_schema(parameters=[serializers.ConflictQuery])
    def list(self, request: Request) -> Response:
        """Conflicts, newest first; those that wait for somebody with `choice=OPEN`."""
        asked = self.lookups(choice="choice__in", lead_id="record__push__lead__public_id")
        return self.page_of(self.get_queryset().filter(**asked), serializers.ConflictSerializer)

    def retrieve(self, request: Request, pk: str) -> Response:
        self.nothing_asked()
        return Response(serializers.ConflictSerializer(self.get_object()).data)

    @extend_schema(
        request=serializers.ConflictDecision, responses=serializers.ConflictSerializer,
        examples=[OpenApiExample("theirs", {"choice": "THEIRS"}, request_only=True)],
    )  # fmt: skip
    @action(detail=True, methods=["post"])
    def decide(self, request: Request, pk: str) -> Response:
        """Say whose value stands; 409 when somebody has already."""
        conflict, now = self.get_object(), database_now()
        choice = self.body(serializers.ConflictDecision)["choice"]
        if not decide(conflict.pk, choice, actor=self.actor, now=now):
            raise ConflictError("Somebody has decided on this conflict already.")
        if connection := connection_in_use():
            call(connection, now=now)
        return Response(serializers.ConflictSerializer(self.get_object()).data)


class Recalls(Resource):
    """What went to Odoo and has to be seen to there: opt-outs, approvals taken back."""

    queryset = OdooRecall.objects.none()
    serializer_class = serializers.RecallSerializer
    query_class = serializers.RecallQuery
    lookup_value_regex = NUMBER
    orders = {"created_at": Order(F("created_at"), moment)}
    rights = {"done": DECIDE}

    def get_queryset(self) -> QuerySet[OdooRecall]:
        return OdooRecall.objects.select_related("push__lead").defer(
            "push__keys", "push__lead__facts", "push__lead__trace"
        )

    @extend_schema(parameters=[serializers.RecallQuery])
    def list(self, request: Request) -> Response:
        """What waits to be seen to, newest first; with `done=true` what was."""
        rows = self.get_queryset().filter(done_at__isnull=not self.asked()["done"])
        return self.page_of(rows, serializers.RecallSerializer)

    @extend_schema(request=EmptySerializer, responses=serializers.RecallSerializer)
    @action(detail=True, methods=["post"])
    def done(self, request: Request, pk: str) -> Response:
        """Say that it was seen to in Odoo; 409 when somebody has said so."""
        recall = self.get_object()
        self.body(EmptySerializer)
        if not mark_done(recall.pk, actor=self.actor):
            raise ConflictError("Somebody has said so already.")
        return Response(serializers.RecallSerializer(self.get_object()).data)


def _planned(line: Line) -> dict[str, Any]:
    value = line.value
    if isinstance(value, Tags):
        value = list(value.names)
    elif not isinstance(value, str | int | float | bool):
        value = str(value)
    return {"field": line.field, "value": value, "source": line.source}
