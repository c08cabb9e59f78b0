"""Connections in the console: where the Odoo is, what the key may do, what would be written."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSelectWidget

from icp.models import Lead
from odoo_sync.clients.trouble import OdooError
from odoo_sync.connection_form import ConnectionForm
from odoo_sync.examine import NEEDED, examine, trouble_in
from odoo_sync.import_dsn import WARNING
from odoo_sync.models import OdooConnection, OdooMapping
from odoo_sync.odoo_page import EDIT, PUSH, OdooPage
from odoo_sync.preview import preview
from odoo_sync.sources import SOURCES
from tenants import audit
from tenants.console import TabularInline, may_do, state_cell
from tenants.row_number import row_number
from tenants.tenant_page import name_of

State = OdooConnection.State
TAGS = {State.NEW: "wait", State.READY: "good", State.KEY: "bad", State.WRONG: "bad"}
_WORDS = {State.NEW: "Test it before it is put in use.", State.READY: "Odoo answers, and the key"
          " may do what is needed."}  # fmt: skip


class MappingInline(TabularInline):
    """The tenant's own fields, checked against what the test saw in that Odoo."""

    model = OdooMapping
    add_action = change_action = delete_action = EDIT
    fields = ["kind", "field", "source", "constant"]
    verbose_name_plural = "Fields of your own, or other values for ours"
    show_change_link = False

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "source":
            kwargs["widget"] = UnfoldAdminSelectWidget(
                choices=[("", "Nothing: the field is left alone"),
                         *((key, each.label) for key, each in SOURCES.items())]
            )  # fmt: skip
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(OdooConnection)
class ConnectionAdmin(OdooPage):
    list_title = "Odoo connections"
    empty_title = "No Odoo yet"
    empty_text = "Leads you accept can go into your CRM: connect it."
    form = ConnectionForm
    add_action = change_action = EDIT
    secret_fields = ("key",)
    inlines = [MappingInline]
    list_display = ["where", "state_shown", "use", "key_shown"]
    list_display_links = ["where"]
    ordering = ["name"]
    change_form_outer_before_template = "odoo_sync/connection_before.html"
    fieldsets = [
        ("Where", {"fields": [("name", "url"), ("database", "login"), ("key", "key_expires_on")]}),
        ("What goes there", {"fields": [("is_on", "is_automatic"), "threshold"]}),
        ("New leads", {"fields": [("team", "stage"), ("user", "tags"), "vat"]}),
    ]  # fmt: skip

    class Media:
        css = {"all": ["odoo_sync/odoo.css"]}

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("test", "<int:pk>/test/", require_POST(self.test_view)),
            self.at("preview", "<int:pk>/preview/", self.preview_view),
        ]
        return [*mine, *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Direct SQL stands there for a connection that was imported as such, and for no other."""
        usual = super().get_fieldsets(request, obj)
        if obj is None or obj.way != OdooConnection.Way.SQL:
            return usual
        return [*usual, ("Direct SQL", {"fields": ["direct_sql"], "description": WARNING})]

    def audit_subject(self, obj: Any) -> str:
        return f"Odoo connection {obj.pk}"

    def about(self, request: HttpRequest, connection: OdooConnection) -> dict[str, Any]:
        rights = connection.findings.get("rights", {})
        return {
            "connection": connection,
            "state_tag": TAGS[State(connection.state)],
            "state_words": connection.state_reason or _WORDS.get(State(connection.state), ""),
            "rights": [(model, [(each, rights[model].get(each)) for each in operations])
                       for model, operations in NEEDED.items() if model in rights],
            "trouble": trouble_in(connection) if connection.findings else [],
            "may_work": may_do(request, PUSH),
            "tested_at": connection.findings.get("tested_at", ""),
        }  # fmt: skip

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        """To its own page, where it is tested."""
        self.message_user(request, f"{obj} is kept. {_WORDS[State.NEW]}")
        return HttpResponseRedirect(reverse("admin:odoo_sync_odooconnection_change", args=[obj.pk]))

    # --- the buttons ----------------------------------------------------------------------------
    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask the Odoo what it is; keeps the answer."""
        self.guard(request, PUSH)
        connection = get_object_or_404(OdooConnection, pk=pk)
        try:
            wrong = examine(connection)
        except OdooError as exc:
            self.message_user(request, exc.sentence, messages.ERROR)
        else:
            text = f"Odoo {connection.version} answers by {connection.api}."
            level = messages.WARNING if wrong else messages.SUCCESS
            self.message_user(request, " ".join([text, *wrong]), level)
        audit.record(
            "odoo_sync.connection.test", actor=name_of(request),
            subject=self.audit_subject(connection), after={"state": connection.state},
        )  # fmt: skip
        address = reverse("admin:odoo_sync_odooconnection_change", args=[pk])
        return HttpResponseRedirect(address)

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What would be written for one lead, to the letter. Asks Odoo nothing."""
        self.guard(request)
        connection = get_object_or_404(OdooConnection, pk=pk)
        wanted = request.GET.get("lead", "").strip()[:100]
        lead = _lead(wanted)
        return self.page(
            request, "preview", f"What {connection} would get", connection=connection,
            wanted=wanted, lead=lead, shown=preview(connection, lead) if lead else None,
        )  # fmt: skip

    # --- the list -------------------------------------------------------------------------------
    @admin.display(description="Odoo", ordering="name")
    def where(self, row: OdooConnection) -> SafeString:
        return format_html('{}<br><span class="lg-muted">{}</span>', row.name, row.system)

    @admin.display(description="State")
    def state_shown(self, row: OdooConnection) -> SafeString:
        words = row.state_reason or _WORDS.get(State(row.state), "")
        return state_cell(
            TAGS[State(row.state)], row.get_state_display(), since=row.state_since, words=words
        )

    @admin.display(description="In use")
    def use(self, row: OdooConnection) -> str:
        if row.way == OdooConnection.Way.SQL and not row.is_on:
            return "no: imported, needs an address and a key"
        if not row.is_on:
            return "no"
        return f"yes, by itself from {row.threshold}" if row.is_automatic else "yes, once accepted"

    @admin.display(description="Key")
    def key_shown(self, row: OdooConnection) -> str:
        if row.secret is None:
            return "none"
        until = f", until {row.key_expires_on:%d %b %Y}" if row.key_expires_on else ""
        return f"…{row.ending}{until}" if row.ending else f"kept{until}"


def _lead(wanted: str) -> Lead | None:
    """By number, UEN or name; without a word the newest on a shortlist, as an example."""
    if not wanted:
        return Lead.objects.in_stage(Lead.Stage.SHORTLISTED).order_by("-pk").first()
    if number := row_number(wanted):
        found = Lead.objects.filter(pk=number).first()
        if found:
            return found
    return (
        Lead.objects.filter(uen=wanted.upper()).first()
        or Lead.objects.named(wanted).order_by("pk").first()
    )
