"""API of sign-in: who am I, which tenants are mine, work in another one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BooleanField, CharField, ListField, Serializer
from rest_framework.views import APIView

from tenants import audit
from tenants.context import current_schema, in_public, in_tenant, is_public
from tenants.models import Membership, Tenant
from tenants.roles import role_of
from tenants.sign_in.resolve import SESSION_KEY, tenants_of


class InfoSerializer(Serializer):
    """Who the caller is, here."""

    ok = BooleanField()
    user = CharField()
    tenant_id = CharField(allow_null=True)
    roles = ListField(child=CharField())
    scopes = ListField(child=CharField(), allow_null=True)


class TenantSerializer(Serializer):
    """A tenant the caller may work in."""

    id = CharField()
    name = CharField()
    role = CharField(allow_null=True)
    colour = CharField()
    is_current = BooleanField()


class InfoView(APIView):
    """Whether the credential is good, and what it says: 200 with ``ok``, or 401."""

    permission_classes = [IsAuthenticated]
    serializer_class = InfoSerializer

    @extend_schema(operation_id="info")
    def get(self, request: Request) -> Response:
        user = request.user
        role = role_of(user)
        return Response(
            {
                "ok": True,
                "user": user.get_username(),
                "tenant_id": None if is_public() else current_schema(),
                "roles": [role.lower()] if role else [],
                "scopes": sorted(scopes) if (scopes := getattr(user, "scopes", None)) else scopes,
            }
        )


class TenantListView(APIView):
    """The caller's tenants by name."""

    permission_classes = [IsAuthenticated]
    serializer_class = TenantSerializer

    @extend_schema(responses=TenantSerializer(many=True), operation_id="tenants_list")
    def get(self, request: Request) -> Response:
        roles, current = _roles(request), current_schema()
        return Response([_shown(tenant, roles, current) for tenant in _mine(request)])


class TenantSwitchView(APIView):
    """Work in another tenant of the caller's from now on, without signing in again.

    For a session this is kept. A bearer token has no session: send ``X-Tenant-ID`` with each
    request instead; the answer here only says whether that would be allowed.
    """

    permission_classes = [IsAuthenticated]
    serializer_class = TenantSerializer

    @extend_schema(request=None, responses=TenantSerializer, operation_id="switch_tenant")
    def post(self, request: Request, tenant_id: str) -> Response:
        actor = request.user.get_username()
        found = next((tenant for tenant in _mine(request) if tenant.pk == tenant_id), None)
        if found is None:
            with in_public():
                audit.record("tenants.enter.refused", actor=actor, subject=tenant_id)
            raise PermissionDenied(
                f"You are no member of {tenant_id!r}, or there is no such tenant."
            )
        if getattr(request, "credential", None) is None:
            request.session[SESSION_KEY] = found.pk
            with in_tenant(found.pk):
                audit.record("tenants.enter", actor=actor, subject=found.pk)
        return Response(_shown(found, _roles(request), found.pk))


def _mine(request: Request) -> list[Tenant]:
    with in_public():
        return tenants_of(request.user)


def _roles(request: Request) -> dict[str, str | None]:
    """The caller's role by tenant; a bearer token's own word goes first."""
    user = request.user
    with in_public():
        mine = Membership.objects.filter(user_id=user.pk or 0).values_list("tenant_id", "role")
        return {**dict(mine), **user.__dict__.get("_role_by_tenant", {})}


def _shown(tenant: Tenant, roles: dict[str, str | None], current: str) -> dict[str, Any]:
    role = roles.get(tenant.pk)
    return {
        "id": tenant.pk,
        "name": tenant.name,
        "role": role.lower() if role else None,
        "colour": tenant.settings.colour,
        "is_current": tenant.pk == current,
    }
