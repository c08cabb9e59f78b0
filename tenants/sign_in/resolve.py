"""Which tenant is this request for? The one place that decides, for pages, API and streams alike.

Order: the tenant of the bearer credential (the JWT's ``tenant_id`` claim, the API token's tenant);
else the host name; else the tenant chosen in the switcher (session); else the caller's only
membership. ``X-Tenant-ID`` picks among the tenants the caller has and is never believed without a
credential. A tenant the caller does not belong to is 403, and the attempt is audited; a bearer
credential that is not good is 401, whatever else the request brings.

Tasks carry their tenant's key and enter it by ``tenants.tasks``; commands by ``tenant_named``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from tenants import audit
from tenants.context import connection
from tenants.models import Domain, Membership, Tenant, User
from tenants.problems import problem
from tenants.sign_in.bearer import BadCredentialError, find_credential
from tenants.sign_in.sso.session import SignIn, read_sign_in

SESSION_KEY = "tenant"
HEADER = "X-Tenant-ID"
# Pages of the doorway: they work without a tenant and must not refuse a stranger to one.
DOORWAY = (
    "/admin/login/", "/admin/logout/", "/admin/switch-tenant/", "/admin/account/", "/oidc/",
    "/health", "/static/",
)  # fmt: skip
# Pages that say themselves whose they are, and know nobody: no session is read for them.
NOBODYS = ("/health", "/u/")
# Where a session means nothing: chat clients send none across origins, and must not need its CSRF.
NO_SESSION = "/agent/"
# Where a bearer token means nothing to us: people's pages, and pages with tokens of their own.
NO_BEARER = ("/admin/", "/oidc/", "/static/", "/health", "/metrics", "/crawler")


class NotAMemberError(Exception):
    """The caller asked for a tenant that is not theirs, or that does not exist."""

    def __init__(self, wanted: str) -> None:
        super().__init__(f"You are not a member of {wanted!r}, or there is no such tenant.")
        self.wanted = wanted


class SignInTooWeakError(Exception):
    """The tenant is the caller's, but wants another way of signing in. The text says which."""

    def __init__(self, text: str, *, needs_second_factor: bool) -> None:
        super().__init__(text)
        self.needs_second_factor = needs_second_factor


def tenants_of(user: User | AnonymousUser) -> list[Tenant]:
    """The active tenants ``user`` may enter, by name. Asked outside any tenant."""
    if not user.is_authenticated:
        return []
    active = Tenant.objects.filter(is_active=True).select_related("settings").order_by("name")
    if user.confined_to is not None:
        active = active.filter(pk__in=user.confined_to)
    if not user.is_superuser:
        active = active.filter(memberships__user_id=user.pk)
    return list(active)


def tenant_named(key: str) -> Tenant | None:
    """The active tenant called ``key``, for commands; None when there is none."""
    return Tenant.objects.filter(pk=key, is_active=True).select_related("settings").first()


def find_tenant(request: HttpRequest) -> Tenant | None:
    """The tenant of ``request``, or None for the platform. Raises ``NotAMemberError``."""
    user = request.user
    of_host = tenant_of_host(request)
    wanted = request.headers.get(HEADER)
    if wanted and of_host and of_host.pk != wanted and user.is_authenticated:
        raise NotAMemberError(wanted)
    wanted = wanted or (of_host.pk if of_host else None)
    if not user.is_authenticated:
        return of_host or _believed(request, wanted)
    if wanted:
        return _own(user, wanted)
    if (credential := getattr(request, "credential", None)) is not None:
        opens = credential.tenants  # none: a token that names no tenant has none
        return _own(user, next(iter(opens))) if len(opens) == 1 else None
    chosen = request.session.get(SESSION_KEY)
    if chosen and (tenant := _find_own(user, chosen)):
        return tenant
    if chosen:  # a membership that has ended
        del request.session[SESSION_KEY]
    if user.is_superuser:
        return None
    mine = tenants_of(user)
    return mine[0] if len(mine) == 1 else None


def _believed(request: HttpRequest, wanted: str | None) -> Tenant | None:
    """Development only: the header alone, to look and not to touch. See ``tenants.checks``."""
    if not (wanted and settings.DEBUG and settings.DEV_TENANT_HEADER):
        return None
    request.is_header_believed = True  # type: ignore[attr-defined]  # read by roles.IsMember
    return tenant_named(wanted)


