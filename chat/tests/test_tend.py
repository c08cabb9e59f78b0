"""Old rows go, old conversations too, and what somebody said of a person is found and blanked."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from chat.checkpoints import add_state, root_of
from chat.messages import read_messages
from chat.models import ChatMessage, ChatRun, RunEvent, Thread
from chat.tend import EVENTS_KEPT, purge_threads, tend_chat
from leadgen_project.persons.identify import Asked, identify
from leadgen_project.persons.walk import mentions

NOW = timezone.now()
LIVELY = NOW + timedelta(days=1)  # however slow the machine is


def make_thread(**fields) -> Thread:
    return Thread.objects.create(person="owner", **fields)


def test_events_of_runs_long_over_are_let_go(acme):
    thread = make_thread()
    for status, age in (("success", EVENTS_KEPT * 2), ("success", timedelta(0)),
                        ("running", timedelta(0))):  # fmt: skip
        run = ChatRun.objects.create(thread=thread, status=status, updated_at=NOW - age,
                                     heartbeat_at=LIVELY)  # fmt: skip
        RunEvent.objects.create(run=run, seq=1, event="end", data="null")

    assert tend_chat(now=NOW) == 0

    assert RunEvent.objects.count() == 2
    assert ChatRun.objects.count() == 3


def test_a_run_without_a_sign_of_life_is_ended_and_a_lively_one_is_not(acme):
    dead, alive = make_thread(status="busy"), make_thread(status="busy")
    long_ago = NOW - timedelta(hours=1)
    lost = ChatRun.objects.create(thread=dead, status="running", heartbeat_at=long_ago)
    kept = ChatRun.objects.create(thread=alive, status="running", heartbeat_at=LIVELY)

    assert (tend_chat(now=NOW), tend_chat(now=NOW)) == (1, 0)

    lost.refresh_from_db(), kept.refresh_from_db(), dead.refresh_from_db()
    assert (lost.status, kept.status, dead.status) == ("error", "running", "error")
    assert [each.event for each in lost.events.order_by("seq")] == ["error", "end"]


def test_conversations_nobody_touched_are_deleted_after_the_tenants_time(acme):
    old = make_thread(updated_at=NOW - timedelta(days=91))
    add_state(root_of(old.pk, run_id=None), read_messages("hello"), source="loop", run_id=None)
    Thread.objects.filter(pk=old.pk).update(updated_at=NOW - timedelta(days=91))
    young = make_thread(updated_at=NOW - timedelta(days=89))

    assert (purge_threads(keep_days=90, now=NOW), purge_threads(keep_days=90, now=NOW)) == (1, 0)

    assert list(Thread.objects.all()) == [young]
    assert not ChatMessage.objects.exists()


def test_what_was_said_about_a_person_is_found(acme):
    thread = make_thread()
    said = read_messages("Write to Ann Tan, ann.tan@kaya.example, +65 6123 4567.")
    add_state(root_of(thread.pk, run_id=None), said, source="loop", run_id=None)

    found = list(mentions(identify(Asked(email="ann.tan@kaya.example"))))

    assert [each.label for each in found] == ["chat.chatmessage"]
    assert "Ann Tan" in found[0].texts["body"]
