"""Direct SQL into an Odoo's database, for those who must: answers the calls the sync makes.

The way of the first plan. Odoo itself is passed by: no access rules, no automation, no chatter, no
check of the mail blacklist. What would make a row invisible is filled in (``direct_write``); what a
version has is read from its own ``ir_model_fields``. Seen to work on Odoo 19.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import errors
from psycopg.rows import dict_row

from odoo_sync.clients import direct_read, direct_write
from odoo_sync.clients.direct_read import Tables
from odoo_sync.clients.trouble import OdooError, Trouble

API = "SQL"
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 60
_PRIVILEGE = {"read": "SELECT", "write": "UPDATE", "create": "INSERT"}


@dataclass(slots=True)
class DirectSql:
    """A gateway (see ``clients.gateway``) whose calls are transactions of PostgreSQL."""

    dsn: str = field(repr=False)
    login: str = ""  # the user rows are signed with; else Odoo's own, number 1
    version: str = ""
    api: str = API
    _connection: psycopg.Connection[dict[str, Any]] | None = None
    _tables: Tables | None = None

    def call(
        self, model: str, method: str, *, ids: Sequence[int] | None = None, **named: Any
    ) -> Any:
        with _as_trouble():
            tables = self._open()
            with tables.connection.transaction():
                return _do(tables, model, method, list(ids or ()), named)

    def ask_version(self) -> str:
        """``19.0`` as the module ``base`` says. Raises ``OdooError`` where no Odoo is."""
        with _as_trouble():
            found = self._open().one("SELECT latest_version AS said FROM ir_module_module"
                                     " WHERE name = 'base'", [])  # fmt: skip
        said = str(found["said"] if found else "").split(".")
        self.version = ".".join(said[:2])
        return self.version

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._tables = None

    def _open(self) -> Tables:
        if self._tables is None or self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self.dsn, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_SECONDS,
                options=f"-c statement_timeout={STATEMENT_SECONDS * 1000}",
            )  # fmt: skip
            self._tables = Tables(self._connection, login=self.login)
        return self._tables


def _do(tables: Tables, model: str, method: str, ids: list[int], given: dict[str, Any]) -> Any:
    match method:
        case "fields_get":
            return tables.fields_get(model)
        case "has_access":
            return tables.may(model, _PRIVILEGE[given["operation"]])
        case "search_read":
            archived = given.get("context", {}).get("active_test") is False
            return direct_read.search(tables, model, given["domain"], given["fields"],
                               limit=given.get("limit", 0), archived=archived)  # fmt: skip
        case "check_object_reference":
            return direct_read.reference(tables, given["module"], given["xml_id"])
        case "load":
            return direct_write.load(tables, model, given["fields"], given["data"])
        case "write":
            return direct_write.write(tables, model, ids, given["vals"])
    raise OdooError(f"{method} is not done by direct SQL.", trouble=Trouble.FIELD)


@contextmanager
def _as_trouble() -> Iterator[None]:
    """PostgreSQL's errors as ours; none quotes the address or the password."""
    try:
        yield
    except (errors.UndefinedTable, errors.UndefinedColumn):
        raise OdooError("This database lacks a table or column of Odoo's that was used: test the"
                        " connection.", trouble=Trouble.FIELD) from None  # fmt: skip
    except errors.InsufficientPrivilege:
        raise OdooError("The database user may not do that in Odoo's tables.",
                        trouble=Trouble.RIGHT) from None  # fmt: skip
    except (psycopg.IntegrityError, psycopg.DataError) as exc:
        words = " ".join((exc.diag.message_primary or "").split())[:300]
        raise OdooError(f"Odoo's database refused a value: {words}",
                        trouble=Trouble.REFUSED) from None  # fmt: skip
    except psycopg.OperationalError as exc:
        if "authentication failed" in str(exc) or "no password supplied" in str(exc):
            raise OdooError("Odoo's database does not accept the user or the password.",
                            trouble=Trouble.KEY) from None  # fmt: skip
        raise OdooError(
            f"Odoo's database did not answer ({type(exc).__name__}).", trouble=Trouble.AWAY,
            retryable=True, perhaps_done=True,
        ) from None  # fmt: skip
    except psycopg.Error as exc:
        raise OdooError(f"Odoo's database failed ({type(exc).__name__}).",
                        trouble=Trouble.STRANGE) from None  # fmt: skip
