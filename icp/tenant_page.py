"""The base of this app's pages: a page of our own where Django's list or form does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from tenants.console import ModelAdmin, may_do
from tenants.context import is_public


class TenantPage(ModelAdmin):
    def page(
        self, request: HttpRequest, template: str, title: str, **context: Any
    ) -> TemplateResponse:
        shown = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return TemplateResponse(request, f"icp/{template}.html", {**shown, **context})

    def guard(self, request: HttpRequest, action: str = "") -> None:
        """Refuse strangers, and those whose role may not do ``action``."""
        if is_public() or not self.has_view_permission(request):
            raise PermissionDenied("Leads, rules and suppressions belong to a tenant.")
        if action and not may_do(request, action):
            raise PermissionDenied(f"Your role may not do this: {action}.")

    def at(self, name: str, route: str, view: Callable[..., HttpResponse]) -> URLPattern:
        return path(route, self.admin_site.admin_view(view), name=f"icp_{name}")


def name_of(request: HttpRequest) -> str:
    """Who acts, as the audit writes it."""
    return request.user.get_username()
