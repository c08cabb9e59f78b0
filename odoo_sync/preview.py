"""Exactly what would be written for a lead, without asking Odoo anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from icp.models import Lead
from odoo_sync.facts import Facts, facts_of
from odoo_sync.mapping import KINDS, MODELS, ONCE, Options, Payload, payload_of, rules_of
from odoo_sync.models import Kind, OdooConnection, OdooPush, OdooRecord
from odoo_sync.own_rules import own_rules
from odoo_sync.sources import SOURCES
from scoring.withhold import withheld


@dataclass(frozen=True, slots=True)
class Line:
    field: str
    value: Any
    source: str  # what of the lead it is, in words


@dataclass(frozen=True, slots=True)
class Preview:
    """``kinds``: which, model, lines, and the record it has there already."""

    kinds: list[tuple[Kind, str, list[Line], OdooRecord | None]]
    left_out: list[str] = field(default_factory=list)
    is_suppressed: bool = False
    push: OdooPush | None = None


def preview(connection: OdooConnection, lead: Lead) -> Preview:
    payload = made_for(connection, {lead.pk: facts_of([lead])[lead.pk]})[lead.pk]
    rules = rules_of(own_rules(connection), options=Options.read(connection.options))
    push = OdooPush.objects.filter(connection=connection, lead=lead).first()
    records = {row.kind: row for row in push.records.order_by("pk")} if push else {}
    kinds = []
    for kind in KINDS:
        if kind not in payload.values:
            continue
        lines = [
            Line(name, value, _said(rules[kind].get(name), kind, name))
            for name, value in payload.values[kind].items()
        ]
        kinds.append((Kind(kind), MODELS[kind], lines, records.get(kind)))
    return Preview(kinds, payload.left_out, bool(withheld([lead.pk])), push)


def made_for(connection: OdooConnection, facts: dict[int, Facts]) -> dict[int, Payload]:
    """Payloads by lead, by the connection's mapping and what its test saw. One statement."""
    options = Options.read(connection.options)
    rules = rules_of(own_rules(connection), options=options)
    fields = connection.findings.get("fields", {})
    return {pk: payload_of(each, rules=rules, options=options, fields=fields)
            for pk, each in facts.items()}  # fmt: skip


def _said(rule: Any, kind: str, name: str) -> str:
    if rule is None or name in ONCE[kind]:
        return "Said once, when it is made"
    return SOURCES[rule.source].label if rule.source in SOURCES else ""
