"""An Odoo's tables, as its own ``ir_model_fields`` describe them, and what is read from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Identifier

from odoo_sync.clients.trouble import SENTENCES, OdooError, Trouble

Row = dict[str, Any]
LANGUAGE = "en_US"  # that of texts in several languages which every Odoo has
SYSTEM_USER = 1


@dataclass(slots=True)
class Tables:
    """One database and what its ``ir_model_fields`` say, asked once for each model."""

    connection: psycopg.Connection[Row]
    login: str = ""
    _fields: dict[str, dict[str, Row]] = field(default_factory=dict)
    _columns: dict[str, set[str]] = field(default_factory=dict)
    _user: int = 0

    def all(self, statement: str | Composable, values: Sequence[Any]) -> list[Row]:
        return self.connection.execute(statement, values).fetchall()  # type: ignore[arg-type]  # fixed texts

    def one(self, statement: str | Composable, values: Sequence[Any]) -> Row | None:
        return next(iter(self.all(statement, values)), None)

    def fields(self, model: str) -> dict[str, Row]:
        """Those that are columns or relation tables, with type and relation."""
        if model not in self._fields:
            found = self.all(
                "SELECT name, ttype, relation, relation_table, column1, column2, readonly, required"
                " FROM ir_model_fields WHERE model = %s AND store", [model],
            )  # fmt: skip
            there = self.columns(model)
            self._fields[model] = {
                row["name"]: row for row in found
                if row["name"] in there or row["ttype"] == "many2many"
            }  # fmt: skip
        return self._fields[model]

    def field(self, model: str, name: str) -> Row:
        """Raises ``OdooError`` for one this Odoo does not have."""
        if (model, name) == ("res.users", "name"):
            return {"ttype": "char"}  # of the partner behind it
        known = self.fields(model).get(name)
        if known is None:
            raise OdooError(SENTENCES[Trouble.FIELD], trouble=Trouble.FIELD)
        return known

    def columns(self, model: str) -> set[str]:
        if model not in self._columns:
            found = self.all("SELECT attname AS name, atttypid = 'jsonb'::regtype AS many"
                             " FROM pg_attribute WHERE attrelid = to_regclass(%s)"
                             " AND attnum > 0 AND NOT attisdropped", [table(model)])  # fmt: skip
            self._columns[model] = {row["name"] for row in found}
            self._columns[f"{model} in languages"] = {row["name"] for row in found if row["many"]}
        return self._columns[model]

    def speaks_languages(self, model: str, name: str) -> bool:
        self.columns(model)
        return name in self._columns[f"{model} in languages"]

    def user(self) -> int:
        if not self._user:
            found = self.one("SELECT id FROM res_users WHERE login = %s", [self.login])
            self._user = int(found["id"]) if found else SYSTEM_USER
        return self._user

    def may(self, model: str, privilege: str) -> bool:
        said = self.one("SELECT has_table_privilege(current_user, %s, %s) AS said",
                        [table(model), privilege])  # fmt: skip
        return bool(said and said["said"])

    def fields_get(self, model: str) -> dict[str, Row]:
        known = self.all(
            "SELECT f.name, s.value FROM ir_model_fields_selection s JOIN ir_model_fields f"
            " ON f.id = s.field_id WHERE f.model = %s ORDER BY s.sequence, s.id", [model],
        )  # fmt: skip
        choices: dict[str, list[list[str]]] = {}
        for row in known:
            choices.setdefault(row["name"], []).append([row["value"], row["value"]])
        return {
            name: {"type": row["ttype"], "string": name, "required": bool(row["required"]),
                   "readonly": bool(row["readonly"]), "relation": row["relation"] or "",
                   "selection": choices.get(name, [])}
            for name, row in self.fields(model).items()
        }  # fmt: skip


def table(model: str) -> str:
    return model.replace(".", "_")


def reference(tables: Tables, module: str, name: str) -> list[Any]:
    """Model and record of an external id, False for one that was deleted or never was."""
    known = tables.one("SELECT model, res_id FROM ir_model_data WHERE module = %s AND name = %s",
                       [module, name])  # fmt: skip
    if known is None:
        return [False, False]
    there = tables.one(SQL("SELECT id FROM {} WHERE id = %s").format(of(known["model"])),
                       [known["res_id"]])  # fmt: skip
    return [known["model"], known["res_id"] if there else False]


def search(
    tables: Tables, model: str, domain: Sequence[Any], names: Sequence[str], *, limit: int,
    archived: bool,
) -> list[Row]:  # fmt: skip
    """As ``search_read``: links as [id, name], empty values as False, moments as UTC text."""
    kinds = {name: tables.field(model, name) for name in names if name != "id"}
    plain = ["id", *(name for name, about in kinds.items() if about["ttype"] != "many2many")]
    condition, values = _condition(tables, model, domain)
    if not archived and "active" in tables.columns(model):
        condition = SQL("({}) AND active").format(condition)
    statement = SQL("SELECT {} FROM {} WHERE {} ORDER BY id {}").format(
        SQL(", ").join(SQL("{} AS {}").format(said_in(tables, model, each), Identifier(each))
                       for each in plain),
        of(model), condition, SQL("LIMIT {}").format(limit) if limit else SQL(""),
    )  # fmt: skip
    found = tables.all(statement, values)
    for name, about in kinds.items():
        if about["ttype"] == "many2one":
            _name_links(tables, found, name, str(about["relation"]))
        elif about["ttype"] == "many2many":
            _tags(tables, found, about)
    return [{name: _out(value) for name, value in row.items()} for row in found]


def _condition(tables: Tables, model: str, domain: Sequence[Any]) -> tuple[Composable, list[Any]]:
    """Of a domain in prefix notation; parts side by side must all hold."""
    stack: list[tuple[Composable, list[Any]]] = []
    for each in reversed(domain):
        if each == "|":
            (one, first), (other, second) = stack.pop(), stack.pop()
            stack.append((SQL("({} OR {})").format(one, other), first + second))
        else:
            stack.append(_leaf(tables, model, *each))
    stack.reverse()
    parts = [part for part, _ in stack] or [SQL("true")]
    return SQL(" AND ").join(parts), [value for _, mine in stack for value in mine]


def _leaf(
    tables: Tables, model: str, name: str, operator: str, wanted: Any
) -> tuple[Composable, list[Any]]:
    said = said_in(tables, model, name)
    if operator == "in":
        return SQL("{} = ANY(%s)").format(said), [list(wanted)]
    if operator == "ilike":
        part = str(wanted).replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        return SQL("{} ILIKE %s").format(said), [f"%{part}%"]
    if wanted is False:
        kind = tables.field(model, name)["ttype"]
        return SQL("NOT coalesce({}, false)" if kind == "boolean" else "{} IS NULL").format(
            said
        ), []
    return SQL("{} = %s").format(said), [wanted]


def said_in(tables: Tables, model: str, name: str) -> Composable:
    if (model, name) == ("res.users", "name"):
        return SQL("(SELECT p.name FROM res_partner p WHERE p.id = res_users.partner_id)")
    if tables.speaks_languages(model, name):
        return SQL("{}->>{}").format(Identifier(name), LANGUAGE)
    return Identifier(name)


def of(model: str) -> Composable:
    return Identifier(table(model))


def _name_links(tables: Tables, found: list[Row], name: str, relation: str) -> None:
    ids = sorted({row[name] for row in found if row[name]})
    statement = SQL("SELECT id, {} AS said FROM {} WHERE id = ANY(%s)").format(
        said_in(tables, relation, "name"), of(relation)
    )
    texts = {row["id"]: row["said"] for row in tables.all(statement, [ids])} if ids else {}
    for row in found:
        row[name] = [row[name], texts.get(row[name]) or ""] if row[name] else False


def _tags(tables: Tables, found: list[Row], about: Row) -> None:
    statement = SQL("SELECT {} AS mine, {} AS tag FROM {} WHERE {} = ANY(%s) ORDER BY 2").format(
        Identifier(about["column1"]), Identifier(about["column2"]),
        Identifier(about["relation_table"]), Identifier(about["column1"]),
    )  # fmt: skip
    for row in found:
        row[about["name"]] = []
    by_id = {row["id"]: row for row in found}
    for pair in tables.all(statement, [list(by_id)]):
        by_id[pair["mine"]][about["name"]].append(pair["tag"])


def _out(value: Any) -> Any:
    if value is None:
        return False
    if isinstance(value, Decimal):
        return float(value)
    return value.strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else value
