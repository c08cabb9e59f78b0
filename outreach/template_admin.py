"""Templates in the console: write with a live preview, keep versions, try other wordings."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from icp.find_leads import of_text
from icp.models import Lead
from outreach.mail_page import MailPage, name_of
from outreach.models import EmailTemplate, Mailbox, Signature, TemplateVersion, Variation
from outreach.preview import Preview, preview, sample_leads
from outreach.send_to_myself import NotSentError, send_test
from outreach.setting_links import link_of_setting
from outreach.template_import_pages import TemplateImportPages
from outreach.transports.interface import Result
from outreach.transports.open import NoTransportError, open_transport
from outreach.wording import templates
from outreach.wording.draft_variations import draft_variations
from outreach.wording.figures import figures_of, verdict_on
from outreach.wording.lint import LEAD_VARIABLES, lint
from outreach.wording.render import Text, variables_of
from outreach.wording.templates import TemplateError, current_version
from scoring.export_rows import best_contacts
from tenants.clock import database_now
from tenants.console import may_do, reason_of
from tenants.row_number import row_number

EDIT = "outreach.edit_template"
VERSIONS = 50
FOUND_LEADS = 12


@admin.register(EmailTemplate)
class TemplateAdmin(TemplateImportPages):
    list_title = "Templates"
    add_action = EDIT

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("template_preview", "preview/", require_POST(self.preview_view)),
            self.at("template_test", "<int:pk>/test/", require_POST(self.test_view)),
            self.at("template_archive", "<int:pk>/archive/", require_POST(self.archive_view)),
            self.at("variation_add", "<int:pk>/variations/", require_POST(self.variation_view)),
            self.at("variation_decide", "variation/<int:pk>/", require_POST(self.decide_view)),
        ]
        return [*mine, *self.upload_urls(), *super().get_urls()]

    # --- all templates --------------------------------------------------------------------------
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        shows_archived = request.GET.get("archived") == "1"
        rows = EmailTemplate.objects.filter(is_archived=shows_archived).order_by("name")
        current = {version.template_id: version for version in
                   TemplateVersion.objects.filter(is_current=True, template__in=rows)
                   .select_related("signature", "template")}  # fmt: skip
        archived = EmailTemplate.objects.filter(is_archived=True).count()
        shown = [
            {"template": row, "version": version,
             "faults": templates.faults_of(version) if version else []}
            for row in rows[:500]
            for version in [current.get(row.pk)]
        ]  # fmt: skip
        return self.page(request, "templates", "Templates", rows=shown,
                         shows_archived=shows_archived, may_edit=may_do(request, EDIT),
                         signatures=Signature.objects.count(), archived=archived)  # fmt: skip

    # --- the editor -----------------------------------------------------------------------------
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return self._edit(request, None)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return self._edit(request, get_object_or_404(EmailTemplate, pk=row_number(object_id)))

    def _edit(self, request: HttpRequest, template: EmailTemplate | None) -> HttpResponse:
        self.guard(request, EDIT if request.method == "POST" else "")
        if template is None and not may_do(request, EDIT):
            self.guard(request, EDIT)
        version = current_version(template) if template else None
        if request.method != "POST":
            return self._editor(request, template, version, _values_of(version))
        given = _posted(request)
        if "look" in request.POST:
            return self._editor(request, template, version, given)
        if request.POST.get("based_on", "") != str(version.version if version else ""):
            self.message_user(
                request, f"{version} was saved in the meantime. Your text is still here: look and"
                         " save again.", messages.WARNING,
            )  # fmt: skip
            return self._editor(request, template, version, given)
        try:
            saved = templates.save_template(
                template, name=given["name"], subject=given["subject"], body=given["body"],
                description=given["description"], fallbacks=given["fallbacks"],
                signature=given["signature"], actor=name_of(request),
            )  # fmt: skip
        except TemplateError as exc:
            return self._editor(request, template, version, given, error=exc)
        same = version is not None and saved.pk == version.pk
        text = f"Nothing has changed; {saved} stays." if same else f"Saved as {saved}."
        self.message_user(request, text, messages.INFO if same else messages.SUCCESS)
        return HttpResponseRedirect(_page_of(saved.template))

    def _editor(
        self, request: HttpRequest, template: EmailTemplate | None,
        version: TemplateVersion | None, given: dict[str, Any],
        *, error: TemplateError | None = None,
    ) -> HttpResponse:  # fmt: skip
        figures = figures_of(template) if template else []
        drafts = list(version.variations.order_by("label")) if version else []
        versions = template.versions.order_by("-version")[:VERSIONS] if template else []
        return self.page(
            request, "template_edit", str(template or "New template"), template=template,
            version=version, given=given, error=error, **_look(given),
            may_edit=may_do(request, EDIT), is_changed=request.method == "POST",
            signatures=Signature.objects.order_by("name"), leads=_choices(given),
            mailboxes=Mailbox.objects.order_by("address"), figures=figures,
            verdict=verdict_on(figures), variations=drafts, versions=versions,
            variables=sorted(LEAD_VARIABLES), to=_own_address(request),
            fields=_fallback_fields(given),
        )  # fmt: skip

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """What the posted text looks like; the editor asks as one types. Saves nothing."""
        self.guard(request)
        given = _posted(request)
        looked = _look(given)
        html = render_to_string("outreach/template_preview.html", looked)
        fallbacks = render_to_string(
            "outreach/template_fallbacks.html", {"fields": _fallback_fields(given)}
        )
        names = [name for name, _, _ in _fallback_fields(given)]
        return JsonResponse({"html": html, "fallbacks": fallbacks, "names": names})

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send what is saved to the operator's own address, filled for the chosen lead."""
        self.guard(request, EDIT)
        template = get_object_or_404(EmailTemplate, pk=pk)
        version = current_version(template)
        mailbox = Mailbox.objects.filter(pk=_number(request.POST.get("mailbox"))).first()
        lead = _lead(request.POST.get("lead", "")) or next(iter(sample_leads(1)), None)
        back = HttpResponseRedirect(_page_of(template))
        if version is None or mailbox is None or lead is None:
            missing = "a mailbox" if mailbox is None else "a lead to fill it with"
            self.message_user(request, f"Choose {missing} first.", messages.ERROR)
            return back
        try:
            outcome = send_test(
                templates.text_of_version(version), lead=lead,
                contact=best_contacts([lead.pk]).get(lead.pk), mailbox=mailbox,
                to=_own_address(request), transport=open_transport(mailbox),
                actor=name_of(request), now=database_now(),
            )  # fmt: skip
        except (NotSentError, NoTransportError) as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return back
        if outcome.result is Result.ACCEPTED:
            text = f"Sent to {_own_address(request)} from {mailbox}, filled for {lead}."
            self.message_user(request, text, messages.SUCCESS)
        else:
            text = f"{mailbox} did not say whether it took it: {outcome.sentence} Look for it."
            self.message_user(request, text, messages.WARNING)
        return back

    def archive_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.guard(request, EDIT)
        template = get_object_or_404(EmailTemplate, pk=pk)
        wanted = request.POST.get("archived") == "1"
        templates.set_archived(template, archived=wanted, actor=name_of(request),
                               reason=reason_of(request))  # fmt: skip
        text = "Archived. What waits with it is not sent." if wanted else "It can be used again."
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(_page_of(template))

    # --- variations -----------------------------------------------------------------------------
    def variation_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Add an operator's wording, or have the model draft some."""
        self.guard(request, EDIT)
        template = get_object_or_404(EmailTemplate, pk=pk)
        back = HttpResponseRedirect(f"{_page_of(template)}#variations")
        version = current_version(template)
        if version is None:
            return back
        if "draft" in request.POST:
            report = draft_variations(version, actor=name_of(request))
            made = len(report.made)
            said = report.note or f"{made} drafted; read them, then approve or drop each."
            level = messages.SUCCESS if made else messages.WARNING
            self.message_user(request, said, level)
            for sentence in report.dropped:
                self.message_user(request, f"One draft was dropped: {sentence}", messages.WARNING)
            return back
        try:
            made_one = templates.add_variation(
                version, subject=request.POST.get("subject", ""),
                body=request.POST.get("body", ""), actor=name_of(request),
            )  # fmt: skip
        except TemplateError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            self.message_user(request, f"Wording {made_one.label} is added.", messages.SUCCESS)
        return back

    def decide_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.guard(request, EDIT)
        rows = Variation.objects.select_related("template_version__template")
        variation = get_object_or_404(rows, pk=pk)
        if "approve" in request.POST:
            templates.approve_variation(variation, actor=name_of(request))
        else:
            templates.drop_draft(variation, actor=name_of(request))
        page = _page_of(variation.template_version.template)
        return HttpResponseRedirect(f"{page}#variations")


