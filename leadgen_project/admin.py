"""Runs in the console. Here and not in ``tenants``, because only this package knows the stages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from leadgen_project.console import run_pages
from leadgen_project.persons import pages as person_pages  # noqa: F401 -- registers its page
from tenants.console import ModelAdmin, may_do
from tenants.context import is_public
from tenants.models import PipelineRun
from tenants.templatetags.console import count, moment, span

TAGS = {"RUNNING": "busy", "PAUSED": "wait", "FINISHED": "good", "FAILED": "bad", "CANCELLED": ""}


@admin.register(PipelineRun)
class RunAdmin(ModelAdmin):
    """The nights of the tenant, newest first; the page of one shows it live."""

    list_display = ["number", "state", "started", "length", "candidates", "shortlisted", "by"]
    list_filter = ["status"]
    empty_title = "No night has run yet"
    empty_text = "A night takes companies by your ICP rule, reads their sites and ranks the best."
    list_before_template = "console/runs_before.html"
    ordering = ["-started_at"]
    change_form_template = "console/run.html"

    def get_list_display(self, request: HttpRequest) -> list[str]:
        if is_public():
            return [self.list_display[0], "tenant", *self.list_display[1:]]
        return self.list_display

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        may_start = not is_public() and may_do(request, run_pages.RIGHT)
        return super().changelist_view(request, {"may_start": may_start, **(extra_context or {})})

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        run = self.get_object(request, object_id or "")
        if run is None:
            raise Http404(f"There is no run {object_id} here.")
        extra: dict[str, Any] = {"title": f"Run {run.pk}", "subtitle": None, "show_history": False}
        if not is_public():
            extra |= run_pages.live_context(request, run)
            extra["known"] = run_pages.known_of_leads(run)
            extra["asked"] = run_pages.asked_of_vendors(run)
        return super().changeform_view(request, object_id, extra_context=extra)

    @admin.display(description="Run", ordering="pk")
    def number(self, run: PipelineRun) -> str:
        return f"Run {run.pk}"

    @admin.display(description="State")
    def state(self, run: PipelineRun) -> SafeString:
        words = run.get_status_display() + (f": {run.stage}" if run.is_open and run.stage else "")
        return format_html('<span class="lg-tag lg-tag-{}">{}</span>', TAGS[run.status], words)

    @admin.display(description="Started", ordering="started_at")
    def started(self, run: PipelineRun) -> str:
        return moment(run.started_at)

    @admin.display(description="Took")
    def length(self, run: PipelineRun) -> str:
        return span(((run.finished_at or timezone.now()) - run.started_at).total_seconds())

    @admin.display(description="Companies taken")
    def candidates(self, run: PipelineRun) -> str:
        return count(run.report("select").get("done"))

    @admin.display(description="Shortlisted")
    def shortlisted(self, run: PipelineRun) -> str:
        return count(run.report("shortlist").get("done"))

    @admin.display(description="Started by", ordering="started_by")
    def by(self, run: PipelineRun) -> str:
        return run.started_by
