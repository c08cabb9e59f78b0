"""The leads a run worked on, as a file: whoever may export takes it, and it is noted for recall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_POST

from icp.models import Lead, Suppression
from icp.taken_out import Leaving
from leadgen_project.console.run_pages import EXPORT, find_run
from leadgen_project.reason_words import reason_words
from scoring.withhold import withheld
from tenants import audit
from tenants.console import may_do
from tenants.files.csv_files import csv_lines, csv_stream
from tenants.models import PipelineRun

AT_ONCE = 500
HEADER = ("uen", "name", "stage", "score", "bucket", "reason")


@require_POST
def run_candidates(request: HttpRequest, run_id: int) -> StreamingHttpResponse:
    """The leads the run worked on, as CSV, streamed; those that are suppressed now are absent."""
    if not may_do(request, EXPORT):
        raise PermissionDenied("Your role may look at runs but not export what they took in.")
    run, actor = find_run(run_id), request.user.get_username()
    name = f"{run.tenant_id}-run-{run.pk}-candidates.csv"
    leaving = Leaving(f"Candidates of run {run.pk}", file_name=name, actor=actor)
    audit.record("scoring.export_candidates", actor=actor, subject=str(run), after={"file": name})
    response = csv_stream(leaving.following(csv_lines(_rows(run, leaving))), name=name)
    response["Cache-Control"] = "no-store"
    return response


def _rows(run: PipelineRun, leaving: Leaving) -> Iterator[Sequence[object]]:
    yield HEADER
    found = Lead.objects.filter(run_id=run.pk).order_by("uen", "pk").iterator(2000)
    while leads := list(islice(found, AT_ONCE)):
        silent = withheld([lead.pk for lead in leads])
        for lead in leads:
            if lead.pk not in silent:
                leaving.row([(Suppression.Kind.UEN, lead.uen)])
                why = reason_words(lead.rejection_code) if lead.rejection_code else ""
                yield lead.uen, lead.name, lead.stage, lead.score, lead.bucket, why
