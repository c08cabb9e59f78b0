"""Start, watch and stop a night from the console. State changes by POST alone, after a question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
)
from django.template.loader import render_to_string
from django.template.response import TemplateResponse

from enrichment.evidence.completeness import from_json
from enrichment.models import Evidence, LeadStep
from enrichment.vendors_panel import LABELS
from leadgen_project import pipeline
from leadgen_project.console.context import tenant_of
from leadgen_project.console.live import live
from leadgen_project.console.pages import link
from leadgen_project.night_stages import MissingInputError
from leadgen_project.price import price_of_next_night
from tenants.clock import database_now
from tenants.console import may_do, reason_of
from tenants.models import AuditEvent, PipelineRun, Tenant

RIGHT, EXPORT = "tenants.run_night", "scoring.export"
QUESTIONS = {  # verb -> question, word on the button, what follows from it
    "pause": (
        "Pause this run?",
        "Pause",
        "What is under way is finished first; nothing more starts until you resume.",
    ),
    "resume": ("Go on with this run?", "Resume", "It goes on where it was paused."),
    "cancel": (
        "Cancel this run?",
        "Cancel the run",
        "What it has done stays; the rest waits for the next night. There is no resuming it.",
    ),
}


DECISIONS = {
    "tenants.run.paused": "Paused",
    "tenants.run.running": "Resumed",
    "tenants.run.cancelled": "Cancelled",
}
KNOWN = {
    "website": "Web site",
    "phone": "Telephone",
    "email": "E-mail address",
    "person": "Named person",
    "about": "What they do",
}


def start_run(request: HttpRequest) -> HttpResponse:
    """GET asks, and says what it would take if wanted; POST starts it and opens its page."""
    tenant = _allowed(request)
    if request.method == "POST":
        try:
            run = pipeline.start_night(
                tenant, started_by=request.user.get_username(), now=database_now(),
                plan=request.POST.get("plan", "")[:64],
            )  # fmt: skip
        except pipeline.RunError as exc:
            messages.error(request, str(exc))
            return HttpResponseRedirect(link("tenants_pipelinerun_changelist"))
        return HttpResponseRedirect(link("tenants_pipelinerun_change", run.pk))
    told, plan = _preview(tenant) if "preview" in request.GET else ([], "")
    context = {
        **admin.site.each_context(request),
        "title": "Start a night",
        "question": f"Start a night for {tenant.name} now?",
        "button": "Start the night",
        "preview": told,
        "plan": plan,
        "preview_link": link("run-start", preview=1),
        "price": price_of_next_night(tenant, now=database_now()),
        "explanation": "It takes new companies from the register by your ICP rule, visits their"
        " web sites, scores them and makes a new shortlist. You can watch, pause and cancel it.",
        "back": link("tenants_pipelinerun_changelist"),
    }
    return TemplateResponse(request, "console/run_question.html", context)


def _preview(tenant: Tenant) -> pipeline.Preview:
    try:
        return pipeline.dry_run(tenant, now=database_now())
    except (pipeline.RunError, MissingInputError) as exc:
        return pipeline.Preview([str(exc)], "")


def change_run(request: HttpRequest, run_id: int, verb: str) -> HttpResponse:
    """GET asks; POST pauses, resumes or cancels the run."""
    _allowed(request)
    run = find_run(run_id)
    page = link("tenants_pipelinerun_change", run.pk)
    if request.method == "POST":
        change = {"pause": pipeline.pause, "resume": pipeline.resume, "cancel": pipeline.cancel}
        try:
            change[verb](run, actor=request.user.get_username(), reason=reason_of(request))
        except pipeline.RunError as exc:
            messages.error(request, str(exc))
        return HttpResponseRedirect(page)
    question, button, explanation = QUESTIONS[verb]
    context = {
        **admin.site.each_context(request),
        "title": question,
        "question": question,
        "button": button,
        "explanation": explanation,
        "is_danger": verb == "cancel",
        "asks_why": True,
        "needs_reason": verb == "cancel",
        "back": page,
    }
    return TemplateResponse(request, "console/run_question.html", context)


def run_progress(request: HttpRequest, run_id: int) -> JsonResponse:
    """The live part of the run page, for its script: ``{"open": bool, "html": "..."}``."""
    context = live_context(request, find_run(run_id))
    html = render_to_string("console/run_live.html", context, request=request)
    return JsonResponse({"open": context["run"].is_open, "html": html})


def live_context(request: HttpRequest, run: PipelineRun) -> dict[str, Any]:
    return {
        "run": run,
        "progress": live(run, now=database_now()),
        "may_run": may_do(request, RIGHT),
        "may_export": may_do(request, EXPORT),
        "failures": run.plan.get("failures", {}),
        "decisions": decisions(run),
        "files": [(file, Path(file).exists()) for file in run.plan.get("files", [])],
    }


def known_of_leads(run: PipelineRun) -> list[dict[str, Any]]:
    """How much a finished run knows of its leads, as the table on its page shows it."""
    kept = run.plan.get("completeness")
    if not kept or not kept["leads"]:
        return []
    words = dict(Evidence.Source.choices)
    return [
        {
            "label": KNOWN[fill.name],
            "leads": fill.leads,
            "filled": fill.filled,
            "percent": round(100 * fill.share),
            "sources": [(words[source].lower(), n) for source, n in fill.by_source.items()],
        }
        for fill in from_json(kept)
    ]


def asked_of_vendors(run: PipelineRun) -> list[dict[str, Any]]:
    """What became of the leads at each vendor, with the page that lists them. One query."""
    counted: dict[str, list[tuple[str, int, str]]] = {}
    rows = LeadStep.objects.filter(run_id=run.pk).values_list("step", "outcome")
    words = dict(LeadStep.Outcome.choices)
    for step, outcome, n in rows.annotate(n=Count("pk")).order_by("step", "outcome"):
        page = link("enrichment_leadstep_changelist", run_id=run.pk, step=step, outcome=outcome)
        counted.setdefault(step, []).append((words[outcome].lower(), n, page))
    return [{"label": label, "outcomes": counted[step]}
            for step, label in LABELS.items() if step in counted]  # fmt: skip


def decisions(run: PipelineRun) -> list[dict[str, Any]]:
    """Who paused, resumed or cancelled the run, when and why, oldest first. One query."""
    events = AuditEvent.objects.filter(subject=str(run), action__in=DECISIONS).order_by("at")
    return [{"word": DECISIONS[event.action], "event": event} for event in events]


def _allowed(request: HttpRequest) -> Tenant:
    tenant = tenant_of(request)
    if tenant is None or not may_do(request, RIGHT):
        raise PermissionDenied("Nights are started and stopped by owners and operators.")
    return tenant


def find_run(run_id: int) -> PipelineRun:
    run = PipelineRun.objects.filter(pk=run_id).first()
    if run is None:
        raise Http404(f"There is no run {run_id} here.")
    return run
