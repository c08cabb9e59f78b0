"""JSON-2, from Odoo 19: ``POST /json/2/<model>/<method>``, arguments by name, real statuses.

A 500 with a JSON body is a field or value this Odoo does not know, not an outage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from odoo_sync.clients.line import Answer, Line
from odoo_sync.clients.trouble import SENTENCES, OdooError, Trouble, named

API = "JSON-2"
_AWAY = (408, 429, 502, 503, 504)


@dataclass(slots=True)
class Json2:
    """``database`` may be empty where the host serves only one."""

    line: Line
    database: str
    key: str = field(repr=False)
    version: str = ""
    api: str = API

    def call(
        self, model: str, method: str, *, ids: Sequence[int] | None = None, **named_: Any
    ) -> Any:
        body = dict(named_) if ids is None else {"ids": list(ids), **named_}
        headers = {"Authorization": f"bearer {self.key}"}
        if self.database:
            headers["X-Odoo-Database"] = self.database
        answer = self.line.post(f"/json/2/{model}/{method}", body, headers=headers)
        if answer.status == 200 and answer.is_json:
            return answer.body
        raise _error(answer)

    def close(self) -> None:
        self.line.close()


def _error(answer: Answer) -> OdooError:
    status, said = answer.status, answer.body
    if status == 401:
        return OdooError(SENTENCES[Trouble.KEY], trouble=Trouble.KEY)
    if isinstance(said, dict) and isinstance(said.get("name"), str):
        return named(said["name"], str(said.get("message") or ""))
    if status == 200 or status in _AWAY or status >= 500:
        return OdooError(
            f"Odoo, or what stands before it, answered {status}.", trouble=Trouble.AWAY,
            retryable=True, perhaps_done=True,
        )  # fmt: skip
    if status == 404 or 300 <= status < 400:
        return OdooError(
            "There is no such database at that address, or no Odoo at all.", trouble=Trouble.PLACE
        )
    if status == 403:
        return OdooError("Something before Odoo refused the request (403).", trouble=Trouble.PLACE)
    return OdooError(f"Odoo answered {status}, and nothing to read.", trouble=Trouble.STRANGE)
