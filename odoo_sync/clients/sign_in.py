"""Find out which Odoo answers, and speak to it as it wants to be spoken to."""

from __future__ import annotations

from odoo_sync.clients.gateway import Gateway
from odoo_sync.clients.json2 import API as JSON2
from odoo_sync.clients.json2 import Json2
from odoo_sync.clients.json_rpc import JsonRpc
from odoo_sync.clients.line import Line


def sign_in(line: Line, *, database: str, login: str, key: str) -> Gateway:
    """A gateway with its version: JSON-2 where ``/json/version`` answers (19 on), else JSON-RPC.

    One request, or two. No key is sent yet. Raises ``OdooError``.
    """
    answer = line.get("/json/version")
    said = answer.body if isinstance(answer.body, dict) else {}
    version = said.get("version")
    if answer.status == 200 and isinstance(version, str):
        return Json2(line, database, key, version)
    older = JsonRpc(line, database, login, key)
    older.version = older.ask_version()
    return older


def speak(line: Line, *, database: str, login: str, key: str, api: str, version: str) -> Gateway:
    """As ``sign_in`` for an Odoo whose version is known: no request."""
    if api == JSON2:
        return Json2(line, database, key, version)
    return JsonRpc(line, database, login, key, version)
