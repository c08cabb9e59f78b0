"""Read settings from the environment. A wrong value stops the start with its name.

A secret may come from a file: ``NAME_FILE`` holds the path, as container platforms mount it.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from datetime import time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import unquote, urlsplit

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


class SettingError(Exception):
    """A setting in the environment cannot be used. The text names it and says what is expected."""


def text(name: str, default: str = "") -> str:
    """The value of ``name``, or what the file at ``NAME_FILE`` holds, stripped."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as exc:
            raise SettingError(f"{name}_FILE: {path} cannot be read ({exc.strerror}).") from exc
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool = False) -> bool:
    value = text(name, "on" if default else "off").lower()
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise SettingError(f"{name}: {value!r} is neither on nor off.")


def integer(name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
    value = text(name, str(default))
    try:
        number = int(value)
    except ValueError:
        raise SettingError(f"{name}: {value!r} is not a whole number.") from None
    _within(name, number, least=least, most=most)
    return number


def decimal(name: str, default: float, *, least: float = 0, most: float | None = None) -> float:
    value = text(name, str(default))
    try:
        number = float(value)
    except ValueError:
        raise SettingError(f"{name}: {value!r} is not a number.") from None
    _within(name, number, least=least, most=most)
    return number


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list; empty items are dropped."""
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


def shares(name: str, default: str, *, known: Collection[str]) -> dict[str, int]:
    """Per cents by name, e.g. ``website:40,phone:30``; names outside ``known`` are refused."""
    found = {}
    for item in words(name, default):
        key, _, value = item.partition(":")
        if key not in known or not value.isdigit() or int(value) > 100:
            raise SettingError(
                f"{name}: {item!r} is no share such as website:40; known: {', '.join(known)}."
            )
        found[key] = int(value)
    return found


def pairs(name: str, *, known: list[str]) -> dict[str, str]:
    """A comma-separated list of ``theirs=OURS``, where ours is one of ``known`` in any case."""
    found = {}
    for item in words(name):
        theirs, _, ours = (part.strip() for part in item.partition("="))
        if not theirs or ours.upper() not in known:
            raise SettingError(f"{name}: {item!r} is not WORD=ROLE with one of {', '.join(known)}.")
        found[theirs] = ours.upper()
    return found


def one_of(name: str, known: list[str]) -> list[str]:
    """A comma-separated list of ``known`` words, in any case; none by default."""
    found = [word.upper() for word in words(name)]
    if strange := [word for word in found if word not in known]:
        raise SettingError(f"{name}: {strange[0]!r} is none of {', '.join(known)}.")
    return found


def choice(name: str, known: tuple[str, ...]) -> str:
    """One of ``known``, in any case; the first by default."""
    value = text(name, known[0]).lower()
    if value not in known:
        raise SettingError(f"{name}: {value!r} is none of {', '.join(known)}.")
    return value


def mail_server(name: str) -> dict[str, object]:
    """Django's settings for a mail server, from ``smtp://user:password@host:587``.

    ``smtp`` uses STARTTLS where a password is given, ``smtps`` TLS from the start. Unset: none.
    """
    given = text(name)
    if not given:
        return {"EMAIL_HOST": ""}
    parts = urlsplit(given)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise SettingError(f"{name}: write it like smtp://user:password@host:587, or smtps://...")
    try:
        port = parts.port
    except ValueError:
        raise SettingError(f"{name}: its port is no number.") from None
    is_tls = parts.scheme == "smtps"
    return {
        "EMAIL_HOST": parts.hostname, "EMAIL_PORT": port or (465 if is_tls else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": is_tls, "EMAIL_USE_TLS": bool(parts.username) and not is_tls,
    }  # fmt: skip


def optional(name: str, default: int | None) -> int | None:
    """A whole number; the word ``none`` for no limit."""
    if text(name).lower() == "none":
        return None
    return default if not text(name) else integer(name, 0)


def micros(name: str, default: str) -> int:
    """An amount such as 0.008, in millionths."""
    return int(price(name, default) * 1_000_000)


def price(name: str, default: str) -> Decimal:
    """An amount of money such as 0.75."""
    value = text(name, default)
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise SettingError(f"{name}: {value!r} is not an amount of money.") from None
    if not amount.is_finite() or amount < 0:
        raise SettingError(f"{name}: {value!r} is not an amount of money.")
    return amount


def temperature(name: str, default: str) -> float | None:
    """A number from 0 to 2; the word ``none`` for a model that takes none."""
    if text(name, default).lower() == "none":
        return None
    return decimal(name, float(default), most=2)


def clock(name: str, default: str) -> time:
    value = text(name, default)
    try:
        return time.fromisoformat(value)
    except ValueError:
        raise SettingError(f"{name}: {value!r} is not a time of day such as 01:00.") from None


def _within(name: str, number: float, *, least: float, most: float | None) -> None:
    if number < least or (most is not None and number > most):
        upper = "" if most is None else f" and at most {most}"
        raise SettingError(f"{name}: {number} is out of range; at least {least}{upper}.")
