"""Call a tool: the caller's rights, the arguments, a person's yes, and once only.

Reading happens at once. What writes, spends or sends is asked about first, with exact counts, and
done by ``decide`` when a person said yes: rights are asked anew then, and the audit keeps who
decided what with which arguments. That event is written in the transaction of the act itself and
is looked up first, so whoever comes twice with one call acts once.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from chat.agent.arguments import as_given, read_arguments
from chat.agent.say import code, said
from chat.agent.toolbox import Answer, Caller, Tool, ToolError, find_tool
from chat.pieces import Action, Decided, ToolCall
from tenants import audit
from tenants.context import connection, current_schema
from tenants.models import AuditEvent
from tenants.roles import READ_SCOPE, WORDS, may, role_of

logger = logging.getLogger(__name__)

ACTED = "chat.act"
REFUSED = "chat.not_done"
LONGEST_NOTED = 10_000  # characters looked through, of which far fewer are noted
# Bounded, as a long text without an address would else be gone through from each of its letters.
_ADDRESS = re.compile(r"(\w)[^\s@]{0,100}@(\w)[^\s@]{0,300}")
_DIGITS = re.compile(r"\d(?=\d{2})")


class NotAllowedError(ToolError):
    """The caller's role, or the scopes of their token, do not hold it."""


def checked(call: ToolCall, caller: Caller) -> tuple[Tool, Any]:
    """The tool and its arguments. Raises ``ToolError``, and ``NotAllowedError``."""
    tool = find_tool(call.name)
    if tool is None:
        raise ToolError(f"There is no tool {code(call.name[:60])}.")
    if not is_allowed(tool, caller):
        logger.warning("%s: the chat refused %s to user %s, whose role is %s", current_schema(),
                       tool.name, caller.user.pk, role_of(caller.user))  # fmt: skip
        what = WORDS.get(tool.action, tool.says).rstrip(".").lower()
        raise NotAllowedError(f"Your role does not include this: {said(what)}.")
    return tool, read_arguments(tool.arguments, call.arguments)


def is_allowed(tool: Tool, caller: Caller) -> bool:
    """Whether the caller may call ``tool`` in the current tenant."""
    if tool.action and not may(caller.user, tool.action):
        return False
    if caller.user.scopes is not None and not tool.asks and READ_SCOPE not in caller.user.scopes:
        return False
    return bool(caller.user.is_active and (caller.user.is_superuser or role_of(caller.user)))


def read(call: ToolCall, caller: Caller) -> Answer:
    """The answer of a tool that reads. Raises ``ToolError``."""
    tool, arguments = checked(call, caller)
    if tool.asks:
        raise ToolError(f"{code(tool.name)} needs a person's yes.")
    return tool.do(arguments, caller)


def ask(call: ToolCall, caller: Caller) -> Action:
    """The question to a person about a call that has an effect. Raises ``ToolError``."""
    tool, arguments = checked(call, caller)
    if tool.preview is None:
        raise ToolError(f"{code(tool.name)} asks nobody.")
    if tool.settle is not None:
        arguments = tool.settle(arguments, caller)
        call = ToolCall(call.id, call.name, as_given(arguments))
    sentence = tool.preview(arguments, caller)
    if call.arguments:
        return Action(call, sentence)
    return Action(call, sentence, decisions=("approve", "reject"))


def decide(decided: Decided, caller: Caller) -> Answer:
    """Do what was decided, or say that it was not done. Raises ``ToolError`` when it cannot be."""
    if decided.decision == "reject":
        _note(REFUSED, decided, caller, result={}, reason=decided.reason)
        why = f" {said(decided.reason)}" if decided.reason else ""
        return Answer(f"Not done.{why}")
    try:
        return _act(decided, caller)
    except ToolError as exc:
        _note(REFUSED, decided, caller, result={"failed": type(exc).__name__}, reason="")
        raise


def _act(decided: Decided, caller: Caller) -> Answer:
    call = ToolCall(decided.call.id, decided.call.name, dict(decided.arguments))
    tool, arguments = checked(call, caller)
    if not tool.asks:
        return tool.do(arguments, caller)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [call.id])
        if was_done(call.id):
            return Answer("This was done before; nothing was done a second time.")
        answer = tool.do(arguments, caller)
        _note(ACTED, decided, caller, result=answer.counts, reason="")
    return answer


def was_done(call_id: str) -> bool:
    """Whether the call was carried out. One statement, by index."""
    events = AuditEvent.objects.filter(tenant_id=current_schema(), subject=_subject(call_id))
    return events.filter(action=ACTED).exists()


def _note(
    action: str, decided: Decided, caller: Caller, *, result: Mapping[str, Any], reason: str
) -> None:
    tool = find_tool(decided.call.name)
    personal = tool.personal if tool else frozenset(decided.arguments)
    audit.record(
        action, actor=caller.name, subject=_subject(decided.call.id),
        before={"tool": decided.call.name[:60],
                "asked": _masked(decided.call.arguments, personal)},
        after={"decision": decided.decision, "result": dict(result),
               "arguments": _masked(decided.arguments, personal)},
        reason=_mask(reason),
    )  # fmt: skip


def _subject(call_id: str) -> str:
    return f"chat call {call_id}"[:200]


def _masked(arguments: Mapping[str, Any], personal: frozenset[str]) -> dict[str, Any]:
    return {
        str(name)[:60]: _mask(value) if name in personal else _short(value)
        for name, value in list(arguments.items())[:30]
    }


def _short(value: Any) -> Any:
    """Free text may name somebody, so addresses are masked everywhere."""
    if isinstance(value, str):
        return _without_addresses(value)[:300]
    if isinstance(value, list):
        return [_short(each) for each in value[:50]]
    return value if isinstance(value, int | float | bool | None) else str(type(value).__name__)


def _mask(value: Any) -> str:
    """An address or a number, so that somebody who knows it can tell and nobody else."""
    text = _without_addresses(str(value))
    return (_DIGITS.sub("*", text) if re.fullmatch(r"[+\d ()-]{6,}", text) else text)[:300]


def _without_addresses(text: str) -> str:
    return _ADDRESS.sub(r"\1***@\2***", text[:LONGEST_NOTED].replace("\x00", ""))
