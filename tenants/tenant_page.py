"""The base of pages that belong to a tenant and are drawn by us, where Django's do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from tenants.console import ModelAdmin, may_do
from tenants.context import is_public

__all__ = ["TenantPage", "name_of"]


class TenantPage(ModelAdmin):
    """Templates stand in the app's own folder; ``what_belongs`` is said to strangers."""

    what_belongs = "These rows"

    def page(
        self, request: HttpRequest, template: str, title: str, /, **context: Any
    ) -> TemplateResponse:
        frame = {**self.admin_site.each_context(request), **self._place(), "opts": self.opts,
                 "title": title, "export_link": self.export_link(request)}  # fmt: skip
        name = f"{self.opts.app_label}/{template}.html"
        return TemplateResponse(request, name, {**frame, **context})

    def guard(self, request: HttpRequest, action: str = "") -> None:
        """Refuse strangers, and those whose role may not do ``action``."""
        if is_public() or not self.has_view_permission(request):
            raise PermissionDenied(f"{self.what_belongs} belong to a tenant.")
        if action and not may_do(request, action):
            raise PermissionDenied(f"Your role may not do this: {action}.")

    def at(self, name: str, route: str, view: Callable[..., HttpResponse]) -> URLPattern:
        wrapped = self.admin_site.admin_view(view)
        return path(route, wrapped, name=f"{self.opts.app_label}_{name}")


def name_of(request: HttpRequest) -> str:
    """Who acts, as the audit writes it."""
    return request.user.get_username()
