"""Mail on its way: what is written, to whom, from which mailbox, and what became of each message.

A message's row is the truth; queue tasks are hints to look at it. Its key goes with the mail to the
provider, so that after any doubt the provider can be asked what it did (PROMISES, section 3).
"""

from __future__ import annotations

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.timezone import now

from enrichment.models import Contact
from icp.models import Lead
from outreach.answer_models import InboxState, Reply  # noqa: F401 -- where Django finds them
from outreach.import_models import TemplateImport  # noqa: F401 -- as above
from outreach.law import Answer, Origin
from outreach.phone_models import DncImport, DncResult  # noqa: F401 -- as above
from outreach.windows import DAYS, OFFICE_HOURS, Window, parse_hours


class EmailTemplate(models.Model):
    """A text to be sent, by name. Its versions say what; it is archived, never deleted."""

    name = models.CharField(max_length=120, unique=True)
    description = models.CharField(max_length=500, blank=True)
    is_archived = models.BooleanField("archived", default=False)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        verbose_name = "template"

    def __str__(self) -> str:
        return self.name


class Signature(models.Model):
    """A block under a text: who writes, from where, how to reach them. Required by law."""

    name = models.CharField(max_length=120, unique=True)
    body_html = models.TextField(help_text="Sanitised.")
    updated_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return self.name


class TemplateVersion(models.Model):
    """What a template said from a day on. A saved version never changes."""

    template = models.ForeignKey(EmailTemplate, models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    subject = models.CharField(max_length=300)
    body_html = models.TextField(help_text="Sanitised; the text part is made from it.")
    fallbacks = models.JSONField(
        default=dict, help_text="Variable -> what stands in when a lead has no such value."
    )
    signature = models.ForeignKey(Signature, models.PROTECT, null=True, blank=True)
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=now)
    created_by = models.CharField(max_length=150)
    moved_subject = models.TextField(
        blank=True, db_default="", help_text="As it was moved in, where cleaning changed it."
    )
    moved_body = models.TextField(blank=True, db_default="", help_text="The same of the body.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["template", "version"], name="template_version_once"
            ),
            models.UniqueConstraint(
                fields=["template"], condition=Q(is_current=True),
                name="template_one_current_version",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.template} v{self.version}"


class Variation(models.Model):
    """Another wording of a version, sent to a share of its recipients once somebody approved it."""

    class Source(models.TextChoices):
        OPERATOR = "OPERATOR", "Operator"
        LLM = "LLM", "Language model"

    template_version = models.ForeignKey(TemplateVersion, models.PROTECT, related_name="variations")
    label = models.CharField(max_length=20)
    subject = models.CharField(max_length=300)
    body_html = models.TextField(help_text="Sanitised.")
    source = models.CharField(max_length=10, choices=Source, default=Source.OPERATOR)
    created_at = models.DateTimeField(default=now)
    created_by = models.CharField(max_length=150)
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["template_version", "label"], name="variation_label_once"
            ),
            models.CheckConstraint(
                condition=Q(approved_at=None, approved_by="")
                | (Q(approved_at__isnull=False) & ~Q(approved_by="")),
                name="variation_approved_iff_by_whom",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template_version} {self.label}"


