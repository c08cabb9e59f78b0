"""PROMISES H3 and H4 in conversations: what was said of somebody is told to them, and goes."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from chat.checkpoints import add_state, root_of
from chat.decide import ask_text
from chat.messages import answered, call_chunks, read_messages, spoken
from chat.models import ChatMessage, ChatRun, Checkpoint, RunEvent, Thread
from chat.pieces import Action, Ask, ToolAnswer, ToolCall
from chat.states import states_of
from enrichment.models import Contact
from icp.models import Lead
from leadgen_project.persons.answer import answer
from leadgen_project.persons.identify import Asked
from leadgen_project.tests.test_persons import EMAIL, NAME, NUMBER, dump, erase_now
from tenants import audit
from tenants.context import in_tenant

MARKS = ("quark", "6123 9876", "61239876", "6123-9876")
NOW = timezone.now()
CALL = ToolCall("call_1", "suppress", {"value": EMAIL, "reason": f"{NAME} asked,\nby letter"})
SAID = [
    f"Write to:\n{EMAIL}", f"Who is\n{NAME}?\n", f"mail\tfor {EMAIL.upper()}.", "call 6123-9876",
    f"{NAME.replace(' ', chr(10))} it was", f"C:\\new\\{NAME}", f"to={EMAIL.replace('@', '%40')}",
]  # fmt: skip


def talk(person: str = "olga") -> Thread:
    """A conversation with the person in every place one has, and two where chunks cut them."""
    Lead.objects.get_or_create(source_ref="201512345K", uen="201512345K", name="KAYA TEA PTE. LTD.")
    contact = {"kind": "PERSON", "name": NAME, "email": EMAIL, "phone": NUMBER}
    Contact.objects.get_or_create(lead=Lead.objects.get(uen="201512345K"), **contact)
    thread = Thread.objects.create(person=person, metadata={"title": f"About\n{NAME}"},
                                   error={"error": "X", "message": EMAIL})  # fmt: skip
    run = ChatRun.objects.create(thread=thread, status="success", metadata={"for": EMAIL},
                                 request=json.dumps({"about": NAME}), error=EMAIL)  # fmt: skip
    state = root_of(thread.pk, run_id=run.pk)
    rows = json.dumps([{"company": "KAYA", "contact": NAME, "note": f"a\n{EMAIL}"}])
    messages = [
        *read_messages([{"type": "human", "content": text} for text in SAID]),
        *read_messages({"type": "human", "content": [{"type": "text", "text": f"\n{NAME}"}]}),
        spoken("m1", f"- {NAME}\n- {EMAIL}", [CALL]), answered(ToolAnswer(CALL, rows)),
    ]  # fmt: skip
    state = add_state(state, messages, source="loop", run_id=run.pk)
    state.ask = ask_text(Ask((Action(CALL, f"Suppress\n{EMAIL}?"),)), ask_id="1")
    state.error = NAME
    state.save()
    chunks = [*call_chunks("m2", CALL, index=0), *read_messages(["Mei Qu", "ark", f"it is {NAME}"])]
    for seq, chunk in enumerate(chunks):
        RunEvent.objects.create(run=run, seq=seq, event="messages", data=json.dumps([chunk]))
    audit.record("chat.act", actor="olga", subject="chat call call_1", before={"tool": "suppress"},
                 after={"arguments": {"reason": f"{NAME} asked,\nby letter"}})  # fmt: skip
    return thread


@pytest.fixture
def thread(acme) -> Thread:
    return talk()


def test_the_answer_lists_conversations_with_whose_they_are_and_what_was_said(thread):
    add_state(root_of(thread.pk, run_id=None), read_messages("of something else"), source="loop",
              run_id=None)  # fmt: skip

    held = answer(Asked(email=EMAIL, phone=NUMBER), now=NOW)

    [told] = held["conversations"]
    assert (told["conversation"], told["held_by"]) == (str(thread.pk), "olga")
    texts = [each["text"] for each in told["messages"]]
    assert texts[: len(SAID)] == SAID
    assert len(texts) == len(SAID) + 3
    assert told["messages"][-2]["calls"] == [{"tool": "suppress", "with": CALL.arguments}]
    assert not [each for each in held["elsewhere"] if each["table"].startswith("chat.")]
    assert [event["what"] for event in held["audit"]] == ["chat.act"]


def test_a_title_alone_is_a_conversation_that_names_them(acme):
    talk()
    ChatMessage.objects.all().delete()
    ChatRun.objects.all().delete()

    [told] = answer(Asked(email=EMAIL), now=NOW)["conversations"]

    assert told["messages"] == []


def test_after_erasing_no_row_of_a_conversation_names_them_and_the_rest_can_be_read(thread):
    assert all(mark in dump() for mark in ("quark", "6123-9876"))

    erase_now()

    assert [mark for mark in MARKS if mark in dump()] == []
    [state] = states_of(list(Checkpoint.objects.filter(pk=Thread.objects.get().head_id)))
    texts = [each["content"] for each in json.loads(state)["values"]["messages"]]
    assert texts[:3] == ["Write to:\n(erased)", "Who is\n(erased)?\n", "mail\tfor (erased)."]
    assert json.loads(texts[-1]) == [
        {"company": "KAYA", "contact": "(erased)", "note": "a\n(erased)"}
    ]
    assert json.loads(Checkpoint.objects.get(step=0).ask)["value"]["action_requests"][0][
        "description"
    ] == "Suppress\n(erased)?"  # fmt: skip


def test_chunks_that_cut_a_name_go_and_those_of_a_run_under_way_stay(thread):
    alive = ChatRun.objects.create(thread=thread, status="running",
                                   heartbeat_at=NOW + timedelta(days=1))  # fmt: skip
    RunEvent.objects.create(run=alive, seq=1, event="messages", data=f'["\\n{NAME}"]')

    erase_now()

    assert list(RunEvent.objects.values_list("run", "data")) == [(alive.pk, '["\\n(erased)"]')]


def test_another_tenants_conversations_stay(thread):
    with in_tenant("beta"):
        talk()

    erase_now()

    assert "quark" in dump("beta")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\nick Tan", "\nick Tan"), ("\nNick Tan", "\n(erased)"), ("\\nick tan", "\\(erased)"),
        ("Nick\r\nTan", "(erased)"), ("Yannick Tan", "Yannick Tan"),
        ("\u2028Nick Tan", "\u2028(erased)"),
    ],
)  # fmt: skip
def test_escapes_of_json_are_neither_taken_for_letters_nor_broken(acme, text, left):
    lead = Lead.objects.create(source_ref="1", name="SOME COMPANY")
    Contact.objects.create(lead=lead, kind="PERSON", name="Nick Tan", email="nt@x.example")
    thread = Thread.objects.create(person="olga")
    add_state(root_of(thread.pk, run_id=None), read_messages(text), source="loop", run_id=None)

    erase_now(email="nt@x.example")

    assert ChatMessage.objects.get().content["content"] == left
