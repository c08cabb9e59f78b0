"""A tenant's Odoo, what goes there for each lead, and what came back. No copy of Odoo's records:
only which of them are ours, what we wrote into them last, and what they held afterwards."""

from __future__ import annotations

import secrets
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone

from icp.models import Lead, Suppression
from tenants.clock import database_now
from tenants.context import current_schema


def new_module() -> str:
    """The first half of all external ids: no other tenant or installation has it."""
    return f"leadgen_{current_schema()}_{secrets.token_hex(3)}"


class OdooConnection(models.Model):
    """One Odoo and how to sign in there. The key is only ever written."""

    class Way(models.TextChoices):
        RPC = "RPC", "Odoo's own API"
        SQL = "SQL", "Direct SQL (breaks things; see below)"

    class State(models.TextChoices):
        NEW = "NEW", "Not tested"
        READY = "READY", "In order"
        KEY = "KEY", "Key refused"
        WRONG = "WRONG", "Needs somebody"

    name = models.CharField(max_length=60, unique=True, default="default")
    way = models.CharField(max_length=3, choices=Way, default=Way.RPC)
    url = models.CharField("address", max_length=500, blank=True)
    database = models.CharField(max_length=100, blank=True)
    login = models.CharField(max_length=150, blank=True)
    secret = models.BinaryField(
        null=True, editable=False, help_text="The key, encrypted; see tenants.secrets."
    )
    ending = models.CharField(max_length=4, blank=True, editable=False)
    key_expires_on = models.DateField(null=True, blank=True)
    module = models.CharField(max_length=80, default=new_module, editable=False)
    is_on = models.BooleanField("in use", default=False)
    is_automatic = models.BooleanField("without asking", default=False)
    threshold = models.PositiveSmallIntegerField("from a score of", default=80)
    options = models.JSONField(default=dict, help_text="Team, stage, salesperson, tags, VAT.")
    state = models.CharField(max_length=5, choices=State, default=State.NEW)
    state_reason = models.CharField(max_length=500, blank=True)
    state_since = models.DateTimeField(default=timezone.now)
    version = models.CharField(max_length=40, blank=True, editable=False)
    api = models.CharField(max_length=20, blank=True, editable=False)
    findings = models.JSONField(default=dict, help_text="Fields and rights, as the test saw them.")
    failures = models.PositiveSmallIntegerField(default=0, editable=False)
    not_before = models.DateTimeField(null=True, blank=True, editable=False)
    read_at = models.DateTimeField(null=True, blank=True, editable=False)
    called_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Of a task that has not come.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "Odoo connection"
        constraints = [
            models.UniqueConstraint(
                fields=["is_on"], condition=Q(is_on=True), name="odoo_one_in_use"
            ),
            models.CheckConstraint(
                condition=Q(threshold__lte=100), name="odoo_threshold_is_a_score"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def system(self) -> str:
        """Where things went, for lists people work through."""
        return " ".join(filter(None, [self.url or "a PostgreSQL database", self.database]))

    def note(self, state: str, reason: str = "") -> None:
        """Set how the connection is; since when only moves with the state."""
        changes: dict[str, Any] = {"state": state, "state_reason": reason[:500]}
        if state != self.state:
            changes["state_since"] = database_now()
        OdooConnection.objects.filter(pk=self.pk).update(**changes)
        for name, value in changes.items():
            setattr(self, name, value)


class Kind(models.TextChoices):
    COMPANY = "COMPANY", "Company"
    CONTACT = "CONTACT", "Contact"
    LEAD = "LEAD", "Lead"


class OdooMapping(models.Model):
    """Another value for a field than ours, or for a field we do not write by ourselves."""

    connection = models.ForeignKey(OdooConnection, models.CASCADE, related_name="mappings")
    kind = models.CharField("record", max_length=7, choices=Kind)
    field = models.CharField(max_length=64, help_text="Its technical name, such as x_uen.")
    source = models.CharField(
        max_length=30, blank=True, help_text="What of the lead goes there; empty: nothing."
    )
    constant = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "Odoo field"
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "kind", "field"], name="odoo_field_mapped_once"
            ),
            models.CheckConstraint(
                condition=Q(constant="") | Q(source="constant"),
                name="odoo_constant_only_for_constants",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.field}"


