"""Read a person's decisions on an approval, each checked against what was allowed."""

from __future__ import annotations

import json
from typing import Any

from chat.frames import on_one_line
from chat.models import Checkpoint
from chat.pieces import Action, Ask, AssistantError, Decided, ToolCall


class DecisionError(AssistantError):
    """The decision cannot be taken as it is: nothing is carried out, the approval stays open."""


def ask_text(ask: Ask, *, ask_id: str) -> str:
    """An approval as it is stored: the contract's value, and the calls it is about."""
    value = {
        "action_requests": [
            {"name": each.call.name, "args": each.call.arguments, "description": each.description}
            for each in ask.actions
        ],
        "review_configs": _configs(ask.actions),
    }
    calls = [{"id": each.call.id, "allowed": each.decisions} for each in ask.actions]
    return on_one_line({"id": ask_id, "value": value, "calls": calls})


def _configs(actions: tuple[Action, ...]) -> list[dict[str, Any]]:
    allowed = {each.call.name: list(each.decisions) for each in actions}
    return [{"action_name": name, "allowed_decisions": them} for name, them in allowed.items()]


def read_decisions(resume: Any, checkpoint: Checkpoint | None) -> tuple[Decided, ...]:
    """What was decided on the approval of ``checkpoint``. Raises ``DecisionError``."""
    if checkpoint is None or not checkpoint.ask:
        raise DecisionError("Nothing waits for a decision here.")
    if checkpoint.is_decided:
        raise DecisionError("This has been decided already.")
    ask = json.loads(checkpoint.ask)
    given = resume.get("decisions") if isinstance(resume, dict) else None
    asked = ask["value"]["action_requests"]
    if not isinstance(given, list) or len(given) != len(asked):
        number = len(given) if isinstance(given, list) else 0
        raise DecisionError(f"{len(asked)} decisions are needed, one an action; {number} came.")
    return tuple(
        _read(decision, request, call)
        for decision, request, call in zip(given, asked, ask["calls"], strict=True)
    )


def _read(raw: Any, request: dict[str, Any], call: dict[str, Any]) -> Decided:
    kind: Any = raw.get("type") if isinstance(raw, dict) else None
    if kind not in call["allowed"]:
        raise DecisionError(f"{request['name']}: decide {' or '.join(call['allowed'])}.")
    arguments, reason = request["args"], ""
    if kind == "edit":
        edited = raw.get("edited_action")
        if not isinstance(edited, dict) or not isinstance(edited.get("args"), dict):
            raise DecisionError(f"{request['name']}: the edited arguments are missing.")
        if edited.get("name", request["name"]) != request["name"]:
            raise DecisionError(f"{request['name']}: an edit cannot make another action of it.")
        arguments = edited["args"]
    elif isinstance(raw.get("message"), str):
        reason = raw["message"]
    asked = ToolCall(id=call["id"], name=request["name"], arguments=request["args"])
    return Decided(call=asked, decision=kind, arguments=arguments, reason=reason)
