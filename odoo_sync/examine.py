"""The test button: which version answers, what the key may do, and which fields are missing."""

from __future__ import annotations

from typing import Any

from odoo_sync.clients import gateway as calls
from odoo_sync.clients.gateway import Gateway
from odoo_sync.clients.trouble import OdooError, Trouble
from odoo_sync.mapping import MODELS, Options, objection, rules_of
from odoo_sync.models import OdooConnection
from odoo_sync.open import open_gateway
from odoo_sync.own_rules import own_rules
from tenants.clock import database_now

NEEDED = {"res.partner": ("read", "write", "create"), "crm.lead": ("read", "write", "create"),
          "crm.tag": ("read", "create")}  # fmt: skip
CHOICES = {"teams": "crm.team", "stages": "crm.stage", "users": "res.users"}
MOST_CHOICES = 200
_KEPT = ("type", "readonly", "required", "selection", "string")
_LONGEST_SELECTION = 50
_STATES = {Trouble.KEY: OdooConnection.State.KEY}


def examine(connection: OdooConnection) -> list[str]:
    """Ask Odoo, keep what it says, and return what is wrong in sentences; [] when nothing is.

    About fifteen requests, none of which writes. Raises ``OdooError`` when Odoo cannot be asked;
    the connection then says why.
    """
    try:
        gateway = open_gateway(connection, anew=True)
        try:
            findings = _ask(gateway)
        finally:
            gateway.close()
    except OdooError as exc:
        connection.note(_STATES.get(exc.trouble, OdooConnection.State.WRONG), exc.sentence)
        raise
    findings["tested_at"] = database_now().isoformat(timespec="seconds")
    OdooConnection.objects.filter(pk=connection.pk).update(
        version=gateway.version, api=gateway.api, findings=findings, failures=0, not_before=None
    )
    connection.refresh_from_db()
    wrong = trouble_in(connection)
    forbidden = [each for each in wrong if each.startswith("The key's user")]
    state = OdooConnection.State.WRONG if forbidden else OdooConnection.State.READY
    connection.note(state, " ".join(forbidden))
    return wrong


def trouble_in(connection: OdooConnection) -> list[str]:
    """What the last test found wrong: rights the key lacks, fields this Odoo does not have."""
    rights = connection.findings.get("rights", {})
    wrong = [f"The key's user may not {operation} {model}."
             for model, operations in NEEDED.items() for operation in operations
             if rights and not rights.get(model, {}).get(operation)]  # fmt: skip
    fields = connection.findings.get("fields", {})
    rules = rules_of(own_rules(connection), options=Options.read(connection.options))
    return wrong + [why for of_kind in rules.values() for rule in of_kind.values()
                    if (why := objection(rule, fields=fields))]  # fmt: skip


def _ask(gateway: Gateway) -> dict[str, Any]:
    rights = {model: {operation: calls.may(gateway, model, operation) for operation in operations}
              for model, operations in NEEDED.items()}  # fmt: skip
    fields = {model: _slim(calls.fields_of(gateway, model)) for model in set(MODELS.values())}
    return {"rights": rights, "fields": fields, **{
        name: [[row["id"], row["name"]] for row in
               calls.search(gateway, model, domain=[], fields=["name"], limit=MOST_CHOICES)]
        for name, model in CHOICES.items()
    }}  # fmt: skip


def _slim(fields: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each field what the mapping looks at; long selections (time zones) say nothing to it."""
    slim = {}
    for name, about in fields.items():
        kept = {key: about[key] for key in _KEPT if about.get(key)}
        if len(kept.get("selection") or ()) > _LONGEST_SELECTION:
            del kept["selection"]
        slim[name] = kept
    return slim