class PushQuerySet(models.QuerySet["OdooPush"]):
    def of_claims(self, pushes: list[OdooPush]) -> Self:
        """Those of ``pushes`` whose claim nobody else has taken over since."""
        numbers = {push.lease for push in pushes}
        mine = Q(pk__in=[])
        for number in numbers:
            mine |= Q(pk__in=[push.pk for push in pushes if push.lease == number], lease=number)
        return self.filter(mine, state=OdooPush.State.SENDING)


class OdooPush(models.Model):
    """One lead on its way into one Odoo, and there."""

    class State(models.TextChoices):
        WAITING = "WAITING", "Waiting"
        SENDING = "SENDING", "In hand"
        DONE = "DONE", "In Odoo"
        PARKED = "PARKED", "Parked"
        LEFT = "LEFT", "Left alone"
        REFUSED = "REFUSED", "Not sent"

    WITH_REASON = (State.PARKED, State.LEFT, State.REFUSED)

    connection = models.ForeignKey(OdooConnection, models.CASCADE, related_name="pushes")
    lead = models.ForeignKey(Lead, models.CASCADE, related_name="odoo_pushes")
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    code = models.CharField(max_length=40, blank=True)
    sentence = models.CharField(max_length=500, blank=True)
    approved_by = models.CharField(max_length=150)
    approved_at = models.DateTimeField(default=timezone.now)
    by_review = models.BooleanField(
        default=False, db_default=False, editable=False,
        help_text="It goes because it was accepted at review, which may be taken back.",
    )  # fmt: skip
    not_before = models.DateTimeField(default=timezone.now)
    held_until = models.DateTimeField(null=True, blank=True, editable=False)
    held_by = models.CharField(max_length=100, blank=True, editable=False)
    lease = models.PositiveIntegerField(default=0, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    asked_at = models.DateTimeField(null=True, blank=True, editable=False)
    digest = models.CharField(max_length=64, blank=True, editable=False)
    pushed_at = models.DateTimeField(null=True, blank=True)
    pushed_score = models.SmallIntegerField(null=True)
    pushed_bucket = models.CharField(max_length=20, blank=True)
    suppressions_seen = models.BigIntegerField(
        default=0, help_text="The newest suppression when it was last asked."
    )
    keys = ArrayField(
        models.CharField(max_length=64), default=list, editable=False,
        help_text="Keyed hashes of what went out, by which a later opt-out finds it.",
    )  # fmt: skip
    run_id = models.BigIntegerField(null=True, help_text="The night that last worked on it.")
    # What Odoo says of it
    stage_there = models.CharField(max_length=100, blank=True)
    outcome = models.CharField(
        max_length=4, blank=True, choices=[("OPEN", "Open"), ("WON", "Won"), ("LOST", "Lost")]
    )
    salesperson = models.CharField(max_length=150, blank=True)
    active_there_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)

    objects = PushQuerySet.as_manager()

    class Meta:
        verbose_name = "Odoo lead"
        constraints = [
            models.UniqueConstraint(fields=["connection", "lead"], name="odoo_push_once_per_lead"),
            models.CheckConstraint(
                condition=~Q(state__in=["PARKED", "LEFT", "REFUSED"]) | ~Q(sentence=""),
                name="odoo_push_stopped_says_why",
            ),
            models.CheckConstraint(
                condition=Q(state="SENDING", held_until__isnull=False)
                | (~Q(state="SENDING") & Q(held_until=None)),
                name="odoo_push_held_iff_in_hand",
            ),
        ]
        indexes = [
            models.Index(
                fields=["not_before", "id"], name="odoo_push_waiting", condition=Q(state="WAITING")
            ),
            models.Index(
                fields=["held_until"], name="odoo_push_in_hand", condition=Q(state="SENDING")
            ),
            models.Index(fields=["run_id", "state"], name="odoo_push_by_run"),
            models.Index(fields=["id"], name="odoo_push_parked", condition=Q(state="PARKED")),
            GinIndex(fields=["keys"], name="odoo_push_by_key"),
        ]

    def __str__(self) -> str:
        return f"lead {self.lead_id} in {self.connection_id}"


