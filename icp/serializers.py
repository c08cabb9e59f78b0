"""Leads, rules and suppressions as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from icp.models import IcpRule, Lead, Suppression
from icp.rules import Order
from icp.suppressions import shown
from tenants.rest.strict import QuerySerializer, ReasonSerializer, StrictSerializer

# The words of the first migration plan for where a lead is.
PLAN_STATUS = {
    Lead.Stage.CANDIDATE: "PENDING",
    Lead.Stage.NEEDS_OPERATOR: "PENDING_CAPTCHA",
    Lead.Stage.REJECTED: "REJECTED",
}
PLAN_WORDS = [(word, word) for word in ("PENDING", "PROCESSED", "PENDING_CAPTCHA", "REJECTED")]
LARGEST = 2**63 - 1


class LeadSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id")
    status = serializers.SerializerMethodField(help_text="The stage in the plan's words.")
    website = serializers.SerializerMethodField(help_text="Given by an operator, or found.")
    district = serializers.IntegerField(source="district_number", allow_null=True,
                                        help_text="Postal district of the register.")  # fmt: skip
    rule = serializers.SerializerMethodField(help_text="The rule version that selected it.")

    class Meta:
        model = Lead
        fields = ["id", "uen", "name", "website", "stage", "status", "stage_since", "fit", "score",
                  "bucket", "review", "rejection_code", "rejection_reason", "source", "source_ref",
                  "district", "rule", "run_id", "created_at"]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(PLAN_WORDS))
    def get_status(self, lead: Lead) -> str:
        return PLAN_STATUS.get(Lead.Stage(lead.stage), "PROCESSED")

    def get_website(self, lead: Lead) -> str:
        return shown(lead.facts, "website") or lead.website

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_rule(self, lead: Lead) -> str | None:
        return str(lead.rule) if lead.rule else None


class LeadQuery(QuerySerializer):
    q = serializers.CharField(required=False, max_length=200,
                              help_text="A UEN, or beginnings of words of the name.")  # fmt: skip
    uen = serializers.CharField(required=False, max_length=20)
    stage = serializers.ListField(child=serializers.ChoiceField(Lead.Stage.choices), required=False)
    bucket = serializers.ListField(child=serializers.CharField(max_length=20), required=False)
    fit = serializers.ListField(child=serializers.ChoiceField(Lead.Fit.choices), required=False)
    review = serializers.ListField(child=serializers.ChoiceField(Lead.Review.choices),
                                   required=False)  # fmt: skip
    source = serializers.ListField(  # type: ignore[assignment]  # a field's name, not its source
        child=serializers.ChoiceField(Lead.Source.choices), required=False
    )
    rejection_code = serializers.ListField(child=serializers.CharField(max_length=40),
                                           required=False)  # fmt: skip
    district = serializers.ListField(child=serializers.IntegerField(min_value=1, max_value=28),
                                     required=False)  # fmt: skip
    run_id = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)
    score_min = serializers.IntegerField(required=False, min_value=0, max_value=100)
    score_max = serializers.IntegerField(required=False, min_value=0, max_value=100)
    changed_since = serializers.DateTimeField(
        required=False, help_text="In its stage since then or later."
    )


class GiveSite(StrictSerializer):
    address = serializers.CharField(max_length=500, allow_blank=True,
                                    help_text="Empty takes a given site back.")  # fmt: skip


class ManyLeads(StrictSerializer):
    ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=1000)
    verdict = serializers.ChoiceField(["accept", "reject", "send_back", "suppress"])
    reason = serializers.CharField(max_length=300, required=False, default="", allow_blank=True,
                                   help_text="Needed by all but accept.")  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["verdict"] != "accept" and not attrs["reason"].strip():
            raise serializers.ValidationError({"reason": "Say why: it stays with the leads."})
        return attrs


class Decided(serializers.Serializer):
    changed = serializers.IntegerField(help_text="Leads the verdict changed.")
    unchanged = serializers.IntegerField(help_text="Leads that were so already, or may not change.")
    unknown = serializers.ListField(child=serializers.UUIDField(),
                                    help_text="Ids there are no leads of here.")  # fmt: skip


# --- rules --------------------------------------------------------------------------------------
class RuleSerializer(serializers.ModelSerializer):
    words = serializers.SerializerMethodField(help_text="The rule in sentences.")

    class Meta:
        model = IcpRule
        fields = ["id", "name", "version", "is_current", "payload", "words", "created_at",
                  "created_by", "reason"]  # fmt: skip
        read_only_fields = fields

    def get_words(self, rule: IcpRule) -> list[str]:
        words: dict[int, list[str]] = self.context.get("words", {})
        return words.get(rule.pk, [])


class RuleQuery(QuerySerializer):
    name = serializers.CharField(required=False, max_length=60)
    is_current = serializers.BooleanField(required=False, allow_null=True, default=None)


class Payload(StrictSerializer):
    payload = serializers.DictField(
        help_text="The rule, e.g. of the first development plan: industries, employee_range,"
        " incorporation_year. Mistakes are named by the path of their key."
    )


class ProposedRule(Payload):
    name = serializers.CharField(max_length=60, required=False, default="default")


class SaveRule(ProposedRule):
    reason = serializers.CharField(max_length=500, help_text="Why; it stays with the version.")


class ProblemSerializer(serializers.Serializer):
    path = serializers.CharField()
    sentence = serializers.CharField()


class PreviewedCompanySerializer(serializers.Serializer):
    uen = serializers.CharField()
    name = serializers.CharField()
    registered_on = serializers.DateField(allow_null=True)
    primary_ssic = serializers.CharField(allow_blank=True)
    district = serializers.IntegerField(allow_null=True)
    meets = serializers.BooleanField(help_text="False: it may; a fact is not known yet.")


class PreviewSerializer(serializers.Serializer):
    total = serializers.IntegerField()
    meets = serializers.IntegerField()
    unknown = serializers.IntegerField()
    enters = serializers.IntegerField(allow_null=True, help_text="Against the saved version.")
    leaves = serializers.IntegerField(allow_null=True)
    sample = PreviewedCompanySerializer(many=True, help_text="Who would come in next.")
    entering = PreviewedCompanySerializer(many=True)
    leaving = PreviewedCompanySerializer(many=True)
    words = serializers.ListField(child=serializers.CharField())
    warnings = ProblemSerializer(many=True)
    order = serializers.ChoiceField([str(each) for each in Order])
    seconds = serializers.FloatField()


# --- suppressions -------------------------------------------------------------------------------
class SuppressionSerializer(serializers.ModelSerializer):
    class Meta:
        model = Suppression
        fields = ["id", "kind", "value", "reason", "source", "created_at", "created_by",
                  "lift_asked_at", "lift_asked_by", "lift_asked_reason", "lifted_at", "lifted_by",
                  "lift_reason"]  # fmt: skip
        read_only_fields = fields


class SuppressionQuery(QuerySerializer):
    q = serializers.CharField(
        required=False,
        max_length=320,
        help_text="Part of the value; in full it also finds what covers it.",
    )
    kind = serializers.ListField(child=serializers.ChoiceField(Suppression.Kind.choices),
                                 required=False)  # fmt: skip
    state = serializers.ChoiceField(["standing", "lifted"], required=False)


class Suppress(StrictSerializer):
    kind = serializers.ChoiceField(Suppression.Kind.choices)
    value = serializers.CharField(max_length=320)
    reason = serializers.CharField(max_length=500)


class Lift(ReasonSerializer):
    reason = serializers.CharField(max_length=500)


# --- why not? -----------------------------------------------------------------------------------
class WhyNotQuery(StrictSerializer):
    q = serializers.CharField(max_length=200, help_text="A UEN or a name.")


class ReasonOf(serializers.Serializer):
    code = serializers.CharField()
    sentence = serializers.CharField()
    details = serializers.ListField(child=serializers.DictField(), help_text="Trace of the rule.")
    uen = serializers.CharField(allow_blank=True)
    name = serializers.CharField(allow_blank=True)
    lead_id = serializers.UUIDField(allow_null=True)


class WhyNotAnswer(serializers.Serializer):
    results = ReasonOf(many=True)
