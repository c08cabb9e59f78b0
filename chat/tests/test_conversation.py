"""Conversations with the scripted assistant, as the contract of the chat writes them."""

from __future__ import annotations

import json
import re
import uuid

import pytest

from chat import settle
from chat.models import ChatMessage, ChatRun, Checkpoint, RunEvent
from chat.tests.rig import Chat, events_of, make_key, of_kind, text_of, wait_until
from chat.urls import urlpatterns
from tenants.context import in_tenant


def decide(*decisions: dict) -> dict:
    return {"input": {}, "command": {"resume": {"decisions": list(decisions)}}}


def texts(state: dict) -> list[str]:
    return [each["content"] for each in state["values"]["messages"]]


def test_a_first_message_is_answered_and_kept(chat):
    thread = chat.thread()

    events = chat.say(thread, "echo one two  three")

    assert events[0]["event"] == "metadata"
    assert events[-1]["event"] == "end"
    assert text_of(events) == "one two  three"
    assert len(of_kind(events, "messages")) == 4
    values = of_kind(events, "values")
    assert [len(each["messages"]) for each in values] == [1, 2]
    assert values[-1]["messages"][1]["id"] == of_kind(events, "messages")[0][0]["id"]
    assert [int(each["id"]) for each in events] == list(range(1, len(events) + 1))
    assert chat.status(thread) == "idle"


def test_each_mode_gets_its_events_and_no_others(chat):
    for mode, kinds in {
        "values": {"values"},
        "messages-tuple": {"messages"},
        "messages": {"messages/metadata", "messages/partial", "messages/complete"},
        "updates": {"updates"},
        "custom": {"custom"},
        "debug": set(),
    }.items():
        events = chat.say(chat.thread(), "slow 2", stream_mode=mode)
        seen = {each["event"] for each in events}
        assert seen == {"metadata", "end", *kinds}, mode


def test_a_tool_call_is_streamed_in_pieces_and_kept_in_the_order_of_its_keys(chat):
    thread = chat.thread()

    events = chat.say(thread, "tool")

    chunks = [part for message, _ in of_kind(events, "messages")
              for part in message.get("tool_call_chunks", [])]  # fmt: skip
    assert len(chunks) >= 3
    assert [each["name"] for each in chunks if each["name"]] == ["search_companies"]
    given = json.loads("".join(each["args"] for each in chunks))
    assert list(given) == ["industry", "limit"]
    kinds = [each["type"] for each in chat.history(thread)[0]["values"]["messages"]]
    assert kinds == ["human", "ai", "tool", "ai"]
    assert [list(each) for each in of_kind(events, "updates")] == [["agent"], ["tools"], ["agent"]]
    about = of_kind(events, "messages")[-1][1]
    assert "tools:" not in about["langgraph_checkpoint_ns"]


def test_an_approval_is_asked_for_and_carried_out(chat):
    thread = chat.thread()

    events = chat.say(thread, "approve")

    asked = of_kind(events, "values")[-1]["__interrupt__"]
    value = asked[0]["value"]
    assert value["action_requests"][0]["args"]["note"] == "warm"
    assert value["review_configs"][0]["allowed_decisions"] == ["approve", "edit", "reject"]
    head = chat.history(thread)[0]
    assert head["tasks"][-1]["interrupts"] == asked
    assert head["next"]
    assert head["values"]["messages"][-1]["tool_calls"]
    shown = chat.get(f"/threads/{thread}").json()
    assert shown["status"] == "interrupted"
    assert list(shown["interrupts"].values()) == [asked]

    after = chat.say(thread, **decide({"type": "approve"}))

    assert "__interrupt__" not in of_kind(after, "values")[-1]
    tool = chat.history(thread)[0]["values"]["messages"][-2]
    assert tool["type"] == "tool"
    assert "approve" in tool["content"]
    assert chat.status(thread) == "idle"
    assert all(not state["next"] for state in chat.history(thread))


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (
            {"type": "edit", "edited_action": {"name": "push_to_crm", "args": {"note": "hot"}}},
            "hot",
        ),
        ({"type": "reject", "message": "not this one"}, "not this one"),
    ],
)
def test_an_approval_is_edited_or_rejected(chat, decision, expected):
    thread = chat.thread()
    chat.say(thread, "approve")

    chat.say(thread, **decide(decision))

    assert expected in chat.history(thread)[0]["values"]["messages"][-2]["content"]


