"""What both ways into an Odoo offer, and the calls the sync makes by them.

A call is a model's method with arguments by name. Each call is one transaction there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from odoo_sync.clients.trouble import OdooError, Trouble

Row = dict[str, Any]
EVEN_ARCHIVED = {"active_test": False}
_HAS_ACCESS_SINCE = 18  # ``check_access_rights`` before


class Gateway(Protocol):
    """One Odoo, signed in to. Every method raises ``OdooError``."""

    version: str
    api: str

    def call(
        self, model: str, method: str, *, ids: Sequence[int] | None = None, **named: Any
    ) -> Any:
        """The answer of ``method``; ``ids`` for methods of records, ``context`` like any other."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why ``load`` did not take a row. ``row`` counts from 0; ``None``: the whole load."""

    row: int | None
    field: str
    message: str


class RowsRefusedError(OdooError):
    """``load`` took nothing: some rows are wrong, and it takes all or none."""

    def __init__(self, complaints: list[Complaint]) -> None:
        first = complaints[0].message if complaints else "no reason given"
        super().__init__(f"Odoo refused a value: {first}", trouble=Trouble.REFUSED)
        self.complaints = complaints


def major(version: str) -> int:
    """The 19 of ``19.0`` or ``saas~19.1``; 0 when it says something else."""
    digits = version.removeprefix("saas~").partition(".")[0]
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def load(
    gateway: Gateway, model: str, *, fields: Sequence[str], rows: Sequence[Sequence[str]]
) -> list[int]:
    """Create the rows, or update those whose external id (column ``id``) is known; their ids.

    All or nothing. Raises ``RowsRefusedError`` with what is wrong, by row.
    """
    said = gateway.call(model, "load", fields=list(fields), data=[list(row) for row in rows])
    if not isinstance(said, dict):
        raise OdooError("Odoo's answer to a load is none.", trouble=Trouble.STRANGE,
                        perhaps_done=True)  # fmt: skip
    errors = [each for each in said.get("messages") or [] if each.get("type") != "warning"]
    ids = said.get("ids")
    if errors or not ids:
        raise RowsRefusedError([_complaint(each) for each in errors])
    if len(ids) != len(rows):
        raise OdooError("Odoo's answer names another number of records than it was given.",
                        trouble=Trouble.STRANGE, perhaps_done=True)  # fmt: skip
    return [int(each) for each in ids]


def _complaint(said: Mapping[str, Any]) -> Complaint:
    row = said.get("record")
    words = " ".join(str(said.get("message") or "").split())[:300]
    return Complaint(row if isinstance(row, int) else None, str(said.get("field") or ""), words)


def search(
    gateway: Gateway, model: str, *, domain: list[Any], fields: Sequence[str], limit: int = 0,
    order: str = "id", archived: bool = False,
) -> list[Row]:  # fmt: skip
    """Records by ``domain``; ``archived`` also brings those put away."""
    named: dict[str, Any] = {"domain": domain, "fields": list(fields), "order": order}
    if limit:
        named["limit"] = limit
    if archived:
        named["context"] = dict(EVEN_ARCHIVED)
    found = gateway.call(model, "search_read", **named)
    if not isinstance(found, list):
        raise OdooError("Odoo's answer to a search is no list.", trouble=Trouble.STRANGE)
    return found


def read(
    gateway: Gateway, model: str, *, ids: Sequence[int], fields: Sequence[str]
) -> dict[int, Row]:
    """Records by id, archived ones too; those deleted are absent."""
    if not ids:
        return {}
    found = search(gateway, model, domain=[["id", "in", list(ids)]], fields=fields, archived=True)
    return {row["id"]: row for row in found}


def write(gateway: Gateway, model: str, *, ids: Sequence[int], values: Mapping[str, Any]) -> None:
    gateway.call(model, "write", ids=list(ids), vals=dict(values))


def fields_of(gateway: Gateway, model: str) -> dict[str, dict[str, Any]]:
    """Field -> type, required, readonly, selection, relation, and its label."""
    asked = ["type", "required", "readonly", "selection", "relation", "string"]
    found = gateway.call(model, "fields_get", attributes=asked)
    if not isinstance(found, dict):
        raise OdooError("Odoo's answer about its fields is none.", trouble=Trouble.STRANGE)
    return found


def may(gateway: Gateway, model: str, operation: str) -> bool:
    """Whether the key's user may read, write or create records of ``model`` at all."""
    if major(gateway.version) >= _HAS_ACCESS_SINCE:
        return bool(gateway.call(model, "has_access", ids=[], operation=operation))
    return bool(gateway.call(model, "check_access_rights", operation=operation,
                             raise_exception=False))  # fmt: skip


def by_external_id(gateway: Gateway, *, module: str, names: Sequence[str]) -> dict[str, int]:
    """External id (without its module) -> record; absent are those Odoo does not know.

    A request for each: a user with sales rights may not read ``ir.model.data``, but may ask for one
    reference at a time. Archived records are found too.
    """
    found = {}
    for name in names:
        try:
            said = gateway.call("ir.model.data", "check_object_reference", module=module,
                                xml_id=name, context=dict(EVEN_ARCHIVED))  # fmt: skip
        except OdooError as exc:
            if exc.trouble is not Trouble.GONE:
                raise
            continue
        # The number is False where the record was deleted and its external id is left over.
        if isinstance(said, list | tuple) and len(said) == 2 and said[1]:
            found[name] = int(said[1])
    return found
