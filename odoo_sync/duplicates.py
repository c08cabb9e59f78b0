"""Records that were in Odoo before us: found by UEN, web site and e-mail, and linked, not doubled.

Nothing but external ids is unique there: two companies with one number are taken without complaint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from enrichment.web.host_of import host_of
from odoo_sync.clients import gateway as calls
from odoo_sync.clients.gateway import Gateway
from odoo_sync.mapping import Fields

Found = tuple[int, str]  # id there, why it is taken as ours


def find_companies(gateway: Gateway, wanted: Mapping[int, tuple[str, str]], *, fields: Fields
                   ) -> dict[int, Found]:  # fmt: skip
    """``wanted``: lead -> (UEN, web site). Lead -> the company there; archived ones come last."""
    found: dict[int, Found] = {}
    uens = {uen.upper(): lead for lead, (uen, _) in wanted.items() if uen}
    for name, words in (("company_registry", "company number"), ("vat", "tax number")):
        if name not in fields.get("res.partner", {name: {}}) or not uens:
            continue
        domain = [[name, "in", sorted(uens)], ["parent_id", "=", False]]
        for row in _rows(gateway, "res.partner", domain, [name]):
            lead = uens.get(str(row[name]).upper())
            if lead is not None:
                found.setdefault(lead, (row["id"], f"It has the same {words}, {row[name]}."))
    hosts = {host: lead for lead, (_, site) in wanted.items()
             if lead not in found and (host := _domain_of(site))}  # fmt: skip
    domain = [*["|"] * (len(hosts) - 1), *([["website", "ilike", host] for host in sorted(hosts)])]
    if hosts:
        for row in _rows(gateway, "res.partner", [["is_company", "=", True], *domain],
                         ["website"]):  # fmt: skip
            lead = hosts.get(_domain_of(str(row["website"] or "")))
            if lead is not None:
                found.setdefault(lead, (row["id"], f"It has the same web site, {row['website']}."))
    return found


def find_by_email(gateway: Gateway, model: str, wanted: Mapping[str, int]) -> dict[int, Found]:
    """``wanted``: address in small letters -> lead. Lead -> the record there."""
    found: dict[int, Found] = {}
    if not wanted:
        return found
    domain: list[Any] = [["email_normalized", "in", sorted(wanted)]]
    if model == "res.partner":
        domain.append(["is_company", "=", False])
    for row in _rows(gateway, model, domain, ["email_normalized"]):
        lead = wanted.get(str(row["email_normalized"]))
        if lead is not None:
            why = f"It has the same e-mail address, {row['email_normalized']}."
            found.setdefault(lead, (row["id"], why))
    return found


def find_by_company(gateway: Gateway, wanted: Mapping[int, int]) -> dict[int, Found]:
    """``wanted``: company there -> lead of ours. Lead -> a lead there of that company."""
    found: dict[int, Found] = {}
    if not wanted:
        return found
    domain = [["partner_id", "in", sorted(wanted)]]
    for row in _rows(gateway, "crm.lead", domain, ["partner_id"]):
        lead = wanted.get(row["partner_id"][0]) if row["partner_id"] else None
        if lead is not None:
            found.setdefault(lead, (row["id"], "It is a lead of the same company."))
    return found


def _rows(
    gateway: Gateway, model: str, domain: list[Any], names: Iterable[str]
) -> list[dict[str, Any]]:
    """Also archived ones, behind the others; the oldest first."""
    rows = calls.search(gateway, model, domain=domain, fields=[*names, "active"], archived=True)
    return sorted(rows, key=lambda row: (not row.get("active"), row["id"]))


def _domain_of(site: str) -> str:
    """Its host; empty for what has none, or one without a dot."""
    host = host_of(site if "://" in site else f"//{site}")
    return host if "." in host else ""
