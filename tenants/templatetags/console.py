"""Words and numbers of the console's templates."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.conf import settings
from django.utils import timezone

from tenants.audit_words import words_of
from tenants.permits import Vendor

register = template.Library()
NOTHING = "-"
JUST_NOW_SECONDS = 10


register.filter("action_words", words_of)


@register.filter
def count(number: Any) -> str:
    """``1284`` as ``1,284``; nothing as a dash."""
    return NOTHING if number is None or number == "" else f"{int(number):,}"


@register.filter
def dollars(micros: Any) -> str:
    """Millionths of a US dollar as ``USD 1.25``; below a cent with four places."""
    if micros is None or micros == "":
        return NOTHING
    amount = int(micros) / 1_000_000
    return f"USD {amount:,.2f}" if amount >= 0.01 or not amount else f"USD {amount:.4f}"


@register.filter
def in_dollars(micros: int | None) -> str:
    """Millionths as what a field of US dollars holds; nothing as nothing."""
    return "" if micros is None else f"{micros / 1_000_000:.2f}"


@register.filter
def negated(number: int) -> int:
    return -number


@register.filter
def vendor_label(vendor: str) -> str:
    return Vendor(vendor).label


@register.filter
def get(mapping: dict[Any, Any], key: Any) -> Any:
    """``mapping[key]``, None when it is not there."""
    return mapping.get(key)


@register.filter
def moment(at: datetime | None) -> str:
    """A point in time on the operators' clock: ``21 Nov 2026 01:00 SGT``."""
    if at is None:
        return NOTHING
    local = at.astimezone(ZoneInfo(settings.TIME_ZONE_NIGHTLY))
    zone = "SGT" if settings.TIME_ZONE_NIGHTLY == "Asia/Singapore" else local.tzname()
    return f"{local.day} {local:%b %Y %H:%M} {zone}"


@register.filter
def day(value: date | None) -> str:
    return NOTHING if value is None else f"{value.day} {value:%b %Y}"


@register.filter
def ago(at: datetime | None) -> str:
    """How long since ``at``, in one unit: ``just now``, ``3 minutes ago``."""
    if at is None:
        return "never"
    seconds = (timezone.now() - at).total_seconds()
    return "just now" if seconds < JUST_NOW_SECONDS else f"{span(seconds)} ago"


@register.filter
def span(seconds: float | None) -> str:
    """A length of time in its biggest fitting unit: ``4.2 s``, ``3 minutes``, ``2 hours``."""
    if seconds is None:
        return NOTHING
    if isinstance(seconds, timedelta):
        seconds = seconds.total_seconds()
    seconds = max(float(seconds), 0.0)
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * size or unit == "minute":
            return f"{round(seconds / size)} {unit}s"
    raise AssertionError("minutes fit everything")


@register.filter
def share(part: Any, whole: Any) -> int:
    """``part`` of ``whole`` in whole percent, 0 when there is no whole."""
    return round(100 * float(part or 0) / float(whole)) if whole else 0


@register.filter
def diff_rows(event: Any) -> list[dict[str, str]]:
    """Before and after of an audit event, one row per field."""
    before, after = _as_fields(event.before), _as_fields(event.after)
    names = [*before, *(name for name in after if name not in before)]
    return [
        {"name": name, "before": _shown(before.get(name)), "after": _shown(after.get(name))}
        for name in names
    ]


def _as_fields(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"value": value}


def _shown(value: Any) -> str:
    if value is None or value == "":
        return NOTHING
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]} …"
