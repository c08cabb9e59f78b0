"""Turn a provider's word about a person into an account and its places in tenants.

A person is recognised by (issuer, subject) and nothing else. A provider's claims give and take only
memberships that provider gave; those an owner gave by hand stay an owner's matter.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.db import IntegrityError, transaction

from tenants import audit
from tenants.context import in_public, in_tenant
from tenants.identity_models import Identity, Invitation
from tenants.models import Membership, Tenant, TenantSettings, User
from tenants.sign_in.sso.claims import Person
from tenants.sign_in.sso.providers import Provider


class NotAdmittedError(Exception):
    """Who they are is known, but there is no place for them. The text is for the person."""


def admit(
    person: Person, *, provider: Provider, issued_at: datetime, needs_place: bool = True
) -> User:
    """The account of ``person``, made if their tenant lets newcomers in, with roles as claimed.

    A second run with the same token changes nothing, and an older token never undoes a newer one.
    Raises ``NotAdmittedError``; with ``needs_place`` also for a known person who belongs nowhere.
    """
    with in_public():
        identity = _find(person) or _join(person, provider=provider)
        user = identity.user
        if not user.is_active:
            raise NotAdmittedError("This account is switched off. Ask your platform admin.")
        if user.is_superuser and provider.tenant is not None:
            raise NotAdmittedError("Platform admins do not sign in through a tenant's provider.")
        if identity.claims_at is None or issued_at > identity.claims_at:
            _renew(identity, person, provider=provider, issued_at=issued_at)
        if needs_place and not user.is_superuser and not _has_place(user, provider):
            raise NotAdmittedError(
                f"{provider.name} gives you no role in a tenant here. Ask the owner of your tenant."
            )
    return user


def _find(person: Person) -> Identity | None:
    known = Identity.objects.select_related("user")
    return known.filter(issuer=person.issuer, subject=person.subject).first()


def _claimed(person: Person, provider: Provider) -> list[Tenant]:
    """The tenants the claims give a role in."""
    if not person.role:
        return []
    wanted = provider.tenants_for(person)
    found = Tenant.objects.filter(pk__in=wanted, is_active=True).select_related("settings")
    return list(found.order_by("pk"))


def _join(person: Person, *, provider: Provider) -> Identity:
    """A new account for a newcomer with a role or an invitation somewhere."""
    open_to_all = any(_lets_join(tenant) for tenant in _claimed(person, provider))
    if not open_to_all and not _invitations(person, provider):
        raise NotAdmittedError(
            "There is no place for you here yet. Ask the owner of your tenant to invite you."
        )
    try:
        with transaction.atomic():
            user = User.objects.create(
                username=_username(person), email=person.email, first_name=person.name[:150],
                is_staff=True,
            )  # fmt: skip
            user.set_unusable_password()
            user.save(update_fields=["password"])
            identity = Identity.objects.create(
                issuer=person.issuer, subject=person.subject, user=user
            )
            audit.record(
                "tenants.user.add",
                actor=user.username,
                subject=f"account {user.username}",
                after={"email": person.email, "issuer": person.issuer},
            )
    except IntegrityError:  # the same newcomer, in another request at the same moment
        found = _find(person)
        if found is None:
            raise
        return found
    return identity


def _renew(identity: Identity, person: Person, *, provider: Provider, issued_at: datetime) -> None:
    """Take over the claims: roles given, changed and dropped, invitations accepted."""
    with transaction.atomic():
        locked = Identity.objects.select_for_update().get(pk=identity.pk)
        if locked.claims_at is not None and issued_at <= locked.claims_at:
            return
        locked.claims_at = issued_at
        locked.save(update_fields=["claims_at"])
        _grant(identity.user, _claimed(person, provider), person.role or "", provider=provider)
        for invitation in _invitations(person, provider):
            accept(invitation, identity.user)
        if person.email and identity.user.email != person.email:
            User.objects.filter(pk=identity.user_id).update(email=person.email)


def _grant(user: User, tenants: list[Tenant], role: str, *, provider: Provider) -> None:
    """Bring the memberships this provider gave into line with ``role`` in ``tenants``."""
    mine = {row.tenant_id: row for row in Membership.objects.select_for_update().filter(user=user)}
    claimed = {tenant.pk for tenant in tenants}
    for key, row in mine.items():
        if row.granted_by != provider.issuer or provider.tenant not in {None, key}:
            continue  # an owner's word, or another provider's
        before = {"role": row.role}
        if key not in claimed:
            row.delete()
            _record(key, "delete", user, before=before, provider=provider)
        elif row.role != role:
            row.role = role
            row.save(update_fields=["role"])
            _record(key, "change", user, before=before, after={"role": role}, provider=provider)
    for tenant in tenants:
        if tenant.pk not in mine and _lets_join(tenant):
            Membership.objects.create(
                tenant=tenant, user=user, role=role, granted_by=provider.issuer
            )
            _record(tenant.pk, "add", user, after={"role": role}, provider=provider)


def accept(invitation: Invitation, user: User) -> None:
    """Turn an invitation into a membership; one that exists already stays as it is."""
    _, is_new = Membership.objects.get_or_create(
        tenant_id=invitation.tenant_id, user=user, defaults={"role": invitation.role}
    )
    Invitation.objects.filter(pk=invitation.pk).delete()
    if is_new:
        with in_tenant(invitation.tenant_id):
            audit.record(
                "tenants.membership.add",
                actor=user.username,
                subject=f"member {user.username}",
                after={"role": invitation.role},
                reason=f"invited by {invitation.invited_by}",
            )


def _invitations(person: Person, provider: Provider) -> list[Invitation]:
    """Invitations to the person's address, as far as their provider may vouch for it."""
    if not person.email or not person.is_email_verified:
        return []
    found = Invitation.objects.filter(who=person.email.lower(), tenant__is_active=True)
    if provider.tenant is not None:
        found = found.filter(tenant_id=provider.tenant)
    return list(found)


def _lets_join(tenant: Tenant) -> bool:
    return tenant.settings.first_login == TenantSettings.FirstLogin.JOIN


def _has_place(user: User, provider: Provider) -> bool:
    places = Membership.objects.filter(user=user, tenant__is_active=True)
    if provider.tenant is not None:
        places = places.filter(tenant_id=provider.tenant)
    return places.exists()


def _username(person: Person) -> str:
    """Readable, and nobody else's: the end comes from issuer and subject."""
    end = hashlib.sha256(f"{person.issuer}\n{person.subject}".encode()).hexdigest()[:10]
    label = "".join(c for c in person.email or person.subject if c.isalnum() or c in "@.+-_")
    return f"{label[:100] or 'person'}-{end}"


def _record(
    tenant: str,
    verb: str,
    user: User,
    *,
    provider: Provider,
    before: dict[str, str] | None = None,
    after: dict[str, str] | None = None,
) -> None:
    with in_tenant(tenant):
        audit.record(
            f"tenants.membership.{verb}",
            actor="sign-in",
            subject=f"member {user.username}",
            before=before,
            after=after,
            reason=f"as {provider.name} says",
        )
