"""Calls in the console: Do Not Call results with their imports, and the list of whom to call."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from icp.lead_admin import FixedFilter
from icp.models import Suppression
from icp.taken_out import Leaving
from icp.upload_pages import UploadKind, UploadPages
from outreach.phone_models import DncImport, DncResult
from outreach.phones.call_list import as_csv, call_list, pairs_of, to_fill_in
from outreach.phones.dnc import VALID_FOR
from outreach.phones.import_dnc import preview_results, take_in, withdraw
from tenants import audit
from tenants.clock import database_now
from tenants.console import may_do
from tenants.files.csv_files import csv_answer
from tenants.row_number import row_number
from tenants.tenant_page import name_of

WORK = "outreach.work_phones"
SHOWN = 200


class ResultFilter(FixedFilter):
    title, parameter_name, field = "result", "result", "result"
    choices_known = tuple(DncResult.Result.choices)


@admin.register(DncResult)
class DncResultAdmin(UploadPages):
    what_belongs = "Calls"
    upload_kind = UploadKind(
        name="dnc", model=DncImport, action=WORK, title="Import Do Not Call results",
        preview=preview_results, confirm=take_in, undo=withdraw,
        confirmed="Taken in: {:,} new results.", discarded="Discarded; nothing was taken in.",
        undone="Withdrawn: {:,} results. Call lists leave their numbers out from now on.",
    )  # fmt: skip
    list_title = "Do Not Call results"
    list_display = ["number", "register", "result", "checked_at", "expires_at", "evidence",
                    "withdrawn_at"]  # fmt: skip
    list_select_related = ["upload"]
    list_display_links = None
    list_filter = [ResultFilter]
    search_fields = ["number"]
    ordering = ["-pk"]
    sortable_by: list[str] = []
    list_before_template = "outreach/dnc_before.html"
    empty_title = "No result yet"
    empty_text = "Import what the Do Not Call registers answered; without a valid result no number\
 leaves in a call list."

    @admin.display(description="Evidence")
    def evidence(self, row: DncResult) -> SafeString | str:
        if row.upload is None:
            return row.evidence_name
        address = reverse("admin:outreach_dnc_show", args=[row.upload.pk])
        return format_html('<a class="lg-link" href="{}">{}</a>', address, row.evidence_name)

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("call_list", "calls/", self.call_list_view),
            self.at("call_file", "calls/file/", require_POST(self.file_view)),
            self.at("call_look_up", "calls/look-up/", require_POST(self.look_up_view)),
        ]
        return [*mine, *self.upload_urls(), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        context = {"may_work": may_do(request, WORK), **(extra_context or {})}
        return super().changelist_view(request, context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Results are read in their list, each among those of its number."""
        self.guard(request)
        found = get_object_or_404(DncResult, pk=row_number(object_id))
        query = urlencode({"q": found.number})
        return HttpResponseRedirect(f"{reverse('admin:outreach_dncresult_changelist')}?{query}")

    def upload_words(self) -> dict[str, Any]:
        return {"days": VALID_FOR.days}

    def call_list_view(self, request: HttpRequest) -> HttpResponse:
        """Whom to call, and how many numbers are withheld for what."""
        self.guard(request)
        found = call_list(now=database_now())
        return self.page(
            request, "call_list", "Call list", found=found, calls=found.calls[:SHOWN], most=SHOWN,
            may_work=may_do(request, WORK), days=VALID_FOR.days,
        )  # fmt: skip

    def file_view(self, request: HttpRequest) -> HttpResponse:
        """The list as CSV; who took it and how many numbers were in it is kept."""
        self.guard(request, WORK)
        found = call_list(now=database_now())
        leaving = Leaving("Call list", file_name="calls.csv", actor=name_of(request))
        for call in found.calls:
            leaving.row(pairs_of(call))
        text = "".join(leaving.following([as_csv(found)]))
        audit.record("outreach.calls.export", actor=name_of(request), subject="call list",
                     after={"numbers": len(found.calls),
                            "withheld": dict(found.withheld)})  # fmt: skip
        return csv_answer(text, name="calls.csv")

    def look_up_view(self, request: HttpRequest) -> HttpResponse:
        """The numbers somebody has to look up, to be filled in and imported."""
        self.guard(request, WORK)
        found = call_list(now=database_now())
        leaving = Leaving("Numbers to look up", file_name="look-up.csv", actor=name_of(request))
        for number in found.to_look_up:
            leaving.row([(Suppression.Kind.PHONE, number)])
        text = "".join(leaving.following([to_fill_in(found)]))
        audit.record("outreach.calls.look_up", actor=name_of(request), subject="call list",
                     after={"numbers": len(found.to_look_up)})  # fmt: skip
        return csv_answer(text, name="look-up.csv")
