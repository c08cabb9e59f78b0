"""Spending, audit and saved views over the API."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

from django.db.models import F, QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import saved_views, serializers
from tenants.api_models import SavedView
from tenants.models import AuditEvent, User
from tenants.paid.usage import usage
from tenants.rest.paging import Order, moment, text
from tenants.rest.resource import Resource
from tenants.saved_views import SavedViewError
from tenants.vendor_models import VendorUsage

NUMBER = "[0-9]{1,18}"


class UsageResource(Resource):
    """What was spent with vendors, from the ledger."""

    queryset = VendorUsage.objects.none()
    serializer_class = serializers.CallSerializer
    query_class = serializers.CallQuery
    orders = {"at": Order(F("at"), moment)}

    @extend_schema(
        parameters=[serializers.UsageQuery], responses=serializers.UsageSerializer,
        operation_id="usage", filters=False,
    )  # fmt: skip
    def sums(self, request: Request) -> Response:
        """Sums per vendor, and by day, purpose, run or outcome if wanted."""
        asked = serializers.UsageQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = {"results": [asdict(each) for each in usage(**asked.validated_data)]}
        return Response(serializers.UsageSerializer(found).data)

    @extend_schema(
        parameters=[serializers.CallQuery], responses=serializers.CallSerializer(many=True)
    )
    @action(detail=False, methods=["get"])
    def calls(self, request: Request) -> Response:
        """Every paid call, newest first."""
        rows = VendorUsage.objects.filter(**self.asked())
        return self.page_of(rows, serializers.CallSerializer)


class AuditResource(Resource):
    """Who changed what, when and why. Nobody can change it."""

    queryset = AuditEvent.objects.none()
    serializer_class = serializers.AuditSerializer
    query_class = serializers.AuditQuery
    saved_views_of = "audit"
    orders = {"at": Order(F("at"), moment)}

    @extend_schema(parameters=[serializers.AuditQuery])
    def list(self, request: Request) -> Response:
        """Changes, newest first."""
        asked = self.lookups(action="action__startswith", since="at__gte", until="at__lte")
        return self.page_of(AuditEvent.objects.filter(**asked), serializers.AuditSerializer)


class SavedViewResource(Resource):
    """Filters of a list under a name: one's own, and those shared with the team."""

    queryset = SavedView.objects.none()
    serializer_class = serializers.SavedViewSerializer
    query_class = serializers.ViewQuery
    lookup_value_regex = NUMBER
    ordering = "name"
    orders = {"name": Order(F("name"), text)}
    rights = {"create": "tenants.save_view", "partial_update": "tenants.save_view",
              "destroy": "tenants.save_view"}  # fmt: skip
    domain_errors = {SavedViewError: 409}

    def get_queryset(self) -> QuerySet[SavedView]:
        return saved_views.views_for(self.request.user)

    @property
    def user(self) -> User:
        return cast(User, self.request.user)

    @extend_schema(parameters=[serializers.ViewQuery])
    def list(self, request: Request) -> Response:
        rows = self.get_queryset().filter(**self.asked())
        return self.page_of(rows, serializers.SavedViewSerializer, user_id=self.user.pk)

    def retrieve(self, request: Request, pk: str) -> Response:
        self.nothing_asked()
        return self._shown(self.get_object())

    @extend_schema(
        request=serializers.NewView,
        responses={201: serializers.SavedViewSerializer},
        examples=[
            OpenApiExample(
                "a tab",
                {
                    "page": "leads",
                    "name": "Hot in district 1",
                    "query": {"bucket": "HIGH", "district": ["1"]},
                    "is_team": True,
                },
                request_only=True,
            )
        ],
    )
    def create(self, request: Request) -> Response:
        """Keep filters under a name; the list takes them as ``?view=ID``."""
        given: dict[str, Any] = self.body(serializers.NewView)
        return self._shown(saved_views.save_view(self.user, **given), status=201)

    @extend_schema(
        request=serializers.ChangedView,
        responses=serializers.SavedViewSerializer,
        examples=[OpenApiExample("share it", {"is_team": True}, request_only=True)],
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change one's own view."""
        view, changes = self.get_object(), self.body(serializers.ChangedView)
        return self._shown(saved_views.change_view(view, user=self.user, **changes))

    def destroy(self, request: Request, pk: str) -> Response:
        """Remove one's own view."""
        saved_views.remove_view(self.get_object(), user=self.user)
        return Response(status=204)

    def _shown(self, view: SavedView, *, status: int = 200) -> Response:
        shown = serializers.SavedViewSerializer(view, context={"user_id": self.user.pk})
        return Response(shown.data, status=status)
