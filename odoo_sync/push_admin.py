"""Leads in Odoo: where each stands and why, what is in hand, and the buttons that move it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST

from icp.lead_admin import FixedFilter
from icp.models import Lead
from odoo_sync.choose import CEASED
from odoo_sync.models import OdooPush
from odoo_sync.odoo_page import PUSH, OdooPage
from odoo_sync.start import NoOdooError, send, start
from odoo_sync.sync import can_go_on, connection_in_use
from tenants.bulk import ask_then_do
from tenants.clock import database_now
from tenants.console import may_do
from tenants.templatetags.console import ago, moment
from tenants.tenant_page import name_of

State = OdooPush.State
TAGS = {State.WAITING: "wait", State.SENDING: "busy", State.DONE: "good", State.PARKED: "bad",
        State.LEFT: "", State.REFUSED: ""}  # fmt: skip
OUTCOMES = {"WON": "good", "LOST": "bad", "OPEN": ""}


class StateFilter(FixedFilter):
    title, parameter_name, field = "where it is", "state", "state"
    choices_known = tuple(State.choices)


class OutcomeFilter(FixedFilter):
    title, parameter_name, field = "what became of it", "outcome", "outcome"
    choices_known = (("OPEN", "Open"), ("WON", "Won"), ("LOST", "Lost"))


@admin.register(OdooPush)
class PushAdmin(OdooPage):
    list_title = "Leads in Odoo"
    empty_title = "No lead is on its way to Odoo"
    empty_text = "Leads accepted at review go there with the night, or at once when you say so."
    list_display = ["company", "state_shown", "went", "there"]
    list_display_links = None
    list_filter = [StateFilter, OutcomeFilter]
    search_fields = ["lead__name", "lead__uen"]
    ordering = ["-pk"]
    actions = ["try_again"]
    list_before_template = "odoo_sync/pushes_before.html"

    class Media:
        css = {"all": ["odoo_sync/odoo.css"]}
        js = ["console/live.js"]

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("send", "send/", require_POST(self.send_view)),
            self.at("send_lead", "lead/<int:lead_id>/send/", require_POST(self.send_lead_view)),
            self.at("live", "live/", self.live_view),
        ]
        return [*mine, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[OdooPush]:
        return super().get_queryset(request).select_related("lead", "connection")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        context = {**_counts(), "may_push": may_do(request, PUSH)}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def live_view(self, request: HttpRequest) -> JsonResponse:
        self.guard(request)
        counts = _counts()
        html = render_to_string("odoo_sync/counts.html", counts, request)
        return JsonResponse({"html": html, "open": counts["is_busy"]})

    # --- the buttons ----------------------------------------------------------------------------
    def send_view(self, request: HttpRequest) -> HttpResponse:
        """Send what was accepted or is news, now instead of tonight."""
        self.guard(request, PUSH)
        try:
            made = start(actor=name_of(request), now=database_now())
        except NoOdooError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            text = f"{made.new} new, {made.changed} changed; {made.waiting} on their way to Odoo."
            self.message_user(request, text, messages.SUCCESS)
        return self._list()

    def send_lead_view(self, request: HttpRequest, lead_id: int) -> HttpResponse:
        self.guard(request, PUSH)
        lead = get_object_or_404(Lead, pk=lead_id)
        try:
            sent = send([lead.pk], actor=name_of(request), now=database_now())
        except NoOdooError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            text = f"{lead.name} is on its way to Odoo." if sent else "It is on its way already."
            self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:icp_lead_change", args=[lead.pk]))

    @admin.action(description="Send again")
    def try_again(self, request: HttpRequest, rows: QuerySet[OdooPush]) -> HttpResponse | None:
        def again(chosen: Any, _reason: str) -> int:
            ids = list(chosen.values_list("lead_id", flat=True))
            try:
                return send(ids, actor=name_of(request), now=database_now())
            except NoOdooError as exc:
                self.message_user(request, str(exc), messages.ERROR)
                return 0

        plain = OdooPush.objects.filter(pk__in=rows.order_by().values("pk"))
        return ask_then_do(
            self, request, plain, verb="Send again", action=PUSH, do=again, needs_reason=False,
            warning="What was deleted in Odoo is made there again. Suppressed leads do not go.",
        )  # fmt: skip

    @staticmethod
    def _list() -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:odoo_sync_odoopush_changelist"))

    # --- columns --------------------------------------------------------------------------------
    @admin.display(description="Company")
    def company(self, row: OdooPush) -> SafeString:
        is_ceased = row.lead.rejection_code == CEASED
        flag = mark_safe(' <span class="lg-tag lg-tag-bad">Ceased</span>') if is_ceased else ""
        return format_html(
            '<a href="{}" class="lg-link">{}</a><br><span class="lg-muted">{}</span>{}',
            reverse("admin:icp_lead_change", args=[row.lead_id]), row.lead.name,
            row.lead.uen or "no UEN", flag,
        )  # fmt: skip

    @admin.display(description="Where it is")
    def state_shown(self, row: OdooPush) -> SafeString:
        words = row.sentence
        if row.state == State.WAITING and row.attempts:
            words = f"{words} Tried {row.attempts} times, again {moment(row.not_before)}."
        return format_html(
            '<span class="lg-tag lg-tag-{}">{}</span><br><span class="od-reason">{}</span>',
            TAGS[State(row.state)], row.get_state_display(), words,
        )  # fmt: skip

    @admin.display(description="Went there")
    def went(self, row: OdooPush) -> SafeString | str:
        if row.pushed_at is None:
            return format_html('<span class="lg-muted">approved by {}</span>', row.approved_by)
        return format_html('{}<br><span class="lg-muted">approved by {}</span>',
                           moment(row.pushed_at), row.approved_by)  # fmt: skip

    @admin.display(description="Odoo says")
    def there(self, row: OdooPush) -> SafeString | str:
        if row.read_at is None:
            return "-"
        return format_html(
            '<span class="lg-tag lg-tag-{}">{}</span> {}<br><span class="lg-muted">{}{}</span>',
            OUTCOMES.get(row.outcome, ""), row.get_outcome_display(), row.stage_there,
            row.salesperson or "nobody's",
            f", {ago(row.active_there_at)}" if row.active_there_at else "",
        )  # fmt: skip


def _counts() -> dict[str, Any]:
    """How many are where, and what became of them by their score then. Three statements."""
    known = dict(OdooPush.objects.values_list("state").annotate(n=Count("pk")))
    connection = connection_in_use()
    busy = known.get(State.WAITING, 0) + known.get(State.SENDING, 0)
    return {
        "counts": [(state.label, known.get(state, 0), TAGS[state], state.value) for state in State],
        "total": sum(known.values()),
        "ends": _ends(),
        "connection": connection,
        "is_busy": bool(busy and connection and can_go_on(connection)),
    }


def _ends() -> list[tuple[str, int, int, int]]:
    """Bucket at the push, and how many of it Odoo says are won, lost and open; best first."""
    rows = OdooPush.objects.exclude(outcome="").values_list("pushed_bucket")
    counted = {end: Count("pk", filter=Q(outcome=end.upper())) for end in ("won", "lost", "open")}
    found = rows.annotate(best=Max("pushed_score"), **counted).order_by("-best", "pushed_bucket")
    return [(bucket or "no bucket", won, lost, open_) for bucket, _, won, lost, open_ in found]