def test_two_actions_on_one_card_take_two_decisions(chat):
    thread = chat.thread()
    asked = of_kind(chat.say(thread, "approve2"), "values")[-1]["__interrupt__"]
    assert len(asked) == 1
    assert len(asked[0]["value"]["action_requests"]) == 2

    failed = chat.say(thread, **decide({"type": "approve"}))

    assert "2 decisions" in of_kind(failed, "error")[0]["message"]
    assert chat.status(thread) == "interrupted"

    chat.say(thread, **decide({"type": "approve"}, {"type": "reject", "message": "no"}))

    kinds = [each["type"] for each in chat.history(thread)[0]["values"]["messages"]]
    assert kinds == ["human", "ai", "tool", "tool", "ai"]


@pytest.mark.parametrize(
    "resume",
    [
        {"decisions": [{"type": "respond"}]},
        {"decisions": [{"type": "edit"}]},
        {"decisions": [{"type": "edit", "edited_action": {"name": "other", "args": {}}}]},
        {"decisions": [None]},
        {"decisions": {}},
        "yes",
        [],
    ],
)
def test_a_decision_that_is_not_allowed_carries_nothing_out(chat, resume):
    thread = chat.thread()
    chat.say(thread, "approve")

    events = chat.say(thread, input={}, command={"resume": resume})

    assert of_kind(events, "error")
    assert chat.status(thread) == "interrupted"
    assert chat.history(thread)[0]["tasks"][-1]["interrupts"]


def test_an_approval_is_carried_out_once_however_often_it_is_given(chat):
    thread = chat.thread()
    chat.say(thread, "approve")
    head = chat.history(thread)[0]["checkpoint"]
    runs = [
        chat.background(thread, checkpoint=head, **decide({"type": "approve"})) for _ in range(3)
    ]

    wait_until(lambda: chat.status(thread) != "busy")

    ends = [chat.get(f"/threads/{thread}/runs/{run}").json()["status"] for run in runs]
    assert sorted(ends) == ["error", "error", "success"]
    with in_tenant("acme"):
        answers = [each.content for each in ChatMessage.objects.filter(thread=thread)]
    assert len([each for each in answers if each["type"] == "tool"]) == 1


def test_a_resume_without_an_approval_is_an_error_event(chat):
    thread = chat.thread()
    chat.say(thread, "echo x")

    events = chat.say(thread, **decide({"type": "approve"}))

    assert of_kind(events, "error")[0]["error"] == "DecisionError"


def test_typing_over_an_approval_drops_it(chat):
    thread = chat.thread()
    chat.say(thread, "approve")
    first = chat.history(thread)[0]
    call = first["values"]["messages"][-1]["tool_calls"][0]["id"]
    over = [
        {"type": "tool", "tool_call_id": call, "id": "do-not-render-1",
         "content": "Successfully handled tool call."},
        {"type": "human", "content": "echo never mind"},
    ]  # fmt: skip

    events = chat.say(thread, input={"messages": over})
    late = chat.say(thread, checkpoint=first["checkpoint"], **decide({"type": "approve"}))

    assert text_of(events) == "never mind"
    assert of_kind(late, "error")
    assert chat.history(thread)[0]["next"] == []


def test_an_approval_is_closed_as_resolved_without_being_carried_out(chat):
    thread = chat.thread()
    chat.say(thread, "approve")

    events = chat.say(thread, command={"goto": "__end__"})

    assert "__interrupt__" not in of_kind(events, "values")[-1]
    assert chat.status(thread) == "idle"
    head = chat.history(thread)[0]
    assert (head["next"], head["tasks"]) == ([], [])
    assert [each["type"] for each in head["values"]["messages"]] == ["human", "ai"]


