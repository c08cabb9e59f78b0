"""Leads in Odoo, conflicts and the recall list as the API shows and takes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from odoo_sync.mapping import MODELS
from odoo_sync.models import (
    Kind,
    OdooAttempt,
    OdooConflict,
    OdooOutcome,
    OdooPush,
    OdooRecall,
    OdooRecord,
)
from tenants.rest.strict import QuerySerializer, StrictSerializer

OUTCOMES = [("OPEN", "Open"), ("WON", "Won"), ("LOST", "Lost")]
MOST = 1000  # leads of one call
DECISIONS = [each for each in OdooConflict.Choice.choices if each[0] != OdooConflict.Choice.OPEN]


class PushSerializer(serializers.ModelSerializer):
    lead_id = serializers.UUIDField(source="lead.public_id")
    name = serializers.CharField(source="lead.name")
    uen = serializers.CharField(source="lead.uen")
    reason = serializers.CharField(source="sentence", help_text="Why it stands where it stands.")
    next_try_at = serializers.SerializerMethodField(help_text="While it waits.")
    stage = serializers.CharField(source="stage_there", help_text="Its stage in Odoo.")
    last_activity_at = serializers.DateTimeField(source="active_there_at", allow_null=True)

    class Meta:
        model = OdooPush
        fields = ["id", "lead_id", "name", "uen", "state", "code", "reason", "approved_by",
                  "approved_at", "attempts", "next_try_at", "pushed_at", "pushed_score",
                  "pushed_bucket", "stage", "outcome", "salesperson", "last_activity_at",
                  "read_at"]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_next_try_at(self, push: OdooPush) -> Any:
        if push.state != OdooPush.State.WAITING:
            return None
        return serializers.DateTimeField().to_representation(push.not_before)


class RecordSerializer(serializers.ModelSerializer):
    model = serializers.SerializerMethodField(help_text="What Odoo calls it.")

    class Meta:
        model = OdooRecord
        fields = ["kind", "model", "odoo_id", "link_reason"]
        read_only_fields = fields

    def get_model(self, record: OdooRecord) -> str:
        return MODELS[record.kind]


class TrySerializer(serializers.ModelSerializer):
    reason = serializers.CharField(source="sentence")

    class Meta:
        model = OdooAttempt
        fields = ["at", "result", "reason"]
        read_only_fields = fields


class OutcomeSerializer(serializers.ModelSerializer):
    class Meta:
        model = OdooOutcome
        fields = ["at", "outcome", "stage", "salesperson", "score", "bucket"]
        read_only_fields = fields


class PushDetail(PushSerializer):
    records = RecordSerializer(many=True, help_text="What it has in Odoo, or was asked for there.")
    tries = TrySerializer(many=True, help_text="The last 20, newest first.")
    outcomes = OutcomeSerializer(many=True, help_text="The last 20, newest first.")
    open_conflicts = serializers.IntegerField()

    class Meta(PushSerializer.Meta):
        fields = [*PushSerializer.Meta.fields, "records", "tries", "outcomes", "open_conflicts"]
        read_only_fields = fields


class PushQuery(QuerySerializer):
    state = serializers.ListField(
        child=serializers.ChoiceField(OdooPush.State.choices), required=False
    )
    outcome = serializers.ListField(child=serializers.ChoiceField(OUTCOMES), required=False)
    code = serializers.CharField(required=False, max_length=40)
    lead_id = serializers.UUIDField(required=False)


class LeadsToSend(StrictSerializer):
    lead_ids = serializers.ListField(
        child=serializers.UUIDField(), allow_empty=False, max_length=MOST
    )


class Queued(serializers.Serializer):
    queued = serializers.IntegerField()
    already = serializers.IntegerField(help_text="On their way as it is.")
    unknown = serializers.ListField(child=serializers.UUIDField())


class StartedPush(serializers.Serializer):
    new = serializers.IntegerField(help_text="Accepted, or good enough, and not there yet.")
    changed = serializers.IntegerField(help_text="There, and news since.")
    waiting = serializers.IntegerField(help_text="On their way now, these and others.")


class PlannedField(serializers.Serializer):
    field = serializers.CharField()
    value = serializers.JSONField(help_text="As it would be written; tags by their names.")
    source = serializers.CharField(  # type: ignore[assignment]  # a field's name, not its source
        help_text="What of the lead it is."
    )


class PlannedRecord(serializers.Serializer):
    kind = serializers.ChoiceField(Kind.choices)
    model = serializers.CharField()
    odoo_id = serializers.IntegerField(allow_null=True, help_text="Of the record it has there.")
    link_reason = serializers.CharField(help_text="Why a record that was there is taken as it.")
    values = PlannedField(many=True)


class Planned(serializers.Serializer):
    connection = serializers.CharField()
    is_suppressed = serializers.BooleanField(help_text="Then nothing of it goes.")
    records = PlannedRecord(many=True)
    left_out = serializers.ListField(
        child=serializers.CharField(), help_text="Fields that are not written, and why."
    )


class ConflictSerializer(serializers.ModelSerializer):
    push = serializers.IntegerField(source="record.push_id")
    lead_id = serializers.UUIDField(source="record.push.lead.public_id")
    name = serializers.CharField(source="record.push.lead.name")
    kind = serializers.ChoiceField(Kind.choices, source="record.kind")
    odoo_id = serializers.IntegerField(source="record.odoo_id", allow_null=True)

    class Meta:
        model = OdooConflict
        fields = ["id", "push", "lead_id", "name", "kind", "odoo_id", "field", "ours", "theirs",
                  "found_at", "choice", "decided_by", "decided_at"]  # fmt: skip
        read_only_fields = fields


class ConflictQuery(QuerySerializer):
    choice = serializers.ListField(
        child=serializers.ChoiceField(OdooConflict.Choice.choices), required=False
    )
    lead_id = serializers.UUIDField(required=False)


class ConflictDecision(StrictSerializer):
    choice = serializers.ChoiceField(
        DECISIONS, help_text="OURS is written with the next push; THEIRS stays."
    )


class RecallSerializer(serializers.ModelSerializer):
    push = serializers.IntegerField(source="push_id")
    lead_id = serializers.UUIDField(source="push.lead.public_id")
    name = serializers.CharField(source="push.lead.name")
    suppression = serializers.IntegerField(
        source="suppression_id", allow_null=True, help_text="Null: its approval was taken back."
    )

    class Meta:
        model = OdooRecall
        fields = ["id", "push", "lead_id", "name", "suppression", "system", "went_at",
                  "created_at", "done_at", "done_by"]  # fmt: skip
        read_only_fields = fields


class RecallQuery(QuerySerializer):
    done = serializers.BooleanField(required=False, default=False)
