"""What was fetched, what was read from it, and whom one could talk to."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import MD5
from django.utils import timezone

from enrichment.captcha_models import CaptchaChallenge  # noqa: F401 -- where Django finds it
from enrichment.harvest_models import (  # noqa: F401 -- where Django finds them
    HarvestFile,
    HarvestRequest,
    HarvestSource,
    Listing,
)
from enrichment.import_models import ContactImport  # noqa: F401 -- as above
from enrichment.twin_models import LeadMerge, LeadTwin, RegisterMatch  # noqa: F401 -- as above
from icp.models import Lead

HOST_IN_URL = "^(?:https?://)?(?:www[.])?([^/:?#]+)"  # its first group; for PostgreSQL


class EnrichmentRun(models.Model):
    """One attempt to complete one lead, in a night or by hand, whether it succeeded or failed."""

    class Outcome(models.TextChoices):
        RUNNING = "RUNNING", "Running"
        DONE = "DONE", "Done"
        NO_SITE = "NO_SITE", "No site found"
        NOT_OURS = "NOT_OURS", "Site of somebody else"
        REFUSED = "REFUSED", "The site refuses crawlers"
        WALL = "WALL", "A person must pass"
        FAILED = "FAILED", "Failed"

    lead = models.ForeignKey(Lead, models.CASCADE, related_name="enrichment_runs")
    run_id = models.BigIntegerField(null=True, help_text="The night; empty by hand.")
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.RUNNING)
    site = models.CharField(max_length=500, blank=True, help_text="Home page that was taken.")
    site_origin = models.CharField(
        max_length=20, blank=True, help_text="Given, or the rule that found it."
    )
    match_score = models.PositiveSmallIntegerField(null=True)
    match_lines = models.JSONField(default=list, help_text="Why the site is (not) the company's.")
    tried = models.JSONField(default=list, help_text="Sites tried, with what became of each.")
    skipped = models.JSONField(default=list, help_text="Pages not taken: url, code, sentence.")
    request_count = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=500, blank=True)
    digest = models.JSONField(
        default=dict, help_text="Field -> hash of its observations; a replay must give it again."
    )
    corpus = models.BinaryField(null=True, help_text="Merged text, compressed, when kept.")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "enrichment run"
        constraints = [
            models.UniqueConstraint(
                fields=["lead", "run_id"], name="enrichment_once_per_lead_and_run"
            ),
        ]

    def __str__(self) -> str:
        return f"enrichment {self.pk} of {self.lead_id}"


class PageBody(models.Model):
    """The bytes of a fetched document, kept once however often they were met."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    compressed = models.BinaryField(help_text="zlib")
    size = models.PositiveIntegerField(help_text="Bytes before compression.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "page body"

    def __str__(self) -> str:
        return self.sha256[:12]


class Page(models.Model):
    """One document as it was answered to one attempt."""

    enrichment = models.ForeignKey(EnrichmentRun, models.CASCADE, related_name="pages")
    position = models.PositiveSmallIntegerField(help_text="In the order they were taken.")
    url = models.CharField(max_length=2000)
    final_url = models.CharField(max_length=2000)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.ForeignKey(PageBody, models.PROTECT, null=True, related_name="pages")
    is_cut = models.BooleanField(default=False)
    over_tls = models.BooleanField()
    fetched_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["enrichment", "position"], name="page_position_once_per_enrichment"
            ),
        ]

    def __str__(self) -> str:
        return self.final_url


class LeadStep(models.Model):
    """What one completing step (search, read, people, verify) came to for one lead in one run."""

    class Outcome(models.TextChoices):
        DONE = "DONE", "Something was added"
        NOTHING = "NOTHING", "Asked, nothing found"
        NOT_NEEDED = "NOT_NEEDED", "Not needed"
        SKIPPED = "SKIPPED", "Skipped"
        LATER = "LATER", "Left for later"
        REJECTED = "REJECTED", "Lead rejected"

    lead = models.ForeignKey(Lead, models.CASCADE, related_name="steps")
    run_id = models.BigIntegerField(null=True, help_text="The night; empty by hand.")
    step = models.CharField(max_length=10)
    outcome = models.CharField(max_length=10, choices=Outcome)
    code = models.CharField(
        max_length=40, blank=True, help_text="Why it was skipped, left or not needed; for counting."
    )
    sentence = models.CharField(max_length=300, blank=True)
    calls = models.PositiveSmallIntegerField(default=0, help_text="Paid calls made.")
    from_cache = models.PositiveSmallIntegerField(default=0, help_text="Answers had already.")
    figures = models.JSONField(
        default=dict, db_default={}, help_text="What else the step counted, and what it asked with."
    )
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lead", "run_id", "step"], name="step_once_per_lead_and_run"
            ),
        ]
        indexes = [models.Index(fields=["run_id", "step"], name="step_by_run")]

    def __str__(self) -> str:
        return f"{self.step} of {self.lead_id}"


