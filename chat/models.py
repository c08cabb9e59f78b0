"""Conversations: a thread's messages, the states it went through, its runs and what they streamed.

A message is stored once; a checkpoint lists the messages of a state by their rows, so that branches
share what they share. Bodies are text, as ``jsonb`` would put keys into another order, which people
would see in approval cards.
"""

from __future__ import annotations

import json
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils import timezone

from chat.ids import new_id


class Thread(models.Model):
    """One person's conversation; nobody else's, as what it shows follows that person's role."""

    class Status(models.TextChoices):
        IDLE = "idle", "Idle"
        BUSY = "busy", "Busy"
        INTERRUPTED = "interrupted", "Waits for a decision"
        ERROR = "error", "Failed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.CharField(max_length=150, help_text="User name of whose it is.")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    state_updated_at = models.DateTimeField(default=timezone.now)
    status = models.CharField(max_length=12, choices=Status, default=Status.IDLE)
    metadata = models.JSONField(default=dict, help_text="The client's, and the assistant's name.")
    error = models.JSONField(null=True, help_text="Of the last run: error, message.")
    head = models.ForeignKey("Checkpoint", models.SET_NULL, null=True, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["person", "-updated_at"], name="chat_thread_by_person"),
            GinIndex(fields=["metadata"], opclasses=["jsonb_path_ops"], name="chat_thread_meta"),
        ]

    def __str__(self) -> str:
        return f"thread {self.id}"


class ChatMessage(models.Model):
    """One version of a message. Changing it makes a new row; states before keep the old one."""

    thread = models.ForeignKey(Thread, models.CASCADE, related_name="messages")
    message_id = models.CharField(max_length=200, help_text="The client's, else ours.")
    body = models.TextField(help_text="JSON, as the contract writes a message.")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["thread", "message_id"], name="chat_message_by_id")]

    def __str__(self) -> str:
        return f"message {self.message_id}"

    @property
    def content(self) -> dict[str, Any]:
        return json.loads(self.body)


class Checkpoint(models.Model):
    """The state of a thread after a step; a tree, as people go back and edit."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    thread = models.ForeignKey(Thread, models.CASCADE, related_name="checkpoints")
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")
    # Not ``run_id``, which in the tables of a tenant is the number of a night.
    run = models.ForeignKey(
        "ChatRun", models.SET_NULL, null=True, related_name="checkpoints", db_column="chat_run_id"
    )
    source = models.CharField(max_length=10, help_text="input, loop, update or fork.")
    step = models.IntegerField()
    messages = ArrayField(models.BigIntegerField(), default=list, help_text="Rows, in order.")
    ask = models.TextField(
        blank=True, help_text="JSON of the approval asked for: id, value, and ids of the calls."
    )
    is_decided = models.BooleanField(
        default=False, help_text="The approval was answered, or dropped by what came after it."
    )
    error = models.CharField(max_length=500, blank=True)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["thread", "-id"], name="chat_checkpoint_newest")]

    def __str__(self) -> str:
        return f"checkpoint {self.id}"

    @property
    def is_open(self) -> bool:
        """Whether it waits for a decision."""
        return bool(self.ask) and not self.is_decided


class ChatRunQuerySet(models.QuerySet["ChatRun"]):
    def alive(self) -> Self:
        return self.filter(status__in=ChatRun.ALIVE)


class ChatRun(models.Model):
    """One turn of an assistant. It goes on whether or not anybody listens."""

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting"
        RUNNING = "running", "Running"
        SUCCESS = "success", "Done"
        ERROR = "error", "Failed"
        INTERRUPTED = "interrupted", "Cancelled"

    ALIVE = (Status.PENDING, Status.RUNNING)

    class Cancel(models.TextChoices):
        INTERRUPT = "interrupt", "Keep what is complete"
        ROLLBACK = "rollback", "As if it had not been"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    thread = models.ForeignKey(Thread, models.CASCADE, related_name="runs")
    assistant = models.CharField(max_length=40)
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    request = models.TextField(
        help_text="JSON: modes, checkpoint and command, as checked; what was said is in messages."
    )
    strategy = models.CharField(max_length=10, default="enqueue")
    metadata = models.JSONField(default=dict)
    cancel = models.CharField(max_length=10, choices=Cancel, blank=True)
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(
        null=True, help_text="When whoever carries it last said so; stale means it died."
    )

    objects = ChatRunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["thread"],
                condition=models.Q(status="running"),
                name="chat_one_run_at_a_time",
            )
        ]
        indexes = [
            models.Index(fields=["thread", "-id"], name="chat_run_newest"),
            models.Index(
                fields=["heartbeat_at"],
                condition=models.Q(status__in=["pending", "running"]),
                name="chat_run_alive",
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.id}"

    @property
    def is_alive(self) -> bool:
        return self.status in self.ALIVE


class RunEvent(models.Model):
    """One event of a run's stream. ``seq`` is its id there; rows go some time after the run."""

    run = models.ForeignKey(ChatRun, models.CASCADE, related_name="events", db_column="chat_run_id")
    seq = models.IntegerField()
    event = models.CharField(max_length=30)
    data = models.TextField(blank=True, help_text="JSON on one line; of states, see checkpoint.")
    checkpoint = models.ForeignKey(
        Checkpoint, models.CASCADE, null=True, related_name="+", help_text="The state shown."
    )
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "seq"], name="chat_event_once")]

    def __str__(self) -> str:
        return f"event {self.seq} of run {self.run_id}"
