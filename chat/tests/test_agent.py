"""The assistant ``agent`` over the protocol: a question, a choice, an approval, another role."""

from __future__ import annotations

import json

from chat.tests.rig import Chat, make_key, of_kind
from icp import suppressions
from icp.models import Lead, Suppression
from tenants.context import in_tenant
from tenants.models import AuditEvent


def messages_of(events):
    return of_kind(events, "values")[-1]["messages"]


def ask(chat, thread, text):
    return chat.say(thread, text, assistant_id="agent")


def decide(chat, thread, *decisions):
    return chat.say(thread, assistant_id="agent", input={},
                    command={"resume": {"decisions": list(decisions)}})  # fmt: skip


def test_a_conversation_from_help_to_an_approval(chat):
    with in_tenant("acme"):
        for number in range(2):
            Lead.objects.create(source_ref=f"over-http-{number}", uen=f"20209900{number}A",
                                name=f"OVERHTTP {number} PTE. LTD.")  # fmt: skip
    thread = chat.thread()

    told = messages_of(ask(chat, thread, "help"))
    assert [each["type"] for each in told] == ["human", "ai"]
    assert "`why is ACME on top`" in told[-1]["content"]

    told = messages_of(ask(chat, thread, "suppress overhttp because they asked us"))
    assert [each["type"] for each in told[2:]] == ["human", "ai", "tool", "ai"]
    assert [row["choice"] for row in json.loads(told[4]["content"])] == [1, 2]

    events = ask(chat, thread, "2")
    [interrupt] = of_kind(events, "values")[-1]["__interrupt__"]
    [request] = interrupt["value"]["action_requests"]
    assert request["name"] == "suppress"
    assert list(request["args"]) == ["value", "reason"]
    assert "1 lead is rejected" in request["description"]
    assert messages_of(events)[-1]["tool_calls"][0]["args"] == request["args"]

    events = decide(chat, thread, {"type": "approve"})
    last = of_kind(events, "values")[-1]
    assert "__interrupt__" not in last
    assert [each["type"] for each in last["messages"][-2:]] == ["tool", "ai"]
    assert "1 lead rejected" in last["messages"][-1]["content"]
    with in_tenant("acme"):
        suppression = Suppression.objects.get(value=request["args"]["value"], lifted_at=None)
        [event] = AuditEvent.objects.filter(action="chat.act", actor=suppression.created_by)
        assert event.after["decision"] == "approve"


def test_an_edit_of_nonsense_ends_in_a_sentence_and_nothing_is_done(chat):
    thread = chat.thread()
    ask(chat, thread, "suppress nonsense-edit.example because they asked us")

    edited = {"name": "suppress", "args": {"value": "", "reason": "x", "more": "1"}}
    events = decide(chat, thread, {"type": "edit", "edited_action": edited})

    tool = messages_of(events)[-2]
    assert (tool["type"], tool["status"]) == ("tool", "error")
    assert chat.status(thread) == "idle"
    with in_tenant("acme"):
        assert not suppressions.is_suppressed(domain="nonsense-edit.example")


def test_a_token_that_reads_does_not_act(chat):
    reader = Chat(make_key("overhttpreader", role="OWNER", scopes=["read"]))
    thread = reader.thread()

    told = messages_of(ask(reader, thread, "suppress reader.example because they asked us"))

    assert "Your role does not include this" in told[-1]["content"]
    assert messages_of(ask(reader, thread, "harvests"))[-1]["type"] == "ai"
