"""Suppressions in the console: add, import with a preview, see, and lift with a reason."""

from __future__ import annotations

from itertools import islice
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import DropdownFilter

from icp import imports, suppressions
from icp.lead_admin import FixedFilter, tag, unbroken
from icp.models import Suppression, SuppressionImport
from icp.normalise import NotAValueError, guess_kind, normalise
from icp.suppressions import SuppressionError, hashes_of
from icp.upload_pages import UploadKind, UploadPages
from tenants.bulk import ask_then_do
from tenants.console import audit_subject, may_do, reason_of
from tenants.models import AuditEvent
from tenants.row_number import row_number
from tenants.tenant_page import name_of

LIFT, SUPPRESS = "icp.lift_suppression", "icp.suppress"
MOST_LINES = 500  # typed by hand; more is a file


class KindFilter(FixedFilter):
    title, parameter_name, field = "kind", "kind", "kind"
    choices_known = tuple(Suppression.Kind.choices)


class StandingFilter(DropdownFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return (("standing", "Standing"), ("asked", "To be lifted, waits for a second person"),
                ("lifted", "Lifted"))  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case None:
                return queryset
            case "asked":
                return queryset.filter(lifted_at=None).exclude(lift_asked_at=None)
        return queryset.filter(lifted_at__isnull=self.value() == "standing")


@admin.register(Suppression)
class SuppressionAdmin(UploadPages):
    add_action = SUPPRESS
    upload_kind = UploadKind(
        name="import", model=SuppressionImport, action=SUPPRESS, undo_action=LIFT,
        title="Import suppressions",
        preview=imports.preview_import, confirm=imports.confirm_import, undo=imports.undo_import,
        confirmed="Suppressed {:,} new.", discarded="Discarded; nobody was suppressed.",
        undone="Lifted {:,}; the rows stay with your reason.", refused_name="refused-{}.csv",
    )  # fmt: skip
    list_display = ["what", "kind_words", "state", "reason", "source", "created_by", "since"]
    list_display_links = None
    list_filter = [KindFilter, StandingFilter]
    search_fields = ["value"]
    search_help_text = "Address, domain, UEN or telephone number; also finds what covers it"
    ordering = ["-pk"]
    sortable_by: list[str] = []
    actions = ["lift_chosen"]
    list_before_template = "icp/suppressions_before.html"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        context = {"nothing_yet": not Suppression.objects.exists(),
                   "may_suppress": may_do(request, SUPPRESS)}  # fmt: skip
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Suppression], search_term: str
    ) -> tuple[QuerySet[Suppression], bool]:
        """By part of the value, and by hash: an erased address is found by typing it in full."""
        term = search_term.strip()
        if not term:
            return queryset, False
        kind = guess_kind(term)
        covering = hashes_of(kind, term) if kind else []
        return queryset.filter(Q(value__icontains=term) | Q(value_hash__in=covering)), False

    @admin.display(description="Suppressed")
    def what(self, row: Suppression) -> SafeString:
        return format_html(
            '<a href="{}" class="lg-link">{}</a>',
            reverse("admin:icp_suppression_change", args=[row.pk]), row.value or "(erased)",
        )  # fmt: skip

    @admin.display(description="Kind")
    def kind_words(self, row: Suppression) -> str:
        return row.get_kind_display()

    @admin.display(description="State")
    def state(self, row: Suppression) -> SafeString:
        if row.lift_asked_at and not row.lifted_at:
            return tag("To be lifted", "wait")
        return tag("Lifted", "wait") if row.lifted_at else tag("Standing", "good")

    @admin.display(description="Since")
    def since(self, row: Suppression) -> str:
        return unbroken(f"{row.created_at:%d %b %Y}")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        if not may_do(request, LIFT):
            actions.pop("lift_chosen", None)
        return actions

    @admin.action(description="Lift")
    def lift_chosen(self, request: HttpRequest, rows: QuerySet[Suppression]) -> HttpResponse | None:
        standing = Suppression.objects.filter(pk__in=rows.order_by().values("pk"), lifted_at=None)
        actor = name_of(request)
        return ask_then_do(
            self, request, standing, verb="Lift", action=LIFT,
            do=lambda found, reason: sum(suppressions.lift_all(
                found.values_list("pk", flat=True), reason=reason, actor=actor)),
            warning="Lifting takes two people. Those that somebody else has asked for may be"
            " contacted again; for the others you ask, and a second person confirms.",
        )  # fmt: skip

    # --- pages ----------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("suppression_lift", "<int:suppression_id>/lift/", require_POST(self.lift_view)),
        ]
        return [*mine, *self.upload_urls(), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self.guard(request)
        row = get_object_or_404(Suppression, pk=row_number(object_id))
        events = AuditEvent.objects.filter(subject=audit_subject(row)).order_by("-at")
        return self.page(request, "suppression", str(row), row=row, events=events[:50],
                         may_lift=may_do(request, LIFT),
                         is_platforms=row.source == suppressions.PLATFORM,
                         asked_myself=row.lift_asked_by == name_of(request))  # fmt: skip

    def lift_view(self, request: HttpRequest, suppression_id: int) -> HttpResponse:
        self.guard(request, LIFT)
        row = get_object_or_404(Suppression, pk=suppression_id)
        try:
            lifted = suppressions.lift(row, reason=reason_of(request), actor=name_of(request))
        except SuppressionError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            said = "Lifted. The row stays." if lifted else "Asked. A second person confirms it."
            self.message_user(request, said, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:icp_suppression_change", args=[row.pk]))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One value a line, all or none: a line that cannot be read stops nothing silently."""
        self.guard(request, SUPPRESS)
        lines = [line.strip() for line in request.POST.get("values", "").splitlines()]
        lines = [line for line in lines if line]
        kind = request.POST.get("kind", "")
        mistakes = _mistakes(lines, kind) if request.method == "POST" else []
        if request.method == "POST" and not reason_of(request):
            mistakes.append("Say why: the reason stays with the suppression.")
        if request.method == "POST" and not mistakes:
            return self._add(request, lines, kind)
        return self.page(request, "suppression_add", "Suppress", kinds=Suppression.Kind.choices,
                         kind=kind, values="\n".join(lines), mistakes=mistakes,
                         was_told=bool(request.POST.get("told")),
                         reason=reason_of(request))  # fmt: skip

    @transaction.atomic
    def _add(self, request: HttpRequest, lines: list[str], kind: str) -> HttpResponse:
        new = 0
        source = suppressions.TOLD if request.POST.get("told") else suppressions.CONSOLE
        for line in lines:
            _, is_new = suppressions.add(
                kind or guess_kind(line) or "", line, reason=reason_of(request),
                actor=name_of(request), source=source,
            )  # fmt: skip
            new += is_new
        there = len(lines) - new
        text = f"Suppressed: {new} new" + (f", {there} already there." if there else ".")
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:icp_suppression_changelist"))

    # --- import ---------------------------------------------------------------------------------
    def upload_said(self, request: HttpRequest) -> dict[str, Any]:
        return {"reason": reason_of(request)}


def _mistakes(lines: list[str], kind: str) -> list[str]:
    """What is wrong with the lines typed by hand, all of it."""
    if not lines:
        return ["Write at least one value."]
    if len(lines) > MOST_LINES:
        return [f"At most {MOST_LINES} lines here; import a file instead."]
    return list(islice(_each_mistake(lines, kind), 50))


def _each_mistake(lines: list[str], kind: str) -> Any:
    for number, line in enumerate(lines, start=1):
        if kind and kind not in Suppression.Kind.values:
            yield f"There is no kind {kind[:20]!r}."
            return
        if not kind and guess_kind(line) is None:
            yield (f"Line {number}: {line[:60]!r} is no e-mail address, domain, UEN or telephone "
                   "number.")  # fmt: skip
        elif kind:
            try:
                normalise(kind, line)
            except NotAValueError as exc:
                yield f"Line {number}: {exc}"
