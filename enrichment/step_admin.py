"""Steps of vendors in the console: what became of each lead, and the button that asks at once."""

from __future__ import annotations

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from enrichment.ask_now import NotOfferedError, start
from enrichment.models import LeadStep
from icp.models import Lead
from icp.tenant_page import TenantPage, name_of
from tenants.console import audit_subject


@admin.register(LeadStep)
class LeadStepAdmin(TenantPage):
    list_title = "Steps of vendors"
    list_display = ["lead", "step", "outcome", "code", "sentence", "calls", "from_cache", "at"]
    list_display_links = None
    list_filter = ["step", "outcome"]
    list_select_related = ["lead"]
    ordering = ["-pk"]

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
