"""Whom a tenant looks for, whom it must never touch, and the leads that follow."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db import models, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from icp.move_models import Move, MovedRow
from icp.notice_models import Notice, NoticeMail, NoticeReader, Watch
from icp.taken_out_models import FileRecall, TakenOut
from icp.upload_models import ChangingUpload, GivenSite, SiteImport, SuppressionImport, Upload
from tenants.clock import database_now
from tenants.process_name import process_name

__all__ = [
    "ChangingUpload", "FileRecall", "GivenSite", "IcpRule", "Lead", "Move", "MovedRow", "Notice",
    "NoticeMail", "NoticeReader", "PersonRequest", "Selection", "SiteImport", "Suppression",
    "SuppressionAgain", "SuppressionImport", "TakenOut", "Upload", "Watch",
]  # fmt: skip


class IcpRule(models.Model):
    """One version of a description of the companies wanted. A saved version never changes."""

    name = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    payload = models.JSONField(help_text="As it was written; see icp.rules for the keys.")
    codes = models.JSONField(
        default=dict, help_text="Word of the payload -> SSIC codes it stood for when saved."
    )
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=150)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name = "ICP rule"
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="icp_rule_version_once"),
            models.UniqueConstraint(
                fields=["name"], condition=Q(is_current=True), name="icp_rule_one_current_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class Selection(models.Model):
    """One pass of a rule over the register: whom it took, whom it let go, how long it took."""

    run_id = models.BigIntegerField(null=True, unique=True, help_text="The night; empty by hand.")
    rule = models.ForeignKey(IcpRule, models.SET_NULL, null=True, related_name="selections")
    made_at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=150)
    cap = models.PositiveIntegerField(help_text="The most companies it could take.")
    counts = models.JSONField(default=dict, help_text="See icp.select.SelectionReport.")
    seconds = models.FloatField(default=0)
    uens = models.JSONField(default=list, help_text="Companies taken, in the rule's order.")

    class Meta:
        indexes = [models.Index(fields=["-made_at"], name="selection_by_time")]

    def __str__(self) -> str:
        return f"selection {self.pk} by {self.rule or 'a removed rule'}"


class Suppression(models.Model):
    """Somebody never to be contacted. Rows are added; lifting one keeps the row and says why.

    It takes two people: one asks for it, another does it.
    """

    class Kind(models.TextChoices):
        EMAIL = "EMAIL", "E-mail address"
        DOMAIN = "DOMAIN", "Domain"
        UEN = "UEN", "Company (UEN)"
        PHONE = "PHONE", "Telephone number"
        PERSON = "PERSON", "Person at a company"

    is_append_only = True

    kind = models.CharField(max_length=10, choices=Kind)
    value = models.CharField(
        max_length=320, blank=True, help_text="Normalised; empty once the person was erased."
    )
    value_hash = models.CharField(max_length=64, editable=False, help_text="Keyed; what is asked.")
    reason = models.CharField(max_length=500)
    source = models.CharField(max_length=60, default="console")
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=150)
    lift_asked_at = models.DateTimeField(null=True, blank=True)
    lift_asked_by = models.CharField(max_length=150, blank=True, db_default="")
    lift_asked_reason = models.CharField(max_length=500, blank=True, db_default="")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=150, blank=True)
    lift_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "value_hash"],
                condition=Q(lifted_at=None),
                name="suppression_once_per_value",
            ),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_by="", lift_reason="")
                | (Q(lifted_at__isnull=False) & ~Q(lifted_by="") & ~Q(lift_reason="")),
                name="suppression_lifted_iff_by_whom_and_why",
            ),
            models.CheckConstraint(
                condition=Q(lift_asked_at=None, lift_asked_by="", lift_asked_reason="")
                | (
                    Q(lift_asked_at__isnull=False) & ~Q(lift_asked_by="") & ~Q(lift_asked_reason="")
                ),
                name="suppression_lift_asked_iff_by_whom_and_why",
            ),
            # Only people are erased, and selection asks for UENs in plain SQL.
            models.CheckConstraint(
                condition=~Q(kind="UEN") | ~Q(value=""), name="suppression_uen_is_never_erased"
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "value_hash"], name="suppression_by_value"),
            models.Index(
                fields=["value"], name="suppression_of_uen",
                condition=Q(kind="UEN", lifted_at=None),
            ),
            models.Index(fields=["source"], name="suppression_by_source"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.value or '(erased)'}"


class SuppressionAgain(models.Model):
    """A value that stands was asked for again by another door: undoing one must not lose the other.

    When the door it stands by takes its word back, the oldest of these takes its place.
    """

    suppression = models.ForeignKey(Suppression, models.CASCADE, related_name="again")
    reason = models.CharField(max_length=500)
    source = models.CharField(max_length=60)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=150)

    class Meta:
        verbose_name = "suppression asked for again"
        constraints = [
            models.UniqueConstraint(
                fields=["suppression", "source"], name="suppression_again_once_per_source"
            ),
        ]
        indexes = [models.Index(fields=["source"], name="suppression_again_by_source")]

    def __str__(self) -> str:
        return f"{self.source}: {self.suppression_id}"


class LeadQuerySet(models.QuerySet["Lead"]):
    def in_stage(self, *stages: Lead.Stage) -> Self:
        return self.filter(stage__in=stages)

    def free(self, *, now: datetime | None = None) -> Self:
        """Leads no worker holds and whose time has come."""
        now = now or database_now()
        return self.filter(
            Q(held_until=None) | Q(held_until__lt=now), Q(not_before=None) | Q(not_before__lte=now)
        )

    def named(self, text: str) -> Self:
        """Leads whose name holds words that begin like all those of ``text``. Served by an index.

        Nothing to look for finds nothing.
        """
        words = re.findall(r"\w+", text.lower())
        if not words:
            return self.none()
        query = SearchQuery(" & ".join(f"{word}:*" for word in words), config="simple",
                            search_type="raw")  # fmt: skip
        return self.alias(words=NAME_WORDS).filter(words=query)

    def sound(self) -> Self:
        """Leads that were in hand at no worker's death."""
        return self.filter(attempts=0)

    def suspect(self) -> Self:
        """Leads a worker died over, perhaps by their fault: to be worked on alone."""
        return self.filter(attempts__gt=0)

    @transaction.atomic
    def claim(
        self, count: int, *, lease: timedelta | None = None, now: datetime | None = None
    ) -> list[Lead]:
        """Take up to ``count`` free leads, longest waiting first, for ``lease`` (LEASE_SECONDS).

        Other workers pass them by until the lease ends or the lead moves on. So a stage may
        ask slow sites with no transaction open, and a crashed worker loses no lead. Each claim
        has a number of its own (``lease``): whoever writes later must still hold that number.
        By the database's clock, unless ``now`` is given.
        """
        now = now or database_now()
        held = {"held_until": now + (lease or lease_time()), "held_by": process_name()}
        waiting = self.free(now=now).order_by("stage_since", "pk")
        leads: list[Lead] = list(waiting.select_for_update(skip_locked=True, of=("self",))[:count])
        self.model.objects.filter(pk__in=[lead.pk for lead in leads]).update(
            lease=F("lease") + 1, **held
        )
        for lead in leads:
            lead.lease += 1
            for field, value in held.items():
                setattr(lead, field, value)
        return leads

    def of_claims(self, leads: Iterable[Lead]) -> Self:
        """Those of ``leads`` whose claim nobody else has taken over since."""
        mine = Q(pk__in=[])
        for lead in leads:
            mine |= Q(pk=lead.pk, lease=lead.lease)
        return self.filter(mine)

    def hold_longer(self) -> int:
        """Begin the lease anew. Only for leads of one's own claims; returns how many."""
        return self.update(held_until=database_now() + lease_time())

    def let_go(self, *, blamed: bool = False) -> int:
        """Free leads before their lease ends; ``blamed`` counts the attempt against them."""
        attempts = F("attempts") + 1 if blamed else F("attempts")
        return self.update(held_until=None, held_by="", attempts=attempts)


