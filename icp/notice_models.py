"""What a tenant's people are told of: kept for all, mailed to who wants it. Holds no personal data.

In the tenant's schema, so that one tenant's notices cannot reach another's people.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Notice(models.Model):
    """Something worth knowing, once: ``key`` says what, so that looking again adds nothing."""

    class Kind(models.TextChoices):
        NIGHT_DONE = "NIGHT_DONE", "A night has finished"
        NIGHT_FAILED = "NIGHT_FAILED", "A night has failed"
        MAILBOX = "MAILBOX", "A mailbox does not send"
        BUDGET = "BUDGET", "A vendor's budget is nearly or wholly used, or its key is refused"
        PEOPLE = "PEOPLE", "An opt-out is not heeded, or a person's request is due"
        SOURCE = "SOURCE", "A harvest source has paused itself"
        ODOO = "ODOO", "Odoo refuses its key or leads, or needs somebody"
        WATCHED = "WATCHED", "Something you watch has changed"

    key = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=12, choices=Kind)
    title = models.CharField(max_length=200)
    text = models.CharField(max_length=500, blank=True)
    page = models.CharField(max_length=200, blank=True, help_text="Path of where to act.")
    person = models.CharField(
        max_length=150, blank=True, default="", db_default="",
        help_text="User name of the only one it is for; empty: for all.",
    )  # fmt: skip
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["-at"], name="notice_by_time")]

    def __str__(self) -> str:
        return self.title


class NoticeReader(models.Model):
    """One person's choice of what comes by mail, and how far they have read."""

    person = models.CharField(max_length=150, unique=True, help_text="User name.")
    by_mail = models.JSONField(default=list, help_text="Kinds.")
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "reader of notices"
        verbose_name_plural = "readers of notices"

    def __str__(self) -> str:
        return self.person


class NoticeMail(models.Model):
    """A notice on its way to one person; the row is claimed before the mail server is asked."""

    notice = models.ForeignKey(Notice, models.CASCADE, related_name="mails")
    person = models.CharField(max_length=150, help_text="User name.")
    sent_at = models.DateTimeField(null=True)
    held_until = models.DateTimeField(help_text="Nobody else tries before.")
    tries = models.PositiveSmallIntegerField(default=1)

    class Meta:
        verbose_name = "mail of a notice"
        constraints = [
            models.UniqueConstraint(fields=["notice", "person"], name="notice_once_per_person"),
        ]

    def __str__(self) -> str:
        return f"notice {self.notice_id} to {self.person}"


class Watch(models.Model):
    """One person wants to hear of one record. ``state`` is what was last told of it."""

    class Record(models.TextChoices):
        LEAD = "LEAD", "Lead"
        CAMPAIGN = "CAMPAIGN", "Campaign"
        COMPANY = "COMPANY", "Company"

    person = models.CharField(max_length=150, help_text="User name.")
    record = models.CharField(max_length=10, choices=Record)
    key = models.CharField(max_length=20, help_text="Its number; of a company the UEN.")
    state = models.JSONField(default=dict)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "watches"
        constraints = [
            models.UniqueConstraint(
                fields=["person", "record", "key"], name="watched_once_per_person"
            ),
        ]
        indexes = [models.Index(fields=["record", "key"], name="watch_by_record")]

    def __str__(self) -> str:
        return f"{self.get_record_display().lower()} {self.key}"