@admin.register(Signature)
class SignatureAdmin(MailPage):
    """Who writes, from where, how to reach them: what the law asks for under every mail."""

    list_title = "Signatures"
    add_action = EDIT

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        return self.page(request, "signatures", "Signatures", may_edit=may_do(request, EDIT),
                         rows=Signature.objects.order_by("name"))  # fmt: skip

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return self._edit(request, None)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return self._edit(request, get_object_or_404(Signature, pk=row_number(object_id)))

    def _edit(self, request: HttpRequest, signature: Signature | None) -> HttpResponse:
        self.guard(request, EDIT if request.method == "POST" or signature is None else "")
        error = None
        name = signature.name if signature else ""
        body = signature.body_html if signature else ""
        if request.method == "POST":
            name, body = request.POST.get("name", ""), request.POST.get("body", "")
            try:
                templates.save_signature(signature, name=name, body=body, actor=name_of(request))
            except TemplateError as exc:
                error = exc
            else:
                self.message_user(request, "Saved. It holds for all mail from now on.",
                                  messages.SUCCESS)  # fmt: skip
                return HttpResponseRedirect(reverse("admin:outreach_signature_changelist"))
        return self.page(
            request, "signature_edit", name or "New signature", signature=signature, name=name,
            body=body, error=error, may_edit=may_do(request, EDIT),
        )  # fmt: skip


