"""People's requests in the console: take one down, see what is held, hand it out or erase it."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from icp.models import PersonRequest
from leadgen_project.persons.answer import Answer, answer, asked_by
from leadgen_project.persons.erase import NotErasedError, erase
from leadgen_project.persons.identify import Asked, PersonError
from leadgen_project.persons.requests import SOON, answered, take_down
from tenants.console import ModelAdmin, may_do, reason_of
from tenants.context import is_public
from tenants.files.csv_files import as_file
from tenants.models import AuditEvent
from tenants.row_number import row_number

ACTION = "icp.answer_people"
SHOWN = 50  # things of a kind on the page; the file has them all
LONGEST = 600  # characters of a text on the page
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")


@admin.register(PersonRequest)
class PersonRequestAdmin(ModelAdmin):
    """A list to be emptied before its days are over. Owners only: it shows personal data."""

    list_title = "People's requests"
    empty_title = "Nobody has asked yet"
    empty_text = (
        "When somebody asks what you hold about them, or to be erased, take it down here. The law"
        " (PDPA 2012) gives you 30 days."
    )
    add_action = ACTION
    list_display = ["what", "state", "received", "due", "outcome"]
    list_display_links = None
    ordering = ["done_at", "due_on"]
    sortable_by: list[str] = []

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not is_public() and may_do(request, ACTION)

    @admin.display(description="Request")
    def what(self, row: PersonRequest) -> SafeString:
        return format_html(
            '<a href="{}" class="lg-link">{}. {}</a>',
            reverse("admin:icp_personrequest_change", args=[row.pk]), row.pk,
            row.get_kind_display(),
        )  # fmt: skip

    @admin.display(description="State")
    def state(self, row: PersonRequest) -> SafeString:
        tag, words = state_of(row)
        return format_html('<span class="lg-tag lg-tag-{}">{}</span>', tag, words)

    @admin.display(description="Received")
    def received(self, row: PersonRequest) -> str:
        return f"{row.received_on:%d %b %Y}"

    @admin.display(description="To be answered by")
    def due(self, row: PersonRequest) -> str:
        return f"{row.due_on:%d %b %Y}"

    @admin.display(description="Done")
    def outcome(self, row: PersonRequest) -> str:
        if row.done_at is None:
            return "-"
        return f"{row.done_at:%d %b %Y} by {row.done_by}"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        mine = [
            path("<int:request_id>/answer.json", view(require_POST(self.answer_view)),
                 name="icp_personrequest_answer"),
            path("<int:request_id>/erase/", view(require_POST(self.erase_view)),
                 name="icp_personrequest_erase"),
        ]  # fmt: skip
        return [*mine, *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self._guard(request)
        given, mistake = request.POST, ""
        if request.method == "POST":
            try:
                taken = self._take_down(request)
            except PersonError as exc:
                mistake = str(exc)
            else:
                to = reverse("admin:icp_personrequest_change", args=[taken.pk])
                return HttpResponseRedirect(to)
        return self._page(
            request, "persons/add.html", "Take a request down", given=given, mistake=mistake,
            kinds=PersonRequest.Kind.choices, today=timezone.localdate().isoformat(),
        )  # fmt: skip

    def _take_down(self, request: HttpRequest) -> PersonRequest:
        given = {name: request.POST.get(name, "")
                 for name in ("email", "phone", "name", "company")}  # fmt: skip
        kind = request.POST.get("kind", "")
        if kind not in PersonRequest.Kind.values:
            raise PersonError("Choose what the person asks for.")
        try:
            received = date.fromisoformat(request.POST.get("received_on", ""))
        except ValueError:
            raise PersonError("Write the day it was received as 2026-11-30.") from None
        if received > timezone.localdate():
            raise PersonError("It cannot have been received after today.")
        return take_down(Asked(**given), kind=PersonRequest.Kind(kind), received_on=received,
                         actor=request.user.get_username(), now=timezone.now())  # fmt: skip

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self._guard(request)
        row = get_object_or_404(PersonRequest, pk=row_number(object_id))
        is_known = bool(row.email or row.phone or row.name)
        held: Answer = answer(asked_by(row), now=timezone.now()) if is_known else {}
        tag, words = state_of(row)
        events = AuditEvent.objects.filter(subject=str(row)).order_by("-at")
        parts = [
            (title, len(held[name]), [lines_of(thing) for thing in held[name][:SHOWN]])
            for name, title in _TITLES.items()
            if held.get(name)
        ]
        return self._page(
            request, "persons/request.html", f"{row.get_kind_display()} ({row.pk})", row=row,
            tag=tag, words=words, is_known=is_known, held=held, parts=parts, events=events[:50],
        )  # fmt: skip

    def answer_view(self, request: HttpRequest, request_id: int) -> HttpResponse:
        """The whole answer as a file; the request counts as answered from now on."""
        self._guard(request)
        row = get_object_or_404(PersonRequest, pk=request_id)
        if not (row.email or row.phone or row.name):
            raise PermissionDenied("This person was erased; there is nothing to hand out.")
        now = timezone.now()
        held = answer(asked_by(row), now=now, everywhere="everywhere" in request.POST)
        if row.kind == PersonRequest.Kind.ACCESS:
            answered(row, held, actor=request.user.get_username(), now=now)
        text = json.dumps(held, indent=1, ensure_ascii=False)
        response = HttpResponse(text, content_type="application/json; charset=utf-8")
        response.headers["Cache-Control"] = "no-store"
        return as_file(response, name=f"person-request-{row.pk}.json")

    def erase_view(self, request: HttpRequest, request_id: int) -> HttpResponse:
        self._guard(request)
        row = get_object_or_404(PersonRequest, pk=request_id)
        reason = reason_of(request)
        if not reason or "sure" not in request.POST:
            text = "Say why, and tick that you are sure. Nothing was changed."
            self.message_user(request, text, messages.ERROR)
        else:
            self._erase(request, row, reason)
        return HttpResponseRedirect(reverse("admin:icp_personrequest_change", args=[row.pk]))

    def _erase(self, request: HttpRequest, row: PersonRequest, reason: str) -> None:
        try:
            erase(row, reason=reason, actor=request.user.get_username(), now=timezone.now(),
                  everywhere="everywhere" in request.POST)  # fmt: skip
        except (PersonError, NotErasedError) as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return
        text = "Erased. Only keyed hashes are left, so that nobody brings the person back."
        self.message_user(request, text, messages.SUCCESS)

    def _guard(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied("People's requests are answered by owners of the tenant.")

    def _page(
        self, request: HttpRequest, template: str, title: str, **context: Any
    ) -> TemplateResponse:
        place = {**self.admin_site.each_context(request), **self._place(), "opts": self.opts}
        response = TemplateResponse(request, template, {**place, "title": title, **context})
        response.headers["Cache-Control"] = "no-store"
        return response


def lines_of(thing: Any) -> list[tuple[str, list[str]]]:
    """A thing of the answer for the page: labels and what stands beside them."""
    if not isinstance(thing, dict):
        return [("", [str(thing)])]
    return [
        (name.replace("_", " ").capitalize(), _words(value))
        for name, value in thing.items()
        if value not in ("", None, [], {})
    ]


def _words(value: Any) -> list[str]:
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, list):
        return ["; ".join(" ".join(_words(each)) for each in one.values() if each)
                if isinstance(one, dict) else str(one) for one in value]  # fmt: skip
    if isinstance(value, dict):
        return [f"{name}: {text}"[:LONGEST] for name, text in value.items()]
    text = str(value)
    return [text[:16] if _TIME.match(text) else text[:LONGEST]]


def state_of(row: PersonRequest) -> tuple[str, str]:
    """(colour of the tag, words) of a request: how many days are left, or that it is done."""
    if row.done_at is not None:
        return "good", "answered" if row.kind == PersonRequest.Kind.ACCESS else "erased"
    left = (row.due_on - timezone.localdate()).days
    if left < 0:
        return "bad", f"{-left} {'day' if left == -1 else 'days'} late"
    words = f"{left} {'day' if left == 1 else 'days'} left"
    return ("wait" if left <= SOON.days else "busy"), words


_TITLES = {
    "contacts": "Contacts", "facts": "Facts, each with where it was read",
    "pages": "Kept pages that name the person", "messages": "Mail",
    "asked_of_vendors": "Asked of vendors", "suppressions": "Suppressions",
    "files": "Export files they stand in", "fetched_by": "Who fetched lists of their company",
    "uploaded_lists": "Uploaded lists", "merged_texts": "Merged texts of sites",
    "conversations": "Conversations of the chat that name them", "elsewhere": "Elsewhere",
    "audit": "Audit events that name them",
}  # fmt: skip
