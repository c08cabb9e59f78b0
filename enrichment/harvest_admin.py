"""Harvests in the console: ask for one, watch it, and see what became of every entry."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from enrichment import harvest_source_admin
from enrichment.harvest import decide, mail_templates
from enrichment.harvest.ask_for import (
    MOST_WANTED,
    HarvestError,
    ask_for,
    country_of,
    usable,
)
from enrichment.harvest.call import call
from enrichment.harvest.categories import ANY, CATEGORIES
from enrichment.harvest.counts import progress_of
from enrichment.harvest.foresee import foresee
from enrichment.harvest_models import HarvestRequest, HarvestSource, Listing
from enrichment.listings.keys import WORDS
from tenants.clock import database_now
from tenants.console import may_do, reason_of
from tenants.places import listed_cities, place_of_city
from tenants.row_number import row_number
from tenants.tenant_page import TenantPage, name_of

__all__ = ["harvest_source_admin"]

RIGHT = "enrichment.harvest"
SHOWN = 200
Outcome = Listing.Outcome


@admin.register(HarvestRequest)
class HarvestAdmin(TenantPage):
    list_title = "Harvests"
    what_belongs = "Harvests"
    add_action = RIGHT

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("harvest_act", "<int:pk>/<slug:verb>/now/", require_POST(self.act_view)),
            self.at("harvest_live", "<int:pk>/live/", self.live_view),
            self.at("harvest_entries", "<int:pk>/export/", self.entries_view),
        ]
        return [*mine, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        rows = list(HarvestRequest.objects.select_related("source").order_by("-pk")[:SHOWN])
        progress = progress_of(rows)
        return self.page(
            request, "harvests", "Harvests", rows=[(row, progress[row.pk]) for row in rows],
            may_harvest=may_do(request, RIGHT), labels=_labels(),
            has_sources=HarvestSource.objects.filter(is_enabled=True)
            .exclude(kind=HarvestSource.Kind.API).exists(),
        )  # fmt: skip

    def get_export_queryset(self, request: HttpRequest) -> QuerySet[HarvestRequest]:
        return HarvestRequest.objects.order_by("-pk")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The form; ``look`` shows what it would ask, ``start`` begins it."""
        self.guard(request, RIGHT)
        given = _posted(request)
        if request.method != "POST":
            return self._form(request, given)
        try:
            if "start" not in request.POST:
                return self._form(request, given, told=_foreseen(given))
            made = _start(given, actor=name_of(request))
        except HarvestError as exc:
            return self._form(request, given, error=exc)
        self.message_user(request, f"{made} is under way.", messages.SUCCESS)
        return HttpResponseRedirect(_page_of(made))

    def _form(
        self, request: HttpRequest, given: dict[str, Any], *, told: list[str] | None = None,
        error: HarvestError | None = None,
    ) -> HttpResponse:  # fmt: skip
        sources = HarvestSource.objects.exclude(kind=HarvestSource.Kind.API).order_by("name")
        return self.page(
            request, "harvest_add", "Start a harvest", given=given, told=told, error=error,
            categories=CATEGORIES.values(), cities=listed_cities(), sources=sources,
            most=MOST_WANTED, templates=mail_templates.choices(),
        )  # fmt: skip

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self.guard(request)
        harvest = get_object_or_404(HarvestRequest, pk=row_number(object_id))
        chosen, rows = request.GET.get("outcome", ""), _entries(harvest, request)
        export = reverse("admin:enrichment_harvest_entries", args=[harvest.pk])
        live = _live(harvest)
        return self.page(
            request, "harvest", f"{live['label']} in {harvest.city}", **live, listings=rows[:SHOWN],
            shown=SHOWN, total=rows.count(), chosen=chosen, outcomes=Outcome.choices,
            may_harvest=may_do(request, RIGHT),
            export_link=f"{export}?{request.GET.urlencode()}" * self.has_export_permission(request),
        )  # fmt: skip

    def entries_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The entries of one harvest as a file, those the page shows now."""
        self.guard(request)
        harvest = get_object_or_404(HarvestRequest, pk=pk)
        return self.hand_out(request, _entries(harvest, request), back=_page_of(harvest),
                             title=f"Entries of {harvest}")  # fmt: skip

    def live_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The live part of a harvest's page, for its script."""
        self.guard(request)
        harvest = get_object_or_404(HarvestRequest.objects.select_related("source"), pk=pk)
        context = _live(harvest)
        html = render_to_string("enrichment/harvest_live.html", context, request=request)
        return JsonResponse({"open": context["is_open"], "html": html})

    def act_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """Pause, resume or cancel."""
        self.guard(request, RIGHT)
        harvest = get_object_or_404(HarvestRequest, pk=pk)
        try:
            text = _act(harvest, verb, actor=name_of(request), reason=reason_of(request))
        except decide.DecisionError as exc:
            self.message_user(request, str(exc), messages.WARNING)
        else:
            self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(_page_of(harvest))


