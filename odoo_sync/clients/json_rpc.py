"""JSON-RPC, Odoo 8 to 21: ``POST /jsonrpc``; a key stands in for the password (14 and later).

Always answers 200; trouble stands inside. A wrong log-in is no error there but the answer False.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from odoo_sync.clients.line import Line
from odoo_sync.clients.trouble import SENTENCES, OdooError, Trouble, named

API = "JSON-RPC"


@dataclass(slots=True)
class JsonRpc:
    line: Line
    database: str
    login: str
    key: str = field(repr=False)
    version: str = ""
    api: str = API
    _uid: int = 0

    def call(
        self, model: str, method: str, *, ids: Sequence[int] | None = None, **named_: Any
    ) -> Any:
        if not self._uid:
            self._sign_in()
        args = [] if ids is None else [list(ids)]
        who = [self.database, self._uid, self.key]
        return self._ask("object", "execute_kw", [*who, model, method, args, named_])

    def ask_version(self) -> str:
        """The server's version; needs no key. Raises ``OdooError`` where no Odoo answers."""
        said = self._ask("common", "version", [])
        found = said.get("server_version") if isinstance(said, dict) else None
        if not isinstance(found, str):
            raise OdooError("There is no Odoo at that address.", trouble=Trouble.PLACE)
        return found

    def close(self) -> None:
        self.line.close()

    def _sign_in(self) -> None:
        uid = self._ask("common", "authenticate", [self.database, self.login, self.key, {}])
        if not isinstance(uid, int) or not uid:
            raise OdooError(SENTENCES[Trouble.KEY], trouble=Trouble.KEY)
        self._uid = uid

    def _ask(self, service: str, method: str, args: list[Any]) -> Any:
        params = {"service": service, "method": method, "args": args}
        body = {"jsonrpc": "2.0", "method": "call", "params": params, "id": 1}
        answer = self.line.post("/jsonrpc", body)
        said = answer.body
        if answer.status != 200 or not isinstance(said, dict):
            if 300 <= answer.status < 500 and answer.status not in (408, 429):
                raise OdooError("There is no Odoo at that address.", trouble=Trouble.PLACE)
            raise OdooError(
                f"Odoo, or what stands before it, answered {answer.status}.",
                trouble=Trouble.AWAY, retryable=True, perhaps_done=True,
            )  # fmt: skip
        if "error" in said:
            data = said["error"].get("data") if isinstance(said["error"], dict) else None
            data = data if isinstance(data, dict) else {}
            raise named(str(data.get("name") or ""), str(data.get("message") or ""))
        return said.get("result")
