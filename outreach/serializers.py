"""Templates, campaigns and messages as the API shows and takes them.

``queueEmail`` and ``getTemplates`` keep the names of the migration plan; the resources have ours.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from outreach.audience import words_of
from outreach.campaigns import LINE, Counts
from outreach.models import Campaign, EmailTemplate, Mailbox, Message
from tenants.rest.strict import QuerySerializer, StrictSerializer

Status = Message.Status
LARGEST = 2**63 - 1
# The four words of the plan. What it has no word for is waiting, or will not be sent.
PLAN_STATUS = {
    Status.QUEUED: "QUEUED", Status.HELD: "QUEUED", Status.SENDING: "QUEUED",
    Status.IN_DOUBT: "QUEUED", Status.SENT: "SENT", Status.ERROR_NO_EMAIL: "ERROR_NO_EMAIL",
    Status.ERROR_API_FAILURE: "ERROR_API_FAILURE", Status.REFUSED: "ERROR_API_FAILURE",
    Status.CANCELLED: "ERROR_API_FAILURE",
}  # fmt: skip
PLAN_WORDS = [(word, word) for word in ("QUEUED", "SENT", "ERROR_NO_EMAIL", "ERROR_API_FAILURE")]


class TemplateQuery(StrictSerializer):
    archived = serializers.BooleanField(
        required=False, default=False, help_text="Also those that can no longer be queued."
    )


class TemplateSerializer(serializers.ModelSerializer):
    """A template as ``getTemplates`` of the plan shows it, with its current wording."""

    templateId = serializers.IntegerField(source="pk")  # noqa: N815 -- the plan's name
    templateName = serializers.CharField(source="name")  # noqa: N815 -- as above
    baseSubject = serializers.SerializerMethodField()  # noqa: N815 -- as above
    baseBodyHtml = serializers.SerializerMethodField()  # noqa: N815 -- as above
    isArchived = serializers.BooleanField(source="is_archived")  # noqa: N815 -- as above
    createdAt = serializers.DateTimeField(source="created_at")  # noqa: N815 -- as above
    version = serializers.SerializerMethodField(help_text="Of the wording shown.")

    class Meta:
        model = EmailTemplate
        fields = ["templateId", "templateName", "description", "baseSubject", "baseBodyHtml",
                  "isArchived", "createdAt", "version"]  # fmt: skip
        read_only_fields = fields

    def get_baseSubject(self, template: EmailTemplate) -> str:  # noqa: N802 -- the plan's name
        return self._current(template, "subject")

    def get_baseBodyHtml(self, template: EmailTemplate) -> str:  # noqa: N802 -- as above
        return self._current(template, "body_html")

    def get_version(self, template: EmailTemplate) -> int:
        return int(self._current(template, "version") or 0)

    def _current(self, template: EmailTemplate, field: str) -> Any:
        found = next((each for each in template.versions.all() if each.is_current), None)
        return getattr(found, field) if found else ""


class QueueEmail(StrictSerializer):
    leadData = serializers.DictField(  # noqa: N815 -- the plan's name
        help_text="What the mail may say of its reader; email, and leadId or uen to name the lead."
    )
    templateId = serializers.IntegerField(min_value=1, max_value=LARGEST)  # noqa: N815 -- as above
    city = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    timezone = serializers.CharField(
        max_length=60, required=False, default="", allow_blank=True,
        help_text="IANA name; default: by the city, then by the telephone number.",
    )  # fmt: skip


class QueuedEmail(serializers.ModelSerializer):
    """A row of the plan's ``emailQueue``, with the message behind it."""

    messageId = serializers.IntegerField(source="pk")  # noqa: N815 -- the plan's style
    templateId = serializers.IntegerField(source="template_version.template_id")  # noqa: N815 -- as above
    leadData = serializers.DictField(source="lead_data")  # noqa: N815 -- as above
    status = serializers.SerializerMethodField(help_text="In the plan's words.")
    state = serializers.ChoiceField(Status.choices, source="status", help_text="In ours.")
    reason = serializers.CharField(source="sentence", help_text="Why it is not sent, if it is not.")
    createdAt = serializers.DateTimeField(source="created_at")  # noqa: N815 -- as above
    sentAt = serializers.DateTimeField(source="sent_at", allow_null=True)  # noqa: N815 -- as above

    class Meta:
        model = Message
        fields = ["messageId", "templateId", "leadData", "city", "status", "state", "code",
                  "reason", "createdAt", "sentAt", "timezone"]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(PLAN_WORDS))
    def get_status(self, message: Message) -> str:
        return PLAN_STATUS[Status(message.status)]


