"""The rule that says which companies are wanted: show, try, save."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from chat.agent.arguments import Reason
from chat.agent.cost import price_sentences
from chat.agent.say import counted, link, page, said
from chat.agent.toolbox import Answer, Caller, Effect, Row, Tool, ToolError
from chat.agent.wanted import (
    Wanted,
    merged,
    payload_of,
    rows_of,
    rule_of,
    total_of,
    words_of,
)
from icp.current_rule import read_version
from icp.models import IcpRule
from icp.preview import Preview, preview_rule
from icp.rules import InvalidRuleError, Rule
from icp.save_rule import save_rule

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Nothing:
    """No arguments."""


@dataclass(frozen=True, slots=True)
class Save(Wanted):
    """As of trying, and why."""

    reason: Reason | None = None


def show(_: Nothing, caller: Caller) -> Answer:
    """The rule in force, and how many companies it takes."""
    version = _current()
    if version is None:
        return Answer("There is no ICP rule yet, so a night would select nothing. "
                      + link("Write one", page("icp_icprule_changelist")) + ".")  # fmt: skip
    rule = _readable(version, caller)
    if rule is None:
        return Answer(f"Rule {said(version)} cannot be read any more; write it anew.")
    preview = preview_rule(rule)
    return Answer(
        f"Rule **{said(version)}** takes {total_of(preview)}:\n\n{words_of(rule)}\n\n"
        + link("Open it", page("icp_rule_edit", version.name)),
        rows_of(preview.sample[:SHOWN]),
    )


def propose(wanted: Wanted, caller: Caller) -> Answer:
    """What a changed rule would take, against the one in force. Saves nothing."""
    rule, preview, _ = _proposed(wanted, caller)
    told = f"This rule would take {total_of(preview)}:\n\n{words_of(rule)}\n\n"
    told += _difference(preview) + _cost(caller)
    return Answer(told.strip(), rows_of(preview.sample[:SHOWN]))


def ask_to_save(wanted: Save, caller: Caller) -> str:
    rule, preview, payload = _proposed(wanted, caller)
    version = _current()
    if version is not None and version.payload == payload:
        raise ToolError(f"That is what rule {said(version)} says already.")
    sample = "; ".join(said(each.name) for each in preview.sample[:3])
    first = f" The first to come: {sample}." if sample else ""
    over = f"in place of {said(version)}" if version else "as the first rule"
    return (
        f"Save this ICP rule {over}? It takes {total_of(preview)}.{first}\n\n{words_of(rule)}\n\n"
        f"{_difference(preview)}{_cost(caller)}"
    ).strip()


def save(wanted: Save, caller: Caller) -> Answer:
    """Save it as the current version; saving the same again changes nothing."""
    payload = _payload(wanted, caller)
    saved = save_rule(
        settings.ICP_RULE_NAME, payload, actor=caller.name, now=caller.now,
        reason=wanted.reason or "Asked for in the chat.",
    )  # fmt: skip
    row: Row = {"rule": saved.name, "version": saved.version}
    return Answer(
        f"Saved as **{said(saved)}**; nights read it from their next start on. "
        + link("Open it", page("icp_rule_edit", saved.name)) + ".",
        [row], dict(row),
    )  # fmt: skip


def _proposed(wanted: Wanted, caller: Caller) -> tuple[Rule, Preview, dict[str, Any]]:
    payload = _payload(wanted, caller)
    rule = rule_of(payload, now=caller.now)
    version = _current()
    preview = preview_rule(rule, saved=_readable(version, caller) if version else None)
    return rule, preview, payload


def _payload(wanted: Wanted, caller: Caller) -> dict[str, Any]:
    """The rule in force with what is ``wanted`` in place of its own keys; checked."""
    asked = payload_of(wanted)
    if not asked:
        raise ToolError("Say what the rule shall ask: an activity, districts, an age.")
    version = _current()
    payload = merged(version.payload if version else {}, asked)
    rule_of(payload, now=caller.now)
    return payload


def _current() -> IcpRule | None:
    return IcpRule.objects.filter(name=settings.ICP_RULE_NAME, is_current=True).first()


def _readable(version: IcpRule, caller: Caller) -> Rule | None:
    try:
        return read_version(version, now=caller.now)
    except InvalidRuleError:
        return None  # there is nothing to compare with


def _difference(preview: Preview) -> str:
    if preview.enters is None or preview.leaves is None:
        return ""
    enters, leaves = preview.enters, preview.leaves
    return (
        f"Against the rule in force {counted(enters, 'company enters', 'companies enter')} and"
        f" {leaves:,} {'leaves' if leaves == 1 else 'leave'}.\n\n"
    )


def _cost(caller: Caller) -> str:
    told = price_sentences(caller.now)
    return f"A night with it: {said(told[-1])}" if told else ""


SHOW = Tool(
    "show_rule", "Show the ICP rule in force and how many companies it takes.", Nothing, show
)
PROPOSE = Tool(
    "preview_rule",
    "Try a changed ICP rule without saving it: how many companies, a sample, who enters and leaves,"
    " what a night costs. What is not named stays as in the rule in force.",
    Wanted,
    propose,
)
SAVE = Tool(
    "save_rule",
    "Save a changed ICP rule as the one in force. What is not named stays as it was.",
    Save,
    save,
    action="icp.edit_rule",
    effect=Effect.WRITES,
    preview=ask_to_save,
)
