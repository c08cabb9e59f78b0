"""What is harvested: where from, what was asked for, and each listing that was met."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from icp.models import Lead


class HarvestSource(models.Model):
    """One place that lists businesses. Off until somebody has recorded its terms."""

    class Kind(models.TextChoices):
        OVERPASS = "OVERPASS", "OpenStreetMap"
        OVERTURE = "OVERTURE", "Overture places (a file)"
        OPEN_DATA = "OPEN_DATA", "Open data (CSV or JSON)"
        HTML_LIST = "HTML_LIST", "Web pages with a list"
        API = "API", "Handed in over the API"

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    options = models.JSONField(
        default=dict, blank=True, help_text="Addresses, columns or selectors, as the kind needs."
    )
    terms_url = models.URLField("terms", max_length=500, blank=True)
    terms_read_on = models.DateField(null=True, blank=True)
    terms_read_by = models.CharField(max_length=150, blank=True)
    allowed_use = models.TextField(
        blank=True, help_text="Why we may read and keep it, in one or two sentences."
    )
    licence = models.CharField(max_length=100, blank=True)
    attribution = models.CharField(
        max_length=300, blank=True, help_text="Shown wherever its rows are shown or exported."
    )
    is_enabled = models.BooleanField(default=False)
    trial = models.JSONField(
        default=dict, blank=True, editable=False, help_text="What a stored page gave when tried."
    )
    min_interval_s = models.FloatField(
        "seconds between requests", default=2.0, help_text="robots.txt may ask for more."
    )
    daily_cap = models.PositiveIntegerField("requests a day", default=1000)
    asked_on = models.DateField(null=True, editable=False, help_text="The day (UTC) counted.")
    asked_count = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    paused_at = models.DateTimeField(null=True, editable=False)
    pause_reason = models.CharField(max_length=300, blank=True, editable=False)
    walls_counted_from = models.DateTimeField(
        null=True, editable=False, help_text="When somebody last resumed it; older walls are past."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "harvest source"
        constraints = [
            models.CheckConstraint(
                condition=Q(is_enabled=False)
                | (Q(terms_read_on__isnull=False) & ~Q(terms_url="") & ~Q(allowed_use="")
                   & ~Q(terms_read_by="") & ~Q(licence="")),
                name="source_enabled_only_with_terms",
            ),
            models.CheckConstraint(
                condition=Q(paused_at=None, pause_reason="")
                | (Q(paused_at__isnull=False) & ~Q(pause_reason="")),
                name="source_paused_iff_reason",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name


class HarvestRequest(models.Model):
    """Somebody wants so many leads of one category in one city."""

    class Status(models.TextChoices):
        PENDING = "PENDING", "Waiting to begin"
        PROCESSING = "PROCESSING", "Under way"
        COMPLETED = "COMPLETED", "Completed"
        FAILED = "FAILED", "Failed"
        CANCELLED = "CANCELLED", "Cancelled"

    OPEN = (Status.PENDING, Status.PROCESSING)

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    source = models.ForeignKey(HarvestSource, models.PROTECT, related_name="requests")
    city = models.CharField(max_length=100)
    category = models.CharField(max_length=50, help_text="Of the managed list.")
    template_id = models.BigIntegerField(
        null=True, blank=True, help_text="The mail template its leads are meant for."
    )
    wanted = models.PositiveIntegerField("leads wanted")
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    requested_by = models.CharField(max_length=150)
    requested_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(
        null=True, help_text="By a person; nothing is asked meanwhile."
    )
    cursor = models.JSONField(default=dict, help_text="How far the listing was read.")
    pages_read = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    ending = models.CharField(
        max_length=300, blank=True, db_default="", help_text="How it ended, for a person."
    )
    met_again = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Entries that an earlier harvest had met already."
    )
    troubles = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Times in a row that the source could not be read."
    )
    attempts = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Claims in a row that did not come to their end."
    )
    not_before = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True)
    held_by = models.CharField(max_length=100, blank=True)
    lease = models.PositiveIntegerField(default=0, help_text="Number of the claim.")

    class Meta:
        verbose_name = "harvest"
        constraints = [
            models.CheckConstraint(
                condition=Q(wanted__gt=0), name="harvest_wants_at_least_one_lead"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["PENDING", "PROCESSING"], finished_at=None)
                | Q(status__in=["COMPLETED", "FAILED", "CANCELLED"], finished_at__isnull=False),
                name="harvest_finished_iff_closed",
            ),
        ]
        indexes = [models.Index(fields=["status", "requested_at"], name="harvest_by_status")]

    def __str__(self) -> str:
        return f"{self.wanted} {self.category} in {self.city}"


class Listing(models.Model):
    """One entry of a source, met once however many requests come by it."""

    class Outcome(models.TextChoices):
        FOUND = "FOUND", "Found, not read yet"
        TAKEN = "TAKEN", "Became a lead"
        DUPLICATE = "DUPLICATE", "Business known already"
        WALLED = "WALLED", "Waits for a person"
        SUPPRESSED = "SUPPRESSED", "Suppressed"
        REFUSED = "REFUSED", "Not taken"

    source = models.ForeignKey(HarvestSource, models.PROTECT, related_name="listings")
    source_key = models.CharField(max_length=500, help_text="The source's own name of the entry.")
    request = models.ForeignKey(
        HarvestRequest, models.CASCADE, null=True, related_name="listings",
        help_text="Empty: handed in, nobody asked for it.",
    )  # fmt: skip
    position = models.PositiveIntegerField(
        default=0, help_text="In the order the request met them."
    )
    url = models.CharField(max_length=2000, help_text="Where it stands, for a person to look.")
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.FOUND)
    code = models.CharField(max_length=40, blank=True, help_text="Why it is not taken; to count.")
    sentence = models.CharField(max_length=300, blank=True)
    record = models.JSONField(default=dict, help_text="The neutral record; see harvest.record.")
    raw = models.TextField(blank=True, help_text="As the source gave it, to the byte.")
    licence = models.CharField(max_length=100, blank=True)
    attribution = models.CharField(max_length=300, blank=True)
    image_hash = models.CharField(max_length=16, blank=True, help_text="Perceptual, 64 bits, hex.")
    lead = models.ForeignKey(Lead, models.SET_NULL, null=True, related_name="listings")
    retrieved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "source_key"], name="listing_once_per_source"
            ),
        ]
        indexes = [
            models.Index(fields=["request", "outcome"], name="listing_by_request"),
            models.Index(fields=["image_hash"], name="listing_by_image",
                         condition=~Q(image_hash="")),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.source_key


class ListPage(models.Model):
    """One page of a list as it was last read, so that unchanged it need not be sent again."""

    source = models.ForeignKey(HarvestSource, models.CASCADE, related_name="list_pages")
    url = models.CharField(max_length=2000)
    etag = models.CharField(max_length=300, blank=True)
    last_modified = models.CharField(max_length=100, blank=True)
    selectors = models.CharField(max_length=64, help_text="Fingerprint of what it was read by.")
    entries = models.JSONField(help_text="[key, url, code, sentence] of each, in page order.")
    following = models.CharField(max_length=2000, blank=True, help_text="The next page's address.")
    read_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "list page"
        constraints = [
            models.UniqueConstraint(fields=["source", "url"], name="list_page_once_per_source"),
        ]

    def __str__(self) -> str:
        return self.url


class HarvestFile(models.Model):
    """A file an operator gave to a source that is read from one. The newest counts."""

    source = models.ForeignKey(HarvestSource, models.CASCADE, related_name="files")
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64, help_text="Of the file as it came.")
    content = models.BinaryField(editable=False, help_text="zlib.")
    size_bytes = models.PositiveIntegerField()
    entry_count = models.PositiveIntegerField()
    uploaded_by = models.CharField(max_length=150)
    uploaded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "harvest file"
        constraints = [
            models.UniqueConstraint(fields=["source", "sha256"], name="harvest_file_once"),
        ]

    def __str__(self) -> str:
        return self.file_name
