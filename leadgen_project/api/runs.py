"""Nights over the API: start, watch by polling or as a stream, pause, resume, cancel."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import F, QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from leadgen_project import pipeline
from leadgen_project.console.live import live
from leadgen_project.night_stages import MissingInputError
from leadgen_project.progress import progress
from tenants.clock import database_now
from tenants.context import current_schema
from tenants.models import PipelineRun, Tenant, User
from tenants.rest.events import EVENT, Look, stream
from tenants.rest.paging import Order, moment
from tenants.rest.resource import Resource
from tenants.rest.strict import EmptySerializer, ReasonSerializer
from tenants.serializers import DryRun, ProgressSerializer, RunQuery, RunSerializer, StartSerializer

RIGHT = "tenants.run_night"
WHY = [OpenApiExample("why", {"reason": "The register is being loaded."}, request_only=True)]


class Runs(Resource):
    """Nights: what each was asked to do, how far it is, what it came to."""

    queryset = PipelineRun.objects.none()
    serializer_class = RunSerializer
    query_class = RunQuery
    saved_views_of = "runs"
    lookup_value_regex = "[0-9]{1,18}"
    orders = {"started_at": Order(F("started_at"), moment)}
    rights = {"create": RIGHT, "preview": RIGHT, "pause": RIGHT, "resume": RIGHT, "cancel": RIGHT}
    domain_errors = {pipeline.RunError: 409, MissingInputError: 409}

    def get_queryset(self) -> QuerySet[PipelineRun]:
        return PipelineRun.objects.all()

    @extend_schema(parameters=[RunQuery])
    def list(self, request: Request) -> Response:
        """Runs, newest first."""
        asked, rows = self.asked(), PipelineRun.objects.all()
        if asked.get("status"):
            rows = rows.filter(status__in=asked["status"])
        return self.page_of(rows, RunSerializer)

    @extend_schema(responses=ProgressSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One run with counts per stage that add up. Poll it with ``If-None-Match``."""
        self.nothing_asked()
        return Response(status_of(self.get_object()))

    @extend_schema(
        request=StartSerializer,
        responses={201: ProgressSerializer},
        examples=[
            OpenApiExample("at once", {}, request_only=True),
            OpenApiExample("as previewed", {"plan": "3f1c9a0b5d7e2468" * 4}, request_only=True),
        ],
    )
    def create(self, request: Request) -> Response:
        """Start a night now; 409 while one is under way.

        With the `plan` of a preview it takes just what was previewed, or fails before it does
        anything.
        """
        asked = self.body(StartSerializer)
        run = pipeline.start_night(_tenant(), started_by=self.actor, now=database_now(),
                                   plan=asked.get("plan", ""))  # fmt: skip
        location = request.build_absolute_uri(f"/api/runs/{run.pk}")
        return Response(status_of(run), status=201, headers={"Location": location})

    @extend_schema(request=EmptySerializer, responses=DryRun)
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """What a night started now would take, in sentences. Nothing is changed."""
        self.body(EmptySerializer)
        found = pipeline.dry_run(_tenant(), now=database_now())
        return Response(DryRun({"sentences": found.sentences, "plan": found.plan}).data)

    @extend_schema(request=ReasonSerializer, responses=ProgressSerializer, examples=WHY)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Let what is under way finish, and start nothing more."""
        return self._change(pipeline.pause)

    @extend_schema(request=ReasonSerializer, responses=ProgressSerializer, examples=WHY)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Go on where it was paused."""
        return self._change(pipeline.resume)

    @extend_schema(request=ReasonSerializer, responses=ProgressSerializer, examples=WHY)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """End it. What it did stays; the rest waits for the next night."""
        return self._change(pipeline.cancel)

    @extend_schema(
        responses={
            (200, "text/event-stream"): OpenApiResponse(
                EVENT,
                "Events `progress` (data: as of the run's own address) while it changes, `end` when"
                " it is over, `again` when the stream closes before; then connect anew.",
            )
        }
    )
    @action(detail=True, methods=["get"])
    def events(self, request: Request, pk: str) -> StreamingHttpResponse:
        """The same as server-sent events, for at most five minutes a connection."""
        self.nothing_asked()
        run = self.get_object()
        return stream(lambda: _look(run.pk), user=cast(User, request.user))

    def _change(self, change: Any) -> Response:
        run, reason = self.get_object(), self.body(ReasonSerializer)["reason"]
        change(run, actor=self.actor, reason=reason)
        return Response(status_of(run))


def status_of(run: PipelineRun) -> Any:
    """The run with its progress, as JSON."""
    now = database_now()
    shown = live(run, now=now)
    stages = [
        {
            "name": stage.name, "is_due": stage.is_due, "taken_in": stage.counts.get("in", 0),
            "done": stage.counts.get("done", 0), "rejected": stage.counts.get("rejected", {}),
            "held": stage.counts.get("held", {}), "waiting": stage.counts.get("waiting", 0),
            "seconds": stage.counts.get("seconds"), "rate": stage.rate,
            "seconds_left": stage.seconds_left,
        }
        for stage in progress(run, now=now)
    ]  # fmt: skip
    return {**RunSerializer(run).data, "percent": shown.percent, "stages": stages}


def _look(run_id: int) -> Look | None:
    run = PipelineRun.objects.filter(pk=run_id).first()
    if run is None:
        return None
    status = status_of(run)
    # Not the rate, which changes with every look.
    stages = [{**stage, "rate": None, "seconds_left": None} for stage in status["stages"]]
    return Look(status, is_over=not run.is_open, told={**status, "stages": stages})


def _tenant() -> Tenant:
    return Tenant.objects.get(pk=current_schema())
