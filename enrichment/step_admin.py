"""Steps of vendors in the console: what became of each lead, and the button that asks at once."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import SingleNumericFilter

from enrichment.ask_now import NotOfferedError, start
from enrichment.models import LeadStep
from enrichment.vendors_panel import LABELS, TAGS
from icp.lead_admin import FixedFilter, tag, unbroken
from icp.models import Lead
from tenants.console import audit_subject
from tenants.templatetags.console import moment
from tenants.tenant_page import TenantPage, name_of


class StepFilter(FixedFilter):
    title, parameter_name, field = "step", "step", "step"
    choices_known = tuple(LABELS.items())


class OutcomeFilter(FixedFilter):
    title, parameter_name, field = "outcome", "outcome", "outcome"
    choices_known = tuple(LeadStep.Outcome.choices)


@admin.register(LeadStep)
class LeadStepAdmin(TenantPage):
    list_title = "Steps of vendors"
    empty_title = "No vendor was asked yet"
    empty_text = "Nights ask vendors where companies' own pages do not say enough."
    list_display = ["company", "what", "said", "paid", "when"]
    list_display_links = None
    list_filter = [StepFilter, OutcomeFilter, ("run_id", SingleNumericFilter)]
    list_select_related = ["lead"]
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LeadStep]:
        return super().get_queryset(request).defer("lead__trace", "lead__facts")

    @admin.display(description="Company")
    def company(self, row: LeadStep) -> SafeString:
        page = reverse("admin:icp_lead_change", args=[row.lead_id])
        return format_html('<a href="{}" class="lg-link">{}</a>', page, row.lead.name)

    @admin.display(description="Step")
    def what(self, row: LeadStep) -> SafeString:
        outcome = tag(unbroken(row.get_outcome_display().lower()), TAGS.get(row.outcome, ""))
        return format_html("{}<br>{}", unbroken(LABELS.get(row.step, row.step)), outcome)

    @admin.display(description="What came of it")
    def said(self, row: LeadStep) -> SafeString:
        return format_html('{} <span class="lg-muted">{}</span>', row.sentence, row.code)

    @admin.display(description="Paid calls")
    def paid(self, row: LeadStep) -> str:
        known = f", {row.from_cache} known already" if row.from_cache else ""
        return f"{row.calls}{known}"

    @admin.display(description="When")
    def when(self, row: LeadStep) -> str:
        return str(moment(row.at))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.ask_view))
        return [path("ask/<int:lead_id>/", view, name="enrichment_ask"), *super().get_urls()]

    def ask_view(self, request: HttpRequest, lead_id: int) -> HttpResponse:
        """Have a vendor asked about one lead."""
        self.guard(request, "icp.work_lead")
        lead = get_object_or_404(Lead, pk=lead_id)
        try:
            offer = start(lead, request.POST.get("step", ""), actor=name_of(request),
                          subject=audit_subject(lead))  # fmt: skip
        except NotOfferedError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            told = f"{offer.verb}: under way, {offer.price}. Look again in a minute."
            self.message_user(request, told, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:icp_lead_change", args=[lead.pk]))