def test_history_is_a_tree_that_regenerating_and_editing_branch_off(chat):
    thread = chat.thread()
    chat.say(thread, "echo first")
    final, asked, root = chat.history(thread)
    assert root["values"]["messages"] == []
    assert root["parent_checkpoint"] is None
    assert asked["parent_checkpoint"] == root["checkpoint"]
    assert final["parent_checkpoint"] == asked["checkpoint"]

    again = chat.say(thread, checkpoint=final["parent_checkpoint"])
    edited = chat.say(
        thread, input={"messages": [{"type": "human", "content": "echo second"}]},
        checkpoint=root["checkpoint"],
    )  # fmt: skip

    assert text_of(again) == "first"
    assert text_of(edited) == "second"
    states = chat.history(thread)
    ids = [each["checkpoint_id"] for each in states]
    assert ids == sorted(ids, reverse=True)
    assert texts(states[0]) == ["echo second", "second"]
    regenerated = states[2]
    assert regenerated["parent_checkpoint"] == asked["checkpoint"]
    assert regenerated["values"]["messages"][1]["id"] != final["values"]["messages"][1]["id"]
    at = chat.get(f"/threads/{thread}/state/{asked['checkpoint_id']}").json()
    assert texts(at) == ["echo first"]


def test_a_message_sent_twice_is_there_once(chat):
    thread = chat.thread()
    message = {"id": str(uuid.uuid4()), "type": "human", "content": "echo x"}

    chat.say(thread, input={"messages": [message]})
    chat.say(thread, input={"messages": [message]})

    kinds = [each["type"] for each in chat.history(thread)[0]["values"]["messages"]]
    assert kinds.count("human") == 1


def test_a_failed_run_says_why_in_stream_thread_and_history(chat):
    thread = chat.thread()

    events = chat.say(thread, "boom")

    assert [each["event"] for each in events][-2:] == ["error", "end"]
    said = of_kind(events, "error")[0]
    assert said["message"] == "The self-test was asked to fail."
    shown = chat.get(f"/threads/{thread}").json()
    assert (shown["status"], shown["error"]) == ("error", said)
    assert "asked to fail" in chat.history(thread)[0]["tasks"][-1]["error"]
    assert text_of(chat.say(thread, "echo on")) == "on"
    assert chat.get(f"/threads/{thread}").json()["error"] is None


def test_a_run_goes_on_when_nobody_listens_any_more(chat):
    thread = chat.thread()
    answer = chat.start(thread, "slow 6")
    parts = iter(answer.streaming_content)
    while b"messages" not in next(parts):
        pass
    answer.close()

    wait_until(lambda: chat.status(thread) == "idle")

    assert texts(chat.history(thread)[0])[1].endswith("word6")


def test_a_run_that_asks_for_it_stops_when_its_listener_goes(chat):
    thread = chat.thread()
    answer = chat.start(thread, "slow 2000", on_disconnect="cancel")
    parts = iter(answer.streaming_content)
    while b"messages" not in next(parts):
        pass
    answer.close()

    wait_until(lambda: chat.status(thread) == "interrupted")

    assert len(texts(chat.history(thread)[0])) == 1


@pytest.mark.parametrize("how", ["interrupt", "rollback"])
def test_a_run_is_cancelled(chat, how):
    thread = chat.thread()
    chat.say(thread, "echo before")
    head = chat.history(thread)[0]
    run = chat.background(thread, "slow 2000")
    wait_until(lambda: chat.get(f"/threads/{thread}/runs/{run}").json()["status"] == "running")

    answer = chat.post(f"/threads/{thread}/runs/{run}/cancel?wait=1&action={how}")

    assert (answer.status_code, answer.json()) == (200, {})
    state = chat.history(thread)[0]
    assert state["next"] == []
    if how == "rollback":
        assert state == head
        assert chat.get(f"/threads/{thread}/runs/{run}").status_code == 404
        assert chat.status(thread) == "idle"
        with in_tenant("acme"):
            assert ChatMessage.objects.filter(thread=thread).count() == 2
    else:
        assert texts(state) == ["echo before", "before", "slow 2000"]
        assert chat.get(f"/threads/{thread}/runs/{run}").json()["status"] == "interrupted"
    assert chat.post(f"/threads/{thread}/runs/{run}/cancel").status_code == 404
    assert text_of(chat.say(thread, "echo after")) == "after"


