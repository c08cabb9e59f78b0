"""Scores, shortlists and comparisons as the API shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from scoring.models import Explanation, LeadScore, ScoreLine, Shortlist, ShortlistEntry


class ScoreLineSerializer(serializers.ModelSerializer):
    class Meta:
        model = ScoreLine
        fields = ["position", "key", "label", "points", "detail", "evidence_id"]
        read_only_fields = fields


class ScoreSerializer(serializers.ModelSerializer):
    card: Any = serializers.StringRelatedField()
    lines = serializers.SerializerMethodField(help_text="They add up to the total.")

    class Meta:
        model = LeadScore
        fields = ["run_id", "card", "total", "bucket", "rationale", "created_at", "lines"]
        read_only_fields = fields

    @extend_schema_field(ScoreLineSerializer(many=True))
    def get_lines(self, score: LeadScore) -> Any:
        lines = sorted(score.lines.all(), key=lambda line: line.position)
        return ScoreLineSerializer(lines, many=True).data


class ShortlistSerializer(serializers.ModelSerializer):
    card: Any = serializers.StringRelatedField()
    entries = serializers.IntegerField(source="entry_count", help_text="Places given away.")
    decided = serializers.IntegerField(source="decided_count")

    class Meta:
        model = Shortlist
        fields = ["run_id", "cap", "card", "considered", "entries", "decided", "created_at"]
        read_only_fields = fields


class ExplanationSerializer(serializers.ModelSerializer):
    """What a language model said of a place; a refused or skipped one says why there is nothing."""

    class Meta:
        model = Explanation
        fields = ["outcome", "code", "text", "model", "prompt", "created_at"]
        read_only_fields = fields


class EntrySerializer(serializers.ModelSerializer):
    lead_id = serializers.UUIDField(source="lead.public_id")
    uen = serializers.CharField(source="lead.uen")
    name = serializers.CharField(source="lead.name")
    score = serializers.IntegerField(source="score.total")
    bucket = serializers.CharField(source="score.bucket")
    rationale = serializers.CharField(
        source="score.rationale", help_text="By rule, from the lines of the score."
    )
    explanation = serializers.SerializerMethodField(
        help_text="The same in the words of a language model; null before the run came to it."
    )

    class Meta:
        model = ShortlistEntry
        fields = ["rank", "previous_rank", "lead_id", "uen", "name", "score", "bucket", "rationale",
                  "explanation", "decision", "decided_by", "decided_at",
                  "decision_reason"]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(ExplanationSerializer(allow_null=True))
    def get_explanation(self, entry: ShortlistEntry) -> Any:
        said = getattr(entry, "explanation", None)
        return ExplanationSerializer(said).data if said else None


class CauseSerializer(serializers.Serializer):
    code = serializers.CharField()
    sentence = serializers.CharField()


class MoveSerializer(serializers.Serializer):
    lead_id = serializers.UUIDField()
    uen = serializers.CharField(allow_blank=True)
    name = serializers.CharField()
    rank_before = serializers.IntegerField(allow_null=True)
    rank_after = serializers.IntegerField(allow_null=True)
    score_before = serializers.IntegerField(allow_null=True)
    score_after = serializers.IntegerField(allow_null=True)
    causes = CauseSerializer(many=True)


class ComparisonSerializer(serializers.Serializer):
    before = serializers.IntegerField(help_text="Run.")
    after = serializers.IntegerField(help_text="Run.")
    entered = MoveSerializer(many=True)
    left = MoveSerializer(many=True)
    moved = MoveSerializer(many=True)
    same = serializers.IntegerField(help_text="Entries with an equal rank.")
    rescored = MoveSerializer(many=True, help_text="On neither list; at most 500.")
    rescored_count = serializers.IntegerField()
