"""Too many wrong passwords: 429 for a quarter of an hour, through django-axes.

Five wrong guesses at one name from one address lock that name for that address, so nobody can lock
a colleague out from elsewhere. Behind that stand two wider limits: guesses from one address at many
names, and guesses at one name from many addresses (NIST SP 800-63B, 5.2.2: at most 100).
"""

from __future__ import annotations

import ipaddress
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tenants.context import in_public
from tenants.problems import problem

MOST_PER_ADDRESS = 100
MOST_PER_NAME = 100


class LockOutHandler(AxesDatabaseHandler):
    """Counts in the public schema, which is where the console signs people in."""

    def is_locked(self, request: Any, credentials: Any = None) -> bool:
        return super().is_locked(request, credentials) or self._is_flooded(request, credentials)

    def _is_flooded(self, request: Any, credentials: Any) -> bool:
        recent = AccessAttempt.objects.filter(attempt_time__gte=get_cool_off_threshold(request))
        name, address = name_of(request, credentials), address_of(request)
        return (
            _guesses(recent, Q(ip_address=address)) >= MOST_PER_ADDRESS
            or _guesses(recent, Q(username=name)) >= MOST_PER_NAME
        )


def _guesses(recent: Any, which: Q) -> int:
    return recent.filter(which).aggregate(n=Sum("failures_since_start"))["n"] or 0


def name_of(request: Any, credentials: Any = None) -> str:
    """The name somebody tries to sign in with; capitals make no second name."""
    given = (credentials or {}).get("username") or request.POST.get("username", "")
    return str(given).strip().lower().replace("\0", "")[:150]


def address_of(request: HttpRequest) -> str:
    """The caller's address. Behind a proxy: the one our proxy saw, which is the last it wrote.

    Earlier entries of X-Forwarded-For come from the caller, who may write anything there.
    """
    own = str(request.META.get("REMOTE_ADDR", ""))
    if settings.BEHIND_PROXY:
        seen = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if _is_address(seen):
            return seen
    return own if _is_address(own) else "127.0.0.1"  # a socket in the file system has none


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def locked_out(
    request: HttpRequest, original_response: Any = None, credentials: Any = None
) -> HttpResponse:
    """What somebody who has guessed too often sees. Says nothing about the account."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    text = f"Too many wrong attempts. Wait {minutes} minutes, then try again."
    headers = {"Retry-After": str(minutes * 60)}
    if not request.path.startswith("/admin/"):
        return problem(429, text, headers=headers)
    with in_public():
        response = render(request, "tenants/locked_out.html", {"message": text}, status=429)
    response.headers["Retry-After"] = headers["Retry-After"]
    return response
