"""Rows put into an Odoo's tables by SQL as Odoo itself would have left them.

A row needs more than was asked for: without ``active`` it is on no screen, without a stage in no
column, without ``complete_name`` and ``commercial_partner_id`` in no list to choose from, without
``email_normalized`` it escapes blacklist and duplicates. Compared, column by column, with rows that
``load`` made in an Odoo 19.0. Columns a version does not have are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.sql import SQL, Identifier
from psycopg.types.json import Jsonb

from odoo_sync.clients.direct_read import LANGUAGE, Row, Tables, of, reference

_INHERITED = ("street", "street2", "zip", "city", "state_id", "country_id", "company_registry",
              "vat", "lang")  # fmt: skip
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('leadgen ' || %s, 0))"


def load(tables: Tables, model: str, names: Sequence[str], data: Sequence[Sequence[str]]) -> Row:
    """As ``load``, for records that are to be made: what has its external id already is left as it
    is. All or nothing."""
    ids = []
    for cells in data:
        said = dict(zip(names, cells, strict=True))
        module, _, key = str(said.pop("id")).rpartition(".")
        tables.all(_LOCK, [module])
        _, known = reference(tables, module, key)
        ids.append(known or _make(tables, model, said, module=module, key=key))
    return {"ids": ids, "messages": []}


def _make(tables: Tables, model: str, cells: Mapping[str, str], *, module: str, key: str) -> int:
    values, tags = {}, {}
    for column, cell in cells.items():
        name = column.partition("/")[0]
        about = tables.field(model, name)
        if about["ttype"] == "many2many":
            tags[name] = [int(each) for each in cell.split(",") if each]
        elif cell != "":
            values[name] = _from_cell(cell, about["ttype"])
    values = _complete(tables, model, values)
    number = _insert(tables, model, values)
    if model == "res.partner":
        _name_partner(tables, [number])
    elif "parent_path" in tables.columns(model):  # of categories, which stand in a tree
        tables.connection.execute(
            SQL("UPDATE {} SET parent_path = id || '/' WHERE id = %s").format(of(model)), [number]
        )
    for name, wanted in tags.items():
        _add_tags(tables, tables.field(model, name), number, wanted)
    tables.connection.execute(
        "INSERT INTO ir_model_data (module, name, model, res_id, noupdate, create_date, write_date)"
        " VALUES (%s, %s, %s, %s, false, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC')"
        " ON CONFLICT (module, name) DO UPDATE SET res_id = excluded.res_id",
        [module, key, model, number],
    )
    return number


def write(tables: Tables, model: str, ids: Sequence[int], values: Mapping[str, Any]) -> bool:
    """Set ``values`` and what follows from them; tags are added."""
    plain = {}
    for name, value in values.items():
        about = tables.field(model, name)
        if about["ttype"] == "many2many":
            for number in ids:
                _add_tags(tables, about, number, [one for _, one, _ in value])
        else:
            plain[name] = None if value is False and about["ttype"] != "boolean" else value
    plain |= _derived(plain)
    changes = [name for name in plain if name in tables.columns(model)]
    more = SQL("").join(SQL(", {} = %s").format(Identifier(name)) for name in changes)
    statement = SQL(
        "UPDATE {} SET write_uid = %s, write_date = now() AT TIME ZONE 'UTC'{} WHERE id = ANY(%s)"
    )
    tables.connection.execute(
        statement.format(of(model), more),
        [tables.user(), *(_stored(tables, model, name, plain[name]) for name in changes),
         list(ids)],
    )  # fmt: skip
    if model == "res.partner" and "name" in plain:
        _name_partner(tables, ids)
    return True


def _complete(tables: Tables, model: str, values: Row) -> Row:
    """``values`` with Odoo's defaults and what it works out; ours win."""
    now = _now(tables)
    usual: Row = {"create_uid": tables.user(), "write_uid": tables.user(), "create_date": now,
                  "write_date": now, "color": 0, "active": True, **_derived(values)}  # fmt: skip
    if model == "res.partner":
        usual |= {"type": "contact", "is_company": False, "partner_share": True,
                  "message_bounce": 0, "lang": _language(tables),
                  **_from_parent(tables, values.get("parent_id"))}  # fmt: skip
    elif model == "crm.lead":
        usual |= {
            "type": "lead", "priority": "0", "message_bounce": 0,
            "stage_id": _first_stage(tables), "won_status": "pending", "probability": 0,
            "automated_probability": 0, "date_last_stage_update": now, "day_open": 0,
            "day_close": 0, **dict.fromkeys(_REVENUES, 0),
        }  # fmt: skip
    return usual | values | {name: usual[name] for name in _DERIVED if name in usual}


