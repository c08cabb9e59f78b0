"""Public-schema tables of the paid vendors: keys, budgets, the ledger, and whose turn it is.

A tenant's role reads its own ledger and balances and writes none of them: ``tenants.paid.governor``
does, as the platform. Money is in micros, millionths of a US dollar.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from tenants.permits import Vendor

VENDORS = [(vendor.value, vendor.label) for vendor in Vendor]


class VendorCredential(models.Model):
    """A tenant's own key for a vendor; it goes before the deployment's."""

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="credentials")
    vendor = models.CharField(max_length=12, choices=VENDORS)
    secret = models.BinaryField(editable=False, help_text="Encrypted; see tenants.secrets.")
    ending = models.CharField(max_length=4, editable=False, help_text="Its last characters.")
    fingerprint = models.CharField(
        max_length=12, blank=True, editable=False, help_text="Names its lanes and readings."
    )
    set_at = models.DateTimeField(default=timezone.now)
    set_by = models.CharField(max_length=150)

    class Meta:
        verbose_name = "vendor key"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "vendor"], name="one_key_per_vendor"),
        ]

    def __str__(self) -> str:
        return f"{self.get_vendor_display()} key of {self.tenant_id}"


class VendorBudget(models.Model):
    """What a tenant may spend with a vendor, and whether it may be asked at all.

    An empty limit is none. Days and months are those of the nightly time zone.
    """

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="budgets")
    vendor = models.CharField(max_length=12, choices=VENDORS)
    is_on = models.BooleanField(
        "switched on", default=True, help_text="Off: never asked, whatever the keys and budgets."
    )
    daily_units = models.PositiveBigIntegerField("units a day", null=True, blank=True)
    monthly_units = models.PositiveBigIntegerField("units a month", null=True, blank=True)
    run_units = models.PositiveBigIntegerField("units a run", null=True, blank=True)
    monthly_micros = models.PositiveBigIntegerField(
        "money a month", null=True, blank=True, help_text="Millionths of a US dollar."
    )
    stopped_at = models.DateTimeField(null=True, blank=True, editable=False)
    stopped_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Empty: until somebody lifts it."
    )
    stopped_reason = models.CharField(max_length=300, blank=True, editable=False)
    stopped_key = models.CharField(
        max_length=12, blank=True, editable=False,
        help_text="Fingerprint of the refused key: another key lifts the stop by itself.",
    )  # fmt: skip

    class Meta:
        verbose_name = "vendor budget"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "vendor"], name="one_budget_per_vendor"),
            models.CheckConstraint(
                condition=Q(stopped_at=None, stopped_reason="")
                | (Q(stopped_at__isnull=False) & ~Q(stopped_reason="")),
                name="vendor_stopped_iff_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_vendor_display()} budget of {self.tenant_id}"

    def is_stopped(self, fingerprint: str, *, now: datetime) -> bool:
        """Whether the vendor may not be asked with the key of this fingerprint."""
        if self.stopped_at is None or self.stopped_key not in {"", fingerprint}:
            return False
        return self.stopped_until is None or now < self.stopped_until


class VendorUsage(models.Model):
    """The ledger: one paid call, written before it is made and settled after it."""

    class Outcome(models.TextChoices):
        RESERVED = "RESERVED", "Under way"
        SETTLED = "SETTLED", "Paid"
        REFUNDED = "REFUNDED", "Free"
        UNKNOWN = "UNKNOWN", "Not known: charged until reconciled"

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="vendor_usage")
    vendor = models.CharField(max_length=12, choices=VENDORS)
    purpose = models.CharField(max_length=40)
    run_id = models.BigIntegerField(null=True, help_text="The night; empty by hand.")
    lead_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(
        null=True, help_text="Its turn: until then it had certainly not been made."
    )
    day = models.DateField(help_text="In the nightly time zone.")
    account = models.CharField(
        max_length=12, blank=True, help_text="Fingerprint of the key it was called with."
    )
    own_key = models.BooleanField(help_text="Called with the tenant's own key.")
    reserved_units = models.PositiveBigIntegerField()
    reserved_micros = models.PositiveBigIntegerField()
    units = models.PositiveBigIntegerField(help_text="Charged: reserved until settled.")
    micros = models.PositiveBigIntegerField(help_text="Charged, millionths of a US dollar.")
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.RESERVED)
    settled_at = models.DateTimeField(null=True, blank=True)
    milliseconds = models.PositiveIntegerField(null=True, blank=True)
    reference = models.CharField(max_length=100, blank=True, help_text="The vendor's own id.")
    note = models.CharField(max_length=300, blank=True, help_text="What went wrong, if anything.")
    caller = models.CharField(max_length=100, blank=True, help_text="The process that asked.")

    class Meta:
        verbose_name = "vendor call"
        constraints = [
            models.CheckConstraint(
                condition=Q(units__lte=F("reserved_units")) | Q(outcome="SETTLED"),
                name="unsettled_call_costs_at_most_its_reservation",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-at"], name="vendor_usage_by_time"),
            models.Index(fields=["tenant", "vendor", "day"], name="vendor_usage_by_day"),
            models.Index(fields=["tenant", "run_id"], name="vendor_usage_by_run"),
            models.Index(fields=["vendor", "account", "at"], name="vendor_usage_by_account"),
            models.Index(fields=["tenant", "lead_id"], name="vendor_usage_by_lead"),
            models.Index(
                fields=["at"], name="vendor_usage_unsettled",
                condition=Q(outcome__in=["RESERVED", "UNKNOWN"]),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_vendor_display()} call {self.pk} of {self.tenant_id}"


class VendorBalance(models.Model):
    """What the ledger of one tenant, vendor and period adds up to; kept with every entry."""

    tenant = models.ForeignKey("tenants.Tenant", models.CASCADE, related_name="vendor_balances")
    vendor = models.CharField(max_length=12, choices=VENDORS)
    period = models.CharField(max_length=24, help_text="day 2026-11-22, month 2026-11 or run 12")
    units = models.PositiveBigIntegerField(default=0)
    micros = models.PositiveBigIntegerField(default=0)
    calls = models.PositiveIntegerField(default=0)
    noticed = models.PositiveSmallIntegerField(
        default=0, help_text="Per cent of the limit somebody was last told of."
    )
    most_units = models.PositiveBigIntegerField(
        null=True, help_text="Of a run: the most that was told before it."
    )
    most_micros = models.PositiveBigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "vendor", "period"], name="one_balance_per_period"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_vendor_display()} of {self.tenant_id}, {self.period}"


class VendorReading(models.Model):
    """What a vendor says an account has used, beside what the ledger says, at one moment.

    A conclusive one settles what was unknown before it. ``tenant`` is empty for the deployment's
    own account, which belongs to no tenant.
    """

    tenant = models.ForeignKey(
        "tenants.Tenant", models.CASCADE, null=True, blank=True, related_name="vendor_readings"
    )
    vendor = models.CharField(max_length=12, choices=VENDORS)
    account = models.CharField(max_length=12, help_text="Fingerprint of the key.")
    at = models.DateTimeField()
    used = models.BigIntegerField(help_text="The vendor's figure; only its growth means anything.")
    is_conclusive = models.BooleanField(help_text="Nothing was under way, the figure had settled.")
    vendor_units = models.BigIntegerField(
        null=True, help_text="Charged since the conclusive reading before, by the vendor's figure."
    )
    ledger_units = models.BigIntegerField(
        null=True, help_text="The same by the ledger, before anything was put right."
    )
    refunded_units = models.PositiveBigIntegerField(default=0)
    booked_units = models.PositiveBigIntegerField(default=0)
    difference = models.BigIntegerField(
        null=True, help_text="What the vendor charged beyond the ledger in the end."
    )
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = "vendor reading"
        indexes = [models.Index(fields=["vendor", "account", "-at"], name="reading_by_account")]

    def __str__(self) -> str:
        return f"{self.get_vendor_display()} {self.account} at {self.at:%Y-%m-%d %H:%M}"


class RateLimit(models.Model):
    """How many calls a lane to a vendor takes in a window, and when the last ones are due.

    A lane is a vendor's account: the deployment's, or that of a tenant's own key. The language
    model has one lane for all, as ``llmTransactionLimit`` says.
    """

    lane = models.CharField(max_length=60, primary_key=True, help_text="LLM, or TAVILY/<key>.")
    calls = models.PositiveIntegerField(help_text="The most calls in a window.")
    seconds = models.PositiveIntegerField(default=60, help_text="Length of the window.")
    recent = ArrayField(
        models.DateTimeField(), default=list, editable=False, help_text="Turns given, oldest first."
    )

    class Meta:
        verbose_name = "rate limit"

    def __str__(self) -> str:
        return f"{self.lane}: {self.calls} calls in {self.seconds} s"


class CircuitBreaker(models.Model):
    """Whether a lane to a vendor answers: after failures in a row nobody asks for a while."""

    lane = models.CharField(max_length=60, primary_key=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    open_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    not_before = models.DateTimeField(
        null=True, blank=True, help_text="The vendor asked to be left alone until then."
    )
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "circuit breaker"

    def __str__(self) -> str:
        return self.lane
