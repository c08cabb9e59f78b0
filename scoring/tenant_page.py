"""What the pages of this app share: they belong to a tenant and are drawn by us, not by a form."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse

from tenants.console import ModelAdmin, may_do
from tenants.context import is_public


class TenantPage(ModelAdmin):
    """A page of our own in the place of Django's list; there are no forms for single rows."""

    def page(
        self, request: HttpRequest, template: str, title: str, **context: Any
    ) -> TemplateResponse:
        shown = {**self.admin_site.each_context(request), "opts": self.opts, "title": title,
                 "lead_page": _lead_page()}  # fmt: skip
        return TemplateResponse(request, f"scoring/{template}.html", {**shown, **context})

    def admit(self, request: HttpRequest, action: str = "") -> None:
        """Refuse strangers, and those whose role may not do ``action``."""
        if is_public() or not self.has_view_permission(request):
            raise PermissionDenied("Shortlists and score cards belong to a tenant.")
        if action and not may_do(request, action):
            raise PermissionDenied(f"Your role may not do this: {action}.")

    def at(self, name: str, route: str, view: Any) -> URLPattern:
        wrapped = self.admin_site.admin_view(view)
        return path(route, wrapped, name=f"scoring_{self.opts.model_name}_{name}")


def _lead_page() -> str:
    """The name of the page of one lead, which another app brings; empty without it."""
    try:
        reverse("admin:icp_lead_change", args=[1])
    except NoReverseMatch:
        return ""
    return "admin:icp_lead_change"
