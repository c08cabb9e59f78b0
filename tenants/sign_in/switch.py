"""Choose the tenant to work in. Only the caller's own are offered; every change is audited."""

from __future__ import annotations

from typing import cast

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from tenants import audit
from tenants.context import in_public, in_tenant
from tenants.models import Domain, Tenant, User
from tenants.sign_in.invitations import waiting_for
from tenants.sign_in.resolve import SESSION_KEY, tenant_of_host, tenants_of
from tenants.sign_in.sso.admit import accept

PLATFORM = "platform"


@require_http_methods(["GET", "POST"])
def switch_tenant(request: HttpRequest) -> HttpResponse:
    """GET shows the choice; POST (``tenant``, ``next``) enters one, or leaves to the platform.

    On a tenant's own host the host decides, so the others are offered as links to theirs. A key
    that is not the caller's answers 403 and is audited; the tenant stays what it was.
    """
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))
    with in_public():
        mine = tenants_of(request.user)
        host_tenant = tenant_of_host(request)
        if request.method == "POST" and "join" in request.POST:
            return _join(request)
        if request.method == "POST" and host_tenant is None:
            return _switch(request, mine)
        hosts = _hosts(mine) if host_tenant else {}
    context = {
        **admin.site.each_context(request),
        "title": "Choose a tenant",
        "choices": [{"tenant": tenant, "host": hosts.get(tenant.pk)} for tenant in mine],
        "may_leave": request.user.is_superuser and host_tenant is None,
        "host_tenant": host_tenant,
        "invitations": waiting_for(request.user),
        "next": _safe_next(request, request.GET.get("next", "")),
    }
    return TemplateResponse(request, "tenants/choose_tenant.html", context)


def _join(request: HttpRequest) -> HttpResponse:
    """Take an invitation of one's own; anything else is nobody's and changes nothing."""
    wanted, user = request.POST["join"], cast(User, request.user)
    for invitation in waiting_for(user):
        if invitation.tenant_id == wanted:
            accept(invitation, user)
    return HttpResponseRedirect(request.get_full_path())


def _switch(request: HttpRequest, mine: list[Tenant]) -> HttpResponse:
    wanted = request.POST.get("tenant", "")
    actor = request.user.get_username()
    if wanted == PLATFORM and request.user.is_superuser:
        request.session.pop(SESSION_KEY, None)
        audit.record("tenants.leave", actor=actor, subject=PLATFORM)
        return HttpResponseRedirect(_safe_next(request, request.POST.get("next", "")))
    if wanted not in {tenant.pk for tenant in mine}:
        audit.record("tenants.enter.refused", actor=actor, subject=wanted)
        message = f"You are not a member of {wanted!r}, or there is no such tenant."
        context = {"message": message, "tenants": mine}
        return TemplateResponse(request, "tenants/not_a_member.html", context, status=403)
    request.session[SESSION_KEY] = wanted
    with in_tenant(wanted):
        audit.record("tenants.enter", actor=actor, subject=wanted)
    return HttpResponseRedirect(_safe_next(request, request.POST.get("next", "")))


def _safe_next(request: HttpRequest, wanted: str) -> str:
    """Where to go afterwards: a page of ours, and never one that names a row of the old tenant."""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe and wanted.startswith("/") else reverse("admin:index")


def _hosts(tenants: list[Tenant]) -> dict[str, str]:
    primary = Domain.objects.filter(tenant__in=tenants, is_primary=True)
    return dict(primary.values_list("tenant_id", "domain"))
