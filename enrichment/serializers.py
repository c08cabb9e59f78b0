"""Contacts, evidence and attempts as the API shows them."""

from __future__ import annotations

from rest_framework import serializers

from enrichment.models import Contact, EnrichmentRun, Evidence


class ContactSerializer(serializers.ModelSerializer):
    class Meta:
        model = Contact
        fields = ["id", "kind", "name", "title", "email", "phone", "is_mailable",
                  "not_mailable_reason", "created_at"]  # fmt: skip
        read_only_fields = fields


class EvidenceSerializer(serializers.ModelSerializer):
    class Meta:
        model = Evidence
        fields = ["id", "subject", "field", "value", "source", "reference", "page_sha256", "quote",
                  "method", "method_version", "confidence", "observed_at", "superseded_at",
                  "contact_id", "run_id"]  # fmt: skip
        read_only_fields = fields


class AttemptSerializer(serializers.ModelSerializer):
    class Meta:
        model = EnrichmentRun
        fields = ["id", "run_id", "outcome", "site", "site_origin", "match_score", "match_lines",
                  "request_count", "seconds", "error_code", "error", "started_at",
                  "finished_at"]  # fmt: skip
        read_only_fields = fields