def test_a_stream_of_a_cancelled_run_ends_without_an_error(chat):
    thread = chat.thread()
    answer = chat.start(thread, "slow 2000")
    run = answer.headers["Content-Location"].rpartition("/")[2]

    chat.post(f"/threads/{thread}/runs/{run}/cancel")

    events = events_of(answer)
    assert [each["event"] for each in events if each["event"] in ("error", "end")] == ["end"]


def test_runs_of_a_thread_wait_for_each_other(chat):
    thread = chat.thread()

    first = chat.background(thread, "slow 5")
    second = chat.say(thread, "echo and then")

    assert texts(chat.history(thread)[0])[1:] == [
        "word1 word2 word3 word4 word5", "echo and then", "and then",
    ]  # fmt: skip
    assert second[0]["event"] == "metadata"
    assert chat.get(f"/threads/{thread}/runs/{first}").json()["status"] == "success"


def test_a_second_run_may_be_refused_or_replace_the_first(chat):
    thread = chat.thread()
    first = chat.background(thread, "slow 2000")

    refused = chat.start(thread, "echo x", multitask_strategy="reject")
    chat.say(thread, "echo instead", multitask_strategy="interrupt")

    assert refused.status_code == 409
    assert "under way" in refused.json()["detail"]
    assert chat.get(f"/threads/{thread}/runs/{first}").json()["status"] == "interrupted"
    assert texts(chat.history(thread)[0]) == ["slow 2000", "echo instead", "instead"]

    third = chat.background(thread, "slow 2000")
    chat.say(thread, "echo anew", multitask_strategy="rollback")

    assert chat.get(f"/threads/{thread}/runs/{third}").status_code == 404
    assert texts(chat.history(thread)[0])[2:] == ["instead", "echo anew", "anew"]


def test_a_stream_is_joined_where_it_was_left(chat):
    thread = chat.thread()
    events = chat.say(thread, "slow 4")
    run = events[0]["data"]["run_id"]
    path = f"/threads/{thread}/runs/{run}/stream"

    assert events_of(chat.get(path, **{"Last-Event-ID": "-1"})) == events
    for seen in range(1, len(events)):
        assert events_of(chat.get(path, **{"Last-Event-ID": str(seen)})) == events[seen:]
    assert events_of(chat.get(path)) == []
    only = events_of(chat.get(f"{path}?stream_mode=values", **{"Last-Event-ID": "-1"}))
    assert {each["event"] for each in only} == {"metadata", "values", "end"}
    assert chat.get(f"/threads/{thread}/runs/{uuid.uuid4()}/stream").status_code == 404


def test_a_run_is_waited_for(chat):
    thread = chat.thread()

    answer = chat.post(
        f"/threads/{thread}/runs/wait",
        {"assistant_id": "selftest", "input": {"messages": "echo hello"}},
    )

    run = answer.headers["Content-Location"]
    assert [each["content"] for each in json.loads(b"".join(answer.streaming_content))["messages"]
            ] == ["echo hello", "hello"]  # fmt: skip
    assert answer.headers["Location"] == f"{run}/join"
    again = chat.get(f"{run}/join")
    assert len(json.loads(b"".join(again.streaming_content))["messages"]) == 2
    failed = chat.post(
        f"/threads/{thread}/runs/wait",
        {"assistant_id": "selftest", "input": {"messages": ["boom"]}},
    )
    assert json.loads(b"".join(failed.streaming_content))["__error__"]["message"]


