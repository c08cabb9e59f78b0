"""Working hours, places and limits in the console: what ``getConfig`` and ``updateConfig`` know.

Nights and the shortlist stand under Settings. One form: look at what it would mean, then save.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from leadgen_project.config import ConfigError, check, read_config, update_config
from leadgen_project.console.context import tenant_of
from leadgen_project.console.pages import link
from outreach.windows import DAYS, parse_hours, zone_of
from tenants.console import is_platform_admin, may_do, reason_of

RIGHT = "tenants.edit_settings"


@dataclass(frozen=True, slots=True)
class Place:
    """A time zone as it would be: its clock now, and when mail may go there next."""

    zone: str
    clock: datetime
    opens: datetime | None

    @property
    def is_open(self) -> bool:
        return self.opens is not None and self.opens <= self.clock


class HoursForm(forms.Form):
    """What of the configuration no other page edits."""

    zones = forms.CharField(required=False, max_length=6500)
    model_calls = forms.IntegerField(min_value=1)

    def __init__(self, *args: Any, is_admin: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for day in DAYS:
            self.fields[day] = forms.CharField(required=False, max_length=200)
        if is_admin:
            self.fields["model_calls"] = forms.IntegerField(min_value=0, max_value=100_000)
        else:
            most = settings.LLM_CALLS_PER_MINUTE_MOST
            self.fields["model_calls"] = forms.IntegerField(min_value=1, max_value=most)

    @property
    def changes(self) -> dict[str, Any]:
        """What was typed, under the names of the API. Only of a valid form."""
        data = self.cleaned_data
        return {
            "workingHours": {day: _parts(data[day], r"[,;]") for day in DAYS if data[day].strip()},
            "activeTimezones": _parts(data["zones"], r"[,;\n]"),
            "llmTransactionLimit": data["model_calls"],
        }


def hours_page(request: HttpRequest) -> HttpResponse:
    """GET shows what holds; POST looks at what would (``preview``), or saves it. Audited."""
    if tenant_of(request) is None:
        raise PermissionDenied("Working hours belong to a tenant.")
    may_edit, now = may_do(request, RIGHT), timezone.now()
    config = read_config()
    form = HoursForm(_typed(config), is_admin=is_platform_admin(request))
    errors: list[str] = []
    is_preview = False
    if request.method == "POST":
        if not may_edit:
            raise PermissionDenied("The tenant's settings are changed by its owners.")
        form = HoursForm(request.POST, is_admin=is_platform_admin(request))
        errors, wanted = _read(form)
        is_preview = "preview" in request.POST and not errors
        if not errors and not is_preview:
            return _save(request, wanted)
        config = config if errors else {**config, **wanted}
    return TemplateResponse(
        request,
        "console/hours.html",
        {
            **admin.site.each_context(request),
            "title": "Working hours",
            "days": [(day, form[day].value() or "") for day in DAYS],
            "form": form,
            "errors": errors,
            "is_preview": is_preview,
            "may_edit": may_edit,
            "most_calls": settings.LLM_CALLS_PER_MINUTE_MOST,
            "goes_everywhere": not config["activeTimezones"],
            "places": places(config, now=now),
        },
    )


def places(config: dict[str, Any], *, now: datetime) -> list[Place]:
    """What ``config`` means for mail in each of its zones; without one, in the nights' own."""
    window = parse_hours(config["workingHours"])
    found = []
    for name in config["activeTimezones"] or [settings.TIME_ZONE_NIGHTLY]:
        opens = window.next_open(now, zone=name)
        zone = zone_of(name)
        found.append(Place(name, now.astimezone(zone), opens and opens.astimezone(zone)))
    return found


def _read(form: HoursForm) -> tuple[list[str], dict[str, Any]]:
    """Sentences about what cannot be used, and the changes when there are none."""
    if not form.is_valid():
        labels = {"model_calls": "Calls a minute"}
        return [
            f"{labels.get(name, name.replace('_', ' ').capitalize())}: {' '.join(map(str, found))}"
            for name, found in form.errors.items()
        ], {}
    try:
        check(form.changes)
    except ConfigError as exc:
        return [str(exc)], {}
    return [], form.changes


def _save(request: HttpRequest, wanted: dict[str, Any]) -> HttpResponse:
    """Save what was typed. The limit all tenants share stays unless this form changed it."""
    if str(wanted["llmTransactionLimit"]) == request.POST.get("model_calls_before"):
        del wanted["llmTransactionLimit"]
    update_config(wanted, actor=request.user.get_username(), reason=reason_of(request))
    messages.success(request, "Saved. It holds with the next mail or call.")
    return HttpResponseRedirect(link("hours"))


def _typed(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as the form would have been filled in."""
    return {
        **{day: ", ".join(config["workingHours"].get(day, ())) for day in DAYS},
        "zones": "\n".join(config["activeTimezones"]),
        "model_calls": config["llmTransactionLimit"],
    }


def _parts(text: str, between: str) -> list[str]:
    return [part.strip() for part in re.split(between, text) if part.strip()]
