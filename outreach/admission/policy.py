"""What a tenant decides about all its mail, and about where addresses may come from.

Each change is one audit event with its reason, and held mail is asked again at once, so that a
changed cell changes what the queue accepts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from outreach.admission.ask_again import ask_again
from outreach.law import ANYWHERE, NEEDS_BASIS, POLICY, Answer, Origin, Policy, policy_for
from outreach.models import MailPolicy, OriginPolicy
from outreach.windows import DAYS
from outreach.wording.render import one_line
from tenants import audit

COUNTRIES = ("SG",)  # shown beside "all countries" even before anybody changed a cell


class PolicyError(Exception):
    """It cannot be set so; ``field`` says where."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Cell:
    """One answer of the table origin x country, and whether it is the tenant's own."""

    origin: Origin
    country: str
    policy: Policy
    own: OriginPolicy | None


@transaction.atomic
def set_policy(changes: dict[str, Any], *, actor: str, reason: str, now: datetime) -> bool:
    """Change the mail policy; returns whether anything differs. Raises ``PolicyError``."""
    reason = _said(reason)
    _check(changes)
    before, after = _keep(changes)
    if not after:
        return False
    audit.record("outreach.policy.set", actor=actor, subject="mail policy", before=before,
                 after=after, reason=reason)  # fmt: skip
    ask_again(now=now)
    return True


@transaction.atomic
def set_hours(
    *, hours: dict[str, list[str]] | None, zones: list[str] | None, now: datetime
) -> None:
    """Say when mail may go out and to which time zones; None leaves as it is. Audits nothing.

    No hours at all is a week that is closed; no zones means all of them.
    """
    changes: dict[str, Any] = {}
    if hours is not None:
        changes["hours"] = hours if any(hours.values()) else {day: [] for day in DAYS}
    if zones is not None:
        changes["active_zones"] = zones
    _before, after = _keep(changes)
    if after:
        ask_again(now=now)


def _keep(changes: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Store what differs; returns it as it was and as it is."""
    policy, _ = MailPolicy.objects.select_for_update().get_or_create(pk=1)
    before, after = audit.changes({name: getattr(policy, name) for name in changes}, changes)
    if after:
        MailPolicy.objects.filter(pk=1).update(**after)
    return before, after


@transaction.atomic
def set_origin(
    origin: str, country: str, answer: str, *, actor: str, reason: str, now: datetime
) -> None:
    """Set one cell of the tenant's own table; ``answer`` empty goes back to the default.

    Raises ``PolicyError`` for what is no origin, country or answer, and without a reason.
    """
    reason = _said(reason)
    country = country.strip().upper() or ANYWHERE
    if origin not in {each.value for each in Origin}:
        raise PolicyError("origin", f"There is no origin {origin[:20]!r}.")
    if country != ANYWHERE and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise PolicyError("country", "Write a country as two letters such as SG.")
    if answer and answer not in {each.value for each in Answer}:
        raise PolicyError("answer", "Choose send, ask or never.")
    mine = OriginPolicy.objects.filter(origin=origin, country=country)
    before = mine.values_list("answer", flat=True).first()
    if answer:
        OriginPolicy.objects.update_or_create(
            origin=origin, country=country,
            defaults={"answer": answer, "reason": reason[:500], "set_by": actor, "set_at": now},
        )  # fmt: skip
    else:
        mine.delete()
    audit.record("outreach.origin.set", actor=actor, subject=f"{origin} in {country}",
                 before=before, after=answer or None, reason=reason)  # fmt: skip
    ask_again(now=now)


def table() -> tuple[list[str], list[tuple[Origin, list[Cell]]]]:
    """Countries, and for each origin its cells; a country's own row goes before "all"."""
    own = {(row.origin, row.country): row for row in OriginPolicy.objects.all()}
    special = {country for _, country in [*own, *POLICY] if country != ANYWHERE}
    countries = [ANYWHERE, *sorted(special | set(COUNTRIES))]
    answers = {key: Answer(row.answer) for key, row in own.items()}
    return countries, [
        (origin, [_cell(origin, country, own=own, answers=answers) for country in countries])
        for origin in Origin
    ]


def _cell(
    origin: Origin,
    country: str,
    *,
    own: dict[tuple[str, str], OriginPolicy],
    answers: dict[tuple[str, str], Answer],
) -> Cell:
    found = policy_for(origin, country, own=answers)
    return Cell(origin, country, found, own.get((origin.value, country)))


def _check(changes: dict[str, Any]) -> None:
    unknown = [country for country in changes.get("bases", {}) if country not in NEEDS_BASIS]
    if unknown:
        raise PolicyError("bases", f"No basis is asked for in {', '.join(unknown)}.")


def _said(reason: str) -> str:
    reason = one_line(reason)
    if not reason:
        raise PolicyError("reason", "Say why: the reason stays with the policy.")
    return reason[:500]
