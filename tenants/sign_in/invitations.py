"""Places for people who have not come yet.

An owner who adds somebody learns nothing of accounts elsewhere: it is always an invitation, which
turns into a membership when its person next signs in, or takes it on the page of their tenants.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from tenants import audit
from tenants.context import in_public, in_tenant
from tenants.identity_models import Invitation
from tenants.models import Membership, Tenant, User
from tenants.sign_in.sso.admit import accept


class InvitationError(Exception):
    """The person cannot be invited; the text says why and reveals no account of another tenant."""


def invite(tenant: Tenant, who: str, *, role: str, actor: str, reason: str = "") -> Invitation:
    """Keep a place for ``who`` (a user name or an e-mail address). Asking twice changes the role.

    Raises ``InvitationError`` for a member: that an owner may know, and is told.
    """
    who = who.strip().lower()
    with in_public(), transaction.atomic():
        same = Q(user__username__iexact=who) | Q(user__email__iexact=who)
        if Membership.objects.filter(same, tenant=tenant).exists():
            raise InvitationError(f"{who} is a member already. Change the role in the list.")
        row, _ = Invitation.objects.update_or_create(
            tenant=tenant, who=who, defaults={"role": role, "invited_by": actor}
        )
        _record(row, "add", actor=actor, after={"role": role}, reason=reason)
    return row


def withdraw(tenant: Tenant, who: str, *, actor: str) -> bool:
    """Take an invitation back; returns whether there was one."""
    with in_public(), transaction.atomic():
        row = Invitation.objects.filter(tenant=tenant, who=who).first()
        if row is None:
            return False
        row.delete()
        _record(row, "delete", actor=actor, after=None, reason="")
    return True


def waiting_for(user: User) -> list[Invitation]:
    """Invitations to a local account: by its user name, or its address if no other account has it.

    The address of somebody who came through a provider is only what that provider says; those are
    matched at the sign-in itself (``tenants.sign_in.sso.admit``).
    """
    with in_public():
        if not user.has_usable_password():
            return []
        names = {user.username.lower()}
        email = user.email.lower()
        same = User.objects.filter(email__iexact=email, identities__isnull=True, is_active=True)
        if email and same.count() == 1:
            names.add(email)
        found = Invitation.objects.filter(who__in=names, tenant__is_active=True)
        return list(found.select_related("tenant"))


def accept_waiting(user: User) -> int:
    """Turn all invitations to ``user`` into memberships; returns how many."""
    waiting = waiting_for(user)
    with in_public(), transaction.atomic():
        for invitation in waiting:
            accept(invitation, user)
    return len(waiting)


def _record(
    row: Invitation, verb: str, *, actor: str, after: dict[str, str] | None, reason: str
) -> None:
    with in_tenant(row.tenant_id):
        audit.record(
            f"tenants.invitation.{verb}",
            actor=actor,
            subject=f"invitation {row.who}",
            after=after,
            reason=reason,
        )
