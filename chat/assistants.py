"""The assistants of this deployment, by the name clients ask for."""

from __future__ import annotations

from chat.pieces import Assistant

_ASSISTANTS: dict[str, Assistant] = {}


def register(assistant: Assistant) -> Assistant:
    """Offer ``assistant`` under its ``graph_id``."""
    _ASSISTANTS[assistant.graph_id] = assistant
    return assistant


def assistants() -> list[Assistant]:
    return list(_ASSISTANTS.values())


def find(name: str) -> Assistant | None:
    return _ASSISTANTS.get(name)