NAME_WORDS = SearchVector("name", config="simple")


def lease_time() -> timedelta:
    """How long a claim holds unless it is renewed."""
    return timedelta(seconds=settings.LEASE_SECONDS)


class Lead(models.Model):
    """One company one tenant is working on. Its stage says how far it has come."""

    class Stage(models.TextChoices):
        CANDIDATE = "CANDIDATE", "Candidate"
        ENRICHED = "ENRICHED", "Enriched"
        SCORED = "SCORED", "Scored"
        SHORTLISTED = "SHORTLISTED", "Shortlisted"
        NEEDS_OPERATOR = "NEEDS_OPERATOR", "Waiting for an operator"
        REJECTED = "REJECTED", "Rejected"

    class Source(models.TextChoices):
        REGISTER = "REGISTER", "Register"
        HARVEST = "HARVEST", "City harvest"
        IMPORT = "IMPORT", "Import"
        OPERATOR = "OPERATOR", "Operator"

    class Fit(models.TextChoices):
        MEETS = "MEETS", "Meets the rule"
        UNKNOWN = "UNKNOWN", "Not known yet"

    class Review(models.TextChoices):
        OPEN = "OPEN", "Not reviewed"
        ACCEPTED = "ACCEPTED", "Accepted"

    # Rejections that a changed rule takes back; a suppression weighs more.
    BY_RULE = ("left_rule", "fails_rule")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    source = models.CharField(max_length=10, choices=Source, default=Source.REGISTER)
    source_ref = models.CharField(max_length=500, help_text="UEN, or the page it was found on.")
    uen = models.CharField("UEN", max_length=20, blank=True)
    name = models.CharField(max_length=500)
    website = models.CharField(
        max_length=500, blank=True, help_text="Given by an operator or an import; else it is found."
    )
    stage = models.CharField(max_length=20, choices=Stage, default=Stage.CANDIDATE)
    stage_since = models.DateTimeField(default=timezone.now)
    not_before = models.DateTimeField(null=True, blank=True, editable=False)
    held_until = models.DateTimeField(null=True, blank=True, editable=False)
    lease = models.PositiveIntegerField(default=0, editable=False, help_text="Number of the claim.")
    held_by = models.CharField(
        max_length=100, blank=True, default="", db_default="", editable=False,
        help_text="The process that holds it.",
    )  # fmt: skip
    attempts = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="Workers that died over it in this stage."
    )
    fit = models.CharField(max_length=10, choices=Fit, default=Fit.MEETS)
    rule = models.ForeignKey(IcpRule, models.SET_NULL, null=True, related_name="leads")
    trace = models.JSONField(default=list, help_text="Why it was selected, one item per key.")
    facts = models.JSONField(
        default=dict, help_text="Field -> {value, evidence}: what is shown, chosen from evidence."
    )
    score = models.SmallIntegerField(null=True)
    bucket = models.CharField(max_length=20, blank=True)
    review = models.CharField(max_length=10, choices=Review, default=Review.OPEN)
    rejection_code = models.CharField(max_length=40, blank=True)
    rejection_reason = models.CharField(max_length=300, blank=True)
    run_id = models.BigIntegerField(null=True, help_text="The run that last worked on it.")
    created_at = models.DateTimeField(default=timezone.now)

    objects = LeadQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "source_ref"], name="lead_once_per_source"),
            models.CheckConstraint(
                condition=(Q(rejection_code="") & Q(rejection_reason="") & ~Q(stage="REJECTED"))
                | (~Q(rejection_code="") & ~Q(rejection_reason="") & Q(stage="REJECTED")),
                name="lead_rejected_iff_reason_given",
            ),
        ]
        indexes = [
            models.Index(fields=["stage", "stage_since"], name="lead_by_stage_age"),
            models.Index(fields=["uen"], name="lead_by_uen"),
            models.Index(fields=["run_id", "stage"], name="lead_by_run_stage"),
            GinIndex(NAME_WORDS, name="lead_by_words_of_name"),
            models.Index(
                F("score").desc(nulls_last=True), "uen", name="lead_by_score",
                condition=Q(stage__in=["SCORED", "SHORTLISTED"]),
            ),
            # Pages of the API: with NULL as a value, and the key that breaks ties.
            models.Index(Coalesce(F("score"), Value(-1)), F("id"), name="lead_by_any_score"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name

    def move_to(self, stage: Stage, *, now: datetime | None = None, **also: object) -> bool:
        """Put the lead into ``stage`` and free it; returns whether this claim still held it.

        A worker that slept past its lease moves nothing: somebody else has the lead now.
        """
        now = now or timezone.now()
        changes = {"stage": stage, "stage_since": now, "held_until": None, "held_by": "",
                   "not_before": None, "attempts": 0, **also}  # fmt: skip
        moved = Lead.objects.filter(pk=self.pk, lease=self.lease).update(**changes)
        if moved:
            for field, value in changes.items():
                setattr(self, field, value)
        return bool(moved)

    def reject(self, code: str, reason: str, *, now: datetime | None = None) -> bool:
        """Take the lead out of the way with a reason an operator understands."""
        return self.move_to(
            self.Stage.REJECTED, now=now, rejection_code=code, rejection_reason=reason[:300]
        )


class PersonRequest(models.Model):
    """Somebody asks what is held about them, or to be erased. Afterwards it names nobody.

    ``email`` to ``company`` are what they gave; they are blanked once an erasure is done, and what
    was removed stays as counts, the leads it touched and the keyed hashes of whom it was about.
    """

    class Kind(models.TextChoices):
        ACCESS = "ACCESS", "What do you hold about me?"
        ERASURE = "ERASURE", "Erase me"

    DAYS = 30  # PDPA 2012 s21 and Regulations 2021 s5: as soon as reasonably possible, or say when

    kind = models.CharField(max_length=7, choices=Kind)
    email = models.CharField("e-mail address", max_length=320, blank=True)
    phone = models.CharField("telephone number", max_length=30, blank=True)
    name = models.CharField(max_length=200, blank=True)
    company = models.CharField(
        max_length=500, blank=True, help_text="UEN or name of where the person works."
    )
    received_on = models.DateField()
    due_on = models.DateField(editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=150)
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.CharField(max_length=150, blank=True)
    counts = models.JSONField(default=dict, help_text="What was handed out or removed, in numbers.")
    lead_ids = models.JSONField(default=list, help_text="Leads an erasure has touched.")
    hashes = models.JSONField(default=list, help_text="Keyed, of whom it was about.")

    class Meta:
        verbose_name = "person request"
        constraints = [
            models.CheckConstraint(
                condition=Q(done_at=None, done_by="") | (Q(done_at__isnull=False) & ~Q(done_by="")),
                name="person_request_done_iff_by_whom",
            ),
            models.CheckConstraint(
                condition=~Q(kind="ERASURE")
                | Q(done_at=None)
                | Q(email="", phone="", name="", company=""),
                name="person_request_erased_names_nobody",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_on"], name="person_request_open", condition=Q(done_at=None)
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"person request {self.pk}"
