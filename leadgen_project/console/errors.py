"""Pages for what went wrong: what, why, and what to do next."""

from __future__ import annotations

import sys
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from tenants.context import in_public
from tenants.roles import role_of
from tenants.room import is_full, room_here
from tenants.sign_in.resolve import tenants_of

DJANGOS_WORDS = "matches the given query."  # of get_object_or_404: the name of a class
DATABASE_IS_AWAY = (OperationalError, InterfaceError)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403. A page of a tenant asked for outside one offers the choice instead of a dead end."""
    text = str(exception)
    if not _is_page(request):
        return _problem(403, "Not allowed", text or "You may not do this.")
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return _page(request, 403, title="Sign in first", text="This page is for members.")
    tenant = getattr(request, "tenant", None)
    with in_public():
        mine = tenants_of(user)
    if tenant is None and mine:
        context = {"choices": [{"tenant": one} for one in mine], "next": request.get_full_path()}
        return render(request, "tenants/choose_tenant.html", context, status=403)
    if tenant and user.is_superuser:
        title = "This page belongs to the platform"
        words = f"You are working in {tenant.name}. Leave it to see accounts, tenants and loads."
        return _page(request, 403, title=title, text=words, leave=True)
    role = (role_of(user) or "stranger").lower()
    words = (
        text or f"Your role here is {role}; it does not include this. Ask an owner of the tenant."
    )
    return _page(request, 403, title="You may not do this", text=words)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    given = exception.args[0] if exception.args else ""
    ours = isinstance(given, str) and given and not given.endswith(DJANGOS_WORDS)
    text = given if ours else "There is no such page, or what it showed is gone."
    if not _is_page(request):
        return _problem(404, "Not found", text)
    return _page(request, 404, title="Not found", text=text)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 while the database does not answer. Asks the database nothing itself."""
    error = sys.exc_info()[1]
    full = error is not None and is_full(error)
    away = full or isinstance(error, DATABASE_IS_AWAY)
    if full:
        title, text = "The disk is full", f"{room_here()}. Nothing that was saved is lost."
    elif away:
        title, text = "The database does not answer", "Try again in a minute; nothing was lost."
    else:
        title = "Something broke"
        text = "It was our fault and is in the log with its time. What you saved before is kept."
    status = 503 if away else 500
    return (
        _page(request, status, title=title, text=text)
        if _is_page(request)
        else _problem(status, title, text)
    )


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without a valid token: an old page, or a request from another site."""
    title = "This form is too old"
    text = "Go back, load the page again, and send it once more. Nothing was changed."
    if not _is_page(request):
        return _problem(403, title, reason)
    return _page(request, 403, title=title, text=text)


def _is_page(request: HttpRequest) -> bool:
    return not request.path.startswith(("/api/", "/export/")) and (
        "application/json" not in request.headers.get("Accept", "")
    )


def _page(request: HttpRequest, status: int, **context: Any) -> HttpResponse:
    context |= {"status": status, "path": request.get_full_path()}
    try:
        return render(request, "console/error.html", context, status=status)
    except DatabaseError:  # the session of a broken request cannot be read either
        return HttpResponse(f"{context['title']}. {context['text']}", status=status)


def _problem(status: int, title: str, detail: str) -> JsonResponse:
    problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JsonResponse(problem, status=status, content_type="application/problem+json")
