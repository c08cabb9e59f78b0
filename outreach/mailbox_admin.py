"""Mailboxes in the console: connect, test, pause; what each can do and why it does not send."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from outreach.mailbox_work import MailboxWork
from outreach.mailboxes.begin_with import begin_with
from outreach.mailboxes.dns_look import Finding
from outreach.mailboxes.makers import is_set_up, maker_of, signs_in
from outreach.models import Mailbox
from outreach.pacing import DAY
from outreach.self_test import headers_of
from outreach.transports.open import NoTransportError, capabilities_of, has_one_click
from outreach.within_limits import MailboxWithinLimits
from tenants.console import may_do, state_cell
from tenants.templatetags.console import moment

EDIT, WORK = "outreach.edit_mailboxes", "outreach.work_mailboxes"
State = Mailbox.State
TAGS = {State.NEW: "wait", State.READY: "good", State.PAUSED: "wait", State.RECONNECT: "bad",
        State.STOPPED: "bad"}  # fmt: skip
_WHAT_TO_DO = {
    State.NEW: "It sends nothing until it is connected.",
    State.READY: "It sends.",
}


@admin.register(Mailbox)
class MailboxAdmin(MailboxWork):
    list_title = "Mailboxes"
    empty_title = "No mailbox yet"
    empty_text = "Mail goes out from your own addresses: connect one."
    form = MailboxWithinLimits
    add_action = change_action = EDIT
    secret_fields = ("key",)
    list_display = ["who", "state_shown", "sent_today", "one_click", "dns_shown"]
    list_display_links = ["who"]
    list_filter = ["state", "transport"]
    search_fields = ["address", "display_name"]
    ordering = ["address"]
    change_form_outer_before_template = "outreach/mailbox_before.html"
    fieldsets = [
        ("Mailbox", {"fields": ["transport", ("address", "display_name"), "reply_to"]}),
        ("Sign-in", {"classes": ["by-GRAPH_DRAFT", "by-GRAPH_DIRECT", "by-GMAIL"],
                     "fields": ["account"]}),
        ("Microsoft 365", {"classes": ["by-GRAPH_DRAFT", "by-GRAPH_DIRECT"],
                           "fields": ["format"]}),
        ("SMTP", {"classes": ["by-SMTP"], "fields": [("host", "port"), ("security", "user"),
                                                     "password", ("imap_host", "imap_port")]}),
        ("Mass-mail service", {"classes": ["by-ANYMAIL"],
                               "fields": ["service", "key", ("sender_domain", "region")]}),
        ("Pace", {"fields": [("gap_seconds", "gap_jitter"), ("per_minute", "per_day"),
                             ("ramp_from", "timezone"), "dkim_selector"]}),
    ]  # fmt: skip

    class Media:
        js = ["outreach/mailbox.js"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mailbox]:
        recent = Q(messages__asked_at__gt=timezone.now() - DAY)
        return super().get_queryset(request).annotate(sent_count=Count("messages", filter=recent))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {**begin_with(), **super().get_changeform_initial_data(request)}

    def audit_subject(self, obj: Any) -> str:
        return f"mailbox {obj.pk}"

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        """To its own page, where it is connected."""
        self.message_user(request, f"{obj.address} is kept. {_WHAT_TO_DO[State.NEW]}")
        return HttpResponseRedirect(reverse("admin:outreach_mailbox_change", args=[obj.pk]))

    def about(self, request: HttpRequest, mailbox: Mailbox) -> dict[str, Any]:
        """What stands above the form."""
        maker = maker_of(mailbox.transport)
        try:
            can = capabilities_of(mailbox)
        except NoTransportError:
            can = None
        test = mailbox.findings.get("self_test")
        return {
            "mailbox": mailbox,
            "state_tag": TAGS[State(mailbox.state)],
            "state_words": mailbox.state_reason or _WHAT_TO_DO.get(State(mailbox.state), ""),
            "maker": maker,
            "is_set_up": maker is None or is_set_up(maker),
            "has_sign_in": signs_in(mailbox),
            "may_work": may_do(request, WORK),
            "can": can,
            "has_one_click": has_one_click(mailbox),
            "test": test,
            "test_headers": headers_of(test) if test and test.get("came") else [],
            "dns": [Finding(**each) for each in mailbox.findings.get("dns", {}).get("found", [])],
            "dns_at": mailbox.findings.get("dns", {}).get("at", ""),
            "callback_address": self.callback_address(request),
        }

    # --- the list -------------------------------------------------------------------------------
    @admin.display(description="Mailbox", ordering="address")
    def who(self, row: Mailbox) -> SafeString:
        return format_html('{}<br><span class="lg-muted">{}</span>', row.address,
                           row.get_transport_display())  # fmt: skip

    @admin.display(description="State", ordering="state")
    def state_shown(self, row: Mailbox) -> SafeString:
        words = row.state_reason or _WHAT_TO_DO.get(State(row.state), "")
        return state_cell(
            TAGS[State(row.state)], row.get_state_display(), since=row.state_since, words=words
        )

    @admin.display(description="Last 24 hours")
    def sent_today(self, row: Any) -> str:
        if row.state != State.READY or row.not_before <= timezone.now():
            return f"{row.sent_count:,} of {row.per_day:,}"
        return f"{row.sent_count:,} of {row.per_day:,}; next {moment(row.not_before)}"

    @admin.display(description="One-click unsubscribe")
    def one_click(self, row: Mailbox) -> str:
        if has_one_click(row):
            return "yes"
        return "no" if row.findings.get("one_click") is False else "not shown yet"

    @admin.display(description="DNS")
    def dns_shown(self, row: Mailbox) -> str:
        found = row.findings.get("dns", {}).get("found", [])
        wrong = [each["what"] for each in found if each["grade"] == "bad"]
        if not found:
            return "not looked at"
        return f"{', '.join(wrong)} wrong" if wrong else "in order"
