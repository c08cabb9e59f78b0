"""Runs, spending, audit and saved views as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tenants.api_models import SavedView
from tenants.models import AuditEvent, PipelineRun
from tenants.paid.usage import BY
from tenants.permits import Vendor
from tenants.rest.parse import storable
from tenants.rest.strict import QuerySerializer, StrictSerializer
from tenants.vendor_models import VendorUsage

LARGEST = 2**63 - 1
MOST_PARAMETERS = 40


# --- runs ---------------------------------------------------------------------------------------
class RunSerializer(serializers.ModelSerializer):
    class Meta:
        model = PipelineRun
        fields = ["id", "status", "stage", "night_of", "started_by", "started_at", "finished_at",
                  "plan", "report_hash", "note"]  # fmt: skip
        read_only_fields = fields


class StageSerializer(serializers.Serializer):
    name = serializers.CharField()
    is_due = serializers.BooleanField(help_text="At work now.")
    taken_in = serializers.IntegerField(help_text="in = done + rejected + held + waiting")
    done = serializers.IntegerField()
    rejected = serializers.DictField(child=serializers.IntegerField(), help_text="By reason.")
    held = serializers.DictField(child=serializers.IntegerField(), help_text="By what for.")
    waiting = serializers.IntegerField()
    seconds = serializers.FloatField(allow_null=True)
    rate = serializers.FloatField(allow_null=True, help_text="Leads a minute.")
    seconds_left = serializers.IntegerField(allow_null=True, help_text="By that rate.")


class ProgressSerializer(RunSerializer):
    percent = serializers.IntegerField()
    stages = StageSerializer(many=True)

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "percent", "stages"]
        read_only_fields = fields


class RunQuery(QuerySerializer):
    status = serializers.ListField(child=serializers.ChoiceField(PipelineRun.Status.choices),
                                   required=False)  # fmt: skip


class DryRun(serializers.Serializer):
    sentences = serializers.ListField(child=serializers.CharField())
    plan = serializers.CharField(help_text="Give it to `POST /api/runs` to run just this.")


class StartSerializer(StrictSerializer):
    plan = serializers.RegexField(
        "^[0-9a-f]{64}$",
        required=False,
        help_text="Of a preview: the night then takes just that, or nothing.",
    )


# --- spending -----------------------------------------------------------------------------------
class UsageQuery(StrictSerializer):
    by = serializers.ChoiceField(BY, default="vendor")
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)
    vendor = serializers.ChoiceField([each.value for each in Vendor], required=False)
    run_id = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)


class SpentSerializer(serializers.Serializer):
    vendor = serializers.CharField()
    group = serializers.CharField(allow_blank=True)
    calls = serializers.IntegerField()
    units = serializers.IntegerField(help_text="In the vendor's own units.")
    usd = serializers.DecimalField(max_digits=20, decimal_places=6)


class UsageSerializer(serializers.Serializer):
    results = SpentSerializer(many=True)


class CallSerializer(serializers.ModelSerializer):
    usd = serializers.SerializerMethodField()

    class Meta:
        model = VendorUsage
        fields = ["id", "vendor", "purpose", "run_id", "at", "day", "own_key", "reserved_units",
                  "units", "usd", "outcome", "settled_at", "milliseconds", "note"]  # fmt: skip
        read_only_fields = fields

    def get_usd(self, call: VendorUsage) -> str:
        return f"{call.micros / 1_000_000:.6f}"


class CallQuery(QuerySerializer):
    vendor = serializers.ChoiceField([each.value for each in Vendor], required=False)
    outcome = serializers.ChoiceField(VendorUsage.Outcome.choices, required=False)
    run_id = serializers.IntegerField(required=False, min_value=1, max_value=LARGEST)


# --- audit --------------------------------------------------------------------------------------
class AuditSerializer(serializers.ModelSerializer):
    class Meta:
        model = AuditEvent
        fields = ["id", "at", "actor", "action", "subject", "before", "after", "reason",
                  "request_id"]  # fmt: skip
        read_only_fields = fields


class AuditQuery(QuerySerializer):
    actor = serializers.CharField(required=False, max_length=150)
    action = serializers.CharField(required=False, max_length=60, help_text="Or its beginning.")
    subject = serializers.CharField(required=False, max_length=200)
    request_id = serializers.CharField(required=False, max_length=36)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)


# --- saved views --------------------------------------------------------------------------------
class SavedViewSerializer(serializers.ModelSerializer):
    is_mine = serializers.SerializerMethodField()

    class Meta:
        model = SavedView
        fields = ["id", "page", "name", "query", "is_team", "is_mine", "created_at"]
        read_only_fields = fields

    def get_is_mine(self, view: SavedView) -> bool:
        return view.owner_id == self.context["user_id"]


class QueryField(serializers.DictField):
    """Parameters of a list: each a text, or a list of texts."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict) or len(data) > MOST_PARAMETERS:
            raise serializers.ValidationError(f"At most {MOST_PARAMETERS} names with their values.")
        for name, value in data.items():
            values = value if isinstance(value, list) else [value]
            if len(values) > 100 or not all(_is_word(each) for each in (name, *values)):
                raise serializers.ValidationError(
                    {name[:100]: ["Write a text or a list of texts."]}
                )
        return data


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 300 and storable(value)


class NewView(StrictSerializer):
    page = serializers.ChoiceField(SavedView.Page.choices)
    name = serializers.CharField(max_length=60)
    query = QueryField(child=serializers.JSONField())
    is_team = serializers.BooleanField(default=False)


class ChangedView(StrictSerializer):
    name = serializers.CharField(max_length=60, required=False)
    query = QueryField(child=serializers.JSONField(), required=False)
    is_team = serializers.BooleanField(required=False)


class ViewQuery(QuerySerializer):
    page = serializers.ChoiceField(SavedView.Page.choices, required=False)