class OdooRecord(models.Model):
    """One record in Odoo that a lead has there. Written down before Odoo is asked to make it."""

    push = models.ForeignKey(OdooPush, models.CASCADE, related_name="records", db_index=False)
    kind = models.CharField(max_length=7, choices=Kind)
    key = models.CharField(max_length=40, help_text="The external id, without its module.")
    odoo_id = models.BigIntegerField(null=True)
    pushed = models.JSONField(default=dict, help_text="What we wrote last, by field.")
    held = models.JSONField(default=dict, help_text="What Odoo made of it, by field.")
    link_reason = models.CharField(
        max_length=300, blank=True, help_text="Why a record that was there is taken as this one."
    )

    class Meta:
        verbose_name = "Odoo record"
        constraints = [
            models.UniqueConstraint(fields=["push", "kind", "key"], name="odoo_record_once"),
        ]
        indexes = [models.Index(fields=["kind", "odoo_id"], name="odoo_record_by_id")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.odoo_id or self.key}"


class OdooConflict(models.Model):
    """A value somebody changed in Odoo, and ours. Theirs stands until a person says otherwise."""

    class Choice(models.TextChoices):
        OPEN = "OPEN", "To be decided"
        THEIRS = "THEIRS", "Odoo's stays"
        OURS = "OURS", "Ours is written"

    record = models.ForeignKey(OdooRecord, models.CASCADE, related_name="conflicts")
    field = models.CharField(max_length=64)
    ours = models.JSONField()
    theirs = models.JSONField()
    found_at = models.DateTimeField(default=timezone.now)
    choice = models.CharField(max_length=6, choices=Choice, default=Choice.OPEN)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "Odoo conflict"
        indexes = [models.Index(fields=["id"], name="odoo_conflict_open",
                                condition=Q(choice="OPEN"))]  # fmt: skip
        constraints = [
            models.UniqueConstraint(fields=["record", "field"], name="odoo_conflict_once"),
            models.CheckConstraint(
                condition=Q(choice="OPEN", decided_at=None)
                | (~Q(choice="OPEN") & Q(decided_at__isnull=False)),
                name="odoo_conflict_decided_iff_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.record}: {self.field}"


class OdooAttempt(models.Model):
    """What became of one try, in words."""

    push = models.ForeignKey(OdooPush, models.CASCADE, related_name="tries")
    at = models.DateTimeField(default=timezone.now)
    result = models.CharField(max_length=20)
    sentence = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name = "Odoo attempt"

    def __str__(self) -> str:
        return self.sentence or self.result


class OdooOutcome(models.Model):
    """A stage or an end a lead reached in Odoo, with the score it had when it was pushed."""

    push = models.ForeignKey(OdooPush, models.CASCADE, related_name="outcomes")
    at = models.DateTimeField(help_text="When it was seen.")
    outcome = models.CharField(max_length=4)
    stage = models.CharField(max_length=100, blank=True)
    salesperson = models.CharField(max_length=150, blank=True)
    score = models.SmallIntegerField(null=True)
    bucket = models.CharField(max_length=20, blank=True)

    class Meta:
        verbose_name = "Odoo outcome"
        indexes = [models.Index(fields=["outcome", "at"], name="odoo_outcome_by_end")]

    def __str__(self) -> str:
        return f"{self.outcome} {self.stage}"


class OdooRecall(models.Model):
    """Somebody opted out after their lead had gone to Odoo, or its approval was taken back (no
    suppression): it has to be seen to there."""

    push = models.ForeignKey(OdooPush, models.CASCADE, related_name="recalls")
    suppression = models.ForeignKey(Suppression, models.CASCADE, related_name="+", null=True)
    system = models.CharField(max_length=650)
    went_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=150, blank=True)

    class Meta:
        verbose_name = "Odoo recall"
        constraints = [
            models.UniqueConstraint(fields=["push", "suppression"], name="odoo_recall_once"),
            models.CheckConstraint(
                condition=Q(done_at=None, done_by="") | (Q(done_at__isnull=False) & ~Q(done_by="")),
                name="odoo_recall_done_iff_by_whom",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="odoo_recall_open", condition=Q(done_at=None))
        ]

    def __str__(self) -> str:
        return f"recall of {self.push}"
