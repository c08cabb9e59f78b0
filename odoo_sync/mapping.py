"""What would be written into Odoo for a lead, field by field. Pure: no database, no network.

Fields of the first table are ours by default; a tenant's own rows replace them or add others. A
field this Odoo does not have, or that may not be written, is left out and named.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from odoo_sync.facts import Facts
from odoo_sync.sources import SOURCES
from odoo_sync.values import Link, Tags, Unresolved, clean, without_repeats

COMPANY, CONTACT, LEAD = "COMPANY", "CONTACT", "LEAD"
KINDS = (COMPANY, CONTACT, LEAD)
MODELS = {COMPANY: "res.partner", CONTACT: "res.partner", LEAD: "crm.lead"}
DEFAULTS: dict[str, dict[str, str]] = {
    COMPANY: {"name": "name", "company_registry": "uen", "website": "website", "phone": "phone",
              "street": "address", "zip": "postal_code", "city": "city", "country_id": "country",
              "category_id": "company_tags", "comment": "about_company"},
    CONTACT: {"name": "contact_name", "function": "contact_title", "email": "contact_email",
              "phone": "contact_phone"},
    LEAD: {"name": "name", "partner_name": "name", "contact_name": "contact_name",
           "function": "contact_title", "email_from": "contact_email", "phone": "any_phone",
           "website": "website", "street": "address", "zip": "postal_code", "city": "city",
           "country_id": "country", "priority": "priority", "tag_ids": "lead_tags",
           "description": "about_lead"},
}  # fmt: skip
# Said when a record is made and never again: from then on they belong to the sales team.
ONCE: dict[str, tuple[str, ...]] = {
    COMPANY: ("is_company",), CONTACT: ("parent_id", "type"),
    LEAD: ("type", "user_id", "team_id", "stage_id", "partner_id"),
}  # fmt: skip
# The sales team's, or Odoo's own: no mapping writes them.
NEVER = {"id", "probability", "expected_revenue", "active", "company_id", "create_uid",
         "write_uid", "lost_reason_id", "date_closed", "parent_id", "partner_id"}  # fmt: skip
Fields = Mapping[str, Mapping[str, Mapping[str, Any]]]  # model -> field -> what fields_get says


@dataclass(frozen=True, slots=True)
class Rule:
    """A tenant's own row of the mapping; ``source`` "" writes nothing."""

    kind: str
    field: str
    source: str
    constant: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """What is the same for all leads. Numbers are ids there; 0 leaves it to Odoo."""

    team: int = 0
    stage: int = 0
    user: int = 0
    tags: tuple[str, ...] = ()
    vat: bool = False

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Options:
        number = {name: int(kept.get(name) or 0) for name in ("team", "stage", "user")}
        return cls(**number, tags=without_repeats(kept.get("tags") or ()),
                   vat=bool(kept.get("vat")))  # fmt: skip


@dataclass(slots=True)
class Payload:
    """Kind -> field -> value; kinds the lead has nothing for are absent."""

    values: dict[str, dict[str, Unresolved]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)  # why a field is not written, in words

    @property
    def digest(self) -> str:
        """Tells whether there is anything new to say."""
        told = {kind: {name: repr(value) for name, value in sorted(values.items())}
                for kind, values in sorted(self.values.items())}  # fmt: skip
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def rules_of(own: Iterable[Rule], *, options: Options) -> dict[str, dict[str, Rule]]:
    """Kind -> field -> rule: ours, as the tenant's own rows change it."""
    rules = {kind: {name: Rule(kind, name, source) for name, source in fields.items()}
             for kind, fields in DEFAULTS.items()}  # fmt: skip
    if options.vat:
        rules[COMPANY]["vat"] = Rule(COMPANY, "vat", "uen")
    for rule in own:
        rules[rule.kind][rule.field] = rule
    return rules


def payload_of(
    facts: Facts, *, rules: Mapping[str, Mapping[str, Rule]], options: Options, fields: Fields
) -> Payload:
    """All that would be written for the lead. Empty values are not: nothing there is blanked.

    ``fields`` as the connection's test saw them; empty when it was not tested.
    """
    made = Payload()
    for kind in KINDS:
        if kind == CONTACT and not (facts.contact and facts.contact.name):
            continue  # a mailbox without a name is no person there
        values: dict[str, Unresolved] = {}
        for name, rule in rules[kind].items():
            if why := objection(rule, fields=fields):
                made.left_out.append(why)
                continue
            value = _value(rule, facts)
            if name in ("tag_ids", "category_id") and isinstance(value, Tags):
                value = Tags(value.model, without_repeats([*options.tags, *value.names]))
            if not _is_empty(value):
                values[name] = value
        made.values[kind] = values | _once(kind, options, fields=fields)
    return made


def objection(rule: Rule, *, fields: Fields) -> str:
    """Why a rule cannot be carried out in this Odoo; empty when it can."""
    model = MODELS[rule.kind]
    if not rule.source:
        return ""
    if rule.field in NEVER or rule.field in ONCE[rule.kind]:
        return f"{model}.{rule.field} belongs to Odoo or the sales team and is not written."
    if rule.source not in SOURCES:
        return f"{model}.{rule.field}: {rule.source!r} is nothing a lead has."
    known = fields.get(model)
    if not known:
        return ""
    there = known.get(rule.field)
    if there is None:
        return f"{model}.{rule.field} does not exist in this Odoo."
    if there.get("readonly"):
        return f"{model}.{rule.field} may not be written in this Odoo."
    kind, source = str(there.get("type") or ""), SOURCES[rule.source]
    if kind not in source.kinds:
        return f"{model}.{rule.field} is of type {kind}, which {source.label.lower()} does not fit."
    allowed = [str(value) for value, _ in there.get("selection") or ()]
    if kind == "selection" and rule.constant and rule.constant not in allowed:
        return f"{model}.{rule.field} knows no {rule.constant!r}, only {', '.join(allowed)}."
    return ""


def _value(rule: Rule, facts: Facts) -> Unresolved:
    if not rule.source:
        return ""
    if rule.source == "constant":
        return clean(rule.constant)
    return SOURCES[rule.source].value(facts)


def _is_empty(value: Unresolved) -> bool:
    if isinstance(value, Tags):
        return not value.names
    return not isinstance(value, Link) and (value == "" or value is None)


def _once(kind: str, options: Options, *, fields: Fields) -> dict[str, Unresolved]:
    if kind == COMPANY:
        return {"is_company": True}
    if kind == CONTACT:
        return {"type": "contact"}
    chosen = {"team_id": options.team, "stage_id": options.stage}
    # Without a word Odoo gives each new lead to the key's own user.
    return {"type": "lead", "user_id": options.user,
            **{name: number for name, number in chosen.items() if number}}  # fmt: skip


def kind_of_field(fields: Fields, model: str, name: str) -> str:
    """The type Odoo says the field has; by our own knowledge where it was not asked."""
    there = fields.get(model, {}).get(name)
    return str(there["type"]) if there else _USUAL.get(name, "char")


_USUAL = {"is_company": "boolean", "country_id": "many2one", "category_id": "many2many",
          "tag_ids": "many2many", "comment": "html", "description": "html", "priority": "selection",
          "type": "selection", "user_id": "many2one", "team_id": "many2one",
          "stage_id": "many2one", "partner_id": "many2one", "parent_id": "many2one"}  # fmt: skip
