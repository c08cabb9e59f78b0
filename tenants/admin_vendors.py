"""The ledger in the console: every paid call, to be searched, taken away, settled if unknown."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import FieldTextFilter, RangeDateFilter, SingleNumericFilter

from tenants import audit
from tenants.console import ModelAdmin, may_do, reason_of
from tenants.context import is_public
from tenants.files.csv_files import csv_lines, csv_stream
from tenants.paid.settle_by_hand import NotSettledError, settle_by_hand
from tenants.templatetags.console import count, dollars, moment, span
from tenants.vendor_models import VendorUsage

RIGHT = "tenants.edit_vendors"
TAGS = {"RESERVED": "busy", "SETTLED": "good", "REFUNDED": "", "UNKNOWN": "wait"}
WORDS = {"RESERVED": "Under way", "SETTLED": "Paid", "REFUNDED": "Free", "UNKNOWN": "Not known"}
CHUNK = 2000
COLUMNS = ("id", "tenant", "at", "day", "vendor", "purpose", "run_id", "lead_id", "outcome",
           "reserved_units", "units", "usd", "own_key", "milliseconds", "reference",
           "note")  # fmt: skip


class SettleForm(forms.Form):
    units = forms.IntegerField(min_value=0, max_value=10**12)


@admin.register(VendorUsage)
class LedgerAdmin(ModelAdmin):
    """Paid calls, newest first. Nothing is changed but what an unknown one cost, with a reason."""

    list_title = "Ledger"
    empty_title = "No call to a vendor was made yet"
    empty_text = "Each one is written here before it is made, with what it cost and what for."
    list_display = ["when", "vendor_name", "purpose", "run", "lead", "shown_units", "money",
                    "ended", "took"]  # fmt: skip
    list_display_links = ["when"]
    list_filter = [
        "vendor",
        "outcome",
        ("purpose", FieldTextFilter),
        ("run_id", SingleNumericFilter),
        ("day", RangeDateFilter),
    ]
    list_before_template = "console/ledger_before.html"
    change_form_outer_before_template = "console/ledger_settle.html"
    ordering = ["-at", "-pk"]
    readonly_fields = [
        "vendor", "purpose", "run_id", "lead_id", "at", "due_at", "day", "own_key",
        "reserved_units", "units", "money", "outcome", "settled_at", "milliseconds", "reference",
        "note", "caller",
    ]  # fmt: skip
    fields = readonly_fields

    def get_list_display(self, request: HttpRequest) -> list[str]:
        if is_public():
            return [self.list_display[0], "tenant", *self.list_display[1:]]
        return self.list_display

    def get_urls(self) -> list[Any]:
        download = self.admin_site.admin_view(require_POST(self.csv_view))
        settle = self.admin_site.admin_view(require_POST(self.settle_view))
        return [
            path("ledger.csv", download, name="ledger-csv"),
            path("<int:call_id>/settle/", settle, name="ledger-settle"),
            *super().get_urls(),
        ]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        context = {"may_settle": may_do(request, RIGHT), **(extra_context or {})}
        return super().changeform_view(request, object_id, form_url, context)

    def settle_view(self, request: HttpRequest, call_id: int) -> HttpResponse:
        """Write what an unknown call cost by the vendor's invoice."""
        if is_public() or not may_do(request, RIGHT):
            raise PermissionDenied("Calls are settled by owners of the tenant.")
        form = SettleForm(request.POST)
        units = form.cleaned_data["units"] if form.is_valid() else -1
        try:
            settle_by_hand(call_id, units=units, reason=reason_of(request),
                           actor=request.user.get_username())  # fmt: skip
        except NotSettledError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            self.message_user(request, "The call is settled; budgets count what it cost.")
        return HttpResponseRedirect(reverse("admin:tenants_vendorusage_change", args=[call_id]))

    def csv_view(self, request: HttpRequest) -> HttpResponseBase:
        """The calls the list shows with the same filters, all pages of it, streamed; audited."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.get_changelist_instance(request).get_queryset(request)
        audit.record("tenants.ledger.export", actor=request.user.get_username(), subject="ledger",
                     after={"filter": request.GET.urlencode(), "calls": rows.count()})  # fmt: skip
        cells = chain([COLUMNS], map(_cells, rows.iterator(CHUNK)))
        return csv_stream(csv_lines(cells), name="vendor-calls.csv")

    @admin.display(description="When", ordering="at")
    def when(self, call: VendorUsage) -> str:
        return moment(call.at)

    @admin.display(description="Vendor", ordering="vendor")
    def vendor_name(self, call: VendorUsage) -> str:
        return call.get_vendor_display()

    @admin.display(description="Run", ordering="run_id")
    def run(self, call: VendorUsage) -> SafeString | str:
        if call.run_id is None:
            return "-"
        page = reverse("admin:tenants_pipelinerun_change", args=[call.run_id])
        return format_html('<a href="{}">{}</a>', page, call.run_id)

    @admin.display(description="Lead", ordering="lead_id")
    def lead(self, call: VendorUsage) -> SafeString | str:
        if call.lead_id is None:
            return "-"
        if is_public():
            return str(call.lead_id)
        page = reverse("admin:icp_lead_change", args=[call.lead_id])
        return format_html('<a href="{}">{}</a>', page, call.lead_id)

    @admin.display(description="Units", ordering="units")
    def shown_units(self, call: VendorUsage) -> str:
        return count(call.units)

    @admin.display(description="Money", ordering="micros")
    def money(self, call: VendorUsage) -> str:
        return dollars(call.micros) if call.micros or not call.units else "price not set"

    @admin.display(description="Outcome", ordering="outcome")
    def ended(self, call: VendorUsage) -> SafeString:
        tag = format_html(
            '<span class="lg-tag lg-tag-{}">{}</span>', TAGS[call.outcome], WORDS[call.outcome]
        )
        if not call.note:
            return tag
        return format_html('{}<br><span class="lg-muted">{}</span>', tag, call.note)

    @admin.display(description="Took", ordering="milliseconds")
    def took(self, call: VendorUsage) -> str:
        return "-" if call.milliseconds is None else span(call.milliseconds / 1000)


def _cells(call: VendorUsage) -> Iterable[Any]:
    return (
        call.pk, call.tenant_id, call.at.isoformat(), call.day, call.vendor,
        call.purpose, call.run_id, call.lead_id, call.outcome, call.reserved_units,
        call.units, f"{call.micros / 1_000_000:.6f}", call.own_key, call.milliseconds,
        call.reference, call.note,
    )  # fmt: skip
