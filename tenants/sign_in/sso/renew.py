"""Ask the provider now and then whether a signed-in person still may be."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlencode

from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from tenants.context import in_public
from tenants.problems import problem
from tenants.sign_in.sso.session import read_sign_in

GRACE_SECONDS = 3_600  # for requests that cannot be sent elsewhere: forms, live parts of a page
LEFT_ALONE = ("/admin/login/", "/admin/logout/", "/oidc/", "/static/", "/health", "/u/",
              "/agent/")  # fmt: skip


class RenewalMiddleware:
    """Send a person whose sign-in has aged past the provider, which mostly answers unseen."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(LEFT_ALONE) or getattr(request, "credential", None):
            return self.get_response(request)
        session = getattr(request, "session", None)
        sign_in = read_sign_in(session) if session is not None else None
        if sign_in is None or not sign_in.is_by_provider or time.time() < sign_in.renew_at:
            return self.get_response(request)
        if _is_navigation(request):
            query = urlencode({"renew": 1, "next": request.get_full_path()})
            start = reverse("oidc-start", args=[sign_in.provider])
            return HttpResponseRedirect(f"{start}?{query}")
        if time.time() < sign_in.renew_at + GRACE_SECONDS:
            return self.get_response(request)
        with in_public():
            auth.logout(request)
        return problem(401, "Your sign-in has ended. Load the page again to sign in.")


def _is_navigation(request: HttpRequest) -> bool:
    """Whether the answer fills the window, so that a detour does no harm."""
    purpose = request.headers.get("Sec-Fetch-Dest", "document")
    accepts = request.headers.get("Accept", "")
    return request.method == "GET" and purpose == "document" and "text/html" in accepts