def tenant_of_host(request: HttpRequest) -> Tenant | None:
    host = request.get_host().rsplit(":", 1)[0].lower()
    domain = Domain.objects.filter(domain=host).select_related("tenant").first()
    return domain.tenant if domain and domain.tenant.is_active else None


def _find_own(user: User, key: str) -> Tenant | None:
    if user.confined_to is not None and key not in user.confined_to:
        return None
    tenant = tenant_named(key)
    if tenant is None or user.is_superuser:
        return tenant
    claimed = user.__dict__.get("_role_by_tenant", {})
    if key in claimed:  # a bearer token's role, which may be less than the membership's
        return tenant if claimed[key] else None
    return tenant if Membership.objects.filter(tenant=tenant, user_id=user.pk).exists() else None


def _own(user: User, key: str) -> Tenant:
    tenant = _find_own(user, key)
    if tenant is None:
        raise NotAMemberError(key)
    return tenant


def check_sign_in(tenant: Tenant, sign_in: SignIn, user: User) -> None:
    """Raise ``SignInTooWeakError`` when ``tenant`` wants more than this password sign-in."""
    if sign_in.is_by_provider:
        return
    policy = getattr(tenant, "settings", None)
    if policy is None:  # a tenant made without ``tenants.lifecycle.provision``, as some tests do
        return
    if not policy.password_sign_in and not user.is_superuser:
        raise SignInTooWeakError(
            f"{tenant} opens only to people who sign in through its provider."
            " Sign out, and sign in with its button.",
            needs_second_factor=False,
        )
    if policy.second_factor_required and not sign_in.has_second_factor:
        raise SignInTooWeakError(
            f"{tenant} asks everybody with a password for a second factor. Set yours up first.",
            needs_second_factor=True,
        )


class TenantMiddleware:
    """Enter the tenant for the length of the request, and leave it whatever happens."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        connection.set_schema_to_public()
        token = audit.request_id.set(audit.request_id.get() or str(uuid.uuid4()))
        try:
            return self._answer(request)
        finally:
            connection.set_schema_to_public()
            audit.request_id.reset(token)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        request.tenant = request.credential = None  # type: ignore[attr-defined]  # for views
        if request.path.startswith(NOBODYS):
            return self.get_response(request)
        try:
            tenant = self._find(request)
        except BadCredentialError as exc:
            headers = {"WWW-Authenticate": exc.challenge()}
            return problem(401, str(exc), title="No good token", headers=headers)
        except NotAMemberError as exc:
            if request.path.startswith(DOORWAY):
                return self.get_response(request)
            return self._refuse(request, exc)
        except SignInTooWeakError as exc:
            return self._ask_for_more(request, exc)
        if tenant is not None:
            request.tenant = tenant  # type: ignore[attr-defined]  # as above
            connection.set_tenant(tenant)
        return self.get_response(request)

    def _find(self, request: HttpRequest) -> Tenant | None:
        if not request.path.startswith(NO_BEARER):
            found = find_credential(request, now=timezone.now())
            if found is not None:
                request.credential, request.user = found, found.user  # type: ignore[attr-defined]
                return find_tenant(request)
        if request.path.startswith(NO_SESSION):
            request.user = AnonymousUser()
        if not request.user.is_authenticated:  # reads the account before entering the tenant
            return find_tenant(request)
        sign_in = read_sign_in(request.session)
        request.user.confined_to = sign_in.confined_to
        tenant = find_tenant(request)
        if tenant is not None and not request.path.startswith(DOORWAY):
            check_sign_in(tenant, sign_in, request.user)
        return tenant

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
        return problem(403, str(exc), title="Not your tenant")

    def _ask_for_more(self, request: HttpRequest, exc: SignInTooWeakError) -> HttpResponse:
        if not request.path.startswith("/admin/"):
            return problem(403, str(exc), title="Sign in another way")
        if exc.needs_second_factor:
            return HttpResponseRedirect(reverse("second-factor"))
        context = {"message": str(exc), "tenants": [], "may_sign_out": True}
        return render(request, "tenants/not_a_member.html", context, status=403)
