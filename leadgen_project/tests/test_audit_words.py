"""Every action that the audit records has words, so that no page shows a bare code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from enrichment.ask_now import ASKS
from outreach.models import Campaign
from tenants.audit_words import OF_ROWS, WORDS, words_of
from tenants.models import PipelineRun

NOT_OURS = {"tests", "bench", "sandbox", ".venv", ".data", "migrations"}
# What stands for the variable part of an action, and for actions that are handed on.
PARTS = {
    "enrichment.ask.{}": {ask.step for ask in ASKS},
    "enrichment.challenge.{}": {"claim", "hold", "release", "skip", "solve", "fail"},
    "enrichment.{}_harvest": {"pause", "resume", "cancel"},
    "icp.lead.{}": {"reject", "send_back", "suppress"},
    "outreach.campaign.{}": {each.lower() for each in Campaign.Status.values if each != "DRAFT"},
    "outreach.mailbox.{}": {"pause", "resume"},
    "scoring.review.{}": {"accepted", "rejected", "undo"},
    "tenants.api_token.{}": {"add", "revoke"},
    "tenants.device_login.{}": {"allow", "refuse"},
    "tenants.invitation.{}": {"add", "delete"},
    "tenants.membership.{}": {"add", "change", "delete"},
    "tenants.run.{}": {each.lower() for each in PipelineRun.Status.values},
    "tenants.savedview.{}": set(OF_ROWS),
    "tenants.second_factor.{}": {"on", "off", "locked"},
    "{}.{}.{}": {f"tenants.tenantsettings.{verb}" for verb in OF_ROWS},
    "{}.{}.export": {"icp.lead.export"},
}
HANDED_ON = {
    "chat/agent/act.py": {"chat.act", "chat.not_done"},
    "icp/import_sites.py": {"icp.lead.give_site"},
    "icp/recalls.py": {"icp.file.recalled", "odoo_sync.recall.done"},
    "outreach/decide.py": {"outreach.message.release", "outreach.message.drop",
                           "outreach.message.was_sent", "outreach.message.send_again"},
    "tenants/bulk.py": {"icp.work_lead", "icp.lift_suppression", "odoo_sync.push"},
    "tenants/paid/balances.py": {"tenants.budget.notice"},
    "tenants/paid/edit_vendor.py": {"tenants.vendor.on", "tenants.vendor.off",
                                    "tenants.vendor.limits", "tenants.vendor.lift"},
}  # fmt: skip


def test_every_recorded_action_has_words():
    actions = {action for place, node in recorded() for action in actions_of(place, node)}

    assert {action for action in actions if words_of(action) == action} == set()
    assert len(actions) > 100


def test_no_words_are_kept_for_actions_nobody_records():
    actions = {action for place, node in recorded() for action in actions_of(place, node)}
    handed_on = set().union(*HANDED_ON.values())

    assert set(WORDS) - actions - handed_on == set()


def test_rows_changed_by_a_form_are_named_as_their_pages_name_them():
    assert words_of("tenants.tenantsettings.change") == "Settings changed"
    assert words_of("icp.lead.export") == "Leads taken out as a file"
    assert words_of("of.former.times") == "of.former.times"


def recorded() -> Iterator[tuple[str, ast.expr]]:
    """Each place that records an event, and what it says its action is."""
    root = Path(settings.BASE_DIR)
    for path in sorted(root.rglob("*.py")):
        place = path.relative_to(root)
        if NOT_OURS & set(place.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _is_audit(node.func) and node.args:
                yield str(place), node.args[0]


def _is_audit(called: ast.expr) -> bool:
    return (
        isinstance(called, ast.Attribute)
        and called.attr in {"record", "record_many"}
        and isinstance(called.value, ast.Name)
        and called.value.id == "audit"
    )


def actions_of(place: str, node: ast.expr) -> set[str]:
    match node:
        case ast.Constant(value=str(action)):
            return {action}
        case ast.IfExp():
            return actions_of(place, node.body) | actions_of(place, node.orelse)
        case ast.JoinedStr():
            pattern = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(pattern)))):
            pass
        case _:
            return HANDED_ON[place]
    parts = PARTS[pattern]
    return parts if pattern.startswith("{}") else {pattern.format(part) for part in parts}
