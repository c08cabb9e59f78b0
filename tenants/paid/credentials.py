"""Which key a vendor is asked with: the tenant's own, else the deployment's."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.conf import settings
from django.utils import timezone

from tenants import audit, secrets
from tenants.context import current_schema, in_public
from tenants.permits import Vendor
from tenants.vendor_models import VendorCredential

LEAST_LENGTH = 12  # of a key whose last four characters may be shown


@dataclass(frozen=True, slots=True)
class VendorKey:
    secret: str = field(repr=False)
    is_own: bool  # the tenant's, not the deployment's

    @property
    def ending(self) -> str:
        """All of the key that is ever shown; nothing of a short one."""
        return ending_of(self.secret)

    @property
    def fingerprint(self) -> str:
        return secrets.fingerprint(self.secret)


def ending_of(secret: str) -> str:
    return secret[-4:] if len(secret) >= LEAST_LENGTH else ""


def key_for(vendor: Vendor) -> VendorKey | None:
    """The key of the current tenant for ``vendor``; None when there is none at all.

    Raises ``SecretUnreadableError`` for a key that FIELD_KEYS no longer decrypt: calling with the
    deployment's key instead would spend somebody else's money.
    """
    schema = current_schema()
    with in_public():
        return key_of(schema, vendor)


def key_of(tenant: str, vendor: Vendor) -> VendorKey | None:
    """As ``key_for``, for the platform: one statement."""
    row = VendorCredential.objects.filter(tenant_id=tenant, vendor=vendor).first()
    if row is not None:
        return VendorKey(secrets.decrypt(bytes(row.secret)), is_own=True)
    shared = settings.VENDOR_KEYS[vendor]
    return VendorKey(shared, is_own=False) if shared else None


def set_key(vendor: Vendor, *, secret: str, actor: str) -> None:
    """Keep ``secret`` as the current tenant's key; the one before is gone."""
    schema = current_schema()
    with in_public():
        VendorCredential.objects.update_or_create(
            tenant_id=schema,
            vendor=vendor,
            defaults={
                "secret": secrets.encrypt(secret),
                "ending": ending_of(secret),
                "fingerprint": secrets.fingerprint(secret),
                "set_at": timezone.now(),
                "set_by": actor,
            },
        )
    audit.record("tenants.vendor_key.set", actor=actor, subject=f"{vendor.label} key")


def remove_key(vendor: Vendor, *, actor: str) -> bool:
    """Forget the tenant's own key; returns whether there was one. The deployment's counts again."""
    schema = current_schema()
    with in_public():
        gone, _ = VendorCredential.objects.filter(tenant_id=schema, vendor=vendor).delete()
    if gone:
        audit.record("tenants.vendor_key.remove", actor=actor, subject=f"{vendor.label} key")
    return bool(gone)
