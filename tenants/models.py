"""Public-schema tables: who the tenants are, who may work for them, and what each run did."""

from __future__ import annotations

import uuid
from datetime import datetime, time
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django_tenants.models import DomainMixin, TenantMixin

from tenants import (
    api_models,  # noqa: F401 -- where Django finds the tables of the API
    device_models,  # noqa: F401 -- where Django finds the programs at the door
    identity_models,  # noqa: F401 -- where Django finds the tables of sign-in
    llm_models,  # noqa: F401 -- where Django finds the language model's answers
    platform_models,  # noqa: F401 -- where Django finds whom no tenant may mail
    vendor_models,  # noqa: F401 -- where Django finds the tables of the vendors
)


class User(AbstractUser):
    """One account for all tenants; a membership says where it may work.

    How somebody signed in may leave less than that; such limits live on the object alone.
    """

    # Keys of the only tenants this sign-in or token opens; None: all the person's.
    confined_to: frozenset[str] | None = None
    # What an API token may do of what its owner may (keys of ``tenants.roles.SCOPES``); None: all.
    scopes: frozenset[str] | None = None

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class Tenant(TenantMixin):
    """A customer. Its key is the name of its PostgreSQL schema, which every row of its carries."""

    schema_name = models.CharField(
        "key",
        max_length=30,
        primary_key=True,
        validators=[
            RegexValidator(
                r"^(?!pg_|public$|tenant_template$|information_schema$)[a-z][a-z0-9_]{1,29}\Z",
                "Use 2 to 30 small letters, digits or _, starting with a letter.",
            )
        ],
        help_text="Small letters, digits and _; also the host name. It cannot be changed later.",
    )
    name = models.CharField(max_length=100, unique=True)
    is_active = models.BooleanField(
        "active", default=True, help_text="Switched off: nobody can enter, no night starts."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    auto_create_schema = (
        False  # tenants.lifecycle.provision does, in one transaction with the roles
    )

    def __str__(self) -> str:
        return self.name


class Domain(DomainMixin):
    """A host name that leads to one tenant."""


class TenantSettings(models.Model):
    """What a tenant may decide for itself. Unset values follow the deployment."""

    class Retention(models.IntegerChoices):
        QUARTER = 90, "90 days"
        HALF_YEAR = 180, "180 days"
        YEAR = 365, "365 days"

    class Fallback(models.TextChoices):
        ON = "ON", "Yes"
        OFF = "OFF", "No"

    class FirstLogin(models.TextChoices):
        JOIN = "JOIN", "Everybody the provider names with a role"
        INVITE = "INVITE", "Only people who were invited"

    tenant = models.OneToOneField(Tenant, models.CASCADE, primary_key=True, related_name="settings")
    colour = models.CharField(
        max_length=7,
        default="#2563eb",
        validators=[RegexValidator(r"^#[0-9a-f]{6}\Z", "Write it like #2563eb.")],
        help_text="Marks every page of this tenant, so that nobody works in the wrong one.",
    )
    nightly_enabled = models.BooleanField("run every night", default=True)
    nightly_at = models.TimeField(
        default=time(1, 0), help_text="Local time of the deployment's nightly zone (Singapore)."
    )
    candidates_per_night = models.PositiveIntegerField(
        default=500,
        validators=[MinValueValidator(1), MaxValueValidator(100_000)],
        help_text="The most companies one night takes from the register.",
    )
    shortlist_cap = models.PositiveIntegerField(
        default=50, validators=[MinValueValidator(1), MaxValueValidator(10_000)]
    )
    site_match_threshold = models.PositiveSmallIntegerField(
        default=70,
        validators=[MinValueValidator(30), MaxValueValidator(100)],
        help_text="Points (of 100) from which a web site counts as the company's own.",
    )
    retention_days = models.PositiveIntegerField(
        choices=Retention, default=Retention.HALF_YEAR, help_text="How long fetched pages are kept."
    )
    legal_hold = models.CharField(
        max_length=300, blank=True, default="", db_default="",
        help_text="Not empty: nights let go of nothing, whatever its age.",
    )  # fmt: skip
    email_provider = models.JSONField(
        default=dict, blank=True, help_text="How mail leaves: transport, fromName, replyTo."
    )
    llm_model = models.CharField(
        "language model",
        max_length=100,
        blank=True,
        validators=[RegexValidator(r"^[\w.:/@-]+\Z", "The name as the server knows it.")],
        help_text="Empty: the deployment's (LANGCHAIN_MODEL).",
    )
    llm_temperature = models.DecimalField(
        "temperature",
        max_digits=3,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(2)],
        help_text="0 to 2. Empty: the deployment's. Models that take none are asked without.",
    )
    llm_sees_contacts = models.BooleanField(
        "show people's addresses and numbers to the language model",
        default=False,
        db_default=False,
        help_text="Off: they are taken out of every text before it is sent.",
    )
    lusha_fallback = models.CharField(
        max_length=3,
        blank=True,
        db_default="",
        choices=Fallback,
        help_text="Ask Lusha for people where a company's site names none with a wanted title."
        " Empty: as the deployment has it.",
    )
    preferred_titles = models.TextField(
        blank=True,
        db_default="",
        max_length=2000,
        help_text="Whom you want to talk to, one title a line, the most wanted first."
        " Empty: the deployment's list.",
    )
    people_per_company = models.PositiveSmallIntegerField(
        default=2,
        db_default=2,
        validators=[MaxValueValidator(10)],
        help_text="The most people whose addresses are bought for one company, at 1 credit each.",
    )
    buys_phones = models.BooleanField(
        "buy telephone numbers",
        default=False,
        db_default=False,
        help_text="Also buy their numbers, at 5 credits each. Off: addresses only.",
    )
    first_login = models.CharField(
        max_length=6,
        choices=FirstLogin,
        default=FirstLogin.INVITE,
        db_default=FirstLogin.INVITE,
        help_text="Who may come in when they sign in through a provider for the first time.",
    )
    password_sign_in = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Off: this tenant opens only to people signed in by a provider.",
    )
    second_factor_required = models.BooleanField(
        default=False,
        db_default=False,
        help_text="People with a password must confirm each sign-in with a code from their phone.",
    )

    class Meta:
        verbose_name = "settings"
        verbose_name_plural = "settings"

    def __str__(self) -> str:
        return f"settings of {self.tenant_id}"


