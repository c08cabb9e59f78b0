"""PROMISES E4 for the chat: what each role may do by words is what the documentation says."""

from __future__ import annotations

import re
from functools import cache
from itertools import product

import pytest
from django.conf import settings

from chat.agent import act
from chat.agent.commands import understand
from chat.agent.tests import test_steering
from chat.agent.tests.talking import Conversation
from chat.agent.tests.test_acting import ASKING, filled  # noqa: F401 -- a fixture
from chat.agent.toolbox import Caller, tools
from chat.pieces import ToolCall
from enrichment.tests.harvest.rig import make_harvest
from tenants.clock import database_now
from tenants.models import PipelineRun
from tenants.roles import scopes_of_role

ROLES = ("owner", "operator", "reviewer", "auditor")
SAID = {
    **ASKING,
    "night_cost": "what will tonight cost", "watch_night": "how is the night", "today": "today",
    "find_companies": "find company AKMARK", "show_rule": "show the rule",
    "preview_rule": "try rule software in district 1", "shortlist": "top 5",
    "explain_score": "why is AKMARK COMPANY 0 PTE. LTD. on top", "why_not": "why not 201912345A",
    "export_link": "export the shortlist", "harvests": "harvests",
    "mail_queue": "what is in the queue", "why_nothing_sends": "why is nothing sending",
    "spend_so_far": "what was spent in the last 7 days",
    **test_steering.ASKING,  # last, as they need what runs
}  # fmt: skip
NOT_ALLOWED = "Your role does not include this"


@cache
def documented() -> dict[str, set[str]]:
    """Who may use each tool, by the page of commands."""
    page = (settings.BASE_DIR / "docs" / "chat-commands.md").read_text()
    found = {}
    for section in page.split("\n### ")[1:]:
        example, said = section.split("\n\n")[:2]
        who = re.search(r"For: ([a-z, ]+)\.", said)
        if understood := understand(example):
            found[understood.command.tool] = set(who[1].split(", ") if who else ROLES)
    return found


@cache
def granted() -> dict[str, set[str]]:
    """Who may do what, by the page of roles: action -> roles."""
    page = (settings.BASE_DIR / "docs" / "roles.md").read_text()
    rows = re.findall(r"^\|[^|]+\|(.*)\| `([a-z_.]+)` \|$", page, re.MULTILINE)
    return {
        action: {role for role, cell in zip(ROLES, cells.split("|"), strict=True) if cell.strip()}
        for cells, action in rows
    }


def test_every_tool_is_tried_and_documented_as_the_roles_are():
    assert set(SAID) == {tool.name for tool in tools()}
    for tool in tools():
        assert documented()[tool.name] == granted()[tool.action or "read"], tool.name


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_answered_or_refused_as_documented(people, filled, role):  # noqa: F811
    refused, asked = set(), set()
    for name, text in SAID.items():
        if name == next(iter(test_steering.ASKING)):
            PipelineRun.objects.update(status="RUNNING", stage="score", finished_at=None)
            make_harvest(city="Austin", wanted=20)
        talk = Conversation(people[role])
        told = talk.say(text)
        called = {call for call, _ in talk.calls} | {each.call.name for each in talk.asked}
        assert called == {name}, (name, told)
        refused |= {name} if NOT_ALLOWED in told else set()
        asked |= {each.call.name for each in talk.asked}

    assert refused == {name for name in SAID if role not in documented()[name]}
    assert asked == {tool.name for tool in tools() if tool.asks} - refused


def test_a_token_may_do_what_its_scopes_name_and_no_more(people):
    """Each tool by a token of an owner that holds every scope but its own."""
    owner = people["owner"]
    scopes = scopes_of_role("OWNER")
    for tool, less in product(tools(), ("own", "none")):
        own = tool.action or "read"
        owner.scopes = frozenset(scopes) - {own} if less == "own" else frozenset(scopes)
        caller = Caller(owner, database_now())
        assert act.is_allowed(tool, caller) is (less == "none"), (tool.name, less)
        if less == "own":
            with pytest.raises(act.NotAllowedError):
                act.checked(ToolCall("call_1", tool.name, {}), caller)
