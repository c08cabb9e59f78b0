"""Vendors in the console: keys, switches, budgets and stops of a tenant; lanes of the platform."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from leadgen_project.console.context import tenant_of
from leadgen_project.console.pages import link
from leadgen_project.console.vendors_platform import lane_is_known, platform_vendors
from leadgen_project.vendor_figures import try_key
from tenants.console import PLATFORM, is_platform_admin, may_do, reason_of
from tenants.context import is_public
from tenants.language_model import try_model
from tenants.paid import edit_vendor
from tenants.paid.credentials import remove_key, set_key
from tenants.paid.reserve import key_setting
from tenants.paid.vendor_state import states
from tenants.permits import NoPermitError, Vendor, VendorError

RIGHT = "tenants.edit_vendors"
MICROS = 1_000_000
MOST_DOLLARS = 1_000_000


class LimitsForm(forms.Form):
    """Empty fields follow the deployment."""

    daily_units = forms.IntegerField(min_value=0, max_value=10**12, required=False)
    monthly_units = forms.IntegerField(min_value=0, max_value=10**12, required=False)
    run_units = forms.IntegerField(min_value=0, max_value=10**12, required=False)
    monthly_dollars = forms.DecimalField(
        min_value=Decimal(0), max_value=MOST_DOLLARS, decimal_places=2, required=False
    )

    @property
    def limits(self) -> dict[str, int | None]:
        data = self.cleaned_data
        dollars = data["monthly_dollars"]
        return {
            **{name: data[name] for name in ("daily_units", "monthly_units", "run_units")},
            "monthly_micros": None if dollars is None else int(dollars * MICROS),
        }


class KeyForm(forms.Form):
    key = forms.RegexField(
        r"^\S{8,500}$", error_messages={"invalid": "A key has 8 to 500 characters and no spaces."}
    )


class RateForm(forms.Form):
    lane = forms.CharField(max_length=60)
    calls = forms.IntegerField(min_value=0, max_value=100_000)
    seconds = forms.IntegerField(min_value=1, max_value=3600)


def vendors_page(request: HttpRequest) -> HttpResponse:
    """How the tenant stands with each vendor; outside a tenant, how the platform does."""
    now = timezone.now()
    context: dict[str, Any] = {**admin.site.each_context(request), "title": "Vendors"}
    if tenant_of(request) is None:
        if not is_platform_admin(request):
            raise PermissionDenied("Vendors of the platform are for platform admins.")
        context |= platform_vendors(now=now)
        return TemplateResponse(request, "console/vendors_platform.html", context)
    context |= {
        "states": states(now=now),
        "may_edit": may_do(request, RIGHT),
        "settings_of": {vendor.value: key_setting(vendor) for vendor in Vendor},
        "spend_url": link("spend"),
        "llm_price": _model_price(),
        "llm_test_tokens": try_model.most()[0],
        "zone": settings.TIME_ZONE_NIGHTLY,
    }
    return TemplateResponse(request, "console/vendors.html", context)


def change_vendor(request: HttpRequest, vendor: str, verb: str) -> HttpResponse:
    """POST: do ``verb`` to ``vendor`` for the tenant, and say what came of it."""
    if tenant_of(request) is None or not may_do(request, RIGHT):
        raise PermissionDenied("Vendors are changed by owners of the tenant.")
    chosen = _vendor(vendor)
    if request.method == "POST":
        try:
            said = VERBS[verb](request, chosen)
        except (forms.ValidationError, NoPermitError, VendorError) as exc:
            words = exc.messages if isinstance(exc, forms.ValidationError) else [str(exc)]
            messages.error(request, " ".join(words))
        else:
            messages.success(request, said)
    return HttpResponseRedirect(f"{link('vendors')}#{chosen.value.lower()}")


def change_lane(request: HttpRequest, verb: str) -> HttpResponse:
    """POST: change a rate limit, or ask a vendor again at once. For platform admins."""
    if not is_public() or not may_do(request, PLATFORM):
        raise PermissionDenied("Rate limits are changed by platform admins, outside any tenant.")
    if request.method == "POST":
        actor, lane = request.user.get_username(), request.POST.get("lane", "")
        if not lane_is_known(lane):
            raise Http404(f"There is no lane {lane!r}.")
        if verb == "again":
            edit_vendor.close_breaker(lane, actor=actor)
            messages.success(request, "The vendor is asked again with the next call.")
        else:
            _set_rate(request, actor=actor)
    return HttpResponseRedirect(link("vendors"))


def _set_rate(request: HttpRequest, *, actor: str) -> None:
    form = RateForm(request.POST)
    if not form.is_valid():
        messages.error(request, _words(form))
        return
    edit_vendor.set_rate(**form.cleaned_data, actor=actor, reason=reason_of(request))
    messages.success(request, "Saved. It holds with the next call.")


def _switch(request: HttpRequest, vendor: Vendor) -> str:
    is_on = request.POST.get("to") == "on"
    edit_vendor.switch_vendor(
        vendor, is_on=is_on, actor=request.user.get_username(), reason=reason_of(request)
    )
    if is_on:
        return f"{vendor.label} may be asked again."
    return f"{vendor.label} is switched off. Nights go on without it."


def _limits(request: HttpRequest, vendor: Vendor) -> str:
    form = LimitsForm(request.POST)
    if not form.is_valid():
        raise forms.ValidationError(_words(form))
    edit_vendor.set_limits(vendor, limits=form.limits, actor=request.user.get_username(),
                           reason=reason_of(request))  # fmt: skip
    return f"The budgets of {vendor.label} are saved. They hold with the next call."


def _key(request: HttpRequest, vendor: Vendor) -> str:
    form = KeyForm(request.POST)
    if not form.is_valid():
        raise forms.ValidationError(_words(form))
    set_key(vendor, secret=form.cleaned_data["key"], actor=request.user.get_username())
    return f"The {vendor.label} key is kept, encrypted. It is not shown again."


def _remove_key(request: HttpRequest, vendor: Vendor) -> str:
    remove_key(vendor, actor=request.user.get_username())
    return f"Your {vendor.label} key is forgotten."


def _lift(request: HttpRequest, vendor: Vendor) -> str:
    edit_vendor.lift_stop(vendor, actor=request.user.get_username(), reason=reason_of(request))
    return f"{vendor.label} is asked again with the next call."


def _test(request: HttpRequest, vendor: Vendor) -> str:
    return try_model.try_model() if vendor is Vendor.LLM else try_key(vendor)


VERBS: dict[str, Callable[[HttpRequest, Vendor], str]] = {
    "switch": _switch,
    "limits": _limits,
    "key": _key,
    "remove-key": _remove_key,
    "lift": _lift,
    "test": _test,
}


def _model_price() -> str:
    """Prices of the language model in words; empty when none is set."""
    given, written = settings.LLM_INPUT_USD_PER_MILLION, settings.LLM_OUTPUT_USD_PER_MILLION
    if not given and not written:
        return ""
    return f"USD {given} for a million tokens read, USD {written} written"


def _vendor(name: str) -> Vendor:
    try:
        return Vendor(name)
    except ValueError:
        raise Http404(f"There is no vendor {name!r}.") from None


def _words(form: forms.Form) -> str:
    return " ".join(
        f"{name.replace('_', ' ').capitalize()}: {error}"
        for name, errors in form.errors.items()
        for error in errors
    )
