"""What people wrote back, and how far each mailbox has been read."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.timezone import now


class Reply(models.Model):
    """A person's reply to one of our mails, until somebody has seen to it.

    Only the first words are kept, as plain text; bounces and machines' answers are events alone,
    and mail that answers none of ours is not kept at all.
    """

    class Kind(models.TextChoices):
        REPLY = "REPLY", "Reply"
        OPT_OUT = "OPT_OUT", "Opt-out"

    class State(models.TextChoices):
        WAITING = "WAITING", "Waits for a person"
        INTERESTED = "INTERESTED", "Interested"
        NOT_INTERESTED = "NOT_INTERESTED", "Not interested"
        DONE = "DONE", "Done"

    message = models.ForeignKey("outreach.Message", models.CASCADE, related_name="replies")
    mailbox = models.ForeignKey("outreach.Mailbox", models.PROTECT, related_name="replies")
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=15, choices=State, default=State.WAITING)
    sender = models.CharField(max_length=320, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    excerpt = models.TextField(blank=True, help_text="The first words, without what is quoted.")
    notes = models.CharField(
        max_length=500, blank=True, help_text="What of the mail was cut or could not be read."
    )
    reference = models.CharField(max_length=100, help_text="Of the mail it was learnt from.")
    received_at = models.DateTimeField(default=now)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)

    class Meta:
        verbose_name_plural = "replies"
        constraints = [
            models.UniqueConstraint(fields=["message", "reference"], name="reply_once_per_mail"),
            models.CheckConstraint(
                condition=Q(state="WAITING", decided_at=None, decided_by="")
                | (~Q(state="WAITING") & Q(decided_at__isnull=False) & ~Q(decided_by="")),
                name="reply_decided_iff_by_whom",
            ),
        ]
        indexes = [
            models.Index(
                fields=["received_at"], name="reply_waiting", condition=Q(state="WAITING")
            ),
        ]

    def __str__(self) -> str:
        return f"reply {self.pk}"


class InboxState(models.Model):
    """How far a mailbox has been read, and who reads it now. ``lease`` counts the readers."""

    mailbox = models.OneToOneField("outreach.Mailbox", models.CASCADE, related_name="inbox")
    cursor = models.JSONField(default=dict, help_text="Of the provider; see outreach.inbox.")
    lease = models.PositiveIntegerField(default=0)
    held_until = models.DateTimeField(null=True, blank=True)
    held_by = models.CharField(max_length=100, blank=True)
    next_at = models.DateTimeField(default=now)
    called_at = models.DateTimeField(
        null=True, blank=True, help_text="When a task was last queued that has not begun."
    )
    read_at = models.DateTimeField(null=True, blank=True, help_text="When last read to the end.")
    trouble = models.CharField(max_length=300, blank=True)
    failures = models.PositiveSmallIntegerField(default=0, help_text="In a row.")

    class Meta:
        indexes = [models.Index(fields=["next_at"], name="inbox_by_next")]

    def __str__(self) -> str:
        return f"inbox of mailbox {self.mailbox_id}"
