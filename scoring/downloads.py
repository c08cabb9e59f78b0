"""What other programs may fetch: the scores as files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import IO

from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponseBase,
    JsonResponse,
)
from django.views.decorators.http import require_GET

from icp.taken_out import Leaving
from scoring.exports import NoFinishedRunError, csv_lines, finished_run, write_xlsx
from tenants import audit
from tenants.context import is_public
from tenants.files.csv_files import as_file, csv_stream
from tenants.models import PipelineRun
from tenants.roles import may
from tenants.row_number import row_number

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SPOOL = 5_000_000  # bytes of a workbook kept in memory before it goes to disk
Make = Callable[[PipelineRun, bool, Leaving, str], HttpResponseBase]


class _RefusedError(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@require_GET
def latest_scores_csv(request: HttpRequest) -> HttpResponseBase:
    """The newest finished run's scores as CSV, streamed; ``?only=shortlist``, ``?run=ID``."""
    return _download(request, "csv", _streamed_csv)


@require_GET
def latest_scores_xlsx(request: HttpRequest) -> HttpResponseBase:
    """The same as a workbook."""
    return _download(request, "xlsx", _workbook)


def _download(request: HttpRequest, kind: str, make: Make) -> HttpResponseBase:
    """What ``make`` makes of the run asked for, named, audited and noted for recall; or why not."""
    try:
        run, only = _asked(request)
    except _RefusedError as exc:
        return _problem(exc)
    what = "shortlist" if only else "scores"
    name = f"{run.tenant_id}-run-{run.pk}-{what}.{kind}"
    _record(request, run, kind, only_shortlist=only)
    leaving = Leaving(f"{what.capitalize()} of run {run.pk}", file_name=name,
                      query=request.GET.urlencode(), actor=request.user.get_username())  # fmt: skip
    response = make(run, only, leaving, name)
    response.headers["Cache-Control"] = "no-store"
    return response


def _streamed_csv(run: PipelineRun, only: bool, leaving: Leaving, name: str) -> HttpResponseBase:
    lines = csv_lines(run, only_shortlist=only, leaving=leaving)
    return csv_stream(leaving.following(lines), name=name)


def _workbook(run: PipelineRun, only: bool, leaving: Leaving, name: str) -> HttpResponseBase:
    target: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=SPOOL)  # noqa: SIM115 -- the response closes it
    write_xlsx(run, target, only_shortlist=only, leaving=leaving)
    target.seek(0)
    while part := target.read(1 << 20):
        leaving.content(part)
    leaving.end()
    target.seek(0)
    return as_file(FileResponse(target, content_type=XLSX), name=name)


def _asked(request: HttpRequest) -> tuple[PipelineRun, bool]:
    """The run and the selection the caller asks for and may have. Raises ``_RefusedError``."""
    if not request.user.is_authenticated:
        raise _RefusedError(401, "Sign in first.")
    if is_public():
        raise _RefusedError(404, "Choose a tenant first; every export belongs to one.")
    if not may(request.user, "scoring.export"):
        raise _RefusedError(403, "Your role may not export leads.")
    only, run_id = request.GET.get("only", ""), request.GET.get("run", "")
    if only not in {"", "shortlist"}:
        raise _RefusedError(400, f"only={only[:40]!r} is not known; use only=shortlist.")
    if run_id and not row_number(run_id):
        raise _RefusedError(400, "run must be the number of a run.")
    try:
        return finished_run(row_number(run_id) or None), only == "shortlist"
    except NoFinishedRunError as exc:
        raise _RefusedError(404, str(exc)) from exc


def _record(request: HttpRequest, run: PipelineRun, kind: str, *, only_shortlist: bool) -> None:
    audit.record(
        "scoring.export",
        actor=request.user.get_username(),
        subject=str(run),
        after={"file": kind, "only": "shortlist" if only_shortlist else "all", "noted": True},
    )


def _problem(refused: _RefusedError) -> JsonResponse:
    titles = {400: "Bad request", 401: "Not signed in", 403: "Not allowed", 404: "Not found"}
    body = {"type": "about:blank", "title": titles[refused.status], "status": refused.status,
            "detail": str(refused)}  # fmt: skip
    return JsonResponse(body, status=refused.status, content_type="application/problem+json")
