"""PROMISES D7 and N19 for conversations: they travel with their tenant, go on, and go with it."""

from __future__ import annotations

import json
import os
import uuid

import pytest
from django.apps import apps
from django.utils import timezone

from chat.live import find_live
from chat.models import ChatMessage, ChatRun, Checkpoint, RunEvent, Thread
from chat.settle import STALE_AFTER
from chat.tests.conftest import chat, scripted  # noqa: F401 -- fixtures
from chat.tests.rig import Chat, make_key, text_of, wait_until
from tenants.context import connection, in_public, in_tenant
from tenants.lifecycle.erase import erase, remains
from tenants.lifecycle.provision import create_tenant
from tenants.lifecycle.take_in import take_in
from tenants.lifecycle.take_out import take_out
from tenants.models import Tenant

# Roles belong to the server: processes that test at the same time must not erase each other's.
KEY, COPY = f"talk{os.getpid()}", f"echo{os.getpid()}"
NOW = timezone.now()


def tables() -> dict[str, int]:
    return {model.__name__: model.objects.count()
            for model in (Thread, ChatMessage, Checkpoint, ChatRun, RunEvent)}  # fmt: skip


@pytest.fixture
def house(committed_for_all, scripted, settings, tmp_path):  # noqa: F811 -- a fixture
    """A tenant with a conversation that waits for a decision, and one whose server died."""
    settings.MEDIA_ROOT = tmp_path / "files"
    create_tenant(KEY, name="Talk House", actor="tests")
    talker = Chat(make_key("mover", tenant=KEY))
    talker.say(asked := talker.thread(), "echo first")
    talker.say(asked, "approve")
    dead = talker.thread()
    talker.say(dead, "echo of the dead")
    with in_tenant(KEY):
        ChatRun.objects.create(thread_id=dead, status="running", assistant="selftest",
                               request="{}", heartbeat_at=NOW - STALE_AFTER * 2)  # fmt: skip
        Thread.objects.filter(pk=dead).update(status="busy")
    yield talker, asked, dead
    with in_public():
        for tenant in Tenant.objects.filter(pk__in=[KEY, COPY]):
            erase(tenant, confirmed=tenant.pk, actor="tests", reason="Over.")


def test_conversations_arrive_with_equal_counts_and_hashes_and_go_on(house, tmp_path):
    talker, asked, dead = house
    before = talker.get(f"/threads/{asked}/state").json()
    with in_public():
        manifest = take_out(Tenant.objects.get(pk=KEY), tmp_path / "talk.zip", now=NOW)
        taken = take_in(tmp_path / "talk.zip", actor="tests", key=COPY, name="Echo House")
        again = take_out(taken, tmp_path / "echo.zip", now=NOW)

    moved = {name for name in manifest["tables"] if name.startswith("chat_")}
    assert moved == {model._meta.db_table for model in apps.get_app_config("chat").get_models()}
    for name in moved:
        assert manifest["tables"][name] == again["tables"][name], name
        assert manifest["tables"][name]["rows"] > 0, name
    with in_tenant(KEY):
        counts = tables()
    with in_tenant(COPY):
        assert tables() == counts

    there = Chat(make_key("mover", tenant=COPY))
    assert there.get(f"/threads/{asked}/state").json() == before
    events = there.say(asked, input={},
                       command={"resume": {"decisions": [{"type": "approve"}]}})  # fmt: skip
    assert text_of(events) == "Decided: approve."
    assert text_of(there.say(asked, "echo and on")) == "and on"
    assert there.status(dead) == "error"  # nobody carries its run, and that is said
    assert text_of(there.say(dead, "echo again")) == "again"
    assert talker.get(f"/threads/{asked}/state").json() == before
    assert Chat(make_key("somebody", tenant=COPY)).get(f"/threads/{asked}").status_code == 404


def test_erasing_a_tenant_ends_what_is_said_in_it_and_touches_nobody_else(
    house,
    chat,  # noqa: F811 -- a fixture
):
    talker, asked, _ = house
    other = chat.thread()
    ours = talker.background(talker.thread(), "slow 2000")
    beside = chat.background(other, "slow 20")
    with in_public():
        erase(Tenant.objects.get(pk=KEY), confirmed=KEY, actor="tests", reason="Leaves.")

    wait_until(lambda: find_live(uuid.UUID(ours)) is None)
    joined = b"".join(chat.get(f"/threads/{other}/runs/{beside}/join").streaming_content)
    assert json.loads(joined)["messages"][-1]["content"].endswith("word20")
    assert text_of(chat.say(other, "echo on")) == "on"
    with in_public():
        assert list(remains(KEY)) == []
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'chat_thread'"
                           " AND schemaname = %s", [KEY])  # fmt: skip
            assert cursor.fetchone() == (0,)
    assert talker.get(f"/threads/{asked}").status_code in (401, 403, 404)
