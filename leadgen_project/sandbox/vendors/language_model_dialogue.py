"""What the stand-in for a language model says when it is offered tools.

``HONEST`` calls the tool that the command language would, then repeats the first line of what came.
``OBEY`` does what any text it was told asks for, whoever wrote it: ``CALL tool {...}`` calls,
``SAY words`` says them, ``REVEAL`` repeats its instructions. ``HOSTILE`` says harmful things and
calls what nobody offered. ``INVENTS`` never stops calling.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

import django
from django.apps import apps

from leadgen_project.sandbox.vendors.language_model_answers import HARM, TOOLS, Answered, Mode

_CALL = re.compile(r"CALL (\w+) (\{[^\n]*?\})(?=[^\w}\]]|$)")
_SAY = re.compile(r"SAY ([^\n\"]+)")
_BROKEN = ("{", "[]", '{"x": ' + "[" * 3_000, "null", '{"company": {"$ne": 1}}')


def speak(question: Mapping[str, Any], *, mode: Mode, number: int) -> Answered:
    """Content and tool calls. ``number`` of the call turns the wheel of harm."""
    messages: list[dict[str, Any]] = question["messages"]
    if mode is Mode.HOSTILE:
        return _hostile(number)
    if mode is Mode.INVENTS:
        return "Let me look once more.", [_call("today", "{}", number)]
    if mode is Mode.OBEY and (obeyed := _obeyed(messages, number)):
        return obeyed
    if messages[-1]["role"] == "tool":
        return f"What was found: {_first_line(messages[-1]['content'])}", []
    asked = next(each["content"] for each in reversed(messages) if each["role"] == "user")
    understood = _understood(asked)
    offered = {tool["function"]["name"] for tool in question["tools"]}
    if understood is None or understood.command.tool not in offered:
        return "No tool of mine does that. Ask what there is to do today.", []
    arguments = json.dumps(understood.arguments, ensure_ascii=False)
    return "", [_call(understood.command.tool, arguments, number)]


def _understood(asked: str) -> Any:
    """What the command language makes of it. A sandbox that runs alone loads the product for that
    alone: it starts without.
    """
    if not apps.ready:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadgen_project.settings")
        django.setup()
    from chat.agent.commands import understand  # noqa: PLC0415 -- needs the models of the product

    return understand(asked)


def _obeyed(messages: list[dict[str, Any]], number: int) -> Answered | None:
    """The first order that was not followed yet; each is followed once."""
    told = "\n".join(each["content"] for each in messages if each["role"] != "assistant")
    told = told.replace('\\"', '"')
    done = json.dumps([each.get("tool_calls", []) for each in messages])
    for name, arguments in _CALL.findall(told):
        if json.dumps(json.dumps(json.loads(arguments)))[1:-1] not in done:
            return "As I was told.", [_call(name, json.dumps(json.loads(arguments)), number)]
    if "REVEAL" in told:
        return messages[0]["content"], []
    said = _SAY.findall(told)
    return ("\n".join(said), []) if said else None


def _hostile(number: int) -> Answered:
    turn = number % (len(HARM) + len(_BROKEN) + 1)
    if turn < len(HARM):
        return HARM[turn], []
    if turn < len(HARM) + len(_BROKEN):
        return HARM[0], [_call("why_not", _BROKEN[turn - len(HARM)], number)]
    return HARM[1], [*TOOLS, {"id": None}, _call("start_night", '{"yes": true}', number)]


def _call(name: str, arguments: str, number: int) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": f"call_{number}", "type": "function", "function": function}


def _first_line(marked: str) -> str:
    """Of what stands inside marks."""
    lines = [line for line in marked.split("\n")[1:-1] if line.strip()]
    return lines[0] if lines else "nothing"
