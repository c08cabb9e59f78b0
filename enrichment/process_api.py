"""``processLead`` over the API, with the names of the migration plan."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from enrichment.process_lead import (
    PENDING_CAPTCHA,
    PROCESSED,
    HandedInError,
    Processed,
    RefusedLeadError,
    process_lead,
)
from tenants.clock import database_now
from tenants.rest.parse import KeepingJSONParser, verbatim
from tenants.rest.resource import Resource
from tenants.rest.strict import StrictSerializer

WORDS = [(word, word) for word in (PROCESSED, PENDING_CAPTCHA)]
MOST_CHARACTERS = 100_000  # of one lead's data; more is no lead
PLAN_EXAMPLE = {
    "leadData": {
        "phone": "1234567890", "name": "John Doe", "email": "john.doe@example.com",
        "websiteUrl": "http://example.com", "businessName": "Example Corp",
        "category": "Consulting", "servicesRendered": ["Consulting", "Training"],
        "status": "PROCESSED", "city": "austin",
    },
    "sourceUrl": "https://listings.example/austin/example-corp",
    "imageHash": "c3d4e5f60718293a",
}  # fmt: skip


class ProcessLead(StrictSerializer):
    leadData = serializers.DictField(  # noqa: N815 -- the plan's name
        help_text="What was harvested; businessName or name, and something to go by."
    )
    sourceUrl = serializers.CharField(  # noqa: N815 -- as above
        max_length=2000, help_text="The page it was found on: the same page is the same lead."
    )
    imageHash = serializers.CharField(  # noqa: N815 -- as above
        max_length=200, required=False, default="", allow_blank=True,
        help_text="64 bits in hexadecimal are compared by nearness, others for equality.",
    )  # fmt: skip


class ProcessedLead(serializers.Serializer):
    """What became of the lead that was handed in."""

    leadId = serializers.UUIDField(source="lead.public_id")  # noqa: N815 -- the plan's name
    status = serializers.ChoiceField(WORDS)
    isDuplicate = serializers.BooleanField(  # noqa: N815 -- as above
        source="is_duplicate", help_text="The business was known by another page; leadId is its."
    )
    mayBe = serializers.ListField(  # noqa: N815 -- as above
        child=serializers.UUIDField(), source="may_be",
        help_text="Leads that share something with it; a person is asked about each.",
    )  # fmt: skip
    notes = serializers.CharField(
        source="listing.sentence", allow_blank=True, help_text="What could not be read, or why."
    )
    lastUpdated = serializers.DateTimeField(source="listing.retrieved_at")  # noqa: N815 -- as above


class ProcessLeads(Resource):
    """A lead that a program harvested."""

    serializer_class = ProcessedLead
    parser_classes = [KeepingJSONParser]
    rights = {"create": "icp.work_lead"}
    domain_errors = {RefusedLeadError: 409}

    @extend_schema(
        operation_id="processLead",
        request=ProcessLead,
        responses={202: ProcessedLead, 200: ProcessedLead},
        examples=[OpenApiExample("the plan's own", PLAN_EXAMPLE, request_only=True)],
    )
    def create(self, request: Request) -> Response:
        """Take a harvested lead in; 202 when one was made, 200 when it was known.

        The same page again merges what is given into what is known; the same call again changes
        nothing. Addresses handed in so count as harvested, and are never mailed by default.
        """
        given: dict[str, Any] = self.body(ProcessLead)
        raw = verbatim(request, "leadData")
        if len(raw) > MOST_CHARACTERS:
            raise ValidationError({"leadData": [f"At most {MOST_CHARACTERS:,} characters."]})
        try:
            done: Processed = process_lead(
                lead_data=given["leadData"], raw=raw, source_url=given["sourceUrl"],
                image_hash=given["imageHash"], actor=self.actor, now=database_now(),
            )  # fmt: skip
        except HandedInError as exc:
            raise ValidationError({exc.field: [str(exc)]}) from exc
        return Response(ProcessedLead(done).data, status=202 if done.is_new else 200)
