"""The tables of the made-up Odoo: models with their fields, and what each call does to them.

As an Odoo 19 (or 17) with crm and contacts was seen to behave: strict about fields, all or nothing,
values put into its own form on the way in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
_PARTNER = {
    **dict.fromkeys(("name", "street", "street2", "zip", "city", "phone", "website", "email",
                     "company_registry", "vat", "function", "ref"), "char"),
    "comment": "html", "is_company": "boolean", "active": "boolean", "type": "selection",
    "parent_id": "res.partner", "country_id": "res.country", "industry_id": "res.partner.industry",
    "category_id": ["res.partner.category"], "user_id": "res.users",
    "email_normalized": "char", "complete_name": "char", "write_date": "datetime",
}  # fmt: skip
_LEAD = {
    **dict.fromkeys(("name", "partner_name", "contact_name", "function", "email_from", "phone",
                     "website", "street", "street2", "zip", "city", "referred"), "char"),
    "description": "html", "type": "selection", "priority": "selection", "active": "boolean",
    "partner_id": "res.partner", "country_id": "res.country", "tag_ids": ["crm.tag"],
    "stage_id": "crm.stage", "team_id": "crm.team", "user_id": "res.users",
    "source_id": "utm.source", "probability": "float", "expected_revenue": "float",
    "email_normalized": "char", "write_date": "datetime", "create_date": "datetime",
    "date_last_stage_update": "datetime",
}  # fmt: skip
SELECTIONS = {
    ("crm.lead", "type"): [["lead", "Lead"], ["opportunity", "Opportunity"]],
    ("crm.lead", "priority"): [["0", "Low"], ["1", "Medium"], ["2", "High"], ["3", "Very High"]],
    ("res.partner", "type"): [["contact", "Contact"], ["invoice", "Invoice"], ["other", "Other"]],
}
REQUIRED = {"crm.lead": ("name", "type"), "res.partner": ("name",), "crm.tag": ("name",),
            "res.partner.category": ("name",)}  # fmt: skip
READONLY = {"email_normalized", "complete_name", "write_date", "create_date",
            "date_last_stage_update"}  # fmt: skip
GONE_IN_19 = ("mobile", "title")


class RaisedError(Exception):
    """What Odoo would raise: the name of its exception, and its words."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name, self.message = name, message


class RowError(Exception):
    def __init__(self, field_name: str, message: str) -> None:
        super().__init__(message)
        self.field = field_name


def now_text() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


