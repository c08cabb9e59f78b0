"""Time-based codes (RFC 6238) as a second factor for people who sign in with a password.

Codes come from ``cryptography``, which is here anyway, and not from django-otp, whose devices keep
their secret in clear text in the database. A code counts once; wrong ones are counted, too.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets as random
from base64 import b32encode
from datetime import datetime, timedelta
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.db import transaction
from django.db.models import F, Q

from tenants import audit, secrets
from tenants.context import in_public
from tenants.identity_models import RecoveryCode, SecondFactor
from tenants.models import User

STEP_SECONDS = 30
DIGITS = 6
WINDOW = 1  # steps a telephone's clock may be off
RECOVERY_CODES = 10
MOST_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)


class SecondFactorError(Exception):
    """The code is not good, or cannot be tried now. The text is for the person."""


class LockedError(SecondFactorError):
    """Too many wrong codes: even a good one is refused for a while."""


def is_on(user: User) -> bool:
    """Whether ``user`` is asked for a code at each sign-in with a password."""
    with in_public():
        return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).exists()


def begin(user: User) -> str:
    """The address for the telephone's camera (otpauth://). Asks again with the same secret.

    Raises ``SecondFactorError`` when a confirmed factor is there already.
    """
    with in_public():
        fresh = {"secret": secrets.encrypt(random.token_hex(20))}
        row, _ = SecondFactor.objects.get_or_create(user=user, defaults=fresh)
    if row.confirmed_at is not None:
        raise SecondFactorError("Your second factor is on already. Switch it off to start anew.")
    key, label = _base32(row), quote(f"leadgen:{user.get_username()}")
    return f"otpauth://totp/{label}?secret={key}&issuer=leadgen"


def confirm(user: User, code: str, *, now: datetime) -> list[str]:
    """Switch the factor on with a first good code; returns ten recovery codes, shown this once."""
    with in_public():
        row = SecondFactor.objects.filter(user=user, confirmed_at=None).first()
        if row is None:
            raise SecondFactorError("There is nothing to confirm. Begin again.")
        _try(row, code, now=now)
        with transaction.atomic():
            SecondFactor.objects.filter(pk=row.pk).update(confirmed_at=now)
            codes = _new_recovery_codes(user)
            _record(user, "on")
    return codes


def check(user: User, code: str, *, now: datetime) -> None:
    """Accept a code of the telephone or a recovery code; raises ``SecondFactorError``."""
    with in_public():
        row = SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).first()
        if row is None:
            raise SecondFactorError("No second factor is set up for this account.")
        _try(row, code, now=now)


def switch_off(user: User, *, actor: str) -> bool:
    """Remove the factor and its recovery codes; returns whether there was one."""
    with in_public(), transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        gone, _ = SecondFactor.objects.filter(user=user).delete()
        if gone:
            _record(user, "off", actor=actor)
    return bool(gone)


def codes_left(user: User) -> int:
    with in_public():
        return RecoveryCode.objects.filter(user=user, used_at=None).count()


def _try(row: SecondFactor, code: str, *, now: datetime) -> None:
    if row.locked_until and row.locked_until > now:
        raise LockedError("Too many wrong codes. Wait a quarter of an hour, then try again.")
    code = code.replace(" ", "").replace("-", "").lower()
    if _is_code(row, code, now=now) or _is_recovery_code(row, code, now=now):
        SecondFactor.objects.filter(pk=row.pk).update(failures=0, locked_until=None)
        return
    counted = SecondFactor.objects.filter(pk=row.pk)
    counted.update(failures=F("failures") + 1)
    too_many = counted.filter(failures__gte=MOST_FAILURES)
    if too_many.update(failures=0, locked_until=now + LOCKED_FOR):
        _record(row.user, "locked")
    raise SecondFactorError("This code is not right. Take the one your telephone shows now.")


def _is_code(row: SecondFactor, code: str, *, now: datetime) -> bool:
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        return False
    totp = TOTP(bytes.fromhex(secrets.decrypt(bytes(row.secret))), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 -- what telephones know; HMAC-SHA1 is unbroken
    present = int(now.timestamp()) // STEP_SECONDS
    for step in range(present - WINDOW, present + WINDOW + 1):
        if hmac.compare_digest(totp.generate(step * STEP_SECONDS), code.encode()):
            unused = SecondFactor.objects.filter(Q(last_step__lt=step), pk=row.pk)
            return bool(unused.update(last_step=step))
    return False


def _is_recovery_code(row: SecondFactor, code: str, *, now: datetime) -> bool:
    unused = RecoveryCode.objects.filter(user_id=row.user_id, digest=_digest(code), used_at=None)
    return bool(unused.update(used_at=now))


def _new_recovery_codes(user: User) -> list[str]:
    made = [b32encode(random.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    codes = ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in made]
    RecoveryCode.objects.filter(user=user).delete()
    rows = [RecoveryCode(user=user, digest=_digest(code)) for code in made]
    RecoveryCode.objects.bulk_create(rows)
    return codes


def _digest(code: str) -> str:
    # 80 random bits, so a stolen table helps nobody even without a slow hash.
    return hashlib.sha256(f"recovery code {code}".encode()).hexdigest()


def _base32(row: SecondFactor) -> str:
    return b32encode(bytes.fromhex(secrets.decrypt(bytes(row.secret)))).decode()


def _record(user: User, verb: str, *, actor: str = "") -> None:
    name = user.get_username()
    audit.record(f"tenants.second_factor.{verb}", actor=actor or name, subject=f"account {name}")
