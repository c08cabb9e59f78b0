"""The configuration as the migration plan names it: read it, and change parts of it at once.

What a value means stands with it in ``read_config``. No key, token or password is part of it.
"""

from __future__ import annotations

from datetime import time
from typing import Any

from django.conf import settings
from django.db import transaction

from outreach.admission.policy import set_hours
from outreach.models import MailPolicy
from outreach.windows import WindowError, parse_hours, zone_of
from tenants import audit
from tenants.clock import database_now
from tenants.context import current_schema, in_public
from tenants.models import TenantSettings
from tenants.permits import Vendor
from tenants.vendor_models import RateLimit

MINUTE = 60
MOST_ZONES = 100
TRANSPORTS = ("none", "graph", "gmail", "smtp")
# Name in the API -> field of the tenant's settings.
OF_TENANT = {
    "emailProvider": "email_provider",
    "nightlyEnabled": "nightly_enabled",
    "nightlyAt": "nightly_at",
    "candidatesPerNight": "candidates_per_night",
    "shortlistCap": "shortlist_cap",
}


class ConfigError(ValueError):
    """A value cannot be used; ``field`` is its name in the API."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def read_config() -> dict[str, Any]:
    """The current tenant's configuration under the names of the API.

    ``llmTransactionLimit`` is calls of the language model a minute, of all tenants together:
    they share the deployment's account. Hours and zones are those the gate asks at each mail.
    """
    chosen = TenantSettings.objects.get(pk=current_schema())
    values = {name: getattr(chosen, field) for name, field in OF_TENANT.items()}
    values["nightlyAt"] = f"{chosen.nightly_at:%H:%M}"
    policy = MailPolicy.current()
    return {"llmTransactionLimit": _llm_limit(), "workingHours": policy.weekly_hours,
            "activeTimezones": policy.active_zones, **values}  # fmt: skip


@transaction.atomic
def update_config(changes: dict[str, Any], *, actor: str, reason: str = "") -> dict[str, Any]:
    """Set what ``changes`` names, all or nothing, and return the whole configuration.

    In force with the next call of the language model, the next mail, the next night. One audit
    event holds what differs; the same values again write none. Raises ``ConfigError``.
    """
    chosen = TenantSettings.objects.select_for_update(of=("self",)).get(pk=current_schema())
    before = read_config()
    check(changes)
    for name, field in OF_TENANT.items():
        if name in changes:
            value = changes[name]
            setattr(chosen, field, time.fromisoformat(value) if name == "nightlyAt" else value)
    chosen.save(update_fields=list(OF_TENANT.values()))
    if "llmTransactionLimit" in changes:
        _set_llm_limit(changes["llmTransactionLimit"])
    set_hours(hours=changes.get("workingHours"), zones=changes.get("activeTimezones"),
              now=database_now())  # fmt: skip
    after = read_config()
    old, new = audit.changes(before, after)
    if new:
        audit.record("tenants.config.update", actor=actor, subject="configuration", before=old,
                     after=new, reason=reason)  # fmt: skip
    return after


def check(changes: dict[str, Any]) -> None:
    """Raise ``ConfigError`` for hours or time zones that cannot be used."""
    try:
        parse_hours(changes.get("workingHours", {}))
    except WindowError as exc:
        raise ConfigError("workingHours", str(exc)) from exc
    try:
        for name in changes.get("activeTimezones", []):
            zone_of(name)
    except WindowError as exc:
        raise ConfigError("activeTimezones", str(exc)) from exc


def _llm_limit() -> int:
    calls, seconds = settings.VENDOR_RATES[Vendor.LLM]
    with in_public():
        row = RateLimit.objects.filter(lane=Vendor.LLM.value).first()
    if row is not None:
        calls, seconds = row.calls, row.seconds
    return calls * MINUTE // seconds


def _set_llm_limit(calls: int) -> None:
    with in_public():
        RateLimit.objects.update_or_create(
            lane=Vendor.LLM.value, defaults={"calls": calls, "seconds": MINUTE}
        )
