"""Serializers of what callers send: a field nobody declared is refused, not ignored."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from rest_framework import serializers

# Of every list; read by the paging and by saved views.
COMMON_PARAMETERS = ("cursor", "limit", "ordering", "view")


class StrictSerializer(serializers.Serializer):
    """Refuses unknown fields, so that neither a typo nor an attempt at more goes unseen."""

    allowed: tuple[str, ...] = ()

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            writable = [name for name, field in self.fields.items() if not field.read_only]
            unknown = [str(key) for key in data if key not in (*writable, *self.allowed)]
            if unknown:
                raise serializers.ValidationError(
                    {key[:100]: [_unknown(key, writable)] for key in unknown[:20]}
                )
        return super().to_internal_value(data)


class QuerySerializer(StrictSerializer):
    """Filters of a list, read from the address."""

    allowed = COMMON_PARAMETERS


class ReasonSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=300, help_text="Why; it stays with what is changed.")


class EmptySerializer(StrictSerializer):
    """A call without a body."""


def _unknown(key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"This field is unknown. Did you mean {near[0]}?" if near else "This field is unknown."
