"""The command language: its table, its phrases, and what it does with what it does not know."""

from __future__ import annotations

import pytest

from chat.agent.arguments import read_arguments
from chat.agent.commands import COMMANDS, HELP, understand
from chat.agent.patterns import match, tidy
from chat.agent.phrases import read_phrase
from chat.agent.toolbox import find_tool, tools


def meant(text):
    found = understand(text)
    return found and (found.command.tool, found.arguments)


@pytest.mark.parametrize(
    ("text", "tool", "arguments"),
    [
        ("fintechs in district 1 younger than three years", "find_companies",
         {"activities": ["fintechs"], "districts": [1], "younger_than_months": 36}),
        ("Find me software companies in districts 1, 2 and 15!", "find_companies",
         {"activities": ["software"], "districts": [1, 2, 15]}),
        ("how many bakeries registered since 2020 are there?", "find_companies",
         {"activities": ["bakeries"], "registered_from_year": 2020}),
        ("companies with ssic 62 older than 18 months", "find_companies",
         {"ssic_codes": ["62"], "older_than_months": 18}),
        ("find company ACME", "find_companies", {"name": "ACME"}),
        ("why is ACME on top?", "explain_score", {"company": "ACME"}),
        ("Why is Acme Holdings on the shortlist", "explain_score", {"company": "Acme Holdings"}),
        ("why not 201912345A?", "why_not", {"company": "201912345A"}),
        ("why is ACME not on the list?", "why_not", {"company": "ACME"}),
        ("why is nothing sending?", "why_nothing_sends", {}),
        ("what will tonight cost?", "night_cost", {}),
        ("shortlist", "shortlist", {}),
        ("show me the top five", "shortlist", {"show": 5}),
        ("start tonight", "start_night", {}),
        ("suppress x@y.sg because they asked us to", "suppress",
         {"value": "x@y.sg", "reason": "they asked us to"}),
        ("never mail x@y.sg again because of a complaint", "suppress",
         {"value": "x@y.sg", "reason": "of a complaint"}),
        ("accept the top 3", "accept_leads", {"top": 3}),
        ("approve ACME for Odoo", "send_to_odoo", {"companies": ["ACME"]}),
        ("approve the top 5 for odoo", "send_to_odoo", {"top": 5}),
        ("reject ACME because too small", "reject_leads",
         {"companies": ["ACME"], "reason": "too small"}),
        ("harvest 20 bakeries in Singapore", "harvest",
         {"city": "Singapore", "leads": 20, "category": "bakeries"}),
        ("harvest 5 leads in Austin", "harvest", {"city": "Austin", "leads": 5}),
        ("save rule software in district 1 because we moved", "save_rule",
         {"activities": ["software"], "districts": [1], "reason": "we moved"}),
        ("what was spent in the last 7 days?", "spend_so_far", {"days": 7}),
        ("export all scores", "export_link", {"what": "scores"}),
        ("please start campaign Spring", "start_campaign", {"campaign": "Spring"}),
    ],
)  # fmt: skip
def test_people_are_understood(text, tool, arguments):
    assert meant(text) == (tool, arguments)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.example)
def test_each_example_is_a_way_to_say_its_command(command):
    found = understand(command.example)

    assert found is not None
    assert found.command is command
    if command.tool != HELP:
        tool = find_tool(command.tool)
        assert tool is not None
        read_arguments(tool.arguments, found.arguments)


def test_every_tool_has_a_command():
    assert {tool.name for tool in tools()} == {one.tool for one in COMMANDS} - {HELP}


@pytest.mark.parametrize("text", ["", "hm", "the weather", "delete everything now", "2", "🙂" * 50])
def test_what_is_no_command_means_nothing(text):
    assert meant(text) is None


@pytest.mark.parametrize(
    ("pattern", "text", "said"),
    [
        ("top {n} [leads]", "TOP 5", {"n": "5"}),
        ("top {n} [leads]", "top 5 leads", {"n": "5"}),
        ("(show|list) [me] [the] shortlist", "list the shortlist", {}),
        ("why {company}", "why", None),
        ("[show] help", "helpful", None),
    ],
)
def test_patterns_are_read_as_they_are_written(pattern, text, said):
    assert match(pattern, tidy(text)) == said


@pytest.mark.parametrize(
    ("phrase", "arguments"),
    [
        ("in D01", {"districts": [1]}),
        ("at risk law firms", {"activities": ["law"], "status": ["AT_RISK"]}),
        ("cafes, bakeries or bars in district 9",
         {"activities": ["cafes", "bakeries", "bars"], "districts": [9]}),
        ("incorporated between 2015 and 2018",
         {"registered_from_year": 2015, "registered_to_year": 2018}),
        ("founded before 2000", {"registered_to_year": 1999}),
        ("registered after 2021", {"registered_from_year": 2022}),
    ],
)  # fmt: skip
def test_phrases_are_taken_apart(phrase, arguments):
    assert read_phrase(phrase).arguments == arguments
