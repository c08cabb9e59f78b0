"""Contacts and what is known of their addresses: a list to look through, and the policy behind."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from enrichment import captcha_admin, harvest_admin, step_admin, twin_admin
from enrichment.choose_policy import choose_policy, preview_policy
from enrichment.contact_pages import ContactPages
from enrichment.models import Contact, SendingPolicy
from enrichment.tasks import verify_lead_now
from enrichment.triage_admin import TriagePage
from enrichment.verification.judge_contacts import policy_now
from enrichment.verification.shown_verdict import shown_verdict
from enrichment.verification.verdict import Policy
from icp.lead_admin import FixedFilter, tag
from icp.models import Lead
from tenants import audit
from tenants.console import audit_subject, may_do, reason_of
from tenants.row_number import row_number
from tenants.templatetags.console import moment
from tenants.tenant_page import TenantPage, name_of

__all__ = ["captcha_admin", "harvest_admin", "step_admin", "twin_admin"]

QUESTIONS = {
    "catch_all": ("Domains that take any address",
                  "Nobody can tell whether the mailbox exists. Mail to these bounces most often."),
    "role_mailbox": ("Shared mailboxes such as info@ and sales@",
                     "For many small companies the only address there is."),
    "free_mail": ("Addresses at Gmail, Yahoo and the like",
                  "May be a private person's, even where a company shows it on its site."),
}  # fmt: skip


class VerdictFilter(FixedFilter):
    title, parameter_name, field = "verdict", "verdict", "verdict"
    choices_known = tuple(Contact.Verdict.choices)


class SourceFilter(FixedFilter):
    title, parameter_name, field = "checked by", "checked_by", "verification__source"
    choices_known = (("VENDOR", "ZeroBounce"), ("PRECHECK", "Our own check"), ("NONE", "Nobody"))


class KindFilter(FixedFilter):
    title, parameter_name, field = "kind", "kind", "kind"
    choices_known = tuple(Contact.Kind.choices)


class MailableFilter(FixedFilter):
    title, parameter_name = "permission to write", "mailable"
    choices_known = (("sendable", "Yes"), ("withheld", "No, for its verdict"),
                     ("forbidden", "No, for another reason"))  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "sendable":
                return queryset.filter(is_mailable=True, verdict__in=Contact.SENDABLE)
            case "withheld":
                return queryset.filter(is_withheld=True)
            case "forbidden":
                return queryset.filter(is_mailable=False, is_withheld=False)
        return queryset


@admin.register(Contact)
class ContactAdmin(ContactPages, TriagePage):
    """Every address with its verdict; the work on one happens on its lead's page."""

    what_belongs = "Contacts"
    list_title = "Contacts"
    empty_title = "No contact is known yet"
    empty_text = "Nights read them from companies' web sites. Each stands here with its verdict."
    list_display = ["who", "address", "verdict_tag", "writable"]
    list_display_links = None
    list_filter = [VerdictFilter, MailableFilter, SourceFilter, KindFilter]
    list_select_related = ["lead", "verification"]
    search_fields = ["email"]
    search_help_text = "An e-mail address, or beginnings of words of a company's name"
    ordering = ["-pk"]
    list_before_template = "enrichment/contacts_before.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        return super().get_queryset(request).exclude(email="").defer("lead__trace", "lead__facts")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str
    ) -> tuple[QuerySet[Contact], bool]:
        term = search_term.strip().lower()
        if "@" in term:
            return queryset.filter(email=term), False
        if term:
            leads = Lead.objects.all().named(term)
            queryset = queryset.filter(lead__in=leads.values("pk"))
        return queryset, False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        context = {"may_import": may_do(request, self.upload_kind.action)}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self.guard(request)
        contact = get_object_or_404(Contact, pk=row_number(object_id))
        return HttpResponseRedirect(reverse("admin:icp_lead_change", args=[contact.lead_id]))

    @admin.display(description="Who")
    def who(self, contact: Contact) -> SafeString:
        return format_html(
            '<a href="{}" class="lg-link">{}</a><br><span class="lg-muted">{}{}</span>',
            reverse("admin:icp_lead_change", args=[contact.lead_id]), contact.lead.name,
            contact.name or contact.get_kind_display(), f", {contact.title}" * bool(contact.title),
        )  # fmt: skip

    @admin.display(description="Address")
    def address(self, contact: Contact) -> str:
        return contact.email

    @admin.display(description="Verdict")
    def verdict_tag(self, contact: Contact) -> SafeString:
        shown = shown_verdict(contact)
        said = f", says {shown.by}, {moment(shown.at)}" if shown.at else ""
        return format_html('{} <span class="lg-muted">{}{}</span>', tag(shown.word, shown.tag),
                           shown.why, said)  # fmt: skip

    @admin.display(description="May be written to")
    def writable(self, contact: Contact) -> SafeString | str:
        if contact.is_mailable:
            return "yes" if contact.verdict in Contact.SENDABLE else "not before it is verified"
        if contact.is_withheld:  # the verdict beside it says why
            return "no, by your policy" if contact.verdict == Contact.Verdict.RISKY else "no"
        return format_html('no <span class="lg-muted">{}</span>', contact.not_mailable_reason)

    # --- verify now -----------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        view = self.at("verify", "verify/<int:lead_id>/", require_POST(self.verify_view))
        return [view, *self.upload_urls(), *super().get_urls()]

    def verify_view(self, request: HttpRequest, lead_id: int) -> HttpResponse:
        """Queue the verification of one lead's addresses."""
        self.guard(request, "icp.work_lead")
        lead = get_object_or_404(Lead, pk=lead_id)
        verify_lead_now.enqueue(lead_id=lead.pk)
        audit.record("enrichment.verify_lead", actor=name_of(request),
                     subject=audit_subject(lead))  # fmt: skip
        text = f"{lead.name}: its addresses are being verified. Look again in a minute."
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:icp_lead_change", args=[lead.pk]))


@admin.register(SendingPolicy)
class SendingPolicyAdmin(TenantPage):
    """One page: three choices, what they would change, and save."""

    what_belongs = "Sending policies"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request, "tenants.edit_settings" if request.method == "POST" else "")
        chosen = policy_now()
        wanted = _policy_of(request.POST, chosen)
        if request.method == "POST" and "preview" not in request.POST:
            if reason := reason_of(request):
                return self._save(request, wanted, reason=reason)
            self.message_user(request, "Say why: the reason stays with the policy.", messages.ERROR)
        questions = [
            {"name": name, "label": label, "help": text, "value": getattr(wanted, name),
             "now": getattr(chosen, name)}
            for name, (label, text) in QUESTIONS.items()
        ]  # fmt: skip
        return self.page(
            request, "sending_policy", "Sending policy", questions=questions,
            is_changed=wanted != chosen, preview=preview_policy(wanted),
            may_edit=may_do(request, "tenants.edit_settings"),
        )  # fmt: skip

    def _save(self, request: HttpRequest, policy: Policy, *, reason: str) -> HttpResponse:
        changed = choose_policy(policy, actor=name_of(request), reason=reason)
        noun = "contact" if changed == 1 else "contacts"
        self.message_user(request, f"Saved. {changed:,} {noun} changed.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:enrichment_sendingpolicy_changelist"))


def _policy_of(values: Any, chosen: Policy) -> Policy:
    """The policy of a form; what it does not say stays as it is."""
    picked = {each.name: values.get(each.name, "") for each in fields(Policy)}
    return Policy(**{name: value == "include" if value else getattr(chosen, name)
                     for name, value in picked.items()})  # fmt: skip
