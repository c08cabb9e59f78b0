"""Harvest sources in the console: record the terms, say how it is read, try it, switch it on."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from enrichment.harvest import save_source
from enrichment.harvest.ask_for import FROM_FILES
from enrichment.harvest.read_overpass import AREA_OF_RELATION
from enrichment.harvest.save_source import SourceFormError
from enrichment.harvest_models import HarvestSource
from tenants.clock import database_now
from tenants.console import may_do, reason_of
from tenants.row_number import row_number
from tenants.tenant_page import TenantPage, name_of

EDIT = "enrichment.edit_sources"
LONGEST_PAGE = 2_000_000
Kind = HarvestSource.Kind
TEXTS = ("name", "terms_url", "terms_read_by", "allowed_use", "licence", "attribution")
EXAMPLES = {
    Kind.HTML_LIST: {
        "list_url": "https://directory.example.org/{city}?page=1",
        "city_map": {"Singapore": "sg"}, "item": "li.entry", "item_link": "a@href",
        "next": "a.next@href", "max_pages": 20, "body_scan": True, "captcha": ".g-recaptcha",
        "detail": {"title": "h1", "body": ".post", "phone": ".tel all", "email": "a.mail@href",
                   "website": "a.site@href", "image": ".photos img@src"},
    },
    Kind.OPEN_DATA: {
        "format": "csv", "key": "licence_no", "cities": ["Singapore"],
        "columns": {"name": "centre_name", "phones": ["tel"], "postcode": "postal_code"},
    },
    Kind.OVERTURE: {"min_confidence": 0.5},
    Kind.OVERPASS: {},
}  # fmt: skip


@admin.register(HarvestSource)
class HarvestSourceAdmin(TenantPage):
    list_title = "Harvest sources"
    what_belongs = "Harvest sources"
    add_action = EDIT

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("source_act", "<int:pk>/<slug:verb>/now/", require_POST(self.act_view)),
        ]
        return [*mine, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        sources = HarvestSource.objects.exclude(kind=Kind.API).order_by("name")[:200]
        rows = [(source, save_source.missing(source)) for source in sources]
        return self.page(request, "harvest_sources", "Harvest sources", rows=rows,
                         kinds=_kinds(), may_edit=may_do(request, EDIT))  # fmt: skip

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self.guard(request, EDIT)
        kind = request.POST.get("kind") or request.GET.get("kind", "")
        if kind not in dict(_kinds()):
            kind = Kind.OVERPASS
        begun = save_source.OPENSTREETMAP if kind == Kind.OVERPASS else {}
        blank = HarvestSource(kind=kind, options=EXAMPLES[Kind(kind)], **begun)
        return self._edit(request, None, blank)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self.guard(request, EDIT if request.method == "POST" else "")
        source = get_object_or_404(HarvestSource, pk=row_number(object_id))
        return self._edit(request, source, source)

    def _edit(
        self, request: HttpRequest, source: HarvestSource | None, shown: HarvestSource
    ) -> HttpResponse:
        if request.method != "POST":
            return self._form(request, source, _values_of(shown), kind=shown.kind)
        given = {name: request.POST.get(name, "").strip() for name in (*TEXTS, *_OTHERS)}
        try:
            saved = save_source.save_source(
                source, _read(given), kind=shown.kind, actor=name_of(request)
            )
        except SourceFormError as exc:
            return self._form(request, source, given, kind=shown.kind, error=exc)
        self.message_user(request, f"{saved} is saved.", messages.SUCCESS)
        return HttpResponseRedirect(_page_of(saved))

    def _form(
        self, request: HttpRequest, source: HarvestSource | None, given: dict[str, Any], *,
        kind: str, error: SourceFormError | None = None, found: dict[str, Any] | None = None,
    ) -> HttpResponse:  # fmt: skip
        stored = HarvestSource.objects.get(pk=source.pk) if source else None
        return self.page(
            request, "harvest_source", str(stored or "Add a harvest source"), source=stored,
            given=given, kind=kind, kind_label=Kind(kind).label, error=error, found=found,
            lacking=save_source.missing(stored) if stored else [],
            is_tried=bool(stored and save_source.is_tried(stored)),
            takes_files=kind in FROM_FILES, may_edit=may_do(request, EDIT),
            files=stored.files.defer("content").order_by("-pk")[:10] if stored else [],
            areas=sorted((stored.options.get("areas") or {}).items()) if stored else [],
            unclear=_unclear(stored),
        )  # fmt: skip

    def act_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """Switch on or off, try selectors, take a file or look at it, say where a city is."""
        self.guard(request, EDIT)
        source = get_object_or_404(HarvestSource, pk=pk)
        try:
            found, text = _act(request, source, verb)
        except SourceFormError as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return HttpResponseRedirect(_page_of(source))
        if found is not None:
            return self._form(request, source, _values_of(source), kind=source.kind, found=found)
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(_page_of(source))


def _unclear(source: HarvestSource | None) -> list[tuple[str, list[dict[str, Any]]]]:
    """Cities a person has to tell apart, each with what it may be."""
    found = (source.options.get("unclear") or {}) if source else {}
    return [
        (city, [{**one, "relation": one["area"] - AREA_OF_RELATION} for one in areas])
        for city, areas in sorted(found.items())
    ]


_OTHERS = ("terms_read_on", "options", "min_interval_s", "daily_cap")


def _act(
    request: HttpRequest, source: HarvestSource, verb: str
) -> tuple[dict[str, Any] | None, str]:
    actor = name_of(request)
    match verb:
        case "on" | "off":
            save_source.switch(source, on=verb == "on", actor=actor, reason=reason_of(request))
            return None, f"{source} is {verb}."
        case "try":
            trial = save_source.try_selectors(
                source, list_page=request.POST.get("list_page", "")[:LONGEST_PAGE],
                entry_page=request.POST.get("entry_page", "")[:LONGEST_PAGE], actor=actor,
                now=database_now(),
            )  # fmt: skip
            return None, f"{trial['entries']} entries found; see below what else."
        case "area":
            save_source.set_area(source, city=request.POST.get("city", ""), actor=actor,
                                 relation=row_number(request.POST.get("relation", "")))  # fmt: skip
            return None, "The city is noted."
        case "file":
            return _file(request, source, actor=actor)
    raise SourceFormError("", f"A source cannot be told to {verb}.")


def _file(
    request: HttpRequest, source: HarvestSource, *, actor: str
) -> tuple[dict[str, Any] | None, str]:
    given = request.FILES.get("file")
    if given is None or source.kind not in FROM_FILES:
        raise SourceFormError("file", "Choose a file.")
    if (given.size or 0) > save_source.LARGEST_FILE:
        raise SourceFormError("file", f"A file has at most {save_source.LARGEST_FILE:,} bytes.")
    content = given.read()
    if "keep" not in request.POST:
        count, rows = save_source.look_at_file(source, content)
        return {"name": given.name, "count": count, "rows": rows}, ""
    kept = save_source.keep_file(source, name=given.name or "file", content=content, actor=actor)
    return None, f"{kept} is kept: {kept.entry_count:,} entries. The source is read from it now."


def _read(given: dict[str, Any]) -> dict[str, Any]:
    """The form's texts as values; raises ``SourceFormError``."""
    values: dict[str, Any] = {name: given[name] for name in TEXTS}
    for name, longest in (("name", 100), ("terms_url", 500), ("terms_read_by", 150),
                          ("licence", 100), ("attribution", 300)):  # fmt: skip
        if len(values[name]) > longest:
            raise SourceFormError(name, f"At most {longest} characters.")
    if values["terms_url"] and not values["terms_url"].startswith(("https://", "http://")):
        raise SourceFormError("terms_url", "The address of the terms begins with https://.")
    try:
        read_on = given["terms_read_on"]
        values["terms_read_on"] = date.fromisoformat(read_on) if read_on else None
    except ValueError as exc:
        raise SourceFormError("terms_read_on", "The date is year-month-day.") from exc
    try:
        values["options"] = json.loads(given["options"] or "{}")
    except ValueError as exc:
        raise SourceFormError("options", f"The options are no JSON: {exc}") from exc
    try:
        values["min_interval_s"] = float(given["min_interval_s"] or 2)
        values["daily_cap"] = int(given["daily_cap"] or 1000)
    except ValueError as exc:
        raise SourceFormError("min_interval_s", "Gap and cap are numbers.") from exc
    return values


def _values_of(source: HarvestSource) -> dict[str, Any]:
    values = {name: getattr(source, name) for name in (*TEXTS, "min_interval_s", "daily_cap")}
    read_on = source.terms_read_on.isoformat() if source.terms_read_on else ""
    options = json.dumps(source.options, indent=2, ensure_ascii=False)
    return {**values, "terms_read_on": read_on, "options": options}


def _kinds() -> list[tuple[str, str]]:
    return [(value, label) for value, label in Kind.choices if value != Kind.API]


def _page_of(source: HarvestSource) -> str:
    return reverse("admin:enrichment_harvestsource_change", args=[source.pk])
