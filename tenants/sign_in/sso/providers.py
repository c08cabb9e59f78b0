"""Which OpenID providers there are: the deployment's own, and those of tenants."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from tenants import audit, secrets
from tenants.context import in_public, in_tenant
from tenants.identity_models import Issuer
from tenants.row_number import row_number
from tenants.sign_in.sso.claims import Person, read_person
from tenants.sign_in.sso.discover import Discovery, discover
from tenants.sign_in.sso.fetch import ProviderError

DEPLOYMENT = "deployment"  # the key of the provider that stands in the settings
DISCOVERY_SECONDS = 3_600.0
PAUSE_SECONDS = 5.0  # after a question in vain


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider as a sign-in or a token check needs it."""

    key: str  # what a session remembers: ``deployment`` or the row's number
    name: str
    issuer: str
    client_id: str
    tenant: str | None  # the only tenant it may open; None: any its claim names
    tenant_claim: str
    tenant_value: str
    roles_claim: str
    scopes: str
    audiences: frozenset[str]
    role_map: dict[str, str]
    sealed_secret: bytes = field(default=b"", repr=False)
    metadata: dict[str, str] = field(default_factory=dict, repr=False)

    def accepted_audiences(self) -> frozenset[str]:
        """Whom its bearer tokens must be meant for; empty accepts none."""
        return self.audiences or frozenset(filter(None, [self.client_id]))

    def secret(self) -> str:
        """The client secret; empty for a public client."""
        if self.key == DEPLOYMENT:
            return str(settings.OIDC_CLIENT_SECRET)
        return secrets.decrypt(self.sealed_secret) if self.sealed_secret else ""

    def discovery(self) -> Discovery:
        """Its addresses. Of a tenant's provider as stored; the deployment's is asked, and kept.

        Raises ``ProviderError``.
        """
        if self.metadata:
            return Discovery(**self.metadata)
        return _discovered(self.issuer)

    def person(self, claims: dict[str, Any]) -> Person:
        """Whom verified ``claims`` of this provider speak of."""
        return read_person(
            claims,
            tenant_claim=self.tenant_claim,
            roles_claim=self.roles_claim,
            role_map=self.role_map,
        )

    def tenants_for(self, person: Person) -> frozenset[str]:
        """Keys of the tenants ``person``'s token opens; whether they exist is not looked up."""
        if self.tenant is None:
            return person.tenant_values
        if not self.tenant_claim or (self.tenant_value or self.tenant) in person.tenant_values:
            return frozenset([self.tenant])
        return frozenset()  # a tenant's provider opens no other tenant, whatever it claims


def deployment_provider() -> Provider | None:
    """The provider of the settings; None when ``OIDC_ISSUER`` is not set."""
    if not settings.OIDC_ISSUER:
        return None
    return Provider(
        key=DEPLOYMENT,
        name=settings.OIDC_NAME,
        issuer=settings.OIDC_ISSUER,
        client_id=settings.OIDC_CLIENT_ID,
        tenant=None,
        tenant_claim=settings.OIDC_TENANT_CLAIM,
        tenant_value="",
        roles_claim=settings.OIDC_ROLES_CLAIM,
        scopes=settings.OIDC_SCOPES,
        audiences=frozenset(settings.OIDC_AUDIENCE),
        role_map=settings.OIDC_ROLE_MAP,
    )


def provider_of(row: Issuer) -> Provider:
    return Provider(
        key=str(row.pk),
        name=row.name,
        issuer=row.issuer,
        client_id=row.client_id,
        tenant=row.tenant_id,
        tenant_claim=row.tenant_claim,
        tenant_value=row.tenant_value,
        roles_claim=row.roles_claim,
        scopes=row.scopes,
        audiences=frozenset(row.audiences),
        role_map=row.role_map,
        sealed_secret=bytes(row.secret),
        metadata=row.metadata,
    )


def find_provider(key: str) -> Provider | None:
    """The provider a button or a session names, if it is switched on."""
    if key == DEPLOYMENT:
        return deployment_provider()
    with in_public():
        row = _switched_on().filter(pk=row_number(key)).first()
    return provider_of(row) if row else None


def providers_of_issuer(issuer: str) -> list[Provider]:
    """All that trust ``issuer``: the deployment's first, then tenants' own."""
    own = deployment_provider()
    found = [own] if own and own.issuer == issuer else []
    with in_public():
        return [*found, *map(provider_of, _switched_on().filter(issuer=issuer).order_by("pk"))]


def providers_of_tenant(tenant: str | None) -> list[Provider]:
    """What the sign-in page offers: on a tenant's host its own too, elsewhere the deployment's."""
    own = deployment_provider()
    found = [own] if own and own.client_id else []
    if tenant is None:
        return found
    with in_public():
        rows = list(_switched_on().filter(tenant_id=tenant).order_by("name"))
    return [*map(provider_of, rows), *found]


def refresh_discovery(row: Issuer, *, actor: str) -> Discovery:
    """Ask the provider again and store what it says; this is also the test button.

    Raises ``ProviderError`` and stores nothing then.
    """
    found = discover(row.issuer)
    now = timezone.now()
    with in_public():
        Issuer.objects.filter(pk=row.pk).update(metadata=found.as_json(), discovered_at=now)
    row.metadata, row.discovered_at = found.as_json(), now
    with in_tenant(row.tenant_id):
        audit.record("tenants.issuer.test", actor=actor, subject=f"sign-in provider {row.name}")
    return found


def _switched_on() -> QuerySet[Issuer]:
    return Issuer.objects.filter(is_on=True, tenant__is_active=True)


_known: dict[str, tuple[float, Discovery]] = {}
_failed: dict[str, tuple[float, str]] = {}
_asking = threading.Lock()


def _discovered(issuer: str) -> Discovery:
    """The deployment's document, kept for an hour, and beyond it while the provider is silent."""
    now = time.monotonic()
    at, found = _known.get(issuer, (0.0, None))
    if found and now - at < DISCOVERY_SECONDS:
        return found
    with _asking:
        failed_at, why = _failed.get(issuer, (float("-inf"), ""))
        if now - failed_at < PAUSE_SECONDS:
            if found:
                return found
            raise ProviderError(why)
        try:
            fresh = discover(issuer)
        except ProviderError as exc:
            _failed[issuer] = (time.monotonic(), str(exc))
            if found:
                return found
            raise
        _known[issuer] = (time.monotonic(), fresh)
        return fresh


def forget_discoveries() -> None:
    """Start with nothing known, as a new process does."""
    _known.clear()
    _failed.clear()
