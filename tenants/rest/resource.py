"""What every resource inherits: rights, strict input, saved views, idempotency, conditional reads.

A resource says what its actions need in ``rights``; what is not named there may be read by every
member and changed by nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC
from typing import Any, ClassVar, TypeVar

from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from tenants.rest.doors import HasRight
from tenants.rest.idempotency import key_of, once
from tenants.rest.paging import Order, whole
from tenants.rest.strict import COMMON_PARAMETERS
from tenants.saved_views import stored_query

S = TypeVar("S", bound=Serializer)


class Resource(GenericViewSet):
    """Base of the API's views. See the module."""

    rights: ClassVar[Mapping[str, str]] = {}
    domain_errors: ClassVar[Mapping[type[Exception], int]] = {}
    permission_classes = [HasRight]
    # lists
    query_class: ClassVar[type[Serializer] | None] = None
    saved_views_of: ClassVar[str] = ""  # the page whose saved views ``?view=`` may name
    orders: ClassVar[Mapping[str, Order]] = {}
    ordering: ClassVar[str] = "-id"
    key: ClassVar[Any] = ("pk", whole)
    paging: Mapping[str, Any] | None = None

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Times of the API are UTC, whatever clock the console shows."""
        with timezone.override(UTC):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST" and (key := key_of(request)):
            self.post = once(self.post, key=key)  # type: ignore[has-type]  # set by as_view

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(final, ("Authorization", "Cookie", "X-Tenant-ID"))
        if request.method == "GET" and isinstance(final, Response) and final.status_code == 200:
            patch_cache_control(final, private=True, no_cache=True)
            final.add_post_render_callback(lambda done: _unless_known(request, done))
        else:
            patch_cache_control(final, no_store=True)
        return final

    # --- what the caller sent ------------------------------------------------------------------
    def asked(self) -> dict[str, Any]:
        """The validated filters of a list, those of the saved view beneath those of the address."""
        if self.query_class is None:
            raise TypeError(f"{type(self).__name__} has no query_class.")
        given: Any = self.request.query_params
        stored = stored_query(
            given.get("view", ""), page=self.saved_views_of, user=self.request.user
        )
        if stored:
            merged = given.copy()
            for name, values in stored.items():
                if name not in given:
                    merged.setlist(name, values if isinstance(values, list) else [values])
            given = merged
        serializer = self.query_class(data=given)
        serializer.is_valid(raise_exception=True)
        self.paging = {name: given[name] for name in COMMON_PARAMETERS if name in given}
        return dict(serializer.validated_data)

    def lookups(self, **names: str) -> dict[str, Any]:
        """What was asked, for ``filter``; ``names``: filter -> lookup, where they differ."""
        return {names.get(name, name): value for name, value in self.asked().items() if value}

    def nothing_asked(self) -> None:
        """Refuse parameters where none are known."""
        if self.request.query_params:
            unknown = list(self.request.query_params)[:20]
            raise ValidationError({name[:100]: ["This field is unknown."] for name in unknown})

    def body(self, kind: type[S]) -> dict[str, Any]:
        """The validated body as ``kind`` describes it."""
        serializer = kind(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    @property
    def actor(self) -> str:
        """The caller's name in the audit."""
        return self.request.user.get_username()

    def page_of(self, rows: Any, kind: type[Serializer], **context: Any) -> Response:
        """One page of ``rows`` by the caller's cursor."""
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(kind(page, many=True, context=context).data)


def _unless_known(request: Request, response: Any) -> Any:
    """304 without a body when the caller has this very answer already."""
    digest = hashlib.sha256(response.content).hexdigest()[:32]
    etag = f'W/"{digest}"'
    response.headers["ETag"] = etag
    return get_conditional_response(request._request, etag=etag, response=response)  # noqa: SLF001 -- the framework's own way
