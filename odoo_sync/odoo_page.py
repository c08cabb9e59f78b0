"""What the pages of this app share: they belong to a tenant and are drawn by us, not by a form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from tenants.console import ModelAdmin, may_do
from tenants.context import is_public

EDIT, PUSH, DECIDE = "odoo_sync.edit_connection", "odoo_sync.push", "odoo_sync.decide"


class OdooPage(ModelAdmin):
    """A page of our own in the place of Django's list or form."""

    def page(
        self, request: HttpRequest, template: str, title: str, /, **context: Any
    ) -> TemplateResponse:
        shown = {**self.admin_site.each_context(request), **self._place(), "opts": self.opts,
                 "title": title}  # fmt: skip
        return TemplateResponse(request, f"odoo_sync/{template}.html", {**shown, **context})

    def guard(self, request: HttpRequest, action: str = "") -> None:
        """Refuse strangers, and those whose role may not do ``action``."""
        if is_public() or not self.has_view_permission(request):
            raise PermissionDenied("What goes to Odoo belongs to a tenant.")
        if action and not may_do(request, action):
            raise PermissionDenied(f"Your role may not do this: {action}.")

    def at(self, name: str, route: str, view: Callable[..., HttpResponse]) -> URLPattern:
        return path(route, self.admin_site.admin_view(view), name=f"odoo_{name}")


def name_of(request: HttpRequest) -> str:
    """Who acts, as the audit writes it."""
    return request.user.get_username()
