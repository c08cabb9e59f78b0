"""Save a rule as a new version, or go back to an old one. Versions themselves never change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from icp.current_rule import day_of
from icp.models import IcpRule
from icp.rules import Rule, read_rule
from icp.taxonomy import SsicTitles, Taxonomy
from tenants import audit


class RuleError(ValueError):
    """The version cannot be saved as asked; the text says why and what to do."""


@transaction.atomic
def save_rule(
    name: str,
    payload: dict[str, Any],
    *,
    actor: str,
    reason: str = "",
    now: datetime | None = None,
    taxonomy: Taxonomy | None = None,
) -> IcpRule:
    """Store ``payload`` as the current version of the rule ``name`` and return it.

    The payload is kept as it was written, the SSIC codes of its words beside it. Saving what is
    current already changes nothing and returns it. Raises ``InvalidRuleError`` with all mistakes.
    """
    now = now or timezone.now()
    rule = read_rule(payload, taxonomy=taxonomy or SsicTitles(), as_of=day_of(now))
    current = _locked(name)
    if current and current.payload == payload and current.codes == codes_of(rule):
        return current
    last = IcpRule.objects.filter(name=name).order_by("-version").first()
    IcpRule.objects.filter(name=name, is_current=True).update(is_current=False)
    saved = IcpRule.objects.create(
        name=name, version=last.version + 1 if last else 1, payload=payload, codes=codes_of(rule),
        created_at=now, created_by=actor, reason=reason.strip()[:500],
    )  # fmt: skip
    audit.record(
        "icp.rule.save", actor=actor, subject=f"ICP rule {name}", reason=reason,
        before={"version": current.version, "payload": current.payload} if current else None,
        after={"version": saved.version, "payload": payload},
    )  # fmt: skip
    return saved


@transaction.atomic
def use_version(version: IcpRule, *, actor: str, reason: str) -> IcpRule:
    """Make an old version current again. Nights read it from their next start on."""
    if not reason.strip():
        raise RuleError("Say why: the reason stays in the audit.")
    current = _locked(version.name)
    if current and current.pk == version.pk:
        return current
    IcpRule.objects.filter(name=version.name, is_current=True).update(is_current=False)
    IcpRule.objects.filter(pk=version.pk).update(is_current=True)
    audit.record(
        "icp.rule.use", actor=actor, subject=f"ICP rule {version.name}", reason=reason,
        before={"version": current.version} if current else None,
        after={"version": version.version},
    )  # fmt: skip
    version.refresh_from_db()
    return version


def codes_of(rule: Rule) -> dict[str, list[list[str]]]:
    """What each industry word stood for, as ``IcpRule.codes`` keeps it."""
    return {word: [[each.code, each.title] for each in found] for word, found in rule.codes.items()}


def _locked(name: str) -> IcpRule | None:
    return IcpRule.objects.select_for_update().filter(name=name, is_current=True).first()
