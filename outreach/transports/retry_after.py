"""``Retry-After`` in any of its forms as seconds (RFC 9110, 10.2.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_SECONDS = 3600.0  # what asks for more is obeyed for an hour, then asked again


def seconds_of(header: str | None, *, now: datetime) -> float | None:
    """How long to keep still: 0 to an hour; None where nothing is said or it makes no sense."""
    if header is None or not (text := header.strip()):
        return None
    wanted = _seconds(text, now=now)
    return None if wanted is None else min(max(wanted, 0.0), LONGEST_SECONDS)


def _seconds(text: str, *, now: datetime) -> float | None:
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        return float(text[:12])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return (at - now).total_seconds()
