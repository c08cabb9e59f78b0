"""Who gets in at ``/agent`` and how refusals look: origins, credentials, tenants, media, limits."""

from __future__ import annotations

import json
import uuid

import pytest
from django.conf import settings as django_settings

from chat import stream
from chat.api import frame
from chat.tests.rig import Chat, make_key, request_of
from tenants.context import in_public
from tenants.models import Domain, Membership, User

UI = "https://ui.example"


@pytest.fixture
def key(db) -> str:
    return make_key()


@pytest.fixture
def talker(key, scripted) -> Chat:
    return Chat(key)


def test_a_preflight_is_answered_before_anything_else_is_asked(db, settings):
    settings.CORS_ALLOWED_ORIGINS = [UI]
    chat = Chat("")

    for path in ("/info", "/threads", "/threads/x/runs/stream", "/nothing"):
        answer = chat.send("options", path, Origin=UI, **{
            "Access-Control-Request-Method": "POST", "X-Tenant-ID": "nobody's"})  # fmt: skip
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Origin"] == UI
        for header in ("x-api-key", "x-tenant-id", "last-event-id", "authorization"):
            assert header in answer.headers["Access-Control-Allow-Headers"]
        assert "DELETE" in answer.headers["Access-Control-Allow-Methods"]


def test_errors_can_be_read_by_the_ui_and_by_no_other_origin(db, settings):
    settings.CORS_ALLOWED_ORIGINS = [UI]
    chat = Chat("")

    for path in ("/threads/search", "/nothing", "/threads/x"):
        ours = chat.post(path, Origin=UI)
        assert ours.headers["Access-Control-Allow-Origin"] == UI
        assert "content-location" in ours.headers["Access-Control-Expose-Headers"]
        assert (
            "Access-Control-Allow-Origin" not in chat.post(path, Origin="https://x.example").headers
        )
    settings.CORS_ALLOWED_ORIGINS = ["*"]
    assert chat.post("/threads", Origin="https://x.example").headers[
        "Access-Control-Allow-Origin"] == "*"  # fmt: skip
    assert "Access-Control-Allow-Credentials" not in chat.answer.headers


def test_other_addresses_are_not_opened_to_other_origins(db, settings, client):
    settings.CORS_ALLOWED_ORIGINS = ["*"]

    answer = client.get("/api/leads", headers={"Origin": UI})

    assert "Access-Control-Allow-Origin" not in answer.headers


def test_two_addresses_are_free_and_all_others_want_a_credential(db):
    chat = Chat("")

    assert chat.get("/info").status_code == 200
    assert chat.get("/ok").json() == {"ok": True}
    thread = uuid.uuid4()
    for method, path in (
        ("post", "/threads"), ("post", "/threads/search"), ("get", f"/threads/{thread}"),
        ("post", f"/threads/{thread}/runs/stream"), ("post", "/assistants/search"),
        ("get", f"/threads/{thread}/runs/{thread}/stream"),
    ):  # fmt: skip
        answer = chat.send(method, path, {} if method == "post" else None)
        assert answer.status_code == 401, path
        assert list(answer.json()) == ["detail"]
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_bad_credential_is_told_at_once(db, client):
    for headers in (
        {"X-Api-Key": "lg_00000000_nothing"}, {"X-Api-Key": "sk-foreign"},
        {"Authorization": "Bearer lg_00000000_nothing"}, {"Authorization": "Bearer x.y.z"},
    ):  # fmt: skip
        answer = client.get("/agent/info", headers=headers)
        assert answer.status_code == 401
        assert list(answer.json()) == ["detail"]
        assert answer.headers["Content-Type"] == "application/json"


def test_a_token_opens_as_a_key_and_as_a_bearer_and_a_session_does_not(key, client):
    as_bearer = Chat("", Authorization=f"Bearer {key}")
    client.force_login(User.objects.get(username="chatter"))

    assert Chat(key).post("/threads").status_code == 200
    assert as_bearer.post("/threads").status_code == 200
    assert client.post("/agent/threads").status_code == 401
    assert client.get("/agent/info").status_code == 200


def test_an_api_key_is_believed_for_the_chat_alone(key, client):
    assert client.get("/api/leads", headers={"X-Api-Key": key}).status_code in (401, 403)


def test_header_host_and_credential_must_name_one_tenant(key):
    with in_public():
        hosts = set(Domain.objects.values_list("domain", flat=True))
    assert {"acme.localhost", "beta.localhost"} <= hosts
    chat = Chat(key)

    assert chat.post("/threads", **{"X-Tenant-ID": "acme"}).status_code == 200
    assert chat.post("/threads", Host="acme.localhost").status_code == 200
    for headers in (
        {"X-Tenant-ID": "beta"}, {"X-Tenant-ID": "nowhere"}, {"Host": "beta.localhost"},
        {"Host": "acme.localhost", "X-Tenant-ID": "beta"},
    ):  # fmt: skip
        answer = chat.post("/threads", **headers)
        assert answer.status_code == 403, headers
        assert list(answer.json()) == ["detail"]


def test_every_role_may_chat_and_a_token_that_may_not_read_may_not(db, scripted):
    for role in ("OWNER", "OPERATOR", "REVIEWER", "AUDITOR"):
        assert Chat(make_key(role.lower(), role=role)).post("/threads").status_code == 200
    reads = Chat(make_key("reader", scopes=["read"]))
    assert reads.post("/threads").status_code == 200
    writes = Chat(make_key("writer", scopes=["icp.suppress"]))
    assert writes.post("/threads").status_code == 403


