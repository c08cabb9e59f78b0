"""The register over the API: look companies up, page through them."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from acra.models import RegisteredCompany
from acra.search import matching
from acra.serializers import CompanyQuery, CompanySerializer
from tenants.rest.paging import text
from tenants.rest.resource import Resource


class CompanyResource(Resource):
    """Companies of the official register, shared by all tenants; nobody changes them here."""

    queryset = RegisteredCompany.objects.none()
    serializer_class = CompanySerializer
    query_class = CompanyQuery
    lookup_url_kwarg = "uen"
    lookup_value_regex = "[0-9A-Za-z]{1,20}"
    key = ("pk", text)
    ordering = "id"  # by UEN: the key's own index serves every page

    def get_queryset(self) -> QuerySet[RegisteredCompany]:
        return RegisteredCompany.objects.defer("published", "former_keys")

    @extend_schema(parameters=[CompanyQuery])
    def list(self, request: Request) -> Response:
        """Companies by UEN; with ``q`` those it may mean, by present or former name."""
        asked, found = self.asked(), self.get_queryset()
        if asked.get("q"):
            found = matching(asked["q"], found)
        if asked.get("status_class"):
            found = found.filter(status_class__in=asked["status_class"])
        return self.page_of(found, CompanySerializer)

    def retrieve(self, request: Request, uen: str) -> Response:
        """One company by its UEN."""
        self.nothing_asked()
        self.kwargs["uen"] = uen.upper()
        return Response(CompanySerializer(self.get_object()).data)
