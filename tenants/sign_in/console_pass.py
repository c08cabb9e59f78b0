"""A short pass for the console's own pages that speak a bearer API: the chat.

That API takes no session cookies, so that no other site can use them. A page asks for a pass under
its session and CSRF token, and sends it as any client sends its token. It holds for one person, one
tenant, one purpose and as long as that session: a sign-out, a changed password, an ended membership
or a lesser role count at the next request, as with tokens. How a tenant wants its people to sign in
is asked when a pass is given, so at most ``LIFE`` late.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.core import signing
from django.http import HttpRequest

from tenants import secrets
from tenants.context import in_public
from tenants.models import Membership, Tenant, User
from tenants.sign_in.sso.renew import GRACE_SECONDS
from tenants.sign_in.sso.session import read_sign_in

MARK = "lgp_"
LIFE = timedelta(minutes=15)
CHAT = "chat"
PURPOSES = {CHAT: "/agent"}  # purpose -> beginning of the paths it opens


class ConsolePassError(Exception):
    """The pass is not good here. The text says why."""


def issue(request: HttpRequest, tenant: Tenant, *, purpose: str, now: datetime) -> tuple[str, int]:
    """A pass for who is signed in to ``tenant`` by the session of ``request``, and its seconds.

    The session's key travels encrypted: scripts of the page, which its cookie is kept from, cannot
    read it here either.
    """
    sign_in = read_sign_in(request.session)
    ends = now + LIFE
    if sign_in.is_by_provider:
        ends = min(ends, datetime.fromtimestamp(sign_in.renew_at + GRACE_SECONDS, tz=now.tzinfo))
    said = {
        "user": request.user.pk,
        "tenant": tenant.pk,
        "purpose": purpose,
        "session": secrets.encrypt(str(request.session.session_key)).decode(),
        "ends": ends.timestamp(),
    }
    return MARK + _signer().sign_object(said), int((ends - now).total_seconds())


def check(text: str, *, path: str, now: datetime) -> tuple[User, str]:
    """Whose pass ``text`` is, confined to its tenant, and that tenant's key.

    Raises ``ConsolePassError``. Their role is the one of this moment. Runs in any context.
    """
    said = _read(text)
    if not _opens(said["purpose"], path):
        raise ConsolePassError("This pass is for another part of leadgen.")
    if said["ends"] <= now.timestamp():
        raise ConsolePassError("The pass has expired. The page asks for another.")
    with in_public():
        user = _signed_in(said["session"])
        if user is None or user.pk != said["user"]:
            raise ConsolePassError("The sign-in this pass belongs to has ended.")
        mine = Membership.objects.filter(tenant_id=said["tenant"], user_id=user.pk)
        role = mine.values_list("role", flat=True).first()
    if role is None and not user.is_superuser:
        raise ConsolePassError("The pass' owner has no access any more.")
    user.confined_to = frozenset([said["tenant"]])
    user.__dict__["_role_by_tenant"] = {said["tenant"]: role}
    return user, said["tenant"]


def _read(text: str) -> dict[str, Any]:
    try:
        said: dict[str, Any] = _signer().unsign_object(text.removeprefix(MARK))
        said["session"] = secrets.decrypt(said["session"].encode())
    except (signing.BadSignature, secrets.SecretUnreadableError):
        raise ConsolePassError("The pass is unknown.") from None
    return said


def _opens(purpose: str, path: str) -> bool:
    place = PURPOSES.get(purpose)
    return place is not None and (path == place or path.startswith(f"{place}/"))


def _signed_in(session_key: str) -> User | None:
    """Who is signed in by that session now, by Django's own rules."""
    engine = import_module(settings.SESSION_ENGINE)
    asked = HttpRequest()
    asked.session = engine.SessionStore(session_key)
    found = get_user(asked)
    return found if isinstance(found, User) and found.is_active else None


def _signer() -> signing.Signer:
    return signing.Signer(salt="tenants.console_pass", sep=".")  # ":" is no letter of RFC 6750
