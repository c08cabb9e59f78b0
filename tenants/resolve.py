"""Which tenant is this request for? The one place that decides, for pages and API alike.

Order: the host name; else the tenant chosen in the switcher (session); else the caller's only
membership. ``X-Tenant-ID`` picks among the caller's memberships and is never believed without a
sign-in. A tenant the caller does not belong to is 403, and the attempt is audited.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from tenants import audit
from tenants.context import connection
from tenants.models import Domain, Membership, Tenant, User

logger = logging.getLogger(__name__)
SESSION_KEY = "tenant"
HEADER = "X-Tenant-ID"
# Pages of the doorway: they work without a tenant and must not refuse a stranger to one.
DOORWAY = ("/admin/login/", "/admin/logout/", "/admin/switch-tenant/", "/health", "/static/")


class NotAMemberError(Exception):
    """The caller asked for a tenant that is not theirs, or that does not exist."""

    def __init__(self, wanted: str) -> None:
        super().__init__(f"You are not a member of {wanted!r}, or there is no such tenant.")
        self.wanted = wanted


def tenants_of(user: User | AnonymousUser) -> list[Tenant]:
    """The active tenants ``user`` may enter, by name. Asked outside any tenant."""
    if not user.is_authenticated:
        return []
    active = Tenant.objects.filter(is_active=True).order_by("name")
    if not user.is_superuser:
        active = active.filter(memberships__user_id=user.pk)
    return list(active)


def find_tenant(request: HttpRequest) -> Tenant | None:
    """The tenant of ``request``, or None for the platform. Raises ``NotAMemberError``."""
    user = request.user
    of_host = tenant_of_host(request)
    wanted = request.headers.get(HEADER)
    if wanted and user.is_authenticated:
        if of_host and of_host.pk != wanted:
            raise NotAMemberError(wanted)
        return _own(user, wanted)
    if of_host:
        return _own(user, of_host.pk) if user.is_authenticated else of_host
    if not user.is_authenticated:
        return None
    chosen = request.session.get(SESSION_KEY)
    if chosen and (tenant := _find_own(user, chosen)):
        return tenant
    if chosen:  # a membership that has ended
        del request.session[SESSION_KEY]
    if user.is_superuser:
        return None
    mine = tenants_of(user)
    return mine[0] if len(mine) == 1 else None


def tenant_of_host(request: HttpRequest) -> Tenant | None:
    host = request.get_host().rsplit(":", 1)[0].lower()
    domain = Domain.objects.filter(domain=host).select_related("tenant").first()
    return domain.tenant if domain and domain.tenant.is_active else None


def _find_own(user: User, key: str) -> Tenant | None:
    tenant = Tenant.objects.filter(pk=key, is_active=True).first()
    if tenant is None or user.is_superuser:
        return tenant
    return tenant if Membership.objects.filter(tenant=tenant, user_id=user.pk).exists() else None


def _own(user: User, key: str) -> Tenant:
    tenant = _find_own(user, key)
    if tenant is None:
        raise NotAMemberError(key)
    return tenant


class TenantMiddleware:
    """Enter the tenant for the length of the request, and leave it whatever happens."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        connection.set_schema_to_public()
        token = audit.request_id.set(str(uuid.uuid4()))
        try:
            return self._answer(request)
        finally:
            connection.set_schema_to_public()
            audit.request_id.reset(token)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        request.tenant = None  # type: ignore[attr-defined]  # read by console and API
        if request.path == "/health":
            return self.get_response(request)
        bool(request.user.is_authenticated)  # read the account before entering the tenant
        try:
            tenant = find_tenant(request)
        except NotAMemberError as exc:
            if request.path.startswith(DOORWAY):
                return self.get_response(request)
            return self._refuse(request, exc)
        if tenant is not None:
            request.tenant = tenant  # type: ignore[attr-defined]  # as above
            connection.set_tenant(tenant)
        return self.get_response(request)

    def _refuse(self, request: HttpRequest, exc: NotAMemberError) -> HttpResponse:
        audit.record(
            "tenants.enter.refused",
            actor=request.user.get_username(),
            subject=exc.wanted,
            after={"path": request.path[:200]},
        )
        if request.path.startswith("/admin/"):
            context = {"message": str(exc), "tenants": tenants_of(request.user)}
            return render(request, "tenants/not_a_member.html", context, status=403)
        problem = {"type": "about:blank", "title": "Not your tenant", "status": 403,
                   "detail": str(exc)}  # fmt: skip
        return JsonResponse(problem, status=403, content_type="application/problem+json")