def test_a_person_who_left_the_tenant_gets_in_no_more(talker):
    assert talker.post("/threads").status_code == 200

    with in_public():
        Membership.objects.filter(user__username="chatter").delete()

    assert talker.post("/threads").status_code == 401


def test_bodies_are_json_whatever_they_call_themselves(talker):
    for kind in ("text/plain;charset=UTF-8", "application/octet-stream", "application/json"):
        sent = talker.post("/threads", '{"metadata": {"a": 1}}', **{"Content-Type": kind})
        assert sent.json()["metadata"] == {"a": 1}
    for accept in ("text/event-stream", "text/html", "nonsense"):
        assert talker.post("/threads", Accept=accept).headers["Content-Type"] == "application/json"
    assert talker.post("/threads/search", "").status_code == 200


@pytest.mark.parametrize("sent", ["{", "[]", "3", '"x"', '{"metadata": 3}', '{"thread_id": "x"}',
                                  '{"metadata": {"a": NaN}}', '{"metadata": {"a": "\\u0000"}}',
                                  '{"metadata": {"a": "\\ud800"}}', "[" * 100_000])  # fmt: skip
def test_what_cannot_be_read_is_unprocessable(talker, sent):
    answer = talker.post("/threads", sent)

    assert answer.status_code == 422
    assert list(answer.json()) == ["detail"]


def test_a_body_that_is_too_large_is_unprocessable(talker, monkeypatch):
    monkeypatch.setattr(frame, "MOST_BYTES", 1000)

    answer = talker.post("/threads", {"metadata": {"a": "x" * 2000}})

    assert answer.status_code == 422
    assert "larger" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {"assistant_id": None}, {"assistant_id": "unheard-of"}, {"assistant_id": 3},
        {"stream_mode": "strange"}, {"stream_mode": [{}]}, {"input": 3}, {"command": "x"},
        {"command": {"goto": "somewhere"}}, {"checkpoint": {"checkpoint_id": "x"}},
        {"checkpoint": 3}, {"multitask_strategy": "x"}, {"on_disconnect": 3},
        {"input": {"messages": 3}}, {"input": {"messages": [{"type": "alien"}]}},
        {"input": {"messages": [{"type": "human", "content": 3}]}}, {"metadata": []},
        {"input": {"messages": [{"type": "ai", "tool_calls": 3}]}},
        {"input": {"messages": [{"type": "human", "id": 3}]}},
    ],
)  # fmt: skip
def test_a_run_that_means_nothing_is_refused_before_it_starts(talker, body):
    thread = talker.thread()

    answer = talker.post(f"/threads/{thread}/runs/stream", {**request_of("echo x"), **body})

    assert answer.status_code == 422, answer.content
    assert talker.get(f"/threads/{thread}/runs").json() == []


def test_unknown_things_are_404_and_ids_that_are_none_422(talker):
    thread, nobody = talker.thread(), uuid.uuid4()
    for path in (
        f"/threads/{nobody}", f"/threads/{nobody}/state", f"/threads/{thread}/runs/{nobody}",
        f"/threads/{thread}/state/{nobody}", f"/assistants/{nobody}", "/nothing", "/threads/",
        f"/threads/{thread}/",
    ):  # fmt: skip
        answer = talker.get(path)
        assert answer.status_code == 404, path
        assert list(answer.json()) == ["detail"]
    for path in ("/threads/x", "/threads/x/state", f"/threads/{thread}/runs/x",
                 f"/threads/{thread}/runs?limit=0", f"/threads/{thread}/runs?limit=x"):  # fmt: skip
        assert talker.get(path).status_code == 422, path
    gone = {**request_of("echo x"), "checkpoint": {"checkpoint_id": str(nobody)}}
    assert talker.post(f"/threads/{thread}/runs/stream", gone).status_code == 404
    named = {"assistant_id": str(nobody)}
    assert talker.post(f"/threads/{thread}/runs/stream", named).status_code == 404
    for limit in (0, 1001, "x", True, -1):
        assert talker.post("/threads/search", {"limit": limit}).status_code == 422


def test_assistants_are_found_by_name_and_by_uuid(talker):
    found = {each["graph_id"]: each for each in talker.post("/assistants/search").json()}

    assert "selftest" in found
    by_id = talker.get(f"/assistants/{found['selftest']['assistant_id']}").json()
    assert by_id == talker.get("/assistants/selftest").json() == found["selftest"]


def test_too_many_calls_and_streams_are_told_when_to_come_again(talker, settings, monkeypatch):
    thread = talker.thread()
    monkeypatch.setattr(stream.streams, "each", 0)
    refused = talker.post(f"/threads/{thread}/runs/stream", request_of("echo x"))
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert talker.get(f"/threads/{thread}/runs").json() == []

    settings.API_CALLS_PER_MINUTE = 0
    limited = talker.post("/threads")
    assert limited.status_code == 429
    assert "Retry-After" in limited.headers
    assert json.loads(limited.content)["detail"]


def test_the_scripted_assistant_is_off_unless_it_is_asked_for():
    assert django_settings.CHAT_SELFTEST is False
