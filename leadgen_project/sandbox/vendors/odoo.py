"""An Odoo on loopback: partners and leads behind JSON-2 (19) or JSON-RPC alone (before).

Answers as the contract says an Odoo 19.0 Community was seen to: statuses, bodies, ``load`` all or
nothing, a JSON 500 for a field it does not have. A page instead of JSON is what a proxy sends.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from leadgen_project.sandbox.loopback import Reply, Request
from leadgen_project.sandbox.vendors.odoo_tables import OdooTables, RaisedError, Row
from leadgen_project.sandbox.vendors.stand_in import (
    Fault,
    VendorCall,
    VendorStandIn,
    reply_json,
)

KEY, DATABASE, LOGIN = "odoo-sandbox-key", "sandbox", "sync"
WRITES = ("load", "write", "create", "unlink")
_STATUS = {"odoo.exceptions.AccessError": 403, "odoo.exceptions.ValidationError": 422,
           "odoo.exceptions.UserError": 422, "odoo.exceptions.MissingError": 404,
           "werkzeug.exceptions.NotFound": 404}  # fmt: skip
_NO_RIGHT = "You are not allowed to modify '{model}' records."


@dataclass(slots=True)
class OdooStandIn(VendorStandIn):
    """``version`` below 19 knows no JSON-2. ``forbidden``: (model, operation) the key may not.

    ``fail_when`` names the fault that spoils a call, if any, before it is answered.
    ``seconds_per_row``: what a row of a load takes, as real ones do.
    """

    keys: set[str] = field(default_factory=lambda: {KEY})
    version: str = "19.0"
    database: str = DATABASE
    login: str = LOGIN
    forbidden: set[tuple[str, str]] = field(default_factory=set)
    seconds_per_row: float = 0.0
    fail_when: Callable[[VendorCall], Any] | None = None
    tables: OdooTables = field(init=False)
    writes: list[tuple[str, str, Any]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.tables = OdooTables(major=int(self.version.partition(".")[0]))

    # --- what a test asks -----------------------------------------------------------------------
    def rows(self, model: str) -> list[Row]:
        """Records as they stand, with their id."""
        return [{"id": key, **row} for key, row in sorted(self.tables.rows[model].items())]

    def by_name(self, model: str, name: str) -> Row:
        return next(row for row in self.rows(model) if row["name"] == name)

    def edit(self, model: str, number: int, **values: Any) -> None:
        """What somebody does by hand in Odoo."""
        with self._lock:
            self.tables.write(model, [number], values)

    def add(self, model: str, **values: Any) -> int:
        with self._lock:
            return self.tables.create(model, values)

    def delete(self, model: str, number: int) -> None:
        with self._lock:
            self.tables.unlink(model, [number])

    def _next_fault(self, number: int) -> Fault | None:
        chosen = self.fail_when(self.calls[-1]) if self.fail_when else None
        return chosen or super(OdooStandIn, self)._next_fault(number)

    # --- answering ------------------------------------------------------------------------------
    def _key(self, request: Request) -> str:
        return request.headers.get("authorization", "").removeprefix("bearer ")

    def _trouble(self, status: int) -> Reply:
        return Reply(status, b"<!doctype html><title>Bad gateway (Sandbox)</title>")

    def _answer(self, request: Request, call: VendorCall) -> Reply:
        if request.path == "/json/version" and request.method == "GET":
            if self.tables.major < 19:
                return Reply(404, b"<!doctype html><title>404 Not Found (Sandbox)</title>")
            info = [self.tables.major, 0, 0, "final", 0, ""]
            return reply_json({"version_info": info, "version": self.version})
        if request.path == "/jsonrpc":
            return self._json_rpc(request, call)
        if request.path.startswith("/json/2/") and self.tables.major >= 19:
            return self._json_2(request, call)
        return Reply(404, b"<!doctype html><title>404 Not Found (Sandbox)</title>")

    def _json_2(self, request: Request, call: VendorCall) -> Reply:
        if request.method != "POST":
            return _named("werkzeug.exceptions.NotFound", "Did you mean POST?", 404)
        if request.headers.get("x-odoo-database", self.database) != self.database:
            return Reply(404, b"<!doctype html><title>404 Not Found (Sandbox)</title>")
        if call.key not in self.keys:
            said = "Invalid apikey" if call.key else "User not authenticated"
            return _named("werkzeug.exceptions.Unauthorized", said, 401)
        if not isinstance(call.question, dict):
            return Reply(400, b"<!doctype html><title>Bad Request (Sandbox)</title>")
        model, method = request.path.removeprefix("/json/2/").split("/", 1)
        try:
            return reply_json(self._do(model, method, dict(call.question)))
        except RaisedError as exc:
            return _named(exc.name, exc.message, _STATUS.get(exc.name, 500))

    def _json_rpc(self, request: Request, call: VendorCall) -> Reply:
        asked = call.question
        params = asked["params"]
        service, method, args = params["service"], params["method"], params["args"]
        try:
            return reply_json({"jsonrpc": "2.0", "id": asked["id"],
                               "result": self._serve(service, method, args, call)})  # fmt: skip
        except RaisedError as exc:
            data = {"name": exc.name, "message": exc.message, "debug": "Traceback (Sandbox)",
                    "arguments": [exc.message], "context": {}}  # fmt: skip
            error = {"code": 0, "message": "Odoo Server Error", "data": data}
            return reply_json({"jsonrpc": "2.0", "id": asked["id"], "error": error})

    def _serve(self, service: str, method: str, args: list[Any], call: VendorCall) -> Any:
        if (service, method) == ("common", "version"):
            return {"server_version": self.version, "protocol_version": 1}
        database = args[0]
        if database != self.database:
            raise RaisedError("psycopg2.OperationalError", f'database "{database}" does not exist')
        if (service, method) == ("common", "authenticate"):
            call.key = args[2]
            return 2 if args[1] == self.login and args[2] in self.keys else False
        call.key = args[2]
        if args[1] != 2 or args[2] not in self.keys:
            raise RaisedError("odoo.exceptions.AccessDenied", "Access Denied")
        model, name, given, named = args[3], args[4], args[5], dict(args[6])
        if given:
            named["ids"] = given[0]
        return self._do(model, name, named)

    def _do(self, model: str, method: str, given: dict[str, Any]) -> Any:
        tables, context = self.tables, given.pop("context", {})
        tables.fields_get(model)  # there is such a model
        if model == "ir.model.data" and method != "check_object_reference":
            words = "You are not allowed to access 'Model Data' (ir.model.data) records."
            raise RaisedError("odoo.exceptions.AccessError", words)
        if method in WRITES and (model, _RIGHT[method]) in self.forbidden:
            raise RaisedError("odoo.exceptions.AccessError", _NO_RIGHT.format(model=model))
        match method:
            case "fields_get":
                return tables.fields_get(model)
            case "has_access" | "check_access_rights":
                since, until = (18, 99) if method == "has_access" else (8, 18)
                if not since <= tables.major <= until:
                    raise RaisedError("werkzeug.exceptions.NotFound", f"no method {method}")
                return (model, given["operation"]) not in self.forbidden
            case "search_read":
                archived = context.get("active_test") is False
                return tables.search_read(model, given["domain"], given["fields"],
                                          limit=given.get("limit", 0),
                                          archived=archived)  # fmt: skip
            case "check_object_reference":
                return tables.reference(given["module"], given["xml_id"])
            case "load":
                time.sleep(self.seconds_per_row * len(given["data"]))
                said = tables.load(model, given["fields"], given["data"])
                if said["ids"]:
                    self.writes.append((model, "load", said["ids"]))
                return said
            case "write":
                time.sleep(self.seconds_per_row * len(given["ids"]))
                tables.write(model, given["ids"], given["vals"])
                self.writes.append((model, "write", (given["ids"], given["vals"])))
                return True
        raise RaisedError("werkzeug.exceptions.NotFound", f"the method {method!r} does not exist")


_RIGHT = {"load": "create", "create": "create", "write": "write", "unlink": "unlink"}


def _named(name: str, message: str, status: int) -> Reply:
    return reply_json({"name": name, "message": message, "arguments": [message], "context": {},
                       "debug": "Traceback (Sandbox)"}, status)  # fmt: skip


def main(port: int = 8769) -> None:
    """Serve a made-up Odoo until it is stopped; see docs/runbooks/odoo.md."""
    with OdooStandIn(port=port) as odoo:
        print(f"{odoo.url}  database {DATABASE}  login {LOGIN}  key {KEY}", flush=True)  # noqa: T201 -- its output
        while True:
            time.sleep(60)


if __name__ == "__main__":
    main()
