"""Challenges as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from enrichment.captcha.found import LONGEST
from enrichment.captcha_models import CaptchaChallenge
from icp.models import Lead
from icp.serializers import PLAN_STATUS, PLAN_WORDS
from tenants.rest.strict import QuerySerializer, StrictSerializer

LARGEST = 2**31 - 1


class ChallengeSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id")
    lead_id = serializers.UUIDField(source="lead.public_id", allow_null=True, default=None)
    lead_name = serializers.CharField(source="lead.name", allow_null=True, default=None)
    source = serializers.CharField(
        source="source.name", allow_null=True, default=None, help_text="The harvest source."
    )  # type: ignore[assignment]  # a field's name, not its source
    held_until = serializers.DateTimeField(
        allow_null=True, help_text="When the claim ends by itself; past: anybody may claim it."
    )
    lease = serializers.IntegerField(help_text="The number of the claim, to be sent back.")

    class Meta:
        model = CaptchaChallenge
        fields = ["id", "lead_id", "lead_name", "source", "url", "host", "make", "state",
                  "opened_at", "due_at", "tries", "claimed_by", "held_until", "lease", "found",
                  "settled_at", "settled_by"]  # fmt: skip
        read_only_fields = fields


class QueueSerializer(serializers.Serializer):
    waiting = serializers.IntegerField(help_text="Pages a person is wanted for, in hand or not.")
    in_hand = serializers.IntegerField(help_text="Of those, in somebody's hand at this moment.")


class ChallengeQuery(QuerySerializer):
    state = serializers.ListField(
        child=serializers.ChoiceField(CaptchaChallenge.State.choices), required=False,
        help_text="Default: those that wait for a person, in hand or not.",
    )  # fmt: skip
    host = serializers.CharField(required=False, max_length=255)
    lead_id = serializers.UUIDField(required=False)
    mine = serializers.BooleanField(required=False, default=False,
                                    help_text="Only what the caller has in hand.")  # fmt: skip


class Lease(StrictSerializer):
    lease = serializers.IntegerField(
        required=False, default=None, allow_null=True, min_value=0, max_value=LARGEST,
        help_text="The claim's number: refused when the challenge was claimed anew since.",
    )  # fmt: skip


class Answer(Lease):
    found = serializers.CharField(
        max_length=LONGEST, allow_blank=True,
        help_text="An e-mail address, a telephone number, several with commas; empty: nothing"
        " is there.",
    )  # fmt: skip


class Resolution(StrictSerializer):
    """The plan's body, in the plan's names."""

    leadId = serializers.UUIDField()  # noqa: N815 -- the plan's name
    captchaSuccess = serializers.BooleanField()  # noqa: N815 -- as above
    extractedEmail = serializers.CharField(  # noqa: N815 -- as above
        max_length=320, required=False, default="", allow_blank=True, allow_null=True,
        help_text="Empty: the page holds none.",
    )  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        address = (attrs["extractedEmail"] or "").strip()
        if address and not attrs["captchaSuccess"]:
            text = "An address belongs to a CAPTCHA that was passed (captchaSuccess)."
            raise serializers.ValidationError({"extractedEmail": [text]})
        if address and ("@" not in address or "," in address or ";" in address):
            raise serializers.ValidationError({"extractedEmail": ["Give one e-mail address."]})
        return {**attrs, "extractedEmail": address}


class Resolved(serializers.Serializer):
    leadId = serializers.UUIDField(source="lead.public_id")  # noqa: N815 -- the plan's style
    status = serializers.SerializerMethodField(help_text="Of the lead, in the plan's words.")
    challengeId = serializers.UUIDField(source="public_id")  # noqa: N815 -- as above
    state = serializers.ChoiceField(CaptchaChallenge.State.choices, help_text="The challenge's.")
    tries = serializers.IntegerField(help_text="Times somebody could not pass.")

    @extend_schema_field(serializers.ChoiceField(PLAN_WORDS))
    def get_status(self, challenge: CaptchaChallenge) -> str:
        stage = challenge.lead.stage if challenge.lead else ""
        return PLAN_STATUS.get(Lead.Stage(stage), "PROCESSED")
