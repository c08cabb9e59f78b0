"""The button that begins or ends to watch a record, on pages of rooms below."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import RequestContext

from icp.models import Watch
from tenants.context import is_public
from tenants.roles import role_of

register = template.Library()


@register.inclusion_tag("console/watch_button.html", takes_context=True)
def watch_button(context: RequestContext, record: str, key: Any) -> dict[str, Any]:
    """Nothing for those who are no members: nobody could tell them."""
    user = context["request"].user
    if is_public() or not role_of(user):
        return {"may_watch": False}
    mine = Watch.objects.filter(person=user.get_username(), record=record, key=str(key))
    return {
        "may_watch": True, "record": record, "key": key, "is_watched": mine.exists(),
        "csrf_token": context.get("csrf_token"),
    }  # fmt: skip
