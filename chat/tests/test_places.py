"""PROMISES E8 for the chat: who floods it, alone or with colleagues, leaves room for others."""

from __future__ import annotations

import pytest

from chat import stream
from chat.live import executors
from chat.tests.rig import Chat, make_key, request_of, text_of, wait_until
from tenants.rest.places import CrowdedError, Places


def test_a_person_has_so_many_and_gets_them_back():
    places = Places("streams", each=2, every=lambda: 100)
    places.take(1, "acme"), places.take(1, "acme")

    with pytest.raises(CrowdedError, match=r"You have 2 streams open\. Close one"):
        places.take(1, "acme")
    places.take(2, "acme")
    places.leave(1, "acme")
    places.take(1, "acme")


def test_many_accounts_of_one_tenant_leave_the_last_places_to_others():
    places = Places("streams", each=24, every=lambda: 48)
    for person in range(40):
        places.take(person, "acme")

    with pytest.raises(CrowdedError, match="Your organisation has 40 streams open"):
        places.take(99, "acme")
    for person in range(100, 104):
        places.take(person, "beta")
    with pytest.raises(CrowdedError, match="Your organisation has 4"):
        places.take(104, "beta")
    for person in range(200, 204):
        places.take(person, "third")
    with pytest.raises(CrowdedError, match="as many streams as it may"):
        places.take(300, "fourth")
    for person in range(40):
        places.leave(person, "acme")
    places.take(104, "beta")


def test_a_small_server_keeps_nothing_back():
    places = Places("runs", each=24, every=lambda: 3)
    for person in range(3):
        places.take(person, "acme")
    with pytest.raises(CrowdedError, match="as many runs as it may"):
        places.take(3, "acme")


def test_runs_at_once_of_one_person_and_one_tenant_do_not_starve_others(
    chat, settings, monkeypatch
):
    wait_until(lambda: not executors.held())
    settings.CHAT_STREAMS = 6  # so twelve runs, of which two are kept
    monkeypatch.setattr(executors, "each", 7)
    colleague, other = Chat(make_key("colleague")), Chat(make_key("elsewhere", tenant="beta"))

    def flood(talker: Chat) -> tuple[list[tuple[str, str]], dict]:
        begun = []
        while True:
            thread = talker.thread()
            answer = talker.post(f"/threads/{thread}/runs", request_of("quiet 100"))
            if answer.status_code == 429:
                assert int(answer.headers["Retry-After"]) > 0
                return begun, answer.json()
            begun.append((thread, answer.json()["run_id"]))

    mine, refused = flood(chat)
    assert len(mine) == 7
    assert refused["detail"].startswith("You have 7 runs open.")
    theirs, refused = flood(colleague)
    assert len(theirs) == 3
    assert refused["detail"].startswith("Your organisation has 10 runs open")

    assert text_of(other.say(other.thread(), "echo here")) == "here"
    for talker, begun in ((chat, mine), (colleague, theirs)):
        for thread, run in begun:
            talker.post(f"/threads/{thread}/runs/{run}/cancel")
    wait_until(lambda: text_or_refusal(chat) == "again")


def text_or_refusal(chat: Chat) -> str:
    answer = chat.start(chat.thread(), "echo again")
    if answer.status_code == 429:
        return ""
    b"".join(answer.streaming_content)
    return "again"


def test_streams_at_once_of_one_tenant_leave_one_to_others(chat, monkeypatch):
    # Fresh ones: a test before this may have left a stream unread.
    monkeypatch.setattr(stream, "streams", Places("streams", each=24, every=lambda: 12))
    other, thread = Chat(make_key("listener", tenant="beta")), chat.thread()
    opened = []
    while (answer := chat.start(thread, "echo x")).status_code == 200:
        opened.append(answer)
    try:
        assert len(opened) == 10
        assert answer.json()["detail"].startswith("Your organisation has 10 streams open")
        assert text_of(other.say(other.thread(), "echo here")) == "here"
    finally:
        for each in opened:
            each.close()
    assert stream.streams.held() == 0
    assert text_of(chat.say(thread, "echo again")) == "again"
