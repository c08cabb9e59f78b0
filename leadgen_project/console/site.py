"""The operator's console: who may enter, and which tenant it shows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from unfold.sites import UnfoldAdminSite

from tenants.context import in_public
from tenants.roles import role_of


class ConsoleSite(UnfoldAdminSite):
    """Staff see only the tenants they are members of; platform admins see the platform too."""

    site_header = "leadgen"
    site_title = "leadgen"

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        if not user.is_active:
            return False
        return bool(getattr(user, "is_superuser", False)) or role_of(user) is not None

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        with in_public():  # accounts and sessions belong to the platform
            return super().login(request, extra_context)

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        with in_public():
            return super().logout(request, extra_context)
