"""Companies of the register as the API shows them."""

from __future__ import annotations

from rest_framework import serializers

from acra.models import RegisteredCompany
from tenants.rest.strict import QuerySerializer


class CompanySerializer(serializers.ModelSerializer):
    class Meta:
        model = RegisteredCompany
        fields = ["uen", "name", "former_names", "entity_type", "company_type", "status",
                  "status_class", "registered_on", "block", "street", "level", "unit", "building",
                  "postal_code", "district", "primary_ssic", "secondary_ssic", "primary_activity",
                  "annual_return_on", "first_seen_at", "changed_at"]  # fmt: skip
        read_only_fields = fields


class CompanyQuery(QuerySerializer):
    q = serializers.CharField(
        required=False, max_length=200, help_text="Beginning of a UEN, or of the words of a name."
    )
    status_class = serializers.ListField(
        child=serializers.ChoiceField(RegisteredCompany.StatusClass.choices), required=False
    )
