"""A lead with everything known of it, and the verdicts that need the shortlist."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers as drf
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from enrichment.models import Contact, EnrichmentRun, Evidence
from enrichment.serializers import AttemptSerializer, ContactSerializer, EvidenceSerializer
from icp import decide_leads
from icp.api import LeadResource
from icp.models import Lead
from icp.serializers import Decided, LeadSerializer, ManyLeads
from scoring import review_leads
from scoring.export_rows import LICENCE, attributions_of_listings
from scoring.review import ReviewError
from scoring.serializers import ScoreSerializer
from tenants.rest.strict import EmptySerializer, ReasonSerializer
from tenants.roles import may

MOST = 600  # statements and contacts of one lead; all of them have lists of their own
NEEDS = {"accept": "scoring.review", "reject": "scoring.review", "send_back": "icp.work_lead",
         "suppress": "icp.suppress"}  # fmt: skip


class LeadDetail(LeadSerializer):
    """For the description alone; ``_everything_of`` makes the answer."""

    trace = drf.ListField(child=drf.DictField(), help_text="Why it was selected, key by key.")
    facts = drf.DictField(help_text="Field -> {value, evidence}: what is shown, and why.")
    evidence = EvidenceSerializer(many=True, help_text="What stands; at most 600.")
    contacts = ContactSerializer(many=True)
    attempts = AttemptSerializer(many=True, help_text="The last ten looks for its site.")
    score_lines = ScoreSerializer(allow_null=True, help_text="The newest score with its lines.")
    attributions = drf.ListField(
        child=drf.CharField(), help_text="Whose data it holds, with the licence: name them."
    )

    class Meta(LeadSerializer.Meta):
        fields = [*LeadSerializer.Meta.fields, "trace", "facts", "evidence", "contacts", "attempts",
                  "score_lines", "attributions"]  # fmt: skip
        read_only_fields = fields


class Leads(LeadResource):
    rights = {**LeadResource.rights, "accept": "scoring.review", "reject": "scoring.review",
              "decide": "scoring.review"}  # fmt: skip
    domain_errors = {**LeadResource.domain_errors, ReviewError: 409}

    @extend_schema(responses=LeadDetail)
    def retrieve(self, request: Request, id: str) -> Response:  # noqa: A002 -- the address's word
        """One lead with its trace, facts, evidence, contacts, attempts and score."""
        self.nothing_asked()
        return Response(_everything_of(self.get_object()))

    @extend_schema(request=EmptySerializer, responses=LeadSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, id: str) -> Response:  # noqa: A002 -- as above
        """Accept its place on the newest shortlist."""
        lead = self.get_object()
        self.body(EmptySerializer)
        self.must(review_leads.accept(self.one(lead), actor=self.actor), lead)
        return self.answer(lead)

    @extend_schema(
        request=ReasonSerializer,
        responses=LeadSerializer,
        examples=[OpenApiExample("why", {"reason": "Too small."}, request_only=True)],
    )
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, id: str) -> Response:  # noqa: A002 -- as above
        """Reject it. Reviewers reject what stands on the newest shortlist; workers any lead."""
        lead, reason = self.get_object(), self.body(ReasonSerializer)["reason"]
        self._may_reject(self.one(lead))
        self.must(review_leads.reject(self.one(lead), reason=reason, actor=self.actor), lead)
        return self.answer(lead)

    @extend_schema(
        request=ManyLeads,
        responses=Decided,
        examples=[
            OpenApiExample(
                "reject two",
                {
                    "ids": [
                        "5b0f0a4e-6c1d-4f0e-9a55-6d7d0f8f5b3e",
                        "0d7c2f0e-55a4-4a3f-8d0e-1f4c1c8f9a10",
                    ],
                    "verdict": "reject",
                    "reason": "Both are one company's branches.",
                },
                request_only=True,
            )
        ],
    )
    @action(detail=False, methods=["post"])
    def decide(self, request: Request) -> Response:
        """One verdict on up to 1,000 leads, all in one transaction."""
        given = self.body(ManyLeads)
        leads = Lead.objects.filter(public_id__in=given["ids"])
        known = set(leads.values_list("public_id", flat=True))
        verdict = given["verdict"]
        if not may(request.user, NEEDS[verdict]):
            raise PermissionDenied(f"Your role does not include {NEEDS[verdict]}.")
        if verdict == "reject":
            self._may_reject(leads)
        changed = _decide(verdict, leads, reason=given["reason"], actor=self.actor)
        unknown = [each for each in dict.fromkeys(given["ids"]) if each not in known]
        data = {"changed": changed, "unchanged": len(known) - changed, "unknown": unknown}
        return Response(Decided(data).data)

    def _may_reject(self, leads: QuerySet[Lead]) -> None:
        if not may(self.request.user, "icp.work_lead") and not review_leads.are_all_listed(leads):
            raise PermissionDenied(
                "Your role rejects only what stands undecided on the newest shortlist."
            )


def _decide(verdict: str, leads: QuerySet[Lead], *, reason: str, actor: str) -> int:
    if verdict == "accept":
        return review_leads.accept(leads, actor=actor)
    act = {
        "reject": review_leads.reject,
        "send_back": decide_leads.back_to_candidates,
        "suppress": decide_leads.suppress,
    }[verdict]
    return act(leads, reason=reason, actor=actor)


def _everything_of(lead: Lead) -> dict[str, Any]:
    """A fixed number of statements, whatever is known of the lead."""
    evidence = Evidence.objects.filter(lead=lead, superseded_at=None).order_by("pk")[:MOST]
    contacts = Contact.objects.filter(lead=lead).order_by("pk")[:MOST]
    attempts = EnrichmentRun.objects.filter(lead=lead).defer("corpus").order_by("-pk")[:10]
    scores = lead.scores.select_related("card").prefetch_related("lines")
    newest = scores.order_by("-run_id").first()
    return {
        **LeadSerializer(lead).data,
        "trace": lead.trace,
        "facts": lead.facts,
        "evidence": EvidenceSerializer(evidence, many=True).data,
        "contacts": ContactSerializer(contacts, many=True).data,
        "attempts": AttemptSerializer(attempts, many=True).data,
        "score_lines": ScoreSerializer(newest).data if newest else None,
        "attributions": [
            *([LICENCE] if lead.uen else []),
            *(words for _, words in attributions_of_listings([lead.pk])),
        ],
    }