class VendorAnswer(models.Model):
    """What a vendor answered to a question, kept so that nobody pays for it again.

    A row with ``held_until`` is being asked about; one whose holder died is in doubt until the
    ledger says what became of the call.
    """

    vendor = models.CharField(max_length=12)
    question_hash = models.CharField(max_length=64, help_text="SHA-256 of the question's JSON.")
    question = models.JSONField(help_text="Holds no person's name, address or number.")
    answer = models.JSONField(null=True)
    call_id = models.BigIntegerField(null=True, help_text="The paid call, in the ledger.")
    asked_at = models.DateTimeField(null=True, help_text="When it was answered.")
    held_until = models.DateTimeField(null=True)
    held_by = models.CharField(max_length=100, blank=True)
    lead_id = models.BigIntegerField(null=True, help_text="Whom it is being asked for.")

    class Meta:
        verbose_name = "vendor's answer"
        constraints = [
            models.UniqueConstraint(
                fields=["vendor", "question_hash"], name="vendor_asked_once_per_question"
            ),
            models.CheckConstraint(
                condition=Q(answer__isnull=True, asked_at=None)
                | Q(answer__isnull=False, asked_at__isnull=False),
                name="vendor_answered_iff_asked_at",
            ),
        ]
        indexes = [models.Index(fields=["asked_at"], name="vendor_answer_by_age")]

    def __str__(self) -> str:
        return f"answer {self.pk} of {self.vendor}"


class Verification(models.Model):
    """What is known of one e-mail address: the cache that keeps an address from being paid twice.

    ``status`` and ``sub_status`` are in ZeroBounce's words, whoever found them out, or
    ``unverified`` with the reason. While an address is being asked about it is held.
    """

    class Source(models.TextChoices):
        PRECHECK = "PRECHECK", "checked here, free"
        VENDOR = "VENDOR", "ZeroBounce"
        NONE = "NONE", "not asked"

    address = models.CharField(
        max_length=320, blank=True, help_text="Normalised; empty once the person was erased."
    )
    address_hash = models.CharField(max_length=64, unique=True, help_text="Keyed.")
    status = models.CharField(max_length=40, default="unverified")
    sub_status = models.CharField(max_length=60, blank=True)
    source = models.CharField(max_length=10, choices=Source, default=Source.NONE)
    checked_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(
        default=timezone.now, null=True, help_text="When to ask again; empty: not by itself."
    )
    tries = models.PositiveSmallIntegerField(default=0, help_text="Without a verdict, in a row.")
    facts = models.JSONField(default=dict, help_text="Free mail, mail host, correction proposed.")
    call_id = models.BigIntegerField(null=True, help_text="The ledger's entry it was paid by.")
    held_until = models.DateTimeField(null=True, editable=False)
    lease = models.PositiveIntegerField(default=0, editable=False, help_text="Number of the claim.")
    asking_call = models.BigIntegerField(
        null=True, editable=False, help_text="The ledger's entry of a question under way."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(source="NONE", status="unverified", call_id=None)
                | (~Q(source="NONE") & ~Q(status="unverified")),
                name="verification_unverified_iff_nobody_was_asked",
            ),
            models.CheckConstraint(
                condition=Q(asking_call=None) | Q(held_until__isnull=False),
                name="verification_asked_about_is_held",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="verification_by_due"),
            models.Index(
                fields=["address"], name="verification_by_address", condition=~Q(address="")
            ),
        ]

    def __str__(self) -> str:
        return f"verification {self.pk}"


class SendingPolicy(models.Model):
    """Which addresses between good and bad a tenant writes to. One row; none: the defaults."""

    class Choice(models.TextChoices):
        EXCLUDE = "EXCLUDE", "leave out"
        INCLUDE = "INCLUDE", "include, with lower confidence"

    catch_all = models.CharField(max_length=7, choices=Choice, default=Choice.EXCLUDE)
    role_mailbox = models.CharField(max_length=7, choices=Choice, default=Choice.EXCLUDE)
    free_mail = models.CharField(max_length=7, choices=Choice, default=Choice.INCLUDE)
    is_only_row = models.BooleanField(default=True, unique=True, editable=False)

    class Meta:
        verbose_name = "sending policy"
        verbose_name_plural = "sending policy"
        constraints = [
            models.CheckConstraint(condition=Q(is_only_row=True), name="sending_policy_is_one_row"),
        ]

    def __str__(self) -> str:
        return "sending policy"


class ContactQuerySet(models.QuerySet["Contact"]):
    def sendable(self) -> Self:
        """Those a message may go to as far as the address goes: verified, and nothing forbids."""
        return self.filter(is_mailable=True, verdict__in=Contact.SENDABLE).exclude(email="")


