"""Scores and shortlists over the API."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as drf
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from icp.models import Lead
from scoring import serializers
from scoring.diff import Move, compare
from scoring.models import Shortlist, ShortlistEntry
from scoring.shortlist import latest_shortlist
from tenants.rest.paging import Order, whole
from tenants.rest.resource import Resource
from tenants.rest.strict import QuerySerializer, StrictSerializer

RUN = "[0-9]{1,18}|latest"


class EntryQuery(QuerySerializer):
    decision = drf.ChoiceField(["OPEN", "ACCEPTED", "REJECTED"], required=False)


class Against(StrictSerializer):
    against = drf.IntegerField(
        required=False,
        min_value=1,
        max_value=2**63 - 1,
        help_text="Run of the earlier list; default: the one before.",
    )


class ShortlistResource(Resource):
    """The best leads of each run. Reopened later, a list is unchanged."""

    queryset = Shortlist.objects.none()
    serializer_class = serializers.ShortlistSerializer
    query_class = QuerySerializer
    lookup_field = "run_id"
    lookup_url_kwarg = "run"
    lookup_value_regex = RUN

    def get_queryset(self) -> QuerySet[Shortlist]:
        decided = Count("entries", filter=~Q(entries__decision="OPEN"))
        return Shortlist.objects.select_related("card").annotate(
            entry_count=Count("entries"), decided_count=decided
        )

    def get_object(self) -> Shortlist:
        given = self.kwargs["run"]
        rows = self.get_queryset()
        if given == "latest":
            found = rows.order_by("-run_id").first()
            if found is None:
                raise Http404("There is no shortlist yet.")
            return found
        found = rows.filter(run_id=int(given)).first()
        if found is None:
            raise Http404(f"There is no shortlist of run {given} here.")
        return found

    def list(self, request: Request) -> Response:
        """All shortlists, newest first."""
        self.asked()
        return self.page_of(self.get_queryset(), serializers.ShortlistSerializer)

    def retrieve(self, request: Request, run: str) -> Response:
        """One run's list; ``latest`` for the newest."""
        self.nothing_asked()
        return Response(serializers.ShortlistSerializer(self.get_object()).data)

    @extend_schema(parameters=[Against], responses=serializers.ComparisonSerializer, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def diff(self, request: Request, run: str) -> Response:
        """Who entered, left and moved since an earlier list, each with its causes."""
        asked = Against(data=request.query_params)
        asked.is_valid(raise_exception=True)
        after = self.get_object()
        earlier = Shortlist.objects.filter(run_id__lt=after.run_id).order_by("-run_id")
        if wanted := asked.validated_data.get("against"):
            earlier = Shortlist.objects.filter(run_id=wanted)
        before = earlier.first()
        if before is None:
            raise Http404("There is no shortlist to compare with.")
        return Response(_compared(before, after))


class EntriesOfShortlist(Resource):
    """The places of one shortlist."""

    queryset = ShortlistEntry.objects.none()
    serializer_class = serializers.EntrySerializer
    query_class = EntryQuery
    ordering = "rank"
    orders = {"rank": Order(F("rank"), whole)}

    @extend_schema(parameters=[EntryQuery])
    def list(self, request: Request, run: str) -> Response:
        """The leads of the list by rank, best first."""
        asked = self.asked()
        newest = latest_shortlist() if run == "latest" else None
        shortlist = (
            newest or Shortlist.objects.filter(run_id=0 if run == "latest" else int(run)).first()
        )
        if shortlist is None:
            raise Http404("There is no such shortlist here.")
        rows = ShortlistEntry.objects.filter(shortlist=shortlist)
        rows = rows.select_related("lead", "score", "explanation")
        if asked.get("decision"):
            rows = rows.filter(decision=asked["decision"])
        return self.page_of(rows, serializers.EntrySerializer)


def _compared(before: Shortlist, after: Shortlist) -> Any:
    found = compare(before, after)
    wanted = {move.lead_id for move in found.moves()}
    ids = dict(Lead.objects.filter(pk__in=wanted).values_list("pk", "public_id"))

    def shown(moves: list[Move]) -> list[dict[str, Any]]:
        return [{"lead_id": ids[move.lead_id], "uen": move.uen, "name": move.name,
                 "rank_before": move.rank_before, "rank_after": move.rank_after,
                 "score_before": move.score_before, "score_after": move.score_after,
                 "causes": move.causes} for move in moves]  # fmt: skip

    return serializers.ComparisonSerializer(
        {
            "before": before.run_id, "after": after.run_id, "same": found.same,
            "entered": shown(found.entered), "left": shown(found.left),
            "moved": shown(found.moved), "rescored": shown(found.rescored),
            "rescored_count": found.rescored_count,
        }
    ).data  # fmt: skip