_REVENUES = ("expected_revenue", "prorated_revenue", "recurring_revenue",
             "recurring_revenue_monthly", "recurring_revenue_monthly_prorated",
             "recurring_revenue_prorated")  # fmt: skip
_DERIVED = ("email_normalized", "email_domain_criterion", "phone_sanitized", "website")


def _derived(values: Mapping[str, Any]) -> Row:
    """What Odoo works out of ``values`` and keeps in columns of its own."""
    found: Row = {}
    for name in ("email", "email_from"):
        if name in values:
            address = str(values[name] or "").strip().lower()
            found["email_normalized"] = address or None
            found["email_domain_criterion"] = f"@{address.partition('@')[2]}" if address else None
    if "phone" in values:
        number = str(values["phone"] or "")
        digits = "".join(each for each in number if each.isascii() and each.isdigit())
        found["phone_sanitized"] = f"+{digits}" if number.lstrip().startswith("+") else None
    if (site := values.get("website")) and "://" not in str(site):
        found["website"] = f"http://{site}"
    return found


def _from_parent(tables: Tables, parent: Any) -> Row:
    """A person of a company has its address and number, as in Odoo."""
    if not parent:
        return {}
    names = [name for name in _INHERITED if name in tables.columns("res.partner")]
    found = tables.one(SQL("SELECT {} FROM res_partner WHERE id = %s").format(
        SQL(", ").join(map(Identifier, names))), [parent])  # fmt: skip
    return {name: value for name, value in (found or {}).items() if value is not None}


def _name_partner(tables: Tables, ids: Sequence[int]) -> None:
    """Whose they are, and what they are called in lists; of their people, too."""
    tables.connection.execute(
        "UPDATE res_partner p SET commercial_partner_id = CASE WHEN p.is_company OR c.id IS NULL"
        " THEN p.id ELSE coalesce(c.commercial_partner_id, c.id) END,"
        " commercial_company_name = CASE WHEN p.is_company THEN p.name ELSE c.name END,"
        " complete_name = CASE WHEN c.id IS NULL OR p.is_company THEN p.name"
        " ELSE concat_ws(', ', c.name, nullif(p.name, '')) END"
        " FROM res_partner q LEFT JOIN res_partner c ON c.id = q.parent_id"
        " WHERE q.id = p.id AND (p.id = ANY(%s) OR p.parent_id = ANY(%s))", [list(ids)] * 2,
    )  # fmt: skip


def _insert(tables: Tables, model: str, values: Row) -> int:
    names = [name for name in values if name in tables.columns(model)]
    statement = SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING id").format(
        of(model), SQL(", ").join(map(Identifier, names)), SQL(", ").join([SQL("%s")] * len(names))
    )
    given = [_stored(tables, model, name, values[name]) for name in names]
    made = tables.one(statement, given)
    return int(made["id"]) if made else 0


def _add_tags(tables: Tables, about: Row, number: int, wanted: Sequence[int]) -> None:
    statement = SQL("INSERT INTO {} ({}, {}) SELECT %s, unnest(%s::int[]) ON CONFLICT DO NOTHING")
    tables.connection.execute(
        statement.format(Identifier(about["relation_table"]), Identifier(about["column1"]),
                         Identifier(about["column2"])), [number, list(wanted)],
    )  # fmt: skip


def _stored(tables: Tables, model: str, name: str, value: Any) -> Any:
    if value is not None and tables.speaks_languages(model, name):
        return Jsonb({LANGUAGE: value})
    return value


def _from_cell(cell: str, kind: str) -> Any:
    if kind == "boolean":
        return cell == "1"
    if kind in ("many2one", "integer"):
        return int(cell)
    return float(cell) if kind in ("float", "monetary") else cell


def _now(tables: Tables) -> Any:
    found = tables.one("SELECT now() AT TIME ZONE 'UTC' AS said", [])
    return found["said"] if found else None


def _language(tables: Tables) -> Any:
    found = tables.one("SELECT code FROM res_lang WHERE active ORDER BY id LIMIT 1", [])
    return found["code"] if found else LANGUAGE


def _first_stage(tables: Tables) -> Any:
    found = tables.one("SELECT id FROM crm_stage ORDER BY sequence, id LIMIT 1", [])
    return found["id"] if found else None
