"""Who may work in a tenant: add, change and remove members; make and switch off accounts.

Accounts are shared by all tenants, so tables of people are written as the platform. Removing a
member ends their access at their next request.
"""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from tenants import audit
from tenants.context import in_public, in_tenant
from tenants.models import Membership, Tenant, User

Role = Membership.Role


class PeopleError(Exception):
    """The people of a tenant cannot be changed as asked; the text says why."""


def create_account(
    username: str,
    *,
    password: str,
    actor: str,
    email: str = "",
    name: str = "",
    is_platform_admin: bool = False,
) -> User:
    """Make an account that can sign in; it sees nothing until it is a member somewhere.

    Raises ``ValidationError`` for a taken or malformed name, or a weak password.
    """
    first, _, last = name.strip().partition(" ")
    with in_public(), transaction.atomic():
        user = User(
            username=username,
            email=email,
            first_name=first,
            last_name=last,
            is_staff=True,
            is_superuser=is_platform_admin,
        )
        validate_password(password, user)
        user.set_password(password)
        user.full_clean()
        user.save()
        after = {"username": username, "email": email, "platform_admin": is_platform_admin}
        audit.record("tenants.user.add", actor=actor, subject=f"account {username}", after=after)
    return user


def find_account(who: str) -> User | None:
    """The active account with this user name or e-mail address, whatever the letters' case.

    None as well when an address fits several accounts: then only the user name will do.
    """
    who = who.strip()
    with in_public():
        active = User.objects.filter(is_active=True)
        exact = active.filter(username=who).first()
        if exact or not who:
            return exact
        # The address of a provider's person is only what that provider says.
        by_address = Q(email__iexact=who, identities__isnull=True)
        found = list(active.filter(Q(username__iexact=who) | by_address).distinct()[:2])
    return found[0] if len(found) == 1 else None


def add_member(
    tenant: Tenant, user: User, *, role: str, actor: str, reason: str = ""
) -> Membership:
    """Give ``user`` a role in ``tenant``; raises ``PeopleError`` when they have one already."""
    with in_public(), transaction.atomic():
        if Membership.objects.filter(tenant=tenant, user=user).exists():
            raise PeopleError(f"{user} is a member of {tenant} already. Change the role instead.")
        membership = Membership(tenant=tenant, user=user, role=role)
        membership.full_clean()
        membership.save()
        _record(tenant, "add", user, actor=actor, after={"role": role}, reason=reason)
    return membership


def change_role(membership: Membership, *, role: str, actor: str, reason: str = "") -> None:
    """Set a member's role. The last owner cannot be made anything else."""
    with in_public(), transaction.atomic():
        locked = _lock(membership)
        if locked.role == role:
            return
        if role not in Role.values:
            raise ValidationError(f"{role!r} is not a role.")
        _keep_an_owner(locked)
        before, locked.role = locked.role, role
        locked.save(update_fields=["role"])
        _record(locked.tenant, "change", locked.user, actor=actor, reason=reason,
                before={"role": before}, after={"role": role})  # fmt: skip


def remove_member(membership: Membership, *, actor: str, reason: str = "") -> None:
    """End a membership. The last owner cannot be removed."""
    with in_public(), transaction.atomic():
        locked = _lock(membership)
        _keep_an_owner(locked)
        locked.delete()
        _record(locked.tenant, "delete", locked.user, actor=actor, reason=reason,
                before={"role": locked.role})  # fmt: skip


def _lock(membership: Membership) -> Membership:
    """The membership as it stands, with all others of its tenant locked: owners are counted."""
    of_tenant = Membership.objects.filter(tenant_id=membership.tenant_id)
    rows = list(of_tenant.select_for_update().order_by("pk"))
    found = next((row for row in rows if row.pk == membership.pk), None)
    if found is None:
        raise PeopleError("This membership was removed in the meantime.")
    return found


def _keep_an_owner(membership: Membership) -> None:
    others = Membership.objects.filter(tenant_id=membership.tenant_id, role=Role.OWNER)
    if membership.role == Role.OWNER and not others.exclude(pk=membership.pk).exists():
        raise PeopleError(
            f"{membership.user} is the last owner of {membership.tenant}."
            " Make somebody else an owner first."
        )


def _record(
    tenant: Tenant,
    verb: str,
    user: User,
    *,
    actor: str,
    reason: str,
    before: dict[str, str] | None = None,
    after: dict[str, str] | None = None,
) -> None:
    with in_tenant(tenant.pk):
        audit.record(
            f"tenants.membership.{verb}",
            actor=actor,
            subject=f"member {user.username}",
            before=before,
            after=after,
            reason=reason,
        )