class MessageSerializer(serializers.ModelSerializer):
    status_in_plan = serializers.SerializerMethodField(help_text="In the migration plan's words.")
    campaign = serializers.IntegerField(source="step.campaign_id", allow_null=True, default=None)
    step = serializers.IntegerField(source="step.position", allow_null=True, default=None)
    lead_id = serializers.UUIDField(source="lead.public_id", allow_null=True, default=None)
    template = serializers.IntegerField(source="template_version.template_id")
    template_version = serializers.IntegerField(source="template_version.version")
    variation = serializers.CharField(source="variation.label", default="A")
    mailbox = serializers.CharField(source="mailbox.address", allow_null=True, default=None)
    reason = serializers.CharField(source="sentence")

    class Meta:
        model = Message
        fields = ["id", "key", "status", "status_in_plan", "code", "reason", "recipient",
                  "campaign", "step", "lead_id", "template", "template_version",
                  "variation", "mailbox", "city",
                  "timezone", "country", "not_before", "created_at", "created_by",
                  "sent_at"]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(PLAN_WORDS))
    def get_status_in_plan(self, message: Message) -> str:
        return PLAN_STATUS[Status(message.status)]


class EventSerializer(serializers.Serializer):
    kind = serializers.CharField()
    at = serializers.DateTimeField()
    actor = serializers.CharField()
    detail = serializers.CharField()


class MessageDetail(MessageSerializer):
    lead_data = serializers.DictField(help_text="As it was when the mail was queued.")
    gate = serializers.ListField(child=serializers.DictField(), help_text="Every rule's answer.")
    subject = serializers.CharField(help_text="As sent.")
    body_text = serializers.CharField(help_text="As sent.")
    events = EventSerializer(many=True, help_text="What happened to it, oldest first.")

    class Meta(MessageSerializer.Meta):
        fields = [*MessageSerializer.Meta.fields, "lead_data", "gate", "subject", "body_text",
                  "events"]  # fmt: skip
        read_only_fields = fields


class MessageQuery(QuerySerializer):
    status = serializers.ListField(child=serializers.ChoiceField(Status.choices), required=False)
    code = serializers.CharField(required=False, max_length=40)
    campaign = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)
    mailbox = serializers.CharField(required=False, max_length=320, help_text="Its address.")
    recipient = serializers.CharField(required=False, max_length=320)
    lead_id = serializers.UUIDField(required=False)


class CampaignQuery(QuerySerializer):
    status = serializers.ListField(
        child=serializers.ChoiceField(Campaign.Status.choices), required=False
    )


CountsSerializer = type(
    "CountsSerializer",
    (serializers.Serializer,),
    {
        "__doc__": "Messages by where they are; the rest adds up to ``chosen``.",
        "chosen": serializers.IntegerField(),
        **{word.replace(" ", "_"): serializers.IntegerField() for word in LINE},
    },
)


class CampaignSerializer(serializers.ModelSerializer):
    audience_words = serializers.SerializerMethodField()
    mailboxes = serializers.SerializerMethodField()
    counts = serializers.SerializerMethodField()

    class Meta:
        model = Campaign
        fields = ["id", "name", "status", "status_reason", "audience", "audience_words",
                  "mailboxes", "counts", "created_at", "created_by", "started_at",
                  "ended_at"]  # fmt: skip
        read_only_fields = fields

    def get_audience_words(self, campaign: Campaign) -> str:
        return words_of(campaign.audience)

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_mailboxes(self, campaign: Campaign) -> list[str]:
        return [str(mailbox) for mailbox in _by_address(list(campaign.mailboxes.all()))]

    @extend_schema_field(CountsSerializer)
    def get_counts(self, campaign: Campaign) -> dict[str, int]:
        counts: Counts = self.context["counts"][campaign.pk]
        by_word = {word.replace(" ", "_"): number for word, number in counts.by_word.items()}
        return {"chosen": counts.chosen, **by_word}


def _by_address(mailboxes: list[Mailbox]) -> list[Mailbox]:
    return sorted(mailboxes, key=lambda each: each.address)
