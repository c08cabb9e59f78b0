"""What was moved in from the former program: each move with its figures, its refused rows, undo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST, require_safe

from icp.models import Move
from leadgen_project.console.context import tenant_of
from leadgen_project.console.pages import link
from leadgen_project.moving_in.csv_file import refused_lines
from leadgen_project.moving_in.refused import refused_of
from leadgen_project.moving_in.report import OUTCOMES, Tally
from leadgen_project.moving_in.tasks import undo_move
from leadgen_project.moving_in.undo import ask_to_undo
from tenants.console import may_do
from tenants.context import keep_tenant
from tenants.files.csv_files import as_file

ACTION = "tenants.edit_settings"
SHOWN = 50
REASONS = 10
WORDS = {"created": "New", "updated": "Updated", "linked": "Same as another",
         "unchanged": "Here already", "refused": "Not taken", "suppressed": "Suppressed",
         "skipped": "Left out"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TableLine:
    """A table of one file, for the page."""

    file: str
    table: str
    tally: Tally

    @property
    def counts(self) -> list[int]:
        return [getattr(self.tally, name) for name in OUTCOMES]

    @property
    def reasons(self) -> list[tuple[str, int]]:
        return [*self.tally.reasons.most_common(REASONS), *self.tally.notes.most_common(REASONS)]


@require_safe
def moves_page(request: HttpRequest) -> HttpResponse:
    _guard(request)
    moves = Move.objects.exclude(status=Move.Status.PREVIEWED).order_by("-pk")[:SHOWN]
    context: dict[str, Any] = {
        **admin.site.each_context(request), "title": "Moving in", "heads": list(WORDS.values()),
        "moves": [(move, lines_of(move)) for move in moves],
    }  # fmt: skip
    return TemplateResponse(request, "console/moves.html", context)


@require_safe
def refused_file(request: HttpRequest, move_id: int) -> StreamingHttpResponse:
    """The rows that were not taken, to be mended and given again."""
    _guard(request)
    move = get_object_or_404(Move, pk=move_id)
    lines = keep_tenant(refused_lines(lambda: refused_of(move)))
    answer = StreamingHttpResponse(
        (line.encode("utf-8", "surrogateescape") for line in lines), content_type="text/csv"
    )
    return as_file(answer, name=f"not-taken-{move.pk}.csv")


@require_POST
def undo_page(request: HttpRequest, move_id: int) -> HttpResponse:
    _guard(request)
    move = get_object_or_404(Move, pk=move_id)
    with transaction.atomic():
        is_new = ask_to_undo(move, actor=request.user.get_username())
        if is_new:
            undo_move.enqueue(move_id=move.pk)
    if is_new:
        messages.success(request, f"Move {move.pk} is being taken back; reload to see how far.")
    else:
        messages.warning(request, f"Move {move.pk} cannot be taken back as it is.")
    return HttpResponseRedirect(link("moves"))


def lines_of(move: Move) -> list[TableLine]:
    files = move.report.get("files", [])
    found = []
    for key, kept in move.report.get("tables", {}).items():
        number, _, table = key.partition(" ")
        found.append(TableLine(files[int(number)], table, Tally.of(kept)))
    return found


def _guard(request: HttpRequest) -> None:
    if tenant_of(request) is None or not may_do(request, ACTION):
        raise PermissionDenied("Moves are for owners of the tenant.")
