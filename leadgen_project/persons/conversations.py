"""Conversations of the chat in which somebody stands: who held them, and what was said of whom."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import models

from chat.models import ChatMessage, ChatRun, Checkpoint, RunEvent, Thread
from leadgen_project.persons.walk import Mention

# Events repeat messages, states and runs belong to a conversation that is told as a whole.
CONVERSATIONS = {"chat.thread", "chat.chatmessage", "chat.checkpoint", "chat.chatrun",
                 "chat.runevent"}  # fmt: skip


def conversations(found: Sequence[Mention]) -> list[dict[str, Any]]:
    """Each conversation with a mention, and those of its messages that hold one. Two statements."""
    said: dict[uuid.UUID | None, list[dict[str, Any]]] = {}
    rows = [each.row for each in found if each.label in CONVERSATIONS]
    of_run = _threads_of([row.run_id for row in rows if isinstance(row, RunEvent)])
    for row in rows:
        messages = said.setdefault(_thread_of(row, of_run), [])
        if isinstance(row, ChatMessage):
            messages.append(_said(row))
    threads = Thread.objects.filter(pk__in=[each for each in said if each]).order_by("pk")
    return [{"conversation": one.pk, "held_by": one.person, "since": one.created_at,
             "messages": said[one.pk]} for one in threads]  # fmt: skip


def forget_events() -> None:
    """Let go of the events of runs that are over: they may hold a name cut in two by chunks.

    They are copies for clients that come back within the hour.
    """
    RunEvent.objects.exclude(run__status__in=ChatRun.ALIVE).delete()


def _threads_of(runs: list[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    return dict(ChatRun.objects.filter(pk__in=runs).values_list("pk", "thread"))


def _thread_of(row: models.Model, of_run: dict[uuid.UUID, uuid.UUID]) -> uuid.UUID | None:
    if isinstance(row, RunEvent):
        return of_run.get(row.run_id)
    if isinstance(row, ChatMessage | Checkpoint | ChatRun):
        return row.thread_id
    return row.pk if isinstance(row, Thread) else None


def _said(message: ChatMessage) -> dict[str, Any]:
    body = message.content
    calls = [{"tool": call["name"], "with": call["args"]} for call in body.get("tool_calls", [])]
    told = {"at": message.made_at, "by": body["type"], "text": body["content"]}
    return {**told, "calls": calls} if calls else told