class Membership(models.Model):
    """Who may work in which tenant. Accounts are shared, so this is what keeps tenants apart."""

    class Role(models.TextChoices):
        OWNER = "OWNER", "Owner"
        OPERATOR = "OPERATOR", "Operator"
        REVIEWER = "REVIEWER", "Reviewer"
        AUDITOR = "AUDITOR", "Auditor"

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.OPERATOR)
    granted_by = models.CharField(
        max_length=255,
        blank=True,
        db_default="",
        editable=False,
        help_text="The provider whose claims give and take it; empty: a person gave it by hand.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user"], name="one_membership_per_tenant"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant_id} as {self.get_role_display().lower()}"


class PipelineRun(models.Model):
    """One night of one tenant: what it was asked to do and what each stage did."""

    class Status(models.TextChoices):
        RUNNING = "RUNNING", "Running"
        PAUSED = "PAUSED", "Paused"
        FINISHED = "FINISHED", "Finished"
        FAILED = "FAILED", "Failed"
        CANCELLED = "CANCELLED", "Cancelled"

    OPEN = (Status.RUNNING, Status.PAUSED)

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="runs")
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    stage = models.CharField(
        max_length=20, blank=True, help_text="The stage at work; empty at the end."
    )
    night_of = models.DateField(
        null=True, blank=True, help_text="The date a scheduled night belongs to; empty by hand."
    )
    started_by = models.CharField(max_length=150, default="schedule")
    started_at = models.DateTimeField(default=timezone.now)
    stage_started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    touched_at = models.DateTimeField(
        default=timezone.now, help_text="When a worker last did a piece of it."
    )
    turns = models.JSONField(
        default=dict, editable=False, help_text="Chain of tasks -> number of its due turn."
    )
    plan = models.JSONField(
        default=dict,
        help_text="What it works with: rule, card and their versions, caps, as-of date.",
    )
    reports = models.JSONField(
        default=dict,
        help_text="Stage -> counts {in, done, rejected: {reason: n}, waiting, seconds}.",
    )
    report_hash = models.CharField(max_length=64, blank=True)
    note = models.TextField(blank=True, help_text="What an operator should know, in sentences.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=Q(status__in=["RUNNING", "PAUSED"]),
                name="one_open_run_per_tenant",
            ),
            models.UniqueConstraint(
                fields=["tenant", "night_of"],
                condition=Q(night_of__isnull=False),
                name="one_scheduled_run_per_tenant_and_night",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["RUNNING", "PAUSED"], finished_at=None)
                | (~Q(status__in=["RUNNING", "PAUSED"]) & Q(finished_at__isnull=False)),
                name="run_ended_iff_finished_at",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-started_at"], name="run_by_tenant_start")]
        verbose_name = "run"

    def __str__(self) -> str:
        return f"run {self.pk} of {self.tenant_id}"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN

    def touch(self, *, now: datetime) -> None:
        """Say that somebody is at it, lest the schedule queue work for it again."""
        PipelineRun.objects.filter(pk=self.pk).update(touched_at=now)

    def report(self, stage: str) -> dict[str, Any]:
        """Counts of ``stage`` so far; empty before it began."""
        return self.reports.get(stage, {})


class AuditEvent(models.Model):
    """One change somebody made: who, when, what, before, after, why. Rows are only ever added."""

    tenant = models.ForeignKey(
        Tenant, models.CASCADE, null=True, blank=True, related_name="audit_events"
    )
    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=150, help_text="User name, or the job that did it.")
    action = models.CharField(max_length=60, help_text="What was done, e.g. icp.rule.save.")
    subject = models.CharField(max_length=200, help_text="What it was done to.")
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    request_id = models.CharField(max_length=36, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "-at"], name="audit_by_tenant_time"),
            models.Index(fields=["tenant", "subject"], name="audit_by_tenant_subject"),
        ]
        verbose_name = "audit event"

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.subject}"


class HostLease(models.Model):
    """Whose turn it is at a web host: one crawler at a time, for all tenants and machines."""

    host = models.CharField(max_length=253, primary_key=True)
    owner = models.CharField(max_length=160, blank=True)
    leased_until = models.DateTimeField(default=timezone.now)
    not_before = models.DateTimeField(
        default=timezone.now, help_text="The host's next free moment."
    )

    class Meta:
        verbose_name = "host lease"

    def __str__(self) -> str:
        return self.host


class Heartbeat(models.Model):
    """A worker's last sign of life, by the database's clock. Gone when it was told to stop."""

    worker = models.CharField(max_length=100, primary_key=True, help_text="Machine and process.")
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.worker


class Installation(models.Model):
    """What tells this database from an older copy of itself; see ``tenants.restored``. One row."""

    key = models.UUIDField(default=uuid.uuid4, editable=False)
    server = models.CharField(max_length=100, help_text="PostgreSQL's own number and timeline.")
    mark = models.PositiveBigIntegerField(default=0, help_text="Minutes counted by the tick.")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_installation")]

    def __str__(self) -> str:
        return str(self.key)
