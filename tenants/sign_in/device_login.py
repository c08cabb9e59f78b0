"""Let a program in without typing a password into it: the device flow of RFC 8628.

The program asks for two codes. It shows the short one, which a signed-in person types into the
console and so lets it in; with the long one it asks until its token is there. The token is an
``ApiToken`` like any other, made when it is fetched, so its text is never kept.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.crypto import salted_hmac

from tenants import audit
from tenants.context import in_public, in_tenant
from tenants.device_models import DeviceLogin
from tenants.identity_models import ApiToken
from tenants.models import Tenant, User
from tenants.roles import SCOPES
from tenants.sign_in import api_tokens

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so no words; RFC 8628, section 6.1
LETTERS_IN_CODE = 8
LIFE = timedelta(minutes=10)
INTERVAL_SECONDS = 5
LONGER_BY_SECONDS = 5  # for who asks too soon; RFC 8628, section 3.5
MOST_PER_ADDRESS, MOST = 20, 2000  # questions kept at once
KEPT = timedelta(days=1)  # so that a late program hears "expired" and not "unknown"
Status = DeviceLogin.Status


class DeviceLoginError(Exception):
    """The person cannot let this program in; the text says why."""


class TooManyLoginsError(Exception):
    """Too many programs wait already."""


class NoTokenYetError(Exception):
    """The program gets no token now. ``code`` is RFC 8628's word (or RFC 6749's)."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Codes:
    """What the program is told. Neither code can be had again."""

    device: str
    user: str
    seconds: int
    interval_seconds: int


def begin(
    *, program: str, machine: str, scopes: list[str], tenant: str, address: str, now: datetime
) -> Codes:
    """Keep a question of ``program`` and return its codes, good for ten minutes.

    ``scopes`` must be known ones; which of them the person may give away is looked at later.
    Raises ``TooManyLoginsError``.
    """
    device, user = secrets.token_urlsafe(32), _short_code()
    with in_public(), transaction.atomic():
        DeviceLogin.objects.filter(expires_at__lt=now - KEPT).delete()
        open_ones = DeviceLogin.objects.filter(expires_at__gt=now)
        here = open_ones.filter(asked_from=address).count()
        if here >= MOST_PER_ADDRESS or open_ones.count() >= MOST:
            raise TooManyLoginsError("Too many programs wait to be let in. Wait ten minutes.")
        DeviceLogin.objects.create(
            device_digest=_device_digest(device), user_digest=_user_digest(user), program=program,
            machine=machine, wanted_tenant=tenant, asked_from=address, asked_at=now,
            expires_at=now + LIFE, interval_seconds=INTERVAL_SECONDS,
            scopes=sorted(set(scopes), key=list(SCOPES).index),
        )  # fmt: skip
    return Codes(device, user, int(LIFE.total_seconds()), INTERVAL_SECONDS)


def find(code: str, *, now: datetime) -> DeviceLogin:
    """The program that shows ``code``, however it is typed. Raises ``DeviceLoginError``."""
    with in_public():
        found = DeviceLogin.objects.filter(
            user_digest=_user_digest(code), status=Status.WAITING, expires_at__gt=now
        ).first()
    if found is None:
        raise DeviceLoginError(
            "No program waits with this code. Codes live ten minutes and work once."
        )
    return found


def allow(
    login: DeviceLogin, *, tenant: Tenant, user: User, scopes: list[str], days: int, now: datetime
) -> None:
    """Let the program work for ``user`` in ``tenant`` with ``scopes``, of those it asked for.

    Raises ``DeviceLoginError`` when the person may not, or somebody was quicker.
    """
    if login.wanted_tenant and login.wanted_tenant != tenant.pk:
        raise DeviceLoginError(
            f"The program asks for the tenant {login.wanted_tenant}, and you are in {tenant.pk}."
            " Choose that one first."
        )
    try:
        api_tokens.check_wish(tenant, user, scopes=scopes, days=days)
    except api_tokens.ApiTokenError as exc:
        raise DeviceLoginError(str(exc)) from None
    if foreign := sorted(set(scopes) - set(login.scopes)):
        raise DeviceLoginError(f"The program did not ask for this: {', '.join(foreign)}.")
    change = {"status": Status.ALLOWED, "tenant": tenant, "user": user, "scopes": scopes,
              "days": days}  # fmt: skip
    _decide(login, change, now=now)
    _record(login, "allow", tenant=tenant, actor=user.get_username(), scopes=scopes)