# --- between the form and the text --------------------------------------------------------------
def _values_of(version: TemplateVersion | None) -> dict[str, Any]:
    if version is None:
        return {"name": "", "description": "", "subject": "", "body": "", "fallbacks": {},
                "signature": Signature.objects.order_by("pk").first(), "lead": None,
                "other": None, "mailbox": None}  # fmt: skip
    return {"name": version.template.name, "description": version.template.description,
            "subject": version.subject, "body": version.body_html,
            "fallbacks": version.fallbacks, "signature": version.signature, "lead": None,
            "other": None, "mailbox": None}  # fmt: skip


def _posted(request: HttpRequest) -> dict[str, Any]:
    post = request.POST
    fallbacks = {name.removeprefix("fallback."): str(post.get(name, ""))
                 for name in post if name.startswith("fallback.")}  # fmt: skip
    return {
        "name": post.get("name", ""), "description": post.get("description", ""),
        "subject": post.get("subject", ""), "body": post.get("body", ""), "fallbacks": fallbacks,
        "signature": Signature.objects.filter(pk=_number(post.get("signature"))).first(),
        "lead": _lead(post.get("lead", "")), "other": _lead(post.get("other", "")),
        "mailbox": Mailbox.objects.filter(pk=_number(post.get("mailbox"))).first(),
    }  # fmt: skip


def _look(given: dict[str, Any]) -> dict[str, Any]:
    """The previews of a text, for its lead and, side by side, for another."""
    try:
        text = templates.clean_text(subject=given["subject"], body=given["body"],
                                    fallbacks=given["fallbacks"],
                                    signature=given["signature"])  # fmt: skip
    except TemplateError as exc:
        return {"unreadable": str(exc), "previews": [], "remarks": []}
    leads = [given["lead"] or next(iter(sample_leads(1)), None), given["other"]]
    contacts = best_contacts([lead.pk for lead in leads if lead])
    shown = [
        (lead, contacts.get(lead.pk), _previewed(text, lead, contacts, given["mailbox"]))
        for lead in leads if lead
    ]  # fmt: skip
    remarks = shown[0][2].remarks if shown else lint(text)
    links = {objection.setting: link_of_setting(objection.setting)
             for _, _, looked in shown for objection in looked.objections}  # fmt: skip
    return {"unreadable": "", "previews": shown, "remarks": remarks, "links": links}


def _previewed(text: Text, lead: Lead, contacts: Any, mailbox: Mailbox | None) -> Preview:
    ready = mailbox or Mailbox.objects.filter(state="READY").order_by("pk").first()
    return preview(text, lead=lead, contact=contacts.get(lead.pk), mailbox=ready,
                   now=database_now())  # fmt: skip


def _fallback_fields(given: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Name, fallback and "no lead has it" of each variable the text asks for."""
    signature = given["signature"].body_html if given["signature"] else ""
    names = variables_of(Text(given["subject"], given["body"], {}, signature))
    return [(name, given["fallbacks"].get(name, ""), name not in LEAD_VARIABLES) for name in names]


def _choices(given: dict[str, Any]) -> list[Lead]:
    chosen = [lead for lead in (given["lead"], given["other"]) if lead]
    found = {lead.pk: lead for lead in [*chosen, *sample_leads(FOUND_LEADS)]}
    return list(found.values())


def _lead(text: str) -> Lead | None:
    """By number, or by UEN or beginnings of words of its name."""
    text = str(text).strip()
    if not text:
        return None
    if number := _number(text):
        return Lead.objects.filter(pk=number).first()
    return of_text(Lead.objects.all(), text[:200]).order_by("-score", "pk").first()


def _number(text: Any) -> int:
    return row_number(str(text or ""))


def _own_address(request: HttpRequest) -> str:
    return str(getattr(request.user, "email", "") or "")


def _page_of(template: EmailTemplate) -> str:
    return reverse("admin:outreach_emailtemplate_change", args=[template.pk])