def test_a_run_nobody_carries_any_more_is_settled_by_whoever_comes(chat, monkeypatch):
    thread = chat.thread()
    chat.say(thread, "echo before")
    with in_tenant("acme"):
        run = ChatRun.objects.create(thread_id=thread, assistant="selftest", status="running")
        settle.Thread.objects.filter(pk=thread).update(status="busy")
        about = '{"langgraph_node":"agent"}'
        for seq, word in enumerate(["half ", "of it"], start=1):
            chunk = json.dumps({"id": "m-half", "type": "AIMessageChunk", "content": word})
            RunEvent.objects.create(run=run, seq=seq, event="messages", data=f"[{chunk},{about}]")
        long_ago = run.created_at - settle.STALE_AFTER * 2
        ChatRun.objects.filter(pk=run.pk).update(heartbeat_at=long_ago)

    shown = chat.get(f"/threads/{thread}").json()

    assert shown["status"] == "error"
    assert "stopped in the middle" in shown["error"]["message"]
    state = chat.history(thread)[0]
    assert texts(state) == ["echo before", "before", "half of it"]
    assert "ServerStopped" in state["tasks"][-1]["error"]
    heard = events_of(chat.get(f"/threads/{thread}/runs/{run.pk}/stream",
                               **{"Last-Event-ID": "2"}))  # fmt: skip
    assert [each["event"] for each in heard] == ["error", "end"]
    assert text_of(chat.say(thread, "echo on")) == "on"


def test_state_is_changed_by_hand(chat):
    thread = chat.thread()
    assert chat.get(f"/threads/{thread}/state").json()["checkpoint"] is None

    made = chat.post(f"/threads/{thread}/state", {"values": {"messages": "said by hand"}}).json()

    state = chat.get(f"/threads/{thread}/state").json()
    assert state["checkpoint"] == made["checkpoint"]
    assert texts(state) == ["said by hand"]
    chat.background(thread, "slow 3")
    busy = chat.post(f"/threads/{thread}/state", {"values": {"messages": "too soon"}})
    assert busy.status_code == 409