def refuse(login: DeviceLogin, *, tenant: Tenant, actor: str, now: datetime) -> None:
    """Turn the program away. Raises ``DeviceLoginError`` when somebody was quicker."""
    _decide(login, {"status": Status.REFUSED}, now=now)
    _record(login, "refuse", tenant=tenant, actor=actor, scopes=login.scopes)


def redeem(device_code: str, *, now: datetime) -> tuple[ApiToken, str]:
    """The token and its text, once, when somebody has let the program in.

    Raises ``NoTokenYetError``. Each question before its time makes the time to wait longer.
    """
    with in_public(), transaction.atomic():
        waiting = DeviceLogin.objects.select_for_update(of=("self",))
        found = waiting.filter(device_digest=_device_digest(device_code)).first()
        if found is not None and found.status == Status.ALLOWED and found.expires_at > now:
            found.delete()
            return _make_token(found, now=now)
        refusal = _refusal(found, now=now)
    raise refusal


def _refusal(found: DeviceLogin | None, *, now: datetime) -> NoTokenYetError:
    if found is None:
        return NoTokenYetError("invalid_grant", "The code is unknown, or was used already.")
    if found.expires_at <= now:
        return NoTokenYetError("expired_token", "The code has expired. Begin again.")
    if found.status == Status.REFUSED:
        return NoTokenYetError("access_denied", "Somebody at the console refused.")
    soonest = (found.polled_at or found.asked_at) + timedelta(seconds=found.interval_seconds)
    is_early = found.polled_at is not None and now < soonest
    found.polled_at = now
    if is_early:
        longer = found.interval_seconds + LONGER_BY_SECONDS
        found.interval_seconds = min(longer, int(LIFE.total_seconds()))
    found.save(update_fields=["polled_at", "interval_seconds"])
    if is_early:
        return NoTokenYetError("slow_down", f"Ask every {found.interval_seconds} seconds.")
    return NoTokenYetError("authorization_pending", "Nobody has typed the code yet.")


def _make_token(login: DeviceLogin, *, now: datetime) -> tuple[ApiToken, str]:
    name = f"{login.program} on {login.machine}" if login.machine else login.program
    tenant, user = login.tenant, login.user
    assert tenant is not None  # noqa: S101 -- device_login_allowed_iff_by_somebody
    assert user is not None  # noqa: S101 -- as above
    try:
        return api_tokens.create(
            tenant, user, name=name[:60], scopes=login.scopes, days=login.days or 1, now=now
        )
    except api_tokens.ApiTokenError as exc:  # a role that changed meanwhile
        raise NoTokenYetError("access_denied", str(exc)) from None


def _decide(login: DeviceLogin, change: dict[str, object], *, now: datetime) -> None:
    with in_public():
        still = DeviceLogin.objects.filter(pk=login.pk, status=Status.WAITING, expires_at__gt=now)
        if not still.update(**change):
            raise DeviceLoginError("The code has expired, or was answered already.")


def _record(
    login: DeviceLogin, verb: str, *, tenant: Tenant, actor: str, scopes: list[str]
) -> None:
    with in_tenant(tenant.pk):
        audit.record(
            f"tenants.device_login.{verb}", actor=actor, subject=str(login)[:200],
            after={"scopes": scopes, "asked_from": login.asked_from},
        )  # fmt: skip


def _short_code() -> str:
    """``WDJB-MJHT``: 34 bits, enough for ten minutes and ten tries a minute."""
    letters = "".join(secrets.choice(LETTERS) for _ in range(LETTERS_IN_CODE))
    return f"{letters[:4]}-{letters[4:]}"


def _user_digest(code: str) -> str:
    """Keyed, as a short code could be found again from a plain hash."""
    letters = "".join(letter for letter in code.upper() if letter in LETTERS)
    return salted_hmac("tenants.device_login", letters, algorithm="sha256").hexdigest()


def _device_digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
