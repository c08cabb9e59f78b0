"""The register in the console: look a company up, see what each load did, browse the SSIC codes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, Value
from django.db.models.functions import Concat
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from django_q.tasks import async_task

from acra import filters
from acra.estimate import estimated_rows
from acra.keep_up import next_look
from acra.models import RegisterChange, RegisteredCompany, RegisterImport, SsicCode
from acra.normalise import published_row
from acra.paging import MANY, RegisterPaginator
from acra.postal import district_names
from acra.search import matching
from tenants import audit
from tenants.console import PLATFORM, ModelAdmin, may_do
from tenants.templatetags.console import moment

STATUS_TAGS = {"LIVE": "good", "AT_RISK": "wait", "PENDING": "wait", "CEASED": "", "UNKNOWN": "bad"}
LOAD_TAGS = {"FINISHED": "good", "RUNNING": "busy", "FAILED": "bad", "UNCHANGED": ""}
CHANGES_SHOWN = 50
# Not shown to the browser: the row as published, which the page of the company reads itself.
HEAVY = ("published", "row_hash", "former_keys", "name_key")


class RegisterList(ChangeList):
    """Orders by UEN in the way that suits the filter.

    Walking the key until fifty rows fit is quick when many do; when few do (or all at the far end)
    it walks through the whole table. Then the rows are found first, by a scan or another index, and
    sorted after: the expression keeps the key out of it.
    """

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        if estimated_rows(queryset) > MANY:
            return ["-pk"]
        return [Concat("uen", Value("")).desc(), "-pk"]


class RegisterPage(ModelAdmin):
    """A page that is looked at, with a template of its own for one row."""

    row_template = ""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id or "")
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id or "")
        context = {
            **self.admin_site.each_context(request),
            **self._place(),
            "opts": self.opts,
            "title": str(row),
            **self.row_context(request, row),
        }
        return TemplateResponse(request, self.row_template, context)

    def row_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        raise NotImplementedError


@admin.register(RegisteredCompany)
class RegisteredCompanyAdmin(RegisterPage):
    """Two million rows: every filter and search below is served by an index or a short scan."""

    list_title = "Register"
    row_template = "acra/company.html"
    paginator = RegisterPaginator
    list_display = ["company", "status_tag", "entity_type", "registered_on", "activity", "address"]
    list_display_links = None
    list_filter = [
        filters.StatusClassFilter, filters.EntityTypeFilter, filters.DistrictFilter,
        filters.SsicFilter, filters.YearFilter,
    ]  # fmt: skip
    search_fields = ["uen", "name"]
    search_help_text = "UEN or its first 5 signs, or words of a name or former name"
    sortable_by: list[str] = []
    ordering: list[str] = []

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return RegisterList

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegisteredCompany]:
        return super().get_queryset(request).defer(*HEAVY)

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        return super().get_object(request, object_id.upper(), from_field)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[RegisteredCompany], search_term: str
    ) -> tuple[QuerySet[RegisteredCompany], bool]:
        found = matching(search_term, queryset) if search_term.strip() else queryset
        return found, False

    def get_paginator(self, request: HttpRequest, *args: Any, **kwargs: Any) -> RegisterPaginator:
        paginator = RegisterPaginator(*args, **kwargs)
        paginator.is_search = bool(request.GET.get("q", "").strip())
        return paginator

    def row_context(self, request: HttpRequest, row: RegisteredCompany) -> dict[str, Any]:
        changes = RegisterChange.objects.filter(uen=row.uen).select_related("load")
        codes = [code for code in (row.primary_ssic, row.secondary_ssic) if code]
        titles = dict(SsicCode.objects.filter(code__in=codes).values_list("code", "title"))
        return {
            "company": row,
            "tag": STATUS_TAGS[row.status_class],
            "activities": [(code, titles.get(code, "in no edition we hold")) for code in codes],
            "place": district_names().get(row.district or 0, ""),
            "published": published_row(row.published) if row.published else {},
            "changes": changes.order_by("-load_id")[:CHANGES_SHOWN],
            "shares_address": _others_at(row),
        }

    @admin.display(description="Company")
    def company(self, row: RegisteredCompany) -> SafeString:
        former = f"formerly {row.former_names[0]}" if row.former_names else ""
        return format_html(
            '<a href="{}" class="lg-link">{}</a><br><span class="lg-muted">{} {}</span>',
            reverse("admin:acra_registeredcompany_change", args=[row.pk]),
            row.name or "(no name)", row.pk, former,
        )  # fmt: skip

    @admin.display(description="Status")
    def status_tag(self, row: RegisteredCompany) -> SafeString:
        return tag(row.status or "none", STATUS_TAGS[row.status_class])

    @admin.display(description="Activity")
    def activity(self, row: RegisteredCompany) -> str:
        return f"{row.primary_ssic} {row.primary_activity.capitalize()}".strip() or "-"

    @admin.display(description="Address")
    def address(self, row: RegisteredCompany) -> str:
        district = f"district {row.district}" if row.district else ""
        return ", ".join(filter(None, (f"{row.street} {row.postal_code}".strip(), district))) or "-"


@admin.register(RegisterImport)
class RegisterImportAdmin(RegisterPage):
    """Platform admins see what each load read, changed and refused, and start the next pull."""

    list_title = "Register loads"
    row_template = "acra/load.html"
    list_before_template = "acra/loads_before.html"
    list_display = ["load", "outcome", "read", "new", "changed", "ceased", "unchanged", "rejected",
                    "took"]  # fmt: skip
    list_display_links = None
    list_filter = [filters.LoadStatusFilter]
    ordering = ["-pk"]
    sortable_by: list[str] = []

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.fetch))
        return [path("fetch/", view, name="acra_fetch_register"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {
            "may_fetch": may_do(request, PLATFORM), "next_look": next_look(),
            "hours": settings.REGISTER_INTERVAL_HOURS, "is_off": settings.DISABLE_SCHEDULER,
            **(extra_context or {}),
        }  # fmt: skip
        return super().changelist_view(request, context)

    def fetch(self, request: HttpRequest) -> HttpResponse:
        """Queue a pull; the worker does it, and the list shows how it goes."""
        if not may_do(request, PLATFORM):
            raise PermissionDenied("The register is loaded by platform admins.")
        actor = request.user.get_username()
        force = request.POST.get("force") == "on"
        async_task(
            "acra.tasks.refresh_register", actor=actor, force=force,
            q_options={"task_name": "refresh the register", "ack_failure": True},
        )  # fmt: skip
        audit.record("acra.fetch_register", actor=actor, subject="register", after={"force": force})
        messages.info(
            request, "The pull waits for the worker. Its load appears here when it starts."
        )
        return HttpResponseRedirect(reverse("admin:acra_registerimport_changelist"))

    def row_context(self, request: HttpRequest, row: RegisterImport) -> dict[str, Any]:
        return {
            "load": row,
            "tag": LOAD_TAGS[row.status],
            "counts": [("new", row.new), ("changed", row.changed), ("unchanged", row.unchanged),
                       ("rejected", row.rejected)],
            "findings": [("Rejected rows", row.rejections), ("Kept, but odd", row.warnings)],
            "changes": row.changes.order_by("pk")[:CHANGES_SHOWN],
        }  # fmt: skip

    @admin.display(description="Load")
    def load(self, row: RegisterImport) -> SafeString:
        return format_html(
            '<a href="{}" class="lg-link">{}</a><br><span class="lg-muted">{}, {}</span>',
            reverse("admin:acra_registerimport_change", args=[row.pk]),
            row.source[:80], moment(row.started_at), row.actor or "somebody",
        )  # fmt: skip

    @admin.display(description="Outcome")
    def outcome(self, row: RegisterImport) -> SafeString:
        return tag(row.stage or row.get_status_display(), LOAD_TAGS[row.status])

    @admin.display(description="Took")
    def took(self, row: RegisterImport) -> str:
        return f"{sum(row.seconds.values()):.1f} s" if row.seconds else "-"


@admin.register(SsicCode)
class SsicCodeAdmin(ModelAdmin):
    """Which code means what, in which edition."""

    list_title = "SSIC codes"
    list_display = ["code", "title", "level", "section", "edition"]
    list_display_links = None
    list_filter = [filters.LevelFilter, filters.EditionFilter]
    search_fields = ["code__startswith", "title"]
    search_help_text = "Beginning of a code, or words of the title"
    ordering = ["edition", "section", "code"]
    fields = ["code", "title", "level", "parent", "section", "edition"]


def tag(words: str, kind: str) -> SafeString:
    return format_html('<span class="lg-tag{}">{}</span>', f" lg-tag-{kind}" if kind else "", words)


def _others_at(row: RegisteredCompany) -> int:
    """How many other live companies have the same postal code, level and unit."""
    if not row.address_key:
        return 0
    there = RegisteredCompany.objects.filter(
        address_key=row.address_key, status_class__in=["LIVE", "AT_RISK"]
    )
    return there.exclude(pk=row.pk).count()
