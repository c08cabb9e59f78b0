"""Who has opted out, and the proof that it is heeded."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from leadgen_project.console.context import tenant_of
from outreach.law import OPT_OUT_BUSINESS_DAYS
from outreach.opt_outs import opt_outs, proof_of

MOST = 100


def opt_outs_page(request: HttpRequest) -> HttpResponse:
    """Opt-outs, those not heeded first; ``?of=ID`` adds the proof of one."""
    if tenant_of(request) is None:
        raise PermissionDenied("Opt-outs belong to a tenant.")
    found = opt_outs(most=MOST)
    asked = request.GET.get("of", "")
    shown = next((one for one in found if str(one.suppression.pk) == asked), None)
    context = {
        **admin.site.each_context(request), "title": "Opt-outs", "opt_outs": found, "most": MOST,
        "late": sum(not one.is_heeded for one in found), "days": OPT_OUT_BUSINESS_DAYS,
        "shown": shown, "events": proof_of(shown.suppression) if shown else [],
    }  # fmt: skip
    return TemplateResponse(request, "console/opt_outs.html", context)
