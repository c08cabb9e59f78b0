"""Harvests as the API shows and takes them. ``triggerHarvest`` keeps the migration plan's names."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from enrichment.harvest.ask_for import MOST_WANTED
from enrichment.harvest.counts import Progress
from enrichment.harvest_models import HarvestRequest, Listing
from tenants.rest.strict import QuerySerializer, StrictSerializer

LARGEST = 2**63 - 1
LARGEST_NUMBER = 2**31 - 1


class TriggerHarvest(StrictSerializer):
    city = serializers.CharField(max_length=100)
    templateId = serializers.IntegerField(  # noqa: N815 -- the plan's name
        min_value=1, max_value=LARGEST, help_text="The mail template its leads are meant for."
    )
    numLeads = serializers.IntegerField(  # noqa: N815 -- as above
        required=False, min_value=1, max_value=LARGEST_NUMBER,
        help_text=f"Leads wanted, at most {MOST_WANTED:,}. Or numberOfLeadsToProcess.",
    )  # fmt: skip
    numberOfLeadsToProcess = serializers.IntegerField(  # noqa: N815 -- as above
        required=False, min_value=1, max_value=LARGEST_NUMBER, help_text="The same as numLeads."
    )
    category = serializers.CharField(
        required=False, max_length=50, default="", allow_blank=True,
        help_text="Of the managed list; default: any business.",
    )  # fmt: skip
    source = serializers.CharField(  # type: ignore[assignment]  # a field's name, not its source
        required=False, max_length=100, default="", allow_blank=True,
        help_text="Name of a harvest source; default: the first that is on and has the city.",
    )  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        both = {attrs.pop(name) for name in ("numLeads", "numberOfLeadsToProcess") if name in attrs}
        if not both:
            raise serializers.ValidationError({"numLeads": ["This field is required."]})
        if len(both) > 1:
            raise serializers.ValidationError(
                {"numLeads": ["numLeads and numberOfLeadsToProcess differ: give one of them."]}
            )
        return {**attrs, "wanted": both.pop()}


class TriggeredHarvest(serializers.ModelSerializer):
    """A row of the plan's ``processorQueue``. ``requestId`` is the id of ``/api/harvests``."""

    requestId = serializers.UUIDField(source="public_id")  # noqa: N815 -- the plan's style
    templateId = serializers.IntegerField(source="template_id", allow_null=True)  # noqa: N815 -- as above
    numberOfLeadsToProcess = serializers.IntegerField(source="wanted")  # noqa: N815 -- as above
    requestTimestamp = serializers.DateTimeField(source="requested_at")  # noqa: N815 -- as above
    source = serializers.CharField(source="source.name")  # type: ignore[assignment]  # as above

    class Meta:
        model = HarvestRequest
        fields = ["requestId", "status", "city", "templateId", "numberOfLeadsToProcess",
                  "requestTimestamp", "category", "source"]  # fmt: skip
        read_only_fields = fields


class HarvestQuery(QuerySerializer):
    status = serializers.ListField(
        child=serializers.ChoiceField(HarvestRequest.Status.choices), required=False
    )


class HarvestCountsSerializer(serializers.Serializer):
    """Entries met: ``met`` is the sum of those from ``taken`` to ``waiting``."""

    met = serializers.IntegerField()
    taken = serializers.IntegerField(help_text="Became leads.")
    duplicate = serializers.IntegerField()
    walled = serializers.IntegerField(help_text="Wait for a person at a CAPTCHA or log-in.")
    suppressed = serializers.IntegerField()
    refused = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="Found and not read yet; left over at the end.")
    met_again = serializers.IntegerField(help_text="Of earlier harvests; beside the sum.")
    reasons = serializers.DictField(
        child=serializers.IntegerField(), help_text="Code -> entries not taken."
    )


class HarvestSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id", read_only=True)
    source = serializers.CharField(source="source.name", read_only=True)  # type: ignore[assignment]  # as above
    licence = serializers.CharField(source="source.licence", read_only=True)
    attribution = serializers.CharField(source="source.attribution", read_only=True)
    is_paused = serializers.SerializerMethodField()
    waits_until = serializers.DateTimeField(source="not_before", allow_null=True, read_only=True)
    counts = serializers.SerializerMethodField()
    percent = serializers.SerializerMethodField(help_text="Leads made, of those wanted.")

    class Meta:
        model = HarvestRequest
        fields = ["id", "city", "category", "source", "template_id", "wanted", "status",
                  "is_paused", "requested_by", "requested_at", "started_at", "finished_at",
                  "waits_until", "pages_read", "counts", "percent", "error", "ending", "licence",
                  "attribution"]  # fmt: skip
        read_only_fields = fields

    def get_is_paused(self, request: HarvestRequest) -> bool:
        return request.paused_at is not None

    def get_counts(self, request: HarvestRequest) -> HarvestCountsSerializer:
        return HarvestCountsSerializer(self._progress(request)).data  # type: ignore[return-value]  # the schema reads the hint

    def get_percent(self, request: HarvestRequest) -> int:
        return self._progress(request).percent

    def _progress(self, request: HarvestRequest) -> Progress:
        found: Progress = self.context["progress"][request.pk]
        return found


class ListingQuery(QuerySerializer):
    outcome = serializers.ListField(
        child=serializers.ChoiceField(Listing.Outcome.choices), required=False
    )


class ListingSerializer(serializers.ModelSerializer):
    name = serializers.SerializerMethodField()
    lead_id = serializers.UUIDField(source="lead.public_id", allow_null=True, default=None)

    class Meta:
        model = Listing
        fields = ["position", "source_key", "url", "name", "outcome", "code", "sentence",
                  "lead_id", "licence", "attribution", "retrieved_at"]  # fmt: skip
        read_only_fields = fields

    def get_name(self, listing: Listing) -> str:
        return str(listing.record.get("name", ""))
