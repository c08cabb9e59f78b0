"""What was found about a lead, over the API."""

from __future__ import annotations

from django.db.models import F, QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as drf
from rest_framework.request import Request
from rest_framework.response import Response

from enrichment import serializers
from enrichment.models import Contact, Evidence
from icp.models import Lead
from tenants.rest.paging import Order, moment
from tenants.rest.resource import Resource
from tenants.rest.strict import QuerySerializer


class EvidenceQuery(QuerySerializer):
    field = drf.CharField(required=False, max_length=40)
    source = drf.ListField(  # type: ignore[assignment]  # a field's name, not its source
        child=drf.ChoiceField(Evidence.Source.choices), required=False
    )
    superseded = drf.BooleanField(required=False, default=False,
                                  help_text="Also what no longer holds.")  # fmt: skip


class EvidenceOfLead(Resource):
    """Every observed value of one lead, with where it comes from."""

    queryset = Evidence.objects.none()
    serializer_class = serializers.EvidenceSerializer
    query_class = EvidenceQuery
    ordering = "id"
    orders = {"observed_at": Order(F("observed_at"), moment)}

    @extend_schema(parameters=[EvidenceQuery])
    def list(self, request: Request, id: str) -> Response:  # noqa: A002 -- the address's word
        """What was observed, oldest first."""
        asked = self.asked()
        rows = Evidence.objects.filter(lead=find_lead(id))
        if not asked["superseded"]:
            rows = rows.filter(superseded_at=None)
        if asked.get("field"):
            rows = rows.filter(field=asked["field"])
        if asked.get("source"):
            rows = rows.filter(source__in=asked["source"])
        return self.page_of(rows, serializers.EvidenceSerializer)


class ContactsOfLead(Resource):
    """People and role mailboxes of one lead."""

    queryset = Contact.objects.none()
    serializer_class = serializers.ContactSerializer
    query_class = QuerySerializer
    ordering = "id"

    def list(self, request: Request, id: str) -> Response:  # noqa: A002 -- the address's word
        """Whom one could talk to; ``is_mailable`` says whether one may write."""
        self.asked()
        rows: QuerySet[Contact] = Contact.objects.filter(lead=find_lead(id))
        return self.page_of(rows, serializers.ContactSerializer)


def find_lead(public_id: str) -> Lead:
    """The lead with the id of the API, or 404."""
    lead = Lead.objects.filter(public_id=public_id).first()
    if lead is None:
        raise Http404("There is no such lead here.")
    return lead