def _entries(harvest: HarvestRequest, request: HttpRequest) -> QuerySet[Listing]:
    rows = harvest.listings.select_related("lead").order_by("position", "pk")
    chosen = request.GET.get("outcome", "")
    return rows.filter(outcome=chosen) if chosen in Outcome.values else rows


def _act(harvest: HarvestRequest, verb: str, *, actor: str, reason: str) -> str:
    match verb:
        case "pause":
            decide.pause(harvest, actor=actor, reason=reason, now=database_now())
            return "Paused. The entry in hand is still read."
        case "resume":
            with transaction.atomic():
                decide.resume(harvest, actor=actor, reason=reason)
                call(harvest.pk)
            return "Resumed."
        case "cancel":
            decide.cancel(harvest, actor=actor, reason=reason, now=database_now())
            return "Cancelled. The leads it made stay."
    raise decide.DecisionError(f"A harvest cannot be told to {verb}.")


def _start(given: dict[str, Any], *, actor: str) -> HarvestRequest:
    with transaction.atomic():
        made = ask_for(
            city=given["city"], wanted=_wanted(given), category=given["category"],
            source=_source(given), template_id=row_number(given["template"]) or None,
            template_fault=mail_templates.fault, actor=actor, now=database_now(),
        )  # fmt: skip
        call(made.pk)
    return made


def _foreseen(given: dict[str, Any]) -> list[str]:
    city = given["city"]
    country, zone = country_of(city), place_of_city(city).timezone
    category = given["category"] or ANY
    source = usable(_source(given), city=city, category=category)
    told = foresee(source, city=city, wanted=_wanted(given), now=database_now())
    where = f"{country} ({zone})" if zone else country
    return [f"{city} is in {where}; national numbers are read so.", *told]


def _wanted(given: dict[str, Any]) -> int:
    wanted = row_number(given["wanted"])
    if not 1 <= wanted <= MOST_WANTED:
        raise HarvestError("numLeads", f"Ask for 1 to {MOST_WANTED:,} leads.")
    return wanted


def _source(given: dict[str, Any]) -> HarvestSource | None:
    return HarvestSource.objects.filter(pk=row_number(given["source"])).first()


def _posted(request: HttpRequest) -> dict[str, Any]:
    names = {"city": "", "category": ANY, "wanted": "50", "source": "", "template": ""}
    return {name: request.POST.get(name, value).strip()[:100] for name, value in names.items()}


# Why an entry became no lead: a code of its source, or what a known business shares with it.
_WHY: dict[str, str] = {
    **{kind.value: words for kind, words in WORDS.items()},
    "unsure": "not sure", "dead_link": "its page is gone",
    "other_host": "its page is elsewhere", "robots": "robots.txt forbids its page",
    "noindex": "its page asks to be left out", "no_page": "no page of its own",
    "captcha": "behind a wall",
}  # fmt: skip


def _live(harvest: HarvestRequest) -> dict[str, Any]:
    progress = progress_of([harvest])[harvest.pk]
    parts = [(Outcome.TAKEN, "became leads", progress.taken),
             (Outcome.DUPLICATE, "known already", progress.duplicate),
             (Outcome.WALLED, "wait for a person", progress.walled),
             (Outcome.SUPPRESSED, "suppressed", progress.suppressed),
             (Outcome.REFUSED, "not taken", progress.refused),
             (Outcome.FOUND, _word_for_waiting(harvest), progress.waiting)]  # fmt: skip
    category = CATEGORIES.get(harvest.category)
    return {
        "harvest": harvest, "progress": progress, "parts": parts,
        "label": category.label if category else harvest.category,
        "reasons": [(_WHY.get(code, code.replace("_", " ")), number)
                    for code, number in progress.reasons.items()],
        "is_open": harvest.status in HarvestRequest.OPEN,
        "place": place_of_city(harvest.city),
        "template": dict(mail_templates.choices()).get(harvest.template_id or 0, ""),
    }  # fmt: skip


def _word_for_waiting(harvest: HarvestRequest) -> str:
    return "to be read" if harvest.status in HarvestRequest.OPEN else "not needed"


def _labels() -> dict[str, str]:
    return {key: one.label for key, one in CATEGORIES.items()}


def _page_of(harvest: HarvestRequest) -> str:
    return reverse("admin:enrichment_harvestrequest_change", args=[harvest.pk])
