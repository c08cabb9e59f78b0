"""Tokens of our own for the API: one person, one tenant, some of that person's rights, an end.

The text is shown once; the database keeps its SHA-256. That is enough without a slow hash, because
the text is 256 random bits and not a word somebody chose.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from tenants import audit
from tenants.context import in_public, in_tenant
from tenants.identity_models import ApiToken
from tenants.models import Membership, Tenant, User
from tenants.roles import SCOPES, scopes_of_role

MARK = "lg_"
LONGEST_DAYS = 365
USED_EVERY = timedelta(minutes=1)  # how exact "last used" is: at most one write a minute and token


class ApiTokenError(Exception):
    """The token is not good, or cannot be made as asked. The text says why."""


def create(
    tenant: Tenant, user: User, *, name: str, scopes: list[str], days: int, now: datetime
) -> tuple[ApiToken, str]:
    """A new token and its text, which cannot be had again.

    Raises ``ApiTokenError`` for scopes beyond the role of ``user`` in ``tenant``.
    """
    check_wish(tenant, user, scopes=scopes, days=days)
    prefix, rest = secrets.token_hex(4), secrets.token_urlsafe(32)
    text = f"{MARK}{prefix}_{rest}"
    with in_public():
        row = ApiToken.objects.create(
            tenant=tenant,
            user=user,
            name=name,
            prefix=prefix,
            digest=_digest(text),
            scopes=sorted(set(scopes), key=list(SCOPES).index),
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
    _record(row, "add", actor=user.username, after={"scopes": row.scopes, "days": days})
    return row, text


def check_wish(tenant: Tenant, user: User, *, scopes: list[str], days: int) -> None:
    """Raise ``ApiTokenError`` unless ``user`` may have such a token in ``tenant``."""
    if not 1 <= days <= LONGEST_DAYS:
        raise ApiTokenError(f"A token lives 1 to {LONGEST_DAYS} days, not {days}.")
    with in_public():
        role = _role(tenant.pk, user.pk)
    if role is None:
        raise ApiTokenError(f"{user} is no member of {tenant}, so no token can act for them.")
    if beyond := sorted(set(scopes) - scopes_of_role(role)):
        raise ApiTokenError(f"{user} may not do this themselves: {', '.join(beyond)}.")
    if not scopes:
        raise ApiTokenError("Choose at least one thing the token may do.")


def revoke(row: ApiToken, *, actor: str, now: datetime, reason: str = "") -> bool:
    """End the token with its next request; returns whether it was still good."""
    with in_public():
        alive = ApiToken.objects.filter(pk=row.pk, revoked_at=None)
        changed = alive.update(revoked_at=now)
    if changed:
        _record(row, "revoke", actor=actor, reason=reason)
    return bool(changed)


def check(text: str, *, now: datetime) -> ApiToken:
    """The token ``text`` is, with its owner confined to it. Raises ``ApiTokenError``.

    What it may do is cut to its owner's role of this moment: a demoted owner's tokens are demoted.
    """
    prefix, _, _ = text.removeprefix(MARK).partition("_")
    if len(prefix) > 12 or not prefix.isalnum():
        raise ApiTokenError("The token is unknown.")
    with in_public():
        found = ApiToken.objects.filter(prefix=prefix).select_related("user", "tenant").first()
        if found is None or not hmac.compare_digest(found.digest, _digest(text)):
            raise ApiTokenError("The token is unknown.")
        if not found.is_live(now=now):
            raise ApiTokenError("The token has expired or was revoked.")
        role = _role(found.tenant_id, found.user_id)
        if role is None or not found.user.is_active:
            raise ApiTokenError("The token's owner has no access any more.")
        _touch(found, now=now)
    user = found.user
    user.confined_to = frozenset([found.tenant_id])
    user.scopes = frozenset(found.scopes) & scopes_of_role(role)
    user.is_superuser = False  # on this object alone: a token acts in its tenant, never above it
    user.__dict__["_role_by_tenant"] = {found.tenant_id: role}
    return found


def _touch(row: ApiToken, *, now: datetime) -> None:
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
    if row.last_used_at is None or row.last_used_at < now - USED_EVERY:
        ApiToken.objects.filter(stale, pk=row.pk).update(last_used_at=now)


def _role(tenant: str, user_id: int) -> str | None:
    found = Membership.objects.filter(tenant_id=tenant, user_id=user_id)
    return found.values_list("role", flat=True).first()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _record(
    row: ApiToken, verb: str, *, actor: str, after: object = None, reason: str = ""
) -> None:
    with in_tenant(row.tenant_id):
        audit.record(
            f"tenants.api_token.{verb}",
            actor=actor,
            subject=f"API token {row.prefix}",
            after=after,
            reason=reason,
        )


def expires_soon(row: ApiToken, *, now: datetime | None = None) -> bool:
    """Whether its owner should think of a new one: less than two weeks are left."""
    return row.expires_at - (now or timezone.now()) < timedelta(days=14)
