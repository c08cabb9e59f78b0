"""Let a program in: type the code it shows, see who asks for what, allow it or not."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from leadgen_project.console.context import tenant_of
from leadgen_project.console.pages import link
from tenants.console import may_do
from tenants.device_models import DeviceLogin
from tenants.models import Tenant, User
from tenants.rest.throttle import calls_this_minute
from tenants.roles import SCOPES, role_of, scopes_of_role
from tenants.sign_in import device_login
from tenants.sign_in.device_login import DeviceLoginError

ACTION = "tenants.make_api_token"
DAYS = (1, 7, 30, 90, 365)
TRIES_A_MINUTE = 10


def device_page(request: HttpRequest) -> HttpResponse:
    """GET asks for the code; POST ``code`` and ``verb`` (look, allow, refuse) does the rest."""
    tenant = tenant_of(request)
    if tenant is None:
        return HttpResponseRedirect(f"{link('switch-tenant')}?next={link('device')}")
    if not may_do(request, ACTION):
        raise PermissionDenied("A program of yours needs a token, and your role makes none.")
    code = request.POST.get("code", request.GET.get("code", ""))[:40]
    context: dict[str, Any] = {"title": "Let a program in", "code": code, "days": DAYS}
    if request.method == "POST":
        try:
            done = _do(request, tenant, context)
        except DeviceLoginError as exc:
            context |= {"mistake": str(exc), "login": None}
        else:
            if done:
                messages.success(request, done)
                return HttpResponseRedirect(link("device"))
    shown = {**admin.site.each_context(request), **context}
    return TemplateResponse(request, "console/device.html", shown)


def _do(request: HttpRequest, tenant: Tenant, context: dict[str, Any]) -> str:
    """What was done, in words; nothing after a look, which goes into ``context``."""
    user, now = cast(User, request.user), timezone.now()
    calls, _ = calls_this_minute(f"device {user.pk}")
    if calls > TRIES_A_MINUTE:
        raise DeviceLoginError("Too many tries. Wait a minute.")
    login = device_login.find(context["code"], now=now)
    verb = request.POST.get("verb", "")
    if verb == "refuse":
        device_login.refuse(login, tenant=tenant, actor=user.get_username(), now=now)
        return f"{login} is turned away."
    if verb == "allow":
        device_login.allow(
            login, tenant=tenant, user=user, scopes=request.POST.getlist("scope"),
            days=_days(request.POST.get("days", "")), now=now,
        )  # fmt: skip
        return f"{login} is let in. Go back to it: it goes on by itself within seconds."
    context |= {"login": login, **_rights(login, user)}
    return ""


def _rights(login: DeviceLogin, user: User) -> dict[str, list[tuple[str, str]]]:
    mine = scopes_of_role(role_of(user) or "")
    asked = [(scope, SCOPES[scope]) for scope in login.scopes if scope in SCOPES]
    return {
        "may_give": [each for each in asked if each[0] in mine],
        "beyond": [each for each in asked if each[0] not in mine],
    }


def _days(given: str) -> int:
    return int(given) if given.isdigit() and int(given) in DAYS else DAYS[0]
