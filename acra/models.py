"""The register of companies, shared by all tenants, and what each load of it changed."""

from __future__ import annotations

from django.db import models
from django.db.models import Func, Q
from django.utils import timezone

ALIVE = Q(status_class__in=["LIVE", "AT_RISK", "PENDING", "UNKNOWN"])  # all but the ceased
LIVE = Q(status_class__in=["LIVE", "AT_RISK"])


class RegisteredCompany(models.Model):
    """One entity of the ACRA register, as the last load found it. Key: its UEN.

    Typed columns are for asking; ``published`` keeps all 53 values as they were served.
    """

    class StatusClass(models.TextChoices):
        LIVE = "LIVE", "Live"
        AT_RISK = "AT_RISK", "Live, at risk"
        PENDING = "PENDING", "Ending"
        CEASED = "CEASED", "Ceased"
        UNKNOWN = "UNKNOWN", "Unknown status"

    uen = models.CharField("UEN", max_length=20, primary_key=True)
    name = models.CharField(max_length=500)
    name_key = models.CharField(
        max_length=500, help_text="Folded, without legal suffix; see acra.names."
    )
    former_names = models.JSONField(default=list, help_text="The latest first, as published.")
    former_names_count = models.GeneratedField(
        expression=Func("former_names", function="jsonb_array_length"),
        output_field=models.SmallIntegerField(),
        db_persist=True,  # narrow enough for the index below, which the list is not
    )
    former_keys = models.TextField(blank=True, help_text="Former names, folded, for the search.")
    entity_type = models.TextField(blank=True)
    company_type = models.TextField(blank=True)
    constitution = models.TextField(blank=True)
    status = models.TextField(blank=True, help_text="In the register's own words.")
    status_class = models.CharField(max_length=10, choices=StatusClass)
    registered_on = models.DateField(null=True)
    uen_issued_on = models.DateField(null=True)
    block = models.TextField(blank=True)
    street = models.TextField(blank=True)
    level = models.TextField(blank=True)
    unit = models.TextField(blank=True)
    building = models.TextField(blank=True)
    postal_code = models.TextField(blank=True)
    district = models.PositiveSmallIntegerField(null=True, help_text="Postal district, 1 to 28.")
    address_key = models.TextField(
        blank=True, help_text="Postal code, level and unit: who shares an address."
    )
    primary_ssic = models.CharField(max_length=5, blank=True)
    secondary_ssic = models.CharField(max_length=5, blank=True)
    primary_activity = models.TextField(blank=True, help_text="The owner's own words.")
    annual_return_on = models.DateField(null=True)
    accounts_due_on = models.DateField(null=True)
    officers_count = models.PositiveIntegerField(
        null=True, help_text="Office holders over time; not staff."
    )
    published = models.TextField(
        blank=True, help_text="The published row, packed; see acra.normalise.published_row."
    )
    row_hash = models.GeneratedField(
        expression=Func(
            "published", models.Value(0, models.BigIntegerField()), function="hashtextextended"
        ),
        output_field=models.BigIntegerField(),
        db_persist=True,
        help_text="Tells rows that differ from the last load.",
    )
    first_seen_at = models.DateTimeField()
    changed_at = models.DateTimeField(help_text="When a load last changed this row.")

    class Meta:
        verbose_name = "registered company"
        verbose_name_plural = "registered companies"
        indexes = [  # those on names are in acra.indexes
            # All that a rule may ask, of the third of the register that still lives: previews and
            # selections read this index (80 MB at two million companies) and not the table.
            models.Index(
                fields=["primary_ssic", "registered_on"], name="company_alive_by_activity",
                include=["uen", "secondary_ssic", "status_class", "district", "entity_type",
                         "company_type", "officers_count", "annual_return_on", "postal_code",
                         "address_key", "former_names_count"],
                condition=ALIVE,
            ),
            models.Index(fields=["address_key"], name="company_live_by_address", condition=LIVE),
            models.Index(fields=["status"], name="company_of_unknown_status",
                         condition=Q(status_class="UNKNOWN")),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.name} ({self.uen})"


class RegisterImport(models.Model):
    """One load of the register: where from, what was read, what it changed."""

    class Status(models.TextChoices):
        RUNNING = "RUNNING", "Running"
        FINISHED = "FINISHED", "Finished"
        FAILED = "FAILED", "Failed"
        UNCHANGED = "UNCHANGED", "Nothing newer"

    source = models.CharField(max_length=500, help_text="Files, or the service's dataset.")
    dataset = models.CharField(max_length=100, blank=True)
    published_at = models.DateTimeField(
        null=True, blank=True, help_text="The publisher's own stamp."
    )
    actor = models.CharField(max_length=150, blank=True, help_text="Who started it.")
    process = models.CharField(max_length=100, blank=True, help_text="Machine and process number.")
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    stage = models.CharField(max_length=40, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    files = models.JSONField(default=dict, help_text="File -> rows read from it.")
    read = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    ceased = models.PositiveIntegerField(
        default=0, help_text="Live before, not live now; these are among the changed."
    )
    rejections = models.JSONField(default=dict, help_text="Reason -> rows, with a few examples.")
    warnings = models.JSONField(default=dict, help_text="Kind -> rows: kept, but worth a look.")
    seconds = models.JSONField(default=dict, help_text="Step -> seconds.")
    error = models.TextField(blank=True)

    class Meta:
        verbose_name = "register load"
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="FINISHED")
                | Q(
                    read=models.F("new")
                    + models.F("changed")
                    + models.F("unchanged")
                    + models.F("rejected")
                ),
                name="register_load_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return f"load {self.pk} of {self.started_at:%Y-%m-%d %H:%M}"


class RegisterChange(models.Model):
    """One company that a load added, changed or found ceased.

    A load into an empty register writes none: there, all are new.
    """

    class Kind(models.TextChoices):
        NEW = "NEW", "New"
        CHANGED = "CHANGED", "Changed"
        CEASED = "CEASED", "Ceased"

    load = models.ForeignKey(RegisterImport, models.CASCADE, related_name="changes")
    uen = models.CharField("UEN", max_length=20)
    kind = models.CharField(max_length=10, choices=Kind)
    fields = models.JSONField(default=list, help_text="Published columns that differ.")

    class Meta:
        verbose_name = "register change"
        indexes = [
            models.Index(fields=["load", "kind"], name="change_by_load_kind"),
            models.Index(fields=["uen"], name="change_by_uen"),
        ]

    def __str__(self) -> str:
        return f"{self.uen} {self.kind.lower()}"


class SsicCode(models.Model):
    """One code of the Singapore Standard Industrial Classification, with its edition."""

    code = models.CharField(max_length=5)
    edition = models.CharField(max_length=10, default="2025A")
    level = models.CharField(max_length=10)
    parent = models.CharField(max_length=5, blank=True)
    section = models.CharField(max_length=1)
    title = models.CharField(max_length=300)

    class Meta:
        verbose_name = "SSIC code"
        constraints = [
            models.UniqueConstraint(fields=["edition", "code"], name="ssic_code_once_per_edition"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.title}"
