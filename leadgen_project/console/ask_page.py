"""Ask in words: the chat for those who run no client of their own.

The page is a client of the same API as every other (``/agent``); this module gives it its frame and
its pass.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from leadgen_project.console.context import tenant_of
from tenants.models import Tenant
from tenants.problems import problem
from tenants.sign_in import console_pass

QUESTIONS = (  # each is also understood where no language model is connected
    "What can you do?",
    "What waits for me?",
    "Fintechs in district 1 younger than three years",
    "Show me the top 5",
    "What will tonight cost?",
    "Why is nothing sending?",
)


def ask_page(request: HttpRequest) -> HttpResponse:
    """The conversations of who asks, and the one the address names."""
    _tenant(request)
    context = {
        **admin.site.each_context(request),
        "title": "Ask",
        "questions": QUESTIONS,
        "home": "{0.scheme}://{0.netloc}".format(urlsplit(settings.BASE_URL)),
    }
    return TemplateResponse(request, "console/ask.html", context)


@require_POST
@never_cache
def give_pass(request: HttpRequest) -> HttpResponse:
    """``{"pass": text, "seconds": until it ends}``, for the person and tenant of the session.

    409 when that is no longer the ``tenant`` the page was drawn for.
    """
    tenant = _tenant(request)
    if request.POST.get("tenant") != tenant.pk:
        return problem(
            409, f"You are in {tenant} now. Load the page again to go on there.",
            title="Another tenant",
        )  # fmt: skip
    text, seconds = console_pass.issue(
        request, tenant, purpose=console_pass.CHAT, now=timezone.now()
    )
    return JsonResponse({"pass": text, "seconds": seconds})


def _tenant(request: HttpRequest) -> Tenant:
    tenant = tenant_of(request)
    if tenant is None:
        raise PermissionDenied("Conversations belong to a tenant.")
    return tenant