@dataclass(slots=True)
class OdooTables:
    """One database. ``refuse`` makes ``load`` complain about a row: its words, or nothing."""

    major: int = 19
    refuse: Callable[[str, Row], str] | None = None
    fields: dict[str, dict[str, Any]] = field(default_factory=dict, init=False)
    rows: dict[str, dict[int, Row]] = field(default_factory=dict, init=False)
    _next: int = field(default=100, init=False)
    _undo: list[tuple[str, int, Row | None]] = field(default_factory=list, init=False)
    _external: dict[tuple[str, str], int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        older = dict.fromkeys(GONE_IN_19, "char") if self.major < 19 else {}
        named: dict[str, Any] = {"name": "char"}
        self.fields = {
            "res.partner": {**_PARTNER, **older}, "crm.lead": {**_LEAD, **older},
            "crm.tag": dict(named), "res.partner.category": dict(named), "crm.team": dict(named),
            "crm.stage": {**named, "sequence": "integer", "is_won": "boolean"},
            "res.users": {**named, "login": "char"}, "res.country": {**named, "code": "char"},
            "res.partner.industry": dict(named), "utm.source": dict(named),
            "ir.model.data": {"module": "char", "name": "char", "model": "char",
                              "res_id": "integer"},
        }  # fmt: skip
        self.rows = {model: {} for model in self.fields}
        for number, name in enumerate(("New", "Qualified", "Proposition", "Won"), start=1):
            self.rows["crm.stage"][number] = {"name": name, "sequence": number,
                                              "is_won": name == "Won"}  # fmt: skip
        self.rows["crm.team"] = {1: {"name": "Sales"}, 2: {"name": "Website"}}
        self.rows["res.users"] = {2: {"name": "Sync", "login": "sync"},
                                  7: {"name": "Siti Rahman", "login": "siti"}}  # fmt: skip
        self.rows["res.country"] = {197: {"name": "Singapore", "code": "SG"},
                                    157: {"name": "Malaysia", "code": "MY"}}  # fmt: skip

    # --- the calls ------------------------------------------------------------------------------
    def fields_get(self, model: str) -> dict[str, Any]:
        found = {}
        for name, kind in self._fields(model).items():
            about: Row = {"type": _type(kind), "string": name.replace("_", " ").title(),
                          "required": name in REQUIRED.get(model, ()) and name != "type",
                          "readonly": name in READONLY}  # fmt: skip
            if about["type"] in ("many2one", "many2many"):
                about["relation"] = kind if isinstance(kind, str) else kind[0]
            if (model, name) in SELECTIONS:
                about["selection"] = SELECTIONS[model, name]
            found[name] = about
        return found

    def load(self, model: str, names: list[str], data: list[list[str]]) -> Row:
        """All rows or none, as Odoo's ``load``; rows with the same external id are updated."""
        for name in names:
            column = name.partition("/")[0]
            if column not in ("id", ".id") and column not in self._fields(model):
                raise RaisedError("builtins.ValueError", f"Invalid field {column!r} on {model!r}")
        self._undo.clear()
        ids: list[int] = []
        messages: list[Row] = []
        for number, cells in enumerate(data):
            try:
                ids.append(self._load_row(model, dict(zip(names, cells, strict=True))))
            except RowError as exc:
                place = {"from": number, "to": number}
                messages.append({"type": "error", "record": number, "field": exc.field,
                                 "message": str(exc), "rows": place})  # fmt: skip
        if messages:
            for of, key, row in reversed(self._undo):
                self._put(of, key, row)
            return {"ids": False, "messages": messages, "nextrow": 0}
        return {"ids": ids, "messages": [], "nextrow": 0}

    def _load_row(self, model: str, cells: Row) -> int:
        values = {}
        for column, cell in cells.items():
            if column in ("id", ".id"):
                continue
            name, _, how = column.partition("/")
            values[name] = self._from_cell(model, name, how, cell)
        if self.refuse and (why := self.refuse(model, values)):
            raise RowError("name", why)
        module, _, name = str(cells.get("id", "")).rpartition(".")
        known = self._data(module or "__import__", name) if name else None
        if known is not None and known["res_id"] in self.rows[model]:
            self._check(model, {**self.rows[model][known["res_id"]], **values})
            self._set(model, known["res_id"], values)
            return int(known["res_id"])
        number = self.create(model, values)
        if name:
            if known is not None:
                known["res_id"] = number
            else:
                self._next += 1
                row = {"module": module or "__import__", "name": name, "model": model,
                       "res_id": number}  # fmt: skip
                self._undo.append(("ir.model.data", self._next, None))
                self._put("ir.model.data", self._next, row)
        return number

    def create(self, model: str, values: Row) -> int:
        row = self._defaults(model) | values
        self._check(model, row)
        self._next += 1
        self._undo.append((model, self._next, None))
        self._put(model, self._next, {"create_date": now_text()})
        self._set(model, self._next, row)
        return self._next

    def write(self, model: str, ids: Iterable[int], values: Row) -> bool:
        wanted = list(ids)
        for name in values:
            if name not in self._fields(model):
                raise RaisedError("builtins.ValueError", f"Invalid field {name!r} in {model!r}")
        if missing := [one for one in wanted if one not in self.rows[model]]:
            raise RaisedError("odoo.exceptions.MissingError",
                            f"Record does not exist or has been deleted. ({missing})")  # fmt: skip
        for one in wanted:
            row = self.rows[model][one]
            new = {name: self._from_command(model, name, value, row)
                   for name, value in values.items()}  # fmt: skip
            try:
                self._check(model, {**row, **new})
            except RowError as exc:
                raise RaisedError("odoo.exceptions.ValidationError", str(exc)) from None
            self._set(model, one, new)
        return True

    def unlink(self, model: str, ids: Iterable[int]) -> bool:
        """Also the external ids go, as in Odoo."""
        for one in ids:
            self._put(model, one, None)
            data = self.rows["ir.model.data"]
            for key in [key for key, row in data.items()
                        if (row["model"], row["res_id"]) == (model, one)]:  # fmt: skip
                self._put("ir.model.data", key, None)
        return True

    def _put(self, model: str, key: int, row: Row | None) -> None:
        before = self.rows[model].pop(key, None)
        if model == "ir.model.data" and before:
            self._external.pop((before["module"], before["name"]), None)
        if row is not None:
            self.rows[model][key] = row
            if model == "ir.model.data":
                self._external[row["module"], row["name"]] = key

    def search_read(
        self, model: str, domain: list[Any], names: list[str], *, limit: int, archived: bool
    ) -> list[Row]:
        test, rows = self._test(model, domain, archived=archived), self.rows[model]
        keys = sorted(rows)
        if len(domain) == 1 and domain[0][:2] == ["id", "in"]:
            keys = sorted(key for key in set(domain[0][2]) if key in rows)
        found = [key for key in keys if test(key, rows[key])]
        return [self._out(model, key, names) for key in found[: limit or None]]

    def reference(self, module: str, name: str) -> list[Any]:
        """Model and record of an external id; False for a record that was deleted."""
        known = self._data(module, name)
        if known is None:
            text = f"External ID not found in the system: {module}.{name}"
            raise RaisedError("builtins.ValueError", text)
        is_there = known["res_id"] in self.rows[known["model"]]
        return [known["model"], known["res_id"] if is_there else False]

    # --- values ---------------------------------------------------------------------------------
    def _fields(self, model: str) -> dict[str, Any]:
        if model not in self.fields:
            raise RaisedError("werkzeug.exceptions.NotFound", f"the model {model!r} does not exist")
        return self.fields[model]

    def _defaults(self, model: str) -> Row:
        if model == "crm.lead":
            return {"type": "opportunity", "stage_id": 1, "team_id": 1, "user_id": 2,
                    "active": True, "priority": "0", "probability": 0.0}  # fmt: skip
        return {"active": True, "type": "contact"} if model == "res.partner" else {}

    def _from_cell(self, model: str, name: str, how: str, cell: str) -> Any:
        kind = self._fields(model)[name]
        if not isinstance(cell, str):
            raise RowError(name, f"A cell of {name} is no text")
        if _type(kind) == "many2many":
            return [self._related(kind[0], name, how, one) for one in cell.split(",") if one]
        if _type(kind) == "many2one":
            return self._related(kind, name, how, cell) if cell else False
        if kind == "boolean":
            return cell.lower() in ("1", "true", "yes")
        if kind in ("float", "integer"):
            try:
                return float(cell or 0) if kind == "float" else int(cell or 0)
            except ValueError:
                raise RowError(name, f"{cell!r} does not seem to be a number") from None
        if (model, name) in SELECTIONS and cell:
            for value, label in SELECTIONS[model, name]:
                if cell in (value, label):
                    return value
            raise RowError(name, f"Value {cell!r} not found in selection field {name!r}")
        return cell or False

    def _related(self, model: str, name: str, how: str, text: str) -> int:
        if how == ".id" and text.isdigit() and int(text) in self.rows[model]:
            return int(text)
        if how == "id":
            module, _, key = text.rpartition(".")
            found = self._data(module, key)
            if found is not None and found["model"] == model:
                return int(found["res_id"])
        if not how:
            for key_, row in self.rows[model].items():
                if row["name"] == text:
                    return key_
        raise RowError(name, f"No matching record found for {text!r} in field {name!r}")

    def _from_command(self, model: str, name: str, value: Any, row: Row) -> Any:
        if _type(self._fields(model)[name]) != "many2many":
            return value
        kept = list(row.get(name) or [])
        for command, one, ids in value:
            if command == 6:
                kept = list(ids)
            elif command == 4 and one not in kept:
                kept.append(one)
            elif command == 3 and one in kept:
                kept.remove(one)
        return kept

    def _check(self, model: str, row: Row) -> None:
        for name in REQUIRED.get(model, ()):
            if not row.get(name):
                raise RowError(name, f"Missing required value for the field {name!r}")
        for (of, name), known in SELECTIONS.items():
            if of == model and row.get(name) and row[name] not in [value for value, _ in known]:
                raise RowError(name, f"Wrong value for {model}.{name}: {row[name]!r}")
        if model in ("crm.tag", "res.partner.category"):
            names = [other["name"] for other in self.rows[model].values() if other is not row]
            if names.count(row["name"]):
                raise RowError("name", "A tag with the same name already exists")

    def _set(self, model: str, number: int, values: Row) -> None:
        row = self.rows[model][number]
        self._undo.append((model, number, dict(row)))
        for name, value in values.items():
            kind = self._fields(model).get(name)
            if kind == "html":
                value = as_html(value)  # noqa: PLW2901 -- in Odoo's form
            if name == "website" and value and "://" not in value:
                value = f"http://{value}"  # noqa: PLW2901 -- as above
            row[name] = value
        if model == "crm.lead" and "stage_id" in values:
            row["date_last_stage_update"] = now_text()
        if model in ("crm.lead", "res.partner"):
            address = row.get("email_from" if model == "crm.lead" else "email")
            row["email_normalized"] = address.lower() if address else False
            row["write_date"] = now_text()

    def _data(self, module: str, name: str) -> Row | None:
        key = self._external.get((module, name))
        return None if key is None else self.rows["ir.model.data"][key]

    def _out(self, model: str, key: int, names: list[str]) -> Row:
        row = self.rows[model][key]
        out: Row = {"id": key}
        for name in names:
            kind = {"id": "integer", **self._fields(model)}.get(name)
            if kind is None:
                raise RaisedError("builtins.ValueError", f"Invalid field {name!r} on {model!r}")
            value: Any = key if name == "id" else row.get(name, False)
            if _type(kind) == "many2one" and value:
                other = self.rows[kind].get(value, {})
                value = [value, other.get("name", "")]
            elif _type(kind) == "many2many":
                value = list(value or [])
            out[name] = value
        return out

    # --- domains --------------------------------------------------------------------------------
    def _test(self, model: str, domain: list[Any], *, archived: bool) -> Callable[[int, Row], bool]:
        for name in (leaf[0] for leaf in domain if isinstance(leaf, list)):
            if name not in {"id", *self._fields(model)}:
                raise RaisedError("builtins.ValueError", f"Invalid field {model}.{name} in leaf")
        hides = "active" in self._fields(model) and not archived
        hides = hides and not any(isinstance(e, list) and e[0] == "active" for e in domain)

        holds = _compiled(domain)

        def test(key: int, row: Row) -> bool:
            if hides and not row.get("active"):
                return False
            return holds({"id": key, **row})

        return test


def _compiled(domain: list[Any]) -> Callable[[Row], bool]:
    """One test of a row for a domain in Odoo's prefix notation; parts side by side must all hold.

    Worked out once for all rows: a look-up of a hundred companies asks a hundred things of each.
    """
    stack: list[Callable[[Row], bool]] = []
    for each in reversed(domain):
        if each in ("|", "&"):
            one, other = stack.pop(), stack.pop()
            stack.append(_either(one, other) if each == "|" else _all([one, other]))
        elif each == "!":
            stack.append(_not(stack.pop()))
        else:
            stack.append(_leaf(each))
    return _all(stack)


def _either(one: Callable[[Row], bool], other: Callable[[Row], bool]) -> Callable[[Row], bool]:
    return lambda row: one(row) or other(row)


def _all(tests: list[Callable[[Row], bool]]) -> Callable[[Row], bool]:
    return lambda row: all(test(row) for test in tests)


def _not(test: Callable[[Row], bool]) -> Callable[[Row], bool]:
    return lambda row: not test(row)


def _leaf(leaf: list[Any]) -> Callable[[Row], bool]:
    name, operator, wanted = leaf
    if operator == "in":
        known = frozenset(wanted)
        return lambda row: row.get(name, False) in known
    if operator == "=":
        return lambda row: bool(row.get(name, False) == wanted)
    if operator == "!=":
        return lambda row: bool(row.get(name, False) != wanted)
    if operator == "=ilike":
        pattern = re.compile(re.escape(str(wanted)).replace("%", ".*"), re.IGNORECASE)
        return lambda row: bool(row.get(name)) and bool(pattern.fullmatch(str(row[name])))
    if operator == "ilike":
        part = str(wanted).lower()
        return lambda row: bool(row.get(name)) and part in str(row[name]).lower()
    raise RaisedError("builtins.ValueError", f"Invalid operator {operator!r}")


def as_html(value: Any) -> Any:
    """Sanitised: scripts and handlers go, plain text is wrapped."""
    if not value:
        return False
    clean = re.sub(r"<script.*?</script>|\son\w+=\"[^\"]*\"", "", str(value), flags=re.DOTALL)
    return clean if clean.lstrip().startswith("<") else f"<p>{clean}</p>"


def _type(kind: Any) -> str:
    if isinstance(kind, list):
        return "many2many"
    return "many2one" if "." in kind else str(kind)
