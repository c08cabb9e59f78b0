"""Answers in the console: replies that wait for a person, longest waiting first, one key each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from outreach.answer_models import InboxState, Reply
from outreach.answers.decide_reply import DECISIONS, decide_reply
from tenants.clock import database_now
from tenants.console import may_do
from tenants.row_number import row_number
from tenants.tenant_page import TenantPage, name_of

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
class ReplyAdmin(TenantPage):
    """A queue to be emptied; what was decided stays to be looked up."""

    what_belongs = "Answers"

    def get_urls(self) -> list[URLPattern]:
        mine = self.at("reply_decide", "<int:pk>/decide/", require_POST(self.decide))
        return [mine, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        tab = _tab(request)
        by_state = dict(Reply.objects.values_list("state").annotate(Count("pk")))
        page = Paginator(_replies(tab), PER_PAGE).get_page(request.GET.get("page"))
        return self.page(
            request, "replies", "Answers", tab=tab, page=page, may_decide=may_do(request, DECIDE),
            tabs=[(key, label, by_state.get(key, 0), key == tab) for key, label in TABS],
            troubles=InboxState.objects.exclude(trouble="").select_related("mailbox"),
            never=not by_state,
        )  # fmt: skip

    def get_export_queryset(self, request: HttpRequest) -> QuerySet[Reply]:
        return _replies(_tab(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self.guard(request)
        reply = get_object_or_404(Reply, pk=row_number(object_id))
        return HttpResponseRedirect(f"{_list(reply.state)}#reply-{reply.pk}")

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """One decision, and back to the list."""
        self.guard(request, DECIDE)
        reply = get_object_or_404(Reply.objects.select_related("message"), pk=pk)
        state = request.POST.get("state", "")
        if state not in DECISIONS:
            raise Http404("There is no such decision.")
        if decide_reply(reply, state, actor=name_of(request), now=database_now()):
            self.message_user(request, _SAID[State(state)], messages.SUCCESS)
        else:
            text = "Somebody else was faster; nothing was changed."
            self.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(_list(State.WAITING))


def _tab(request: HttpRequest) -> str:
    tab = request.GET.get("state", State.WAITING)
    return tab if tab in State.values else State.WAITING


def _replies(state: str) -> QuerySet[Reply]:
    order = "received_at" if state == State.WAITING else "-received_at"
    found = Reply.objects.filter(state=state).order_by(order, "pk")
    return found.select_related("mailbox", "message__lead", "message__step__campaign").defer(
        "message__body_html", "message__body_text", "message__gate", "message__lead__facts",
        "message__lead__trace",
    )  # fmt: skip


def _list(state: str) -> str:
    return f"{reverse('admin:outreach_reply_changelist')}?state={state}"
