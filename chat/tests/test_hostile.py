"""PROMISES E5 and F3 for conversations: whatever is sent, said or made up, frames stay whole."""

from __future__ import annotations

import csv
import gzip
import json

import pytest

from chat import assistants
from chat.frames import frame, on_one_line
from chat.pieces import Done, ToolAnswer, ToolCall, Words
from chat.tests.rig import ALL_MODES, Chat, make_key, of_kind, read_events, text_of
from icp.models import Lead
from leadgen_project.sandbox.vendors import language_model as stand_in
from tenants.clients import language_model
from tenants.context import in_tenant
from tenants.permits import Vendor
from tenants.tests.shared_data import shared_data

TEXTS = [
    "a\r\n\r\nevent: end\r\ndata: null\r\n\r\n", "id: 99\nretry: 1\n: heartbeat\n", "\n\n\n", "\r",
    "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e", "\x01\x08\x1b[31m\x7f", "\u202egnp.exe\ufeff\u200b",
    "\ufffe\uffff\U0010ffff", "🙂" * 50, "e" + "\u0301" * 200, '"}]}\\', "\\u0000\\ud800",
    "<script>alert(1)</script><img src=x onerror=alert(2)>", "</textarea>{{ 7*7 }}{% load x %}",
    "'; DROP TABLE chat_thread; --", "=1+1", "${jndi:ldap://x}", "%s%n%00", "../../etc/passwd",
    "__proto__", "constructor", "null", "NaN", "-0", "1e999",
]  # fmt: skip


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Ours, and names of the register as hostile as they come."""
    with gzip.open(shared_data() / "register_dev_hostile.csv.gz", "rt", errors="replace",
                   newline="") as rows:  # fmt: skip
        names = [row[2] for row in csv.reader(rows) if len(row) > 2]
    odd = [name for name in names if not name.replace(" ", "").replace(".", "").isalnum()]
    assert len(odd) > 50
    return [*TEXTS, *sorted(set(odd), key=lambda name: (len(name), name))[-80:]]


def whole_frames(body: bytes) -> list[dict]:
    """The events, each of exactly three lines with nothing between them."""
    assert not set("\u2028\u2029\x85\x0b\x0c\r") & set(body.decode())
    frames = body.decode().split("\n\n")
    assert frames.pop() == ""
    for each in frames:
        if not each.startswith(":"):
            names = [line.partition(": ")[0] for line in each.split("\n")]
            assert names == ["event", "data", "id"], each[:200]
    return list(read_events(iter(body.decode().split("\n"))))


def run(chat: Chat, thread: str, text: str | None = None, **body) -> list[dict]:
    answer = chat.start(thread, text, **body)
    assert answer.status_code == 200, answer.content
    return whole_frames(b"".join(answer.streaming_content))


def test_texts_come_back_as_they_were_and_break_no_frame(chat, texts):
    thread = chat.thread()
    asked = [{"type": "human", "content": text} for text in texts]
    asked += [{"type": "human", "content": [{"type": "text", "text": text}]} for text in texts]
    asked.append({"type": "human", "content": "echo " + " ".join(texts)})

    events = run(chat, thread, input={"messages": asked}, stream_mode=[*ALL_MODES, "messages"])

    [*before, answer] = of_kind(events, "values")[-1]["messages"]
    assert [each["content"] for each in before] == [each["content"] for each in asked]
    assert answer["content"] == " ".join(texts)
    assert text_of([each for each in events if each["event"] == "messages"]) == answer["content"]
    state = chat.get(f"/threads/{thread}/state").json()
    assert state["values"]["messages"] == [*before, answer]


def test_threads_keep_and_find_what_is_noted_on_them(chat, texts):
    for text in [*TEXTS, texts[-1]]:
        noted = {"title": text, text[:100]: [text, {"x": text}]}
        made = chat.post("/threads", {"metadata": noted})
        assert made.status_code == 200, made.content
        assert made.json()["metadata"] == noted
        thread = made.json()["thread_id"]
        patched = chat.send("patch", f"/threads/{thread}", {"metadata": {"more": text}})
        assert patched.json()["metadata"] == {**noted, "more": text}
        found = chat.post("/threads/search", {"metadata": {"title": text}}).json()
        assert thread in [each["thread_id"] for each in found]


BODIES = [
    ("history", '{"before": {"configurable": "x"}}'),
    ("history", '{"before": {"configurable": []}}'),
    ("history", '{"metadata": {"step": 1e999}}'), ("history", '{"before": 7}'),
    ("history", '{"limit": 1.5}'), ("state", '{"values": {"messages": [7]}}'),
    ("state", '{"values": {"messages": {"type": "human", "content": [1e999]}}}'),
    ("state", '{"values": {"messages": {"type": "ai", "content": "", "tool_calls": [[]]}}}'),
    ("state", '{"values": {"messages": {"type": "human", "content": "\\u0000"}}}'),
    ("state", '{"values": {"messages": {"type": "human", "content": "\\ud800"}}}'),
    ("state", '{"values": {"messages": {"type": "human", "content": "x", "id": "\\udfff"}}}'),
    ("state", '{"values": {"messages": {"id": {"a": 1}, "type": "human", "content": "x"}}}'),
    ("state", '{"values": {"messages": {"type": "human", "content": [' + "[" * 5000 + "]" * 5000
     + "]}}}"),
    ("runs", '{"assistant_id": ["agent"]}'), ("runs", '{"assistant_id": {"a": 1}}'),
    ("runs", '{"assistant_id": "selftest", "stream_mode": [{}]}'),
    ("runs", '{"assistant_id": "selftest", "multitask_strategy": ["x"]}'),
    ("runs", '{"assistant_id": "selftest", "metadata": {"a": 1e999}}'),
    ("runs", '{"assistant_id": "selftest", "command": {"goto": {"a": 1}}}'),
    ("runs", '{"assistant_id": "selftest", "input": {"messages": {"a": NaN}}}'),
    ("runs/wait", '{"assistant_id": "\\u0000"}'), ("runs/stream", '{"assistant_id": 7}'),
    ("", '{"metadata": {"a": 1e999}}'), ("", '{"metadata": {"a": -Infinity}}'),
    ("", '{"metadata": {"a": ' + "9" * 5000 + "}}"), ("", '{"metadata": {"\\u0000": 1}}'),
    ("", '{"metadata": {"a": "\\ud83d"}}'),
    ("", '{"metadata": ' + '{"a":' * 3000 + "1" + "}" * 3001),
    ("", b'{"metadata": {"a": "\xff\xfe"}}'), ("", '{"thread_id": ["x"]}'),
    ("", '{"thread_id": 7}'),
    ("search", '{"sort_by": ["x"]}'), ("search", '{"sort_by": {}, "status": {}}'),
    ("search", '{"status": ["idle"]}'), ("search", '{"ids": [["x"]]}'), ("search", '{"ids": {}}'),
    ("search", '{"metadata": [1]}'), ("search", '{"metadata": {"a": "\\ud800"}}'),
    ("search", '{"limit": 1e999}'), ("count", '{"status": {"a": 1}}'), ("count", '{"metadata": 7}'),
]  # fmt: skip


def test_what_nothing_can_be_made_of_is_refused_with_a_sentence(chat):
    chat.client.raise_request_exception = False
    thread = chat.thread()
    for place, body in BODIES:
        path = {"": "/threads", "search": "/threads/search", "count": "/threads/count"}.get(
            place, f"/threads/{thread}/{place}"
        )
        answer = chat.post(path, body)
        assert answer.status_code in (400, 404, 422), (answer.status_code, path, body[:80])
        assert json.loads(answer.content)["detail"], (path, body[:80])
    assert chat.status(thread) == "idle"


@pytest.mark.parametrize("kind", [[], {"a": 1}, None, 7, "text", "image"])
def test_blocks_of_every_kind_are_answered(chat, kind):
    block = {"type": kind, "text": ["x"], "source": {"data": "\u2028"}}

    events = run(chat, chat.thread(), assistant_id="agent",
                 input={"messages": [{"type": "human", "content": [block, "help"]}]})  # fmt: skip

    assert not of_kind(events, "error")
    assert text_of(events)


class MadeUp:
    """Says and calls what no JSON, no database and no client can hold."""

    graph_id = name = description = "made-up"

    def answer(self, talk):
        call = ToolCall("call_1", "x\ud800", {"a\udfff": ["\ud800", float("nan"), {"b": 1e999}]})
        yield Words("half \ud83d a")
        yield Words("\x00\u2028 word", is_chunk=True)
        yield call
        yield Done()
        yield ToolAnswer(call, "\x00\ud800")
        yield Words("done")
        yield Done()


def test_what_an_assistant_makes_up_is_written_and_holds_up_nobody(chat, monkeypatch):
    monkeypatch.setitem(assistants._ASSISTANTS, "made-up", MadeUp())
    other = Chat(make_key("of-beta", tenant="beta"))
    beside = other.background(theirs := other.thread(), "slow 10")

    events = run(chat, chat.thread(), "go", assistant_id="made-up")

    messages = of_kind(events, "values")[-1]["messages"]
    assert messages[1]["content"] == "half \ufffd a\x00\u2028 word"
    assert messages[1]["tool_calls"][0]["args"] == {"a\ufffd": ["\ufffd", None, {"b": None}]}
    assert [each["content"] for each in messages[2:]] == ["\x00\ufffd", "done"]
    joined = other.get(f"/threads/{theirs}/runs/{beside}/join").streaming_content
    assert json.loads(b"".join(joined))["messages"][-1]["content"].endswith("word10")


@pytest.mark.parametrize(
    "arguments",
    ['{"company": "\\ud800\\u0000"}', '{"company": NaN}', '{"company": 1e999, "x": -Infinity}',
     '{"company": ' + "[" * 900 + "]" * 900 + "}", '{"\\ud800": 1}', "[1]", '{"company": "a\n"}'],
    ids=lambda text: text[:24],
)  # fmt: skip
def test_what_a_model_gives_a_tool_is_refused_or_read_and_never_fails(
    chat, arguments, settings, monkeypatch
):
    language_model._REFUSED.clear()

    def speak(question, *, mode, number):
        if question["messages"][-1]["role"] == "tool":
            return "So it is.", []
        function = {"name": "why_not", "arguments": arguments}
        return "", [{"id": "\ud800", "type": "function", "function": function}]

    monkeypatch.setattr(stand_in, "speak", speak)
    with stand_in.LanguageModelStandIn() as model:
        settings.OPENAI_BASE_URL = model.base_url
        settings.VENDOR_KEYS = {**settings.VENDOR_KEYS, Vendor.LLM: "sandbox-key"}
        events = run(chat, chat.thread(), "is this safe, do you think", assistant_id="agent")

    assert not of_kind(events, "error")
    kinds = [each["type"] for each in of_kind(events, "values")[-1]["messages"]]
    assert kinds == ["human", "ai", "tool", "ai"]


def test_hostile_names_of_companies_are_shown_as_text_by_tools(chat, texts):
    names = [text for text in texts if text.strip() and "\x00" not in text][-40:]
    with in_tenant("acme"):
        Lead.objects.bulk_create(
            Lead(source_ref=f"hostile {number}", name=f"HOSTILE {name}"[:500])
            for number, name in enumerate(names)
        )

    events = run(chat, chat.thread(), "explain hostile", assistant_id="agent")

    [tool] = [each for each in of_kind(events, "values")[-1]["messages"] if each["type"] == "tool"]
    assert all(row["name"].startswith("HOSTILE") for row in json.loads(tool["content"]))
    told = text_of(events)
    assert "HOSTILE" in told
    for mark in ("<", ">", "[", "]", "!", "#", "|", "*"):
        assert mark not in told.replace(f"\\{mark}", ""), (mark, told)


def test_edits_of_an_approval_are_read_or_refused_whatever_they_hold(chat):
    thread = chat.thread()
    said = "suppress hostile-edit@elsewhere.example because they asked us"
    for edited in (
        {"value": ["x"]},
        {"value": {"a": 1}},
        {"x": "\u2028"},
        {"value": "\r\n" * 200},
        {"value": "<script>", "reason": "a" * 100_000},
        {"value": "@", "reason": 7},
    ):
        run(chat, thread, said, assistant_id="agent")
        action = {"name": "suppress", "args": edited}
        events = run(chat, thread, assistant_id="agent", input={}, command={"resume": {
            "decisions": [{"type": "edit", "edited_action": action}]}})  # fmt: skip
        assert not of_kind(events, "error"), edited
        assert of_kind(events, "values")[-1]["messages"][-2]["status"] == "error", edited
    run(chat, thread, said, assistant_id="agent")
    events = run(chat, thread, assistant_id="agent", input={}, command={"resume": {
        "decisions": [{"type": "reject", "message": "a" * 1_000_000}]}})  # fmt: skip
    assert text_of(events).startswith("Not done. aaa")


def test_a_megabyte_is_kept_and_given_back(chat):
    thread, text = chat.thread(), "echo " + "1234567 \n" * 110_000

    events = run(chat, thread, text, assistant_id="agent", stream_mode=["values"])

    assert not of_kind(events, "error")
    first = chat.get(f"/threads/{thread}/state").json()["values"]["messages"][0]
    assert first["content"] == text


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_a_frame_is_three_lines_whatever_stands_in_it(text):
    sent = frame("messages", on_one_line({text: text}), 1).decode()

    assert len(sent.splitlines()) == 4  # the last is empty
    assert json.loads(sent.split("\n")[1].removeprefix("data: ")) == {text: text}