def test_a_file_of_20_mib_is_kept_once_and_given_back_as_it_was(chat):
    thread = chat.thread()
    block = {"type": "file", "mimeType": "application/pdf", "data": "QUJD" * (20 * 2**20 // 3),
             "metadata": {"filename": "x.pdf"}}  # fmt: skip
    words = {"type": "text", "text": "echo got it"}

    events = chat.say(
        thread, input={"messages": [{"type": "human", "content": [words, block]}]},
        stream_mode="messages-tuple",
    )  # fmt: skip

    assert text_of(events) == "got it"
    content = chat.history(thread, limit=1)[0]["values"]["messages"][0]["content"]
    assert content == [words, block]
    with in_tenant("acme"):
        assert ChatMessage.objects.filter(thread=thread).count() == 2
        assert sum(len(each.data) for each in RunEvent.objects.filter(run__thread=thread)) < 10_000
        assert Checkpoint.objects.filter(thread=thread).count() == 3


def test_a_deleted_thread_takes_its_run_with_it(chat):
    thread = chat.thread()
    chat.background(thread, "slow 2000")

    assert chat.send("delete", f"/threads/{thread}").status_code == 204

    assert chat.get(f"/threads/{thread}").status_code == 404
    with in_tenant("acme"):
        wait_until(lambda: not ChatMessage.objects.filter(thread=thread).exists())


def test_threads_are_found_by_what_the_server_notes_on_them(chat):
    silent, spoken = chat.thread(), chat.thread(metadata={"color": "red"})
    chat.say(spoken, "echo hi")

    by_name = chat.post("/threads/search", {"metadata": {"graph_id": "selftest"}, "limit": 100})

    assert [each["thread_id"] for each in by_name.json()] == [spoken]
    assert by_name.json()[0]["values"]["messages"][0]["content"] == "echo hi"
    everything = chat.post("/threads/search", {"limit": 1})
    assert everything.headers["X-Pagination-Total"] == "2"
    assert everything.headers["X-Pagination-Next"] == "1"
    assert [each["thread_id"] for each in everything.json()] == [spoken]
    assert chat.post("/threads/count", {"metadata": {"color": "red"}}).json() == 1
    assert chat.post("/threads/search", {"values": {}}).status_code == 200  # says nothing
    refused = chat.post("/threads/search", {"values": {"topic": "x"}})
    assert (refused.status_code, refused.json()["detail"]) == (
        422, "Threads are found by metadata, ids and status, not by values."
    )  # fmt: skip
    few = chat.post("/threads/search", {"ids": [silent], "select": ["thread_id", "values"]}).json()
    assert few == [{"thread_id": silent, "values": None}]
    changed = chat.send("patch", f"/threads/{spoken}", {"metadata": {"title": "T"}}).json()
    assert changed["metadata"]["title"] == "T"
    assert changed["metadata"]["color"] == "red"


def test_a_thread_may_be_named_by_the_client(chat):
    wanted = str(uuid.uuid4())

    assert chat.thread(thread_id=wanted) == wanted
    assert chat.post("/threads", {"thread_id": wanted}).status_code == 409
    assert chat.thread(thread_id=wanted, if_exists="do_nothing") == wanted
    missing = str(uuid.uuid4())
    assert chat.start(missing, "echo x").status_code == 404
    assert text_of(chat.say(missing, "echo x", if_not_exists="create")) == "x"


def test_nobody_else_finds_a_thread(chat):
    thread = chat.thread()
    chat.say(thread, "echo secret")
    run = chat.get(f"/threads/{thread}/runs").json()[0]["run_id"]
    colleague = Chat(make_key("colleague", role="OPERATOR"))
    stranger = Chat(make_key("stranger", tenant="beta"))

    for other in (colleague, stranger):
        for method, path, body in (
            ("get", f"/threads/{thread}", None),
            ("patch", f"/threads/{thread}", {"metadata": {}}),
            ("delete", f"/threads/{thread}", None),
            ("get", f"/threads/{thread}/state", None),
            ("post", f"/threads/{thread}/state", {"values": {}}),
            ("post", f"/threads/{thread}/history", {}),
            ("get", f"/threads/{thread}/runs", None),
            ("post", f"/threads/{thread}/runs", {"assistant_id": "selftest"}),
            ("post", f"/threads/{thread}/runs/stream", {"assistant_id": "selftest"}),
            ("post", f"/threads/{thread}/runs/stream",
             {"assistant_id": "selftest", "if_not_exists": "create"}),
            ("get", f"/threads/{thread}/runs/{run}", None),
            ("get", f"/threads/{thread}/runs/{run}/stream", None),
            ("get", f"/threads/{thread}/runs/{run}/join", None),
            ("post", f"/threads/{thread}/runs/{run}/cancel", {}),
            ("delete", f"/threads/{thread}/runs/{run}", None),
        ):  # fmt: skip
            answer = other.send(method, path, body)
            if other is stranger and (body or {}).get("if_not_exists"):
                assert answer.status_code == 200  # a thread of their own, by chance of that id
                events_of(answer)
                continue
            assert answer.status_code == 404, path
            assert "secret" not in answer.content.decode()
        found = other.post("/threads/search", {"ids": [thread]}).json()
        assert "secret" not in json.dumps(found)
    assert colleague.post("/threads", {"thread_id": thread}).status_code == 409
    assert texts(chat.history(thread)[0]) == ["echo secret", "secret"]


def test_no_address_tells_others_anything_of_a_thread_or_changes_it(chat):
    """Walked from the routing table, so that a new address is asked by itself."""
    thread = chat.thread()
    chat.say(thread, "echo secret")
    before = chat.history(thread)
    ids = {"thread_id": thread, "assistant_id": "selftest",
           "run_id": chat.get(f"/threads/{thread}/runs").json()[0]["run_id"],
           "checkpoint_id": before[0]["checkpoint"]["checkpoint_id"]}  # fmt: skip
    body = {"assistant_id": "selftest", "metadata": {}, "values": {}}

    for other in (Chat(make_key("walker", role="OWNER")), Chat(make_key("afar", tenant="beta"))):
        for route in map(str, (each.pattern for each in urlpatterns)):
            path = "/" + re.sub(r"<str:(\w+)>", lambda name: ids[name[1]], route)
            for method in ("get", "post", "patch", "delete"):
                sent = body if method in ("post", "patch") else None
                answer = other.send(method, path, sent)
                told = b"".join(answer.streaming_content) if answer.streaming else answer.content
                assert b"secret" not in told, path
                if "thread_id" in route:
                    assert answer.status_code in (404, 405), f"{method} {path}"
    assert chat.history(thread) == before
