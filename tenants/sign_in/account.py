"""Pages of one's own account: the second factor, and the question for its code at sign-in."""

from __future__ import annotations

import time
from typing import Any

import segno
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_http_methods

from tenants.context import in_public
from tenants.models import User
from tenants.sign_in import second_factor
from tenants.sign_in.second_factor import LockedError, SecondFactorError
from tenants.sign_in.sso.session import SignIn, keep_sign_in, read_sign_in
from tenants.sign_in.sso.views import BACKEND, safe_next

WAITING = "second_factor_for"  # in the session: who has given a good password and no code yet
PATIENCE_SECONDS = 600


def ask_for_code(request: HttpRequest, user: User, *, goes_to: str) -> HttpResponse:
    """After a good password: remember whose it was and ask for the code. Nobody is in yet."""
    request.session.cycle_key()
    request.session[WAITING] = {"user": user.pk, "at": time.time(), "next": goes_to}
    return HttpResponseRedirect(reverse("second-factor-ask"))


@require_http_methods(["GET", "POST"])
def second_factor_ask(request: HttpRequest) -> HttpResponse:
    """The code between password and console. POST ``code``; 429 after five wrong ones."""
    waiting = request.session.get(WAITING)
    if not waiting or time.time() - waiting["at"] > PATIENCE_SECONDS:
        request.session.pop(WAITING, None)
        return HttpResponseRedirect(reverse("admin:login"))
    if request.method == "GET":
        return _ask(request)
    with in_public():
        user = User.objects.filter(pk=waiting["user"], is_active=True).first()
        if user is None:
            return HttpResponseRedirect(reverse("admin:login"))
        try:
            second_factor.check(user, request.POST.get("code", ""), now=timezone.now())
        except SecondFactorError as exc:
            status = 429 if isinstance(exc, LockedError) else 200
            return _ask(request, error=str(exc), status=status)
        del request.session[WAITING]
        login(request, user, backend=BACKEND)
        keep_sign_in(request.session, SignIn(has_second_factor=True))
    return HttpResponseRedirect(safe_next(request, waiting["next"]))


def _ask(request: HttpRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    return render(request, "tenants/second_factor_ask.html", {"error": error}, status=status)


@login_required(login_url="admin:login")
@require_http_methods(["GET", "POST"])
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """Set the second factor up, see how many recovery codes are left, switch it off.

    POST ``do=confirm`` or ``do=off``, each with a good ``code``. The recovery codes are on the
    answer to the first and nowhere else.
    """
    with in_public():
        user = User.objects.get(username=request.user.get_username())
        if read_sign_in(request.session).is_by_provider:
            return _page(request, by_provider=True)
        if request.method == "GET":
            return _status(request, user)
        try:
            return _change(request, user)
        except SecondFactorError as exc:
            status = 429 if isinstance(exc, LockedError) else 200
            return _status(request, user, error=str(exc), status=status)


def _change(request: HttpRequest, user: User) -> HttpResponse:
    code, now = request.POST.get("code", ""), timezone.now()
    if request.POST.get("do") == "off":
        second_factor.check(user, code, now=now)
        second_factor.switch_off(user, actor=user.get_username())
        keep_sign_in(request.session, SignIn())
        return HttpResponseRedirect(reverse("second-factor"))
    codes = second_factor.confirm(user, code, now=now)
    request.session.cycle_key()
    keep_sign_in(request.session, SignIn(has_second_factor=True))
    return _page(request, codes=codes)


def _status(
    request: HttpRequest, user: User, *, error: str = "", status: int = 200
) -> HttpResponse:
    if second_factor.is_on(user):
        left = second_factor.codes_left(user)
        return _page(request, status=status, is_on=True, left=left, error=error)
    address = second_factor.begin(user)
    shown = {"picture": _picture(address), "key": _key(address), "error": error}
    return _page(request, status=status, **shown)


def _page(request: HttpRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    response = render(request, "tenants/second_factor.html", context, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _picture(address: str) -> str:
    """The QR code as inline SVG: no other request, and no image library."""
    made = segno.make(address, error="m", micro=False)
    svg = made.svg_inline(scale=5, border=2, dark="#000", light="#fff", omitsize=False)
    return mark_safe(svg)  # noqa: S308 -- made of squares by segno


def _key(address: str) -> str:
    """The secret in groups of four, for telephones without a camera."""
    secret = address.partition("secret=")[2].partition("&")[0]
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
