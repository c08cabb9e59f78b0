"""The page behind the link in a mail. Strangers' door: no session, no cookie, no script, no proof.

Looking (GET, HEAD) never unsubscribes, as link scanners look at everything; any POST does, whatever
its body, because a provider's one click (RFC 8058) must not fail on a detail.
"""

from __future__ import annotations

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from outreach.unsubscribe import Door, OptOut, look, unsubscribe
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.sign_in.lock_out import address_of

MOST_GUESSES = 60  # links of nobody, from one address in a minute, before the answer is 429
A_MINUTE = 60


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def opt_out_page(request: HttpRequest, tenant_key: str, token: str) -> HttpResponse:
    """200 with what is so now, 404 for a link of nobody. Also while the tenant is paused.

    A good link always works, however many bad ones came from the same address. Its cost is bounded:
    two reads by index, and once in its life the opt-out; the body is not read.
    """
    tenant = Tenant.objects.filter(pk=tenant_key).first()
    found: OptOut | None = None
    if tenant is not None:
        with tenant_context(tenant):
            found = _do(request, token)
    if tenant is None or found is None:
        return _of_nobody(request)
    context = {"sender": tenant.name, "found": found, "is_asked": request.method != "POST"}
    return _page(request, "outreach/opt_out.html", context)


def _do(request: HttpRequest, token: str) -> OptOut | None:
    if request.method != "POST":
        return look(token)
    door = Door.PAGE if "page" in request.GET else Door.ONE_CLICK
    return unsubscribe(token, door=door, now=timezone.now())


def _of_nobody(request: HttpRequest) -> HttpResponse:
    key = f"links-of-nobody-from-{address_of(request)}"
    cache.add(key, 0, A_MINUTE)
    try:
        guesses = cache.incr(key)
    except ValueError:  # the minute ended in between
        guesses = 1
    if guesses <= MOST_GUESSES:
        return _page(request, "outreach/opt_out_unknown.html", {}, status=404)
    response = _page(request, "outreach/opt_out_unknown.html", {"too_many": True}, status=429)
    response.headers["Retry-After"] = str(A_MINUTE)
    return response


def _page(
    request: HttpRequest, template: str, context: dict[str, object], *, status: int = 200
) -> HttpResponse:
    response = render(request, template, context, status=status)
    response.headers["Referrer-Policy"] = "no-referrer"  # the address is the key to the door
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
