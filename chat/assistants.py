"""The assistants of this deployment, by the name clients ask for."""

from __future__ import annotations

import uuid

from chat.pieces import Assistant

_ASSISTANTS: dict[str, Assistant] = {}


def register(assistant: Assistant) -> Assistant:
    """Offer ``assistant`` under its ``graph_id``."""
    _ASSISTANTS[assistant.graph_id] = assistant
    return assistant


def assistants() -> list[Assistant]:
    return list(_ASSISTANTS.values())


def id_of(assistant: Assistant) -> str:
    """The UUID clients may use in place of the name; the same on every deployment."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, assistant.graph_id))


def find(name: str) -> Assistant | None:
    """By name or by UUID."""
    by_id = (one for one in assistants() if id_of(one) == name)
    return _ASSISTANTS.get(name) or next(by_id, None)