class MailPolicy(models.Model):
    """What a tenant decides about all its mail. One row."""

    sending_off = models.CharField(
        "sending is off because", max_length=300, blank=True,
        help_text="Not empty: nothing goes out, whatever else says yes.",
    )  # fmt: skip
    hours = models.JSONField(
        default=dict, blank=True,
        help_text='{"monday": ["09:00-17:30"], ...}; empty: Monday to Friday, 09:00 to 17:30.',
    )  # fmt: skip
    active_zones = models.JSONField(
        default=list, blank=True, help_text="IANA names mail may go to; empty: all."
    )
    bases = models.JSONField(
        default=dict, blank=True, help_text="Country -> the basis recorded for unasked mail there."
    )
    accepts_risky = models.BooleanField(
        "mail risky addresses", default=False, help_text="Catch-all domains and role mailboxes."
    )
    labels = models.BooleanField(
        "<ADV> before subjects", default=True,
        help_text="Asked for by the Spam Control Act for unasked commercial mail in bulk.",
    )  # fmt: skip
    why_sentence = models.CharField(
        max_length=300, default="We write because what we do may be of use to your company.",
        help_text="Stands above the way out in every mail.",
    )  # fmt: skip
    notice = models.TextField(
        "notice about personal data", blank=True, default="", db_default="", max_length=2000,
        help_text="Stands in the first mail to countries of the GDPR (Art. 14).",
    )  # fmt: skip

    class Meta:
        verbose_name = "mail policy"
        constraints = [
            models.CheckConstraint(condition=Q(pk=1), name="one_mail_policy"),
        ]

    def __str__(self) -> str:
        return "mail policy"

    @classmethod
    def current(cls) -> MailPolicy:
        """The tenant's, or one of defaults that is not saved. One statement."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)

    @property
    def weekly_hours(self) -> dict[str, list[str]]:
        """Weekday -> spans, as they hold, Monday first. A day that is not named is closed."""
        hours = {day.lower(): spans for day, spans in (self.hours or OFFICE_HOURS).items()}
        return {day: hours[day] for day in DAYS if hours.get(day)}

    @property
    def window(self) -> Window:
        return parse_hours(self.weekly_hours)


class OriginPolicy(models.Model):
    """A cell of the table origin x country that the tenant has changed."""

    origin = models.CharField(max_length=10, choices=[(each.value, each.value) for each in Origin])
    country = models.CharField(max_length=2, default="*", help_text="ISO 3166, or * for all.")
    answer = models.CharField(max_length=5, choices=[(each.value, each.value) for each in Answer])
    reason = models.CharField(max_length=500)
    set_by = models.CharField(max_length=150)
    set_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = "origin policy"
        verbose_name_plural = "origin policies"
        constraints = [
            models.UniqueConstraint(fields=["origin", "country"], name="origin_policy_once"),
            models.CheckConstraint(condition=~Q(reason=""), name="origin_policy_has_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.origin} in {self.country}: {self.answer}"


class Adoption(models.Model):
    """A person took over an address on sight of the very page it stands on."""

    contact = models.OneToOneField(Contact, models.CASCADE, related_name="adoption")
    email = models.CharField(max_length=320, help_text="The address as it was adopted.")
    url = models.CharField(max_length=2000, help_text="The page that was looked at.")
    page_sha256 = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(default=now)
    by = models.CharField(max_length=150)

    def __str__(self) -> str:
        return f"adoption of contact {self.contact_id} by {self.by}"


class Mailbox(models.Model):
    """An address mail goes out from: how it is reached, and how fast it may send."""

    class Transport(models.TextChoices):
        GRAPH_DRAFT = "GRAPH_DRAFT", "Microsoft 365, draft then send"
        GRAPH_DIRECT = "GRAPH_DIRECT", "Microsoft 365, send only"
        GMAIL = "GMAIL", "Google Workspace"
        SMTP = "SMTP", "SMTP server"
        ANYMAIL = "ANYMAIL", "Mass-mail service"

    class State(models.TextChoices):
        NEW = "NEW", "Not connected"
        READY = "READY", "Ready"
        PAUSED = "PAUSED", "Paused"
        RECONNECT = "RECONNECT", "Sign in again"
        STOPPED = "STOPPED", "Stopped by a brake"

    address = models.EmailField(max_length=320, unique=True)
    display_name = models.CharField(max_length=120, blank=True)
    reply_to = models.EmailField(max_length=320, blank=True)
    transport = models.CharField(max_length=14, choices=Transport)
    state = models.CharField(max_length=10, choices=State, default=State.NEW)
    state_reason = models.CharField(max_length=300, blank=True)
    state_since = models.DateTimeField(default=now)
    options = models.JSONField(
        default=dict, blank=True, help_text="Of the transport: host, port, user; no secret."
    )
    secret = models.BinaryField(
        null=True, editable=False, help_text="Tokens or password, encrypted; see tenants.secrets."
    )
    secret_version = models.PositiveIntegerField(
        default=0, editable=False, help_text="Counts replacements, so that no old one comes back."
    )
    access_until = models.DateTimeField(null=True, blank=True, editable=False)
    timezone = models.CharField(max_length=60, default="Asia/Singapore")
    gap_seconds = models.PositiveIntegerField(
        default=90, validators=[MinValueValidator(1), MaxValueValidator(86_400)]
    )
    gap_jitter = models.PositiveSmallIntegerField(
        default=30, validators=[MaxValueValidator(100)],
        help_text="Per cent by which a gap may be longer, to spread load.",
    )  # fmt: skip
    per_minute = models.PositiveSmallIntegerField(default=5, validators=[MinValueValidator(1)])
    per_day = models.PositiveIntegerField(default=200, validators=[MinValueValidator(1)])
    ramp_from = models.DateField(
        null=True, blank=True, help_text="First day of a new mailbox; its daily cap grows from 20."
    )
    not_before = models.DateTimeField(
        default=now, editable=False, help_text="Its next free moment."
    )
    called_for = models.DateTimeField(
        null=True, blank=True, editable=False,
        help_text="When the queue's next task for it is due; see outreach.deliver.",
    )  # fmt: skip
    findings = models.JSONField(
        default=dict, editable=False,
        help_text="Of the self-test (headers that arrived) and the look at DNS, with times.",
    )  # fmt: skip
    created_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name_plural = "mailboxes"
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=["PAUSED", "RECONNECT", "STOPPED"]) | ~Q(state_reason=""),
                name="mailbox_says_why_it_does_not_send",
            ),
        ]

    def __str__(self) -> str:
        return self.address

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


class MailboxSignIn(models.Model):
    """A sign-in at a mailbox's maker that was begun: what the way back is checked against."""

    state_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the state.")
    mailbox = models.ForeignKey(
        Mailbox, models.CASCADE, null=True, related_name="sign_ins",
        help_text="Empty: the one whose address signs in.",
    )  # fmt: skip
    transport = models.CharField(max_length=14, choices=Mailbox.Transport)
    user_number = models.BigIntegerField(help_text="Account that began it, of the platform.")
    session_hash = models.CharField(
        max_length=64, blank=True, help_text="Of the browser session; empty for a program."
    )
    verifier = models.BinaryField(help_text="PKCE, encrypted.")
    redirect_uri = models.CharField(max_length=500)
    begun_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "sign-in of a mailbox"
        verbose_name_plural = "sign-ins of mailboxes"

    def __str__(self) -> str:
        return f"sign-in {self.pk}"


