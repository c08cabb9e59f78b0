"""Calls in the console: Do Not Call results with their import, and the list of whom to call."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from icp.lead_admin import FixedFilter
from outreach.call_list import as_csv, call_list
from outreach.dnc import VALID_FOR
from outreach.import_dnc import MOST_ROWS, DncImportError, preview, take_in
from outreach.mail_page import MailPage, name_of
from outreach.phone_models import DncResult
from tenants import audit
from tenants.clock import database_now
from tenants.console import may_do
from tenants.row_number import row_number

WORK = "outreach.work_phones"
SHOWN = 200


class ResultFilter(FixedFilter):
    title, parameter_name, field = "result", "result", "result"
    choices_known = tuple(DncResult.Result.choices)


@admin.register(DncResult)
class DncResultAdmin(MailPage):
    list_title = "Do Not Call results"
    list_display = ["number", "register", "result", "checked_at", "expires_at", "evidence_name"]
    list_display_links = None
    list_filter = [ResultFilter]
    search_fields = ["number"]
    ordering = ["-pk"]
    sortable_by: list[str] = []
    list_before_template = "outreach/dnc_before.html"
    empty_title = "No result yet"
    empty_text = "Import what the Do Not Call registers answered; without a valid result no number\
 leaves in a call list."

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("dnc_import", "import/", self.import_view),
            self.at("dnc_take_in", "import/now/", require_POST(self.take_in_view)),
            self.at("call_list", "calls/", self.call_list_view),
            self.at("call_file", "calls/file/", require_POST(self.file_view)),
        ]
        return [*mine, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        return super().changelist_view(request, extra_context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Results are read in their list, each among those of its number."""
        self.guard(request)
        found = get_object_or_404(DncResult, pk=row_number(object_id))
        query = urlencode({"q": found.number})
        return HttpResponseRedirect(f"{reverse('admin:outreach_dncresult_changelist')}?{query}")

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Choose a file, then see what it would do."""
        self.guard(request, WORK)
        mistake, found = "", None
        if request.method == "POST" and (file := request.FILES.get("file")):
            try:
                found = preview(file.read(), file_name=file.name or "", now=database_now())
            except DncImportError as exc:
                mistake = str(exc)
        lines, refused = (found.lines, found.refused) if found else ((), ())
        return self.page(request, "dnc_import", "Import Do Not Call results", found=found,
                         lines=lines[:SHOWN], refused=refused[:SHOWN], mistake=mistake,
                         most=SHOWN, most_rows=MOST_ROWS, days=VALID_FOR.days)  # fmt: skip

    def take_in_view(self, request: HttpRequest) -> HttpResponse:
        self.guard(request, WORK)
        try:
            new = take_in(request.POST.get("token", ""), actor=name_of(request), now=database_now())
        except DncImportError as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:outreach_dnc_import"))
        self.message_user(request, f"Taken in: {new:,} new results.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:outreach_dncresult_changelist"))

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
        audit.record("outreach.calls.export", actor=name_of(request), subject="call list",
                     after={"numbers": len(found.calls),
                            "withheld": dict(found.withheld)})  # fmt: skip
        answer = HttpResponse(as_csv(found), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="calls.csv"'
        return answer
