"""Whom no tenant may mail, in the console: for platform admins, outside any tenant."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from icp.lead_admin import tag, unbroken
from icp.normalise import NotAValueError, normalise
from icp.platform_suppressions import Kind, allow, audit_subject, forbid
from icp.suppressions import SuppressionError, hashes_of
from tenants.console import PLATFORM, may_do, reason_of
from tenants.models import AuditEvent
from tenants.platform_models import PlatformSuppression
from tenants.row_number import row_number
from tenants.tenant_page import TenantPage, name_of

MOST_LINES = 500  # typed by hand


@admin.register(PlatformSuppression)
class PlatformSuppressionAdmin(TenantPage):
    list_title = "Nobody may mail"
    empty_title = "Every tenant decides for itself"
    empty_text = (
        "An address or domain that no tenant may write to, for example after a legal demand, stands"
        " here. Tenants see that the platform forbids it, never this list."
    )
    add_action = PLATFORM
    list_display = ["what", "kind_words", "state", "reason", "created_by", "since"]
    list_display_links = None
    search_fields = ["hint"]
    search_help_text = "An address in full, or part of a domain; also finds what covers it"
    ordering = ["-pk"]
    sortable_by: list[str] = []

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_do(request, PLATFORM)

    def guard(self, request: HttpRequest, action: str = "") -> None:
        if not may_do(request, PLATFORM):
            raise PermissionDenied("This list is the platform's: for its admins, outside a tenant.")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PlatformSuppression], search_term: str
    ) -> tuple[QuerySet[PlatformSuppression], bool]:
        """An address is kept as a hash, so it is found by typing it in full."""
        term = search_term.strip()
        if not term:
            return queryset, False
        covering = hashes_of(kind_of(term), term)
        return queryset.filter(Q(hint__icontains=term) | Q(value_hash__in=covering)), False

    @admin.display(description="Who")
    def what(self, row: PlatformSuppression) -> SafeString:
        return format_html(
            '<a href="{}" class="lg-link">{}</a>',
            reverse("admin:tenants_platformsuppression_change", args=[row.pk]), row.hint,
        )  # fmt: skip

    @admin.display(description="Kind")
    def kind_words(self, row: PlatformSuppression) -> str:
        return row.get_kind_display()

    @admin.display(description="State")
    def state(self, row: PlatformSuppression) -> SafeString:
        if row.lift_asked_at and not row.lifted_at:
            return tag("To be lifted", "wait")
        return tag("Lifted", "wait") if row.lifted_at else tag("Standing", "good")

    @admin.display(description="Since")
    def since(self, row: PlatformSuppression) -> str:
        return unbroken(f"{row.created_at:%d %b %Y}")

    # --- pages ----------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        lift = self.at("platform_lift", "<int:row_id>/lift/", require_POST(self.lift_view))
        return [lift, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self.guard(request)
        row = get_object_or_404(PlatformSuppression, pk=row_number(object_id))
        events = AuditEvent.objects.filter(subject=audit_subject(row)).order_by("-at")
        return self.page(request, "platform_suppression", str(row), row=row, events=events[:50],
                         asked_myself=row.lift_asked_by == name_of(request))  # fmt: skip

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One value a line, all or none."""
        self.guard(request)
        typed = [line.strip() for line in request.POST.get("values", "").splitlines()]
        lines = [line for line in typed if line]
        mistakes = _mistakes(lines) if request.method == "POST" else []
        if request.method == "POST" and not reason_of(request):
            mistakes.append("Say why: the reason stays with it.")
        if request.method == "POST" and not mistakes:
            return self._add(request, lines)
        return self.page(request, "platform_suppression_add", "Forbid to all tenants",
                         values="\n".join(lines), mistakes=mistakes,
                         reason=reason_of(request))  # fmt: skip

    def _add(self, request: HttpRequest, lines: list[str]) -> HttpResponse:
        new = forbid([(kind_of(line), line) for line in lines], reason=reason_of(request),
                     actor=name_of(request))  # fmt: skip
        there = len(lines) - new
        text = f"Forbidden to all tenants: {new} new" + (f", {there} already." if there else ".")
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:tenants_platformsuppression_changelist"))

    def lift_view(self, request: HttpRequest, row_id: int) -> HttpResponse:
        self.guard(request)
        row = get_object_or_404(PlatformSuppression, pk=row_id)
        try:
            is_over = allow(row, reason=reason_of(request), actor=name_of(request))
        except SuppressionError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            said = "Lifted. The row stays." if is_over else "Asked. A second admin confirms it."
            self.message_user(request, said, messages.SUCCESS)
        here = reverse("admin:tenants_platformsuppression_change", args=[row.pk])
        return HttpResponseRedirect(here)


def kind_of(text: str) -> str:
    return Kind.EMAIL if "@" in text else Kind.DOMAIN


def _mistakes(lines: list[str]) -> list[str]:
    if not lines:
        return ["Write at least one address or domain."]
    if len(lines) > MOST_LINES:
        return [f"At most {MOST_LINES} lines at a time."]
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            normalise(kind_of(line), line)
        except NotAValueError as exc:
            found.append(f"Line {number}: {exc}")
    return found[:50]
