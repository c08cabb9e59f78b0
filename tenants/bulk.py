"""Do one thing to everything that matches a list: say how many, ask why, then act once.

``Reject 1,284 leads of Acme?`` can never reach another tenant: the rows come from the current
schema alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from tenants import audit
from tenants.console import ModelAdmin, may_do, reason_of

CONFIRMED = "_confirmed_count"


def ask_then_do(
    page: ModelAdmin,
    request: HttpRequest,
    queryset: QuerySet[Any],
    *,
    verb: str,
    action: str,
    do: Callable[[QuerySet[Any], str], int],
    warning: str = "",
    needs_reason: bool = True,
) -> HttpResponse | None:
    """Confirm and run a bulk action; call it from an admin action (always POST) and return this.

    ``verb`` stands before the count ("Reject"). ``action`` is the right it needs. ``do(rows,
    reason)`` changes them, by set-based statements, and returns how many it changed; it runs in one
    transaction with one audit event. The confirmation repeats the tenant; when the count has moved
    since it was shown, it is asked again. Filters, page and sort of the list are kept.
    """
    if not may_do(request, action):
        raise PermissionDenied(f"Your role may not do this: {action}.")
    count = queryset.count()
    if not count:
        page.message_user(request, "Nothing was selected.", messages.WARNING)
        return None
    reason = reason_of(request)
    asked = request.POST.get(CONFIRMED, "")
    if asked == str(count) and (reason or not needs_reason):
        with transaction.atomic():
            done = do(queryset, reason)
            audit.record(
                action,
                actor=request.user.get_username(),
                subject=f"{done} {page.opts.verbose_name_plural}",
                after={"verb": verb, "rows": done, "list": request.META.get("QUERY_STRING", "")},
                reason=reason,
            )
        page.message_user(request, f"{verb}: {done:,} {_name(page, done)}.", messages.SUCCESS)
        return None
    context = {
        **page.admin_site.each_context(request),
        "title": f"{verb} {count:,} {_name(page, count)}?",
        "opts": page.opts,
        "verb": verb,
        "count": count,
        "name": _name(page, count),
        "warning": warning,
        "needs_reason": needs_reason,
        "reason": reason,
        "reason_missing": bool(asked) and asked == str(count),
        "count_before": int(asked) if asked.isdecimal() and asked != str(count) else None,
        "chosen": _chosen(request),
        "back": request.get_full_path(),
    }
    return TemplateResponse(request, "console/bulk_confirm.html", context)


def _name(page: ModelAdmin, count: int) -> str:
    return str(page.opts.verbose_name if count == 1 else page.opts.verbose_name_plural)


def _chosen(request: HttpRequest) -> list[tuple[str, str]]:
    """The list's own form fields, so that the second POST means the same rows."""
    keys = ("action", "select_across", "index", ACTION_CHECKBOX_NAME)
    return [(key, value) for key in keys for value in request.POST.getlist(key)]