class Campaign(models.Model):
    """Whom to write to, what, from where and when."""

    class Status(models.TextChoices):
        DRAFT = "DRAFT", "Draft"
        RUNNING = "RUNNING", "Running"
        PAUSED = "PAUSED", "Paused"
        STOPPED = "STOPPED", "Stopped"
        FINISHED = "FINISHED", "Finished"

    name = models.CharField(max_length=120, unique=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    status_reason = models.CharField(max_length=300, blank=True)
    audience = models.JSONField(
        default=dict, help_text="A shortlist or a filter of leads, as it was chosen."
    )
    mailboxes = models.ManyToManyField(Mailbox, related_name="campaigns", blank=True)
    chosen = models.PositiveIntegerField(
        default=0, help_text="Messages asked for; the sum of all statuses, always."
    )
    created_at = models.DateTimeField(default=now)
    created_by = models.CharField(max_length=150)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class CampaignStep(models.Model):
    """One mail of a campaign's sequence. A reply, bounce or opt-out stops those that follow."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)])
    template_version = models.ForeignKey(TemplateVersion, models.PROTECT)
    variations = models.ManyToManyField(Variation, blank=True)
    delay_days = models.PositiveSmallIntegerField(
        default=0, help_text="Days after the step before was sent."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "position"], name="step_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign}, mail {self.position}"


class Message(models.Model):
    """One mail to one person. Its row is claimed and committed before any provider is asked."""

    class Status(models.TextChoices):
        QUEUED = "QUEUED", "Waiting"
        SENDING = "SENDING", "Being sent"
        SENT = "SENT", "Sent"
        HELD = "HELD", "Held"
        REFUSED = "REFUSED", "Refused"
        ERROR_NO_EMAIL = "ERROR_NO_EMAIL", "No address"
        ERROR_API_FAILURE = "ERROR_API_FAILURE", "The provider refused it"
        IN_DOUBT = "IN_DOUBT", "In doubt"
        CANCELLED = "CANCELLED", "Cancelled"

    WAITING = (Status.QUEUED, Status.HELD)
    OPEN = (Status.QUEUED, Status.HELD, Status.SENDING, Status.IN_DOUBT)

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Indexed below with what is asked beside them. Of a mailbox each index holds a part, so that no
    # statistics can make the planner read all its mail for the one that is due.
    step = models.ForeignKey(
        CampaignStep, models.PROTECT, null=True, related_name="messages", db_index=False
    )
    lead = models.ForeignKey(Lead, models.SET_NULL, null=True, related_name="messages")
    contact = models.ForeignKey(Contact, models.SET_NULL, null=True, related_name="messages")
    recipient = models.CharField(max_length=320, blank=True, help_text="Empty once erased.")
    recipient_hash = models.CharField(
        max_length=64, blank=True, help_text="Keyed, as suppressions are asked."
    )
    template_version = models.ForeignKey(TemplateVersion, models.PROTECT)
    variation = models.ForeignKey(Variation, models.PROTECT, null=True)
    lead_data = models.JSONField(default=dict, help_text="As it was when the mail was queued.")
    city = models.CharField(max_length=100, blank=True)
    timezone = models.CharField(max_length=60, help_text="IANA name, of the recipient.")
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166, of the recipient.")
    mailbox = models.ForeignKey(
        Mailbox, models.PROTECT, null=True, related_name="messages", db_index=False
    )

    status = models.CharField(max_length=20, choices=Status, default=Status.QUEUED)
    code = models.CharField(max_length=40, blank=True, help_text="Of the gate or the provider.")
    sentence = models.CharField(max_length=500, blank=True)
    is_released = models.BooleanField(
        default=False, help_text="An operator let it through where the origin policy asks."
    )
    gate = models.JSONField(default=list, help_text="Every rule's answer when last asked.")
    not_before = models.DateTimeField(
        default=now, null=True, blank=True,
        help_text="The earliest moment; empty: somebody has to see to it first.",
    )  # fmt: skip
    created_at = models.DateTimeField(default=now)
    created_by = models.CharField(max_length=150)
    sent_at = models.DateTimeField(null=True, blank=True)
    move_id = models.BigIntegerField(
        null=True, blank=True, editable=False,
        help_text="The move it came with from the former program; it goes out only if released.",
    )  # fmt: skip

    lease = models.PositiveIntegerField(default=0, editable=False, help_text="Number of the claim.")
    held_until = models.DateTimeField(null=True, blank=True, editable=False)
    held_by = models.CharField(max_length=100, blank=True, editable=False)

    subject = models.CharField(max_length=400, blank=True, help_text="As sent.")
    body_html = models.TextField(blank=True, help_text="As sent.")
    body_text = models.TextField(blank=True, help_text="As sent.")
    message_id = models.CharField(max_length=300, blank=True, help_text="Internet Message-ID.")
    draft_id = models.CharField(max_length=300, blank=True, help_text="Immutable id at Graph.")
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When the provider was first asked to send it."
    )
    look_at = models.DateTimeField(
        null=True, blank=True, help_text="When the provider is asked next what it did."
    )
    looks = models.PositiveSmallIntegerField(default=0)
    resends = models.PositiveSmallIntegerField(default=0)
    provider_reference = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["step", "recipient_hash"],
                condition=Q(step__isnull=False),
                name="one_message_per_step_and_recipient",
            ),
            models.CheckConstraint(
                condition=Q(status="SENT", sent_at__isnull=False)
                | (~Q(status="SENT") & Q(sent_at=None)),
                name="message_sent_iff_sent_at",
            ),
            models.CheckConstraint(
                condition=~Q(
                    status__in=[
                        "HELD",
                        "REFUSED",
                        "ERROR_NO_EMAIL",
                        "ERROR_API_FAILURE",
                        "IN_DOUBT",
                        "CANCELLED",
                    ]
                )
                | (~Q(code="") & ~Q(sentence="")),
                name="message_says_why_it_was_not_sent",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["SENDING", "SENT", "IN_DOUBT"])
                | Q(mailbox__isnull=False)
                | Q(status="SENT", move_id__isnull=False),  # the former program's own mailbox
                name="message_sent_from_a_mailbox",
            ),
        ]
        indexes = [
            models.Index(
                fields=["mailbox", "not_before", "id"], name="message_waiting_at_mailbox",
                condition=Q(status__in=["QUEUED", "HELD"]),
            ),
            models.Index(
                fields=["step", "not_before", "id"], name="message_waiting_for_any",
                condition=Q(status__in=["QUEUED", "HELD"], mailbox=None),
            ),
            models.Index(
                fields=["mailbox", "look_at"], name="message_under_way",
                condition=Q(status__in=["SENDING", "IN_DOUBT"]),
            ),
            models.Index(
                fields=["mailbox", "-sent_at"], name="message_by_mailbox_sent",
                condition=Q(sent_at__isnull=False),
            ),
            models.Index(
                fields=["mailbox", "-asked_at"], name="message_by_mailbox_asked",
                condition=Q(asked_at__isnull=False),
            ),
            models.Index(fields=["step", "status"], name="message_by_step_status"),
            models.Index(fields=["recipient_hash"], name="message_by_recipient"),
            models.Index(fields=["message_id"], name="message_by_message_id"),
            models.Index(F("created_at").desc(), name="message_by_time"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"message {self.pk}"

    @property
    def uen(self) -> str:
        """Of the company written to; empty where none is known."""
        return self.lead.uen if self.lead else ""

    @property
    def is_first(self) -> bool:
        """Whether it follows no other mail of its campaign."""
        return self.step is None or self.step.position == 1


class MessageEvent(models.Model):
    """Something that happened to a message. Rows are only ever added."""

    class Kind(models.TextChoices):
        QUEUED = "QUEUED", "Queued"
        CLAIMED = "CLAIMED", "Taken in hand"
        DRAFTED = "DRAFTED", "Draft made"
        ASKED = "ASKED", "Provider asked to send"
        ACCEPTED = "ACCEPTED", "Accepted by the provider"
        LOOKED = "LOOKED", "Provider asked what it did"
        DOUBTED = "DOUBTED", "In doubt"
        DECIDED = "DECIDED", "Decided by a person"
        BOUNCED = "BOUNCED", "Bounced for good"
        DELAYED = "DELAYED", "Bounced for now"
        REPLIED = "REPLIED", "Answered"
        AUTO_REPLIED = "AUTO_REPLIED", "Answered by a machine"
        COMPLAINED = "COMPLAINED", "Complaint"
        UNSUBSCRIBED = "UNSUBSCRIBED", "Opted out"
        STOPPED = "STOPPED", "Taken out of the queue"

    is_append_only = True

    message = models.ForeignKey(Message, models.CASCADE, related_name="events")
    kind = models.CharField(max_length=14, choices=Kind)
    at = models.DateTimeField(default=now)
    actor = models.CharField(max_length=150, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    reference = models.CharField(
        max_length=300, blank=True, help_text="Of the mail or request it was learnt from."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["message", "kind", "reference"],
                condition=~Q(reference=""),
                name="message_event_once_per_reference",
            ),
        ]
        indexes = [
            models.Index(fields=["message", "at"], name="message_event_by_time"),
            models.Index(
                fields=["at"], name="message_event_that_brakes",
                condition=Q(kind__in=["BOUNCED", "COMPLAINED"]),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: message {self.message_id}"


class UnsubscribeLink(models.Model):
    """The way out printed in one message. Its token is made from the message's key, not stored."""

    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token.")
    message = models.ForeignKey(Message, models.SET_NULL, null=True, related_name="links")
    recipient_hash = models.CharField(max_length=64, help_text="Keyed, as suppressions are asked.")
    created_at = models.DateTimeField(default=now)
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.CharField(max_length=20, blank=True, help_text="one-click, page or mailto")

    class Meta:
        verbose_name = "unsubscribe link"

    def __str__(self) -> str:
        return f"way out of message {self.message_id}"
