"""Saved views of a list as tabs above it: ``{% saved_views "leads" %}``."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import QueryDict

from tenants import saved_views as views
from tenants.roles import may

register = template.Library()
OF_THE_PAGE = ("p", "e", "all", "_popup")  # where one is in a list, not what it shows


@register.inclusion_tag("tenants/saved_views.html", takes_context=True)
def saved_views(context: dict[str, Any], page: str) -> dict[str, Any]:
    """One's own views and the team's, and a form that keeps the filters set now. One statement."""
    request = context["request"]
    now = request.GET.copy()
    for name in OF_THE_PAGE:
        now.pop(name, None)
    tabs = []
    for view in views.views_for(request.user, page=page).order_by("name", "pk"):
        query = as_query(view.query)
        tabs.append(
            {"view": view, "query": query.urlencode(), "is_current": dict(query) == dict(now),
             "is_mine": view.owner_id == request.user.pk}
        )  # fmt: skip
    return {
        "tabs": tabs,
        "is_saved": any(tab["is_current"] for tab in tabs),
        "page": page,
        "query": now.urlencode(),
        "path": request.path,
        "may_save": may(request.user, "tenants.save_view"),
        "request": request,
        "csrf_token": context.get("csrf_token", ""),
    }


def as_query(stored: dict[str, Any]) -> QueryDict:
    """Stored parameters as an address has them."""
    query = QueryDict(mutable=True)
    for name, value in stored.items():
        query.setlist(name, value if isinstance(value, list) else [value])
    return query
