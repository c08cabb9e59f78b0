"""Keep and remove saved views from above a list. By POST alone."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from leadgen_project.console.pages import link
from tenants import saved_views
from tenants.console import may_do
from tenants.models import User
from tenants.saved_views import SavedViewError
from tenants.serializers import NewView


@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the posted filters under a name and show the list by it."""
    if not may_do(request, "tenants.save_view"):
        raise PermissionDenied("Your role keeps no views.")
    query: dict[str, Any] = dict(QueryDict(request.POST.get("query", "")).lists())
    given = NewView(
        data={"page": request.POST.get("page", ""), "name": request.POST.get("name", ""),
              "query": query, "is_team": "is_team" in request.POST}
    )  # fmt: skip
    if not given.is_valid():
        messages.error(request, "This view cannot be kept: give it a name of up to 60 letters.")
        return _back(request)
    try:
        saved_views.save_view(cast(User, request.user), **given.validated_data)
    except SavedViewError as exc:
        messages.error(request, str(exc))
    return _back(request, query=request.POST.get("query", ""))


@require_POST
def remove_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """Remove one's own view."""
    if not may_do(request, "tenants.save_view"):
        raise PermissionDenied("Your role keeps no views.")
    view = saved_views.views_for(request.user).filter(pk=view_id).first()
    if view is None:
        raise Http404("There is no such view.")
    try:
        saved_views.remove_view(view, user=cast(User, request.user))
    except SavedViewError as exc:
        messages.error(request, str(exc))
    return _back(request)


def _back(request: HttpRequest, *, query: str = "") -> HttpResponse:
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    page = wanted if safe and wanted.startswith("/admin/") else link("index")
    return HttpResponseRedirect(f"{page}?{query}" if query else page)
