"""Answers in the console: replies that wait for a person, longest waiting first, one key each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from outreach.answer_models import InboxState, Reply
from outreach.decide_reply import DECISIONS, decide_reply
from tenants.clock import database_now
from tenants.console import ModelAdmin, may_do
from tenants.context import is_public
from tenants.row_number import row_number

DECIDE = "outreach.decide_reply"
PER_PAGE = 25
State = Reply.State
TABS = ((State.WAITING, "Waiting"), (State.INTERESTED, "Interested"),
        (State.NOT_INTERESTED, "Not interested"), (State.DONE, "Done"))  # fmt: skip
_SAID = {
    State.INTERESTED: "Marked as interested.",
    State.NOT_INTERESTED: "Not interested: no campaign writes to that address again.",
    State.DONE: "Done.",
}


@admin.register(Reply)
class ReplyAdmin(ModelAdmin):
    """A queue to be emptied; what was decided stays to be looked up."""

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(require_POST(self.decide))
        mine = path("<int:pk>/decide/", decide, name="outreach_reply_decide")
        return [mine, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self._admit(request)
        tab = request.GET.get("state", State.WAITING)
        tab = tab if tab in State.values else State.WAITING
        by_state = dict(Reply.objects.values_list("state").annotate(Count("pk")))
        page = Paginator(_replies(tab), PER_PAGE).get_page(request.GET.get("page"))
        return TemplateResponse(request, "outreach/replies.html", {
            **self.admin_site.each_context(request), "opts": self.opts, "title": "Answers",
            "tabs": [(key, label, by_state.get(key, 0), key == tab) for key, label in TABS],
            "tab": tab, "page": page, "may_decide": may_do(request, DECIDE),
            "troubles": InboxState.objects.exclude(trouble="").select_related("mailbox"),
            "never": not by_state,
        })  # fmt: skip

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self._admit(request)
        reply = get_object_or_404(Reply, pk=row_number(object_id))
        return HttpResponseRedirect(f"{_list(reply.state)}#reply-{reply.pk}")

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One decision, and back to the list."""
        self._admit(request, DECIDE)
        reply = get_object_or_404(Reply.objects.select_related("message"), pk=pk)
        state = request.POST.get("state", "")
        if state not in DECISIONS:
            raise Http404("There is no such decision.")
        actor = request.user.get_username()
        if decide_reply(reply, state, actor=actor, now=database_now()):
            self.message_user(request, _SAID[State(state)], messages.SUCCESS)
        else:
            text = "Somebody else was faster; nothing was changed."
            self.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(_list(State.WAITING))

    def _admit(self, request: HttpRequest, action: str = "") -> None:
        if is_public() or not self.has_view_permission(request):
            raise PermissionDenied("Answers belong to a tenant.")
        if action and not may_do(request, action):
            raise PermissionDenied(f"Your role may not do this: {action}.")


def _replies(state: str) -> QuerySet[Reply]:
    order = "received_at" if state == State.WAITING else "-received_at"
    found = Reply.objects.filter(state=state).order_by(order, "pk")
    return found.select_related("mailbox", "message__lead", "message__step__campaign").defer(
        "message__body_html", "message__body_text", "message__gate", "message__lead__facts",
        "message__lead__trace",
    )  # fmt: skip


def _list(state: str) -> str:
    return f"{reverse('admin:outreach_reply_changelist')}?state={state}"