class Contact(models.Model):
    """A person or role mailbox at a lead.

    ``is_mailable`` is false when something is known that forbids writing; an address of which
    nothing is known yet stays mailable and is not sendable.
    """

    class Kind(models.TextChoices):
        ROLE = "ROLE", "Role mailbox"
        PERSON = "PERSON", "Business person"
        PERSONAL = "PERSONAL", "Private person"

    class Verdict(models.TextChoices):
        DELIVERABLE = "DELIVERABLE", "Deliverable"
        RISKY = "RISKY", "Risky"
        UNDELIVERABLE = "UNDELIVERABLE", "Undeliverable"
        UNKNOWN = "UNKNOWN", "Could not be told"
        UNVERIFIED = "UNVERIFIED", "Not verified"

    SENDABLE = (Verdict.DELIVERABLE, Verdict.RISKY)

    lead = models.ForeignKey(Lead, models.CASCADE, related_name="contacts")
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=200, blank=True)
    email = models.CharField(max_length=320, blank=True)
    phone = models.CharField(max_length=20, blank=True, help_text="E.164")
    is_mailable = models.BooleanField(default=True)
    not_mailable_reason = models.CharField(max_length=200, blank=True)
    verdict = models.CharField(max_length=13, choices=Verdict, default=Verdict.UNVERIFIED)
    verification = models.ForeignKey(
        Verification, models.SET_NULL, null=True, related_name="contacts"
    )
    is_withheld = models.BooleanField(
        default=False, help_text="Not mailable for its verdict alone, under the tenant's policy."
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = ContactQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["lead", "email"], condition=~Q(email=""), name="contact_once_per_address"
            ),
            models.UniqueConstraint(
                fields=["lead", "name"],
                condition=Q(email="") & ~Q(name=""),
                name="contact_without_address_once_per_name",
            ),
            models.CheckConstraint(
                condition=~Q(name="", email="", phone=""), name="contact_says_something"
            ),
            models.CheckConstraint(
                condition=Q(is_mailable=True, not_mailable_reason="")
                | (Q(is_mailable=False) & ~Q(not_mailable_reason="")),
                name="contact_not_mailable_iff_reason",
            ),
            models.CheckConstraint(
                condition=Q(is_withheld=False) | Q(is_mailable=False),
                name="contact_withheld_is_not_mailable",
            ),
        ]
        indexes = [
            models.Index(fields=["email"], name="contact_by_address", condition=~Q(email="")),
            models.Index(fields=["verdict"], name="contact_by_verdict"),
        ]

    def __str__(self) -> str:
        return self.name or self.email or self.phone


class Evidence(models.Model):
    """One observed value and where it comes from. No field of a lead is shown without one."""

    class Source(models.TextChoices):
        OPERATOR = "OPERATOR", "Operator"
        CAPTCHA = "CAPTCHA", "CAPTCHA resolution"
        REGISTER = "REGISTER", "Register"
        PAGE = "PAGE", "Page, by rule"
        PROVIDER = "PROVIDER", "Provider"
        LLM = "LLM", "Language model"
        IMPORT = "IMPORT", "Import"
        LISTING = "LISTING", "Listing"

    lead = models.ForeignKey(Lead, models.CASCADE, related_name="evidence")
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, related_name="evidence")
    subject = models.CharField(
        max_length=200, blank=True, help_text="Which person it speaks of; empty: the company."
    )
    field = models.CharField(max_length=40)
    value = models.TextField()
    source = models.CharField(max_length=10, choices=Source)
    reference = models.CharField(max_length=2000, help_text="URL, UEN, or who entered it.")
    page = models.ForeignKey(Page, models.SET_NULL, null=True, related_name="evidence")
    page_sha256 = models.CharField(max_length=64, blank=True)
    quote = models.TextField(blank=True, help_text="Verbatim from the page.")
    method = models.CharField(max_length=60)
    method_version = models.PositiveSmallIntegerField(default=1)
    confidence = models.DecimalField(max_digits=3, decimal_places=2)
    observed_at = models.DateTimeField(default=timezone.now)
    superseded_at = models.DateTimeField(null=True, blank=True)
    run_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name_plural = "evidence"
        constraints = [
            models.UniqueConstraint(
                F("lead"), F("field"), F("source"), F("method"), F("subject"),
                MD5(F("value")), MD5(F("reference")),
                condition=Q(superseded_at=None),
                name="evidence_once_while_it_stands",
            ),
            models.CheckConstraint(
                condition=Q(confidence__gte=0) & Q(confidence__lte=1),
                name="evidence_confidence_between_0_and_1",
            ),
        ]  # fmt: skip
        indexes = [  # by what one business is known again; see enrichment.listings.keys
            models.Index(
                fields=["value"], name="evidence_by_telling_value",
                condition=Q(superseded_at=None, field__in=["phones", "emails", "postal_code"]),
            ),
            models.Index(
                Func(F("value"), Value(HOST_IN_URL), function="substring"),
                name="evidence_by_host", condition=Q(superseded_at=None, field="website"),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.field}: {self.value[:60]}"
