"""Leads in the console: a list to work through, a page with everything on it, and "why not?"."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import DropdownFilter

from acra.models import RegisteredCompany
from acra.uen import is_uen
from icp import decide, suppressions
from icp.ask_again import FAILS_RULE
from icp.explain import explain
from icp.give_site import SiteError, give_site
from icp.lead_panels import panels_of
from icp.models import Lead, LeadQuerySet
from icp.site_pages import SitePages
from icp.suppressions import shown
from tenants import audit
from tenants.bulk import ask_then_do
from tenants.console import audit_subject, may_do, reason_of
from tenants.models import AuditEvent
from tenants.row_number import row_number
from tenants.tenant_page import name_of

STAGE_TAGS = {
    Lead.Stage.CANDIDATE: "", Lead.Stage.ENRICHED: "busy", Lead.Stage.SCORED: "busy",
    Lead.Stage.SHORTLISTED: "good", Lead.Stage.NEEDS_OPERATOR: "wait", Lead.Stage.REJECTED: "bad",
}  # fmt: skip
BUCKET_TAGS = {"HIGH": "good", "MEDIUM": "wait", "LOW": ""}
EVENTS = 50
VERDICTS = {"reject", "send_back", "suppress"}
# The same reasons everywhere, so that they can be counted; free text goes behind.
REJECTIONS = (
    ("left_rule", "Left the rule"), ("ceased", "Ceased"), ("suppressed", "Suppressed"),
    (FAILS_RULE, "Does not meet the rule, once known"), ("operator", "By an operator"),
    ("REVIEW", "At review"),
    ("enrichment_broke_off", "Enrichment broke off"),
)  # fmt: skip


class FixedFilter(DropdownFilter):
    """A filter whose choices are known: reading them from the rows would take a second."""

    field: str
    choices_known: tuple[tuple[str, str], ...]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return self.choices_known

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.field: self.value()}) if self.value() else queryset


class StageFilter(FixedFilter):
    title, parameter_name, field = "stage", "stage", "stage"
    choices_known = tuple(Lead.Stage.choices)


class FitFilter(FixedFilter):
    title, parameter_name, field = "fit", "fit", "fit"
    choices_known = tuple(Lead.Fit.choices)


class BucketFilter(FixedFilter):
    title, parameter_name, field = "bucket", "bucket", "bucket"
    choices_known = (("HIGH", "High"), ("MEDIUM", "Medium"), ("LOW", "Low"))


class ReviewFilter(FixedFilter):
    title, parameter_name, field = "review", "review", "review"
    choices_known = tuple(Lead.Review.choices)


class SourceFilter(FixedFilter):
    title, parameter_name, field = "source", "source", "source"
    choices_known = tuple(Lead.Source.choices)


class RejectionFilter(FixedFilter):
    title, parameter_name, field = "rejected because", "rejection_code", "rejection_code"
    choices_known = REJECTIONS


class DistrictFilter(FixedFilter):
    title, parameter_name = "postal district", "district"
    choices_known = tuple((str(number), f"District {number}") for number in range(1, 29))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not row_number(self.value() or ""):
            return queryset
        there = RegisteredCompany.objects.filter(district=int(self.value() or 0))
        return queryset.filter(uen__in=there.values("uen"))


@admin.register(Lead)
class LeadAdmin(SitePages):
    list_display = ["company", "stage_tag", "fit_words", "score", "bucket_tag", "district", "site"]
    list_display_links = None
    list_filter = [StageFilter, BucketFilter, FitFilter, ReviewFilter, DistrictFilter,
                   RejectionFilter, SourceFilter]  # fmt: skip
    search_fields = ["name", "uen"]
    search_help_text = "UEN, or beginnings of words of a name"
    sortable_by = ["score"]
    ordering = ["-pk"]
    actions = ["reject", "send_back"]
    list_before_template = "icp/leads_before.html"

    class Media:
        css = {"all": ["icp/icp.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Lead]:
        of_company = RegisteredCompany.objects.filter(uen=OuterRef("uen"))
        return (
            super().get_queryset(request).defer("trace")
            .annotate(district_number=Subquery(of_company.values("district")[:1]))
        )  # fmt: skip

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Lead], search_term: str
    ) -> tuple[QuerySet[Lead], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if is_uen(term.upper()):
            return queryset.filter(uen=term.upper()), False
        return cast(LeadQuerySet, queryset).named(term), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        may_work = may_do(request, "icp.work_lead")
        context = {"nothing_yet": not Lead.objects.exists(), "may_work": may_work}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    # --- columns --------------------------------------------------------------------------------
    @admin.display(description="Company")
    def company(self, lead: Lead) -> SafeString:
        return format_html(
            '<span class="icp-company"><a href="{}" class="lg-link">{}</a><br>'
            '<span class="lg-muted">{}</span></span>',
            reverse("admin:icp_lead_change", args=[lead.pk]), lead.name, lead.uen or "no UEN",
        )  # fmt: skip

    @admin.display(description="Stage")
    def stage_tag(self, lead: Lead) -> SafeString:
        stage = tag(lead.get_stage_display(), STAGE_TAGS[Lead.Stage(lead.stage)])
        since = unbroken(f"{lead.stage_since:%d %b %Y}")
        return format_html('{}<br><span class="lg-muted">{}</span>', stage, since)

    @admin.display(description="Fit")
    def fit_words(self, lead: Lead) -> str:
        return {"MEETS": "meets", "UNKNOWN": "unknown"}[lead.fit]

    @admin.display(description="Bucket")
    def bucket_tag(self, lead: Lead) -> SafeString | str:
        if not lead.bucket:
            return "-"
        return tag(lead.bucket.capitalize(), BUCKET_TAGS.get(lead.bucket, ""))

    @admin.display(description="District")
    def district(self, lead: Lead) -> str:
        return str(getattr(lead, "district_number", None) or "-")

    @admin.display(description="Web site")
    def site(self, lead: Lead) -> SafeString:
        address = shown(lead.facts, "website") or lead.website
        host = address.rpartition("//")[2].partition("/")[0].removeprefix("www.")
        return format_html('<span class="icp-host" title="{0}">{0}</span>', host or "-")

    # --- bulk -----------------------------------------------------------------------------------
    @admin.action(description="Reject")
    def reject(self, request: HttpRequest, leads: QuerySet[Lead]) -> HttpResponse | None:
        return ask_then_do(
            self, request, plain_rows(leads), verb="Reject", action="icp.work_lead",
            do=lambda rows, reason: decide.reject_leads(rows, reason=reason),
        )  # fmt: skip

    @admin.action(description="Send back to candidates")
    def send_back(self, request: HttpRequest, leads: QuerySet[Lead]) -> HttpResponse | None:
        return ask_then_do(
            self, request, plain_rows(leads), verb="Send back", action="icp.work_lead",
            do=lambda rows, _: decide.send_back(rows), needs_reason=False,
            warning="Suppressed leads and leads of ceased companies stay where they are.",
        )  # fmt: skip

    # --- one lead -------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("why_not", "why-not/", self.why_not_view),
            self.at("lead_decide", "<int:lead_id>/decide/", require_POST(self.decide_view)),
        ]
        return [*mine, *self.upload_urls(), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self.guard(request)
        lead = get_object_or_404(Lead.objects.select_related("rule"), pk=row_number(object_id))
        events = AuditEvent.objects.filter(subject=audit_subject(lead)).order_by("-at")
        panels = panels_of(lead)
        return self.page(
            request, "lead", lead.name, lead=lead, stage_tag=STAGE_TAGS[Lead.Stage(lead.stage)],
            bucket_tag=BUCKET_TAGS.get(lead.bucket, ""),
            company=RegisteredCompany.objects.filter(pk=lead.uen).first(),
            site=shown(lead.facts, "website") or lead.website,
            wide=[panel for panel in panels if panel["is_wide"]],
            narrow=[panel for panel in panels if not panel["is_wide"]], events=events[:EVENTS],
            may_work=may_do(request, "icp.work_lead"), may_suppress=may_do(request, "icp.suppress"),
            can_return=lead.rejection_code not in decide.FINAL,
        )  # fmt: skip

    def decide_view(self, request: HttpRequest, lead_id: int) -> HttpResponse:
        """Reject, send back or suppress one lead."""
        lead = get_object_or_404(Lead, pk=lead_id)
        verdict, reason = request.POST.get("verdict", ""), reason_of(request)
        self.guard(request, "icp.suppress" if verdict == "suppress" else "icp.work_lead")
        if verdict == "give_site":
            self._give_site(request, lead)
        elif verdict not in VERDICTS or (verdict == "suppress" and not lead.uen):
            self.message_user(request, "This cannot be done with the lead.", messages.ERROR)
        elif verdict != "send_back" and not reason:
            self.message_user(request, "Say why: the reason stays with the lead.", messages.ERROR)
        else:
            self._do(request, lead, verdict=verdict, reason=reason)
        return HttpResponseRedirect(reverse("admin:icp_lead_change", args=[lead.pk]))

    def _give_site(self, request: HttpRequest, lead: Lead) -> None:
        try:
            site = give_site(
                lead, request.POST.get("site", ""), actor=name_of(request),
                subject=audit_subject(lead),
            )  # fmt: skip
        except SiteError as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return
        text = (
            f"{lead.name}: the next night reads {site}, and nothing else."
            if site
            else f"{lead.name}: the next night looks for its site by name again."
        )
        self.message_user(request, text, messages.SUCCESS)

    def _do(self, request: HttpRequest, lead: Lead, *, verdict: str, reason: str) -> None:
        mine, actor, before = Lead.objects.filter(pk=lead.pk), name_of(request), lead.stage
        if verdict == "suppress":
            suppressions.add("UEN", lead.uen, reason=reason, actor=actor, source="lead page")
            done = 1
        elif verdict == "reject":
            done = decide.reject_leads(mine, reason=reason)
        else:
            done = decide.send_back(mine)
        lead.refresh_from_db()
        if not done:
            self.message_user(request, "Nothing changed: somebody was quicker.", messages.WARNING)
            return
        audit.record(
            f"icp.lead.{verdict}", actor=actor, subject=audit_subject(lead), reason=reason,
            before={"stage": before}, after={"stage": lead.stage},
        )  # fmt: skip
        text = f"{lead.name} is now: {lead.get_stage_display().lower()}."
        self.message_user(request, text, messages.SUCCESS)

    # --- why not? -------------------------------------------------------------------------------
    def why_not_view(self, request: HttpRequest) -> HttpResponse:
        self.guard(request)
        question = request.GET.get("q", "").strip()[:200]
        reasons = explain(question, now=timezone.now()) if question else []
        return self.page(request, "why_not", "Why is a company (not) here?", question=question,
                         reasons=reasons)  # fmt: skip


def tag(text: str, kind: str) -> SafeString:
    return format_html('<span class="lg-tag{}">{}</span>', f" lg-tag-{kind}" if kind else "", text)


def unbroken(text: str) -> str:
    """``text`` on one line, however narrow its column."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def plain_rows(leads: QuerySet[Lead]) -> QuerySet[Lead]:
    """The rows of a list without its columns and order, for statements over all of them."""
    return Lead.objects.filter(pk__in=leads.order_by().values("pk"))
