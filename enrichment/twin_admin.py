"""Duplicates in the console: pairs to decide on, one after the other, by keyboard if one likes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from enrichment.listings.compare_leads import better_of, compare, reasons_of
from enrichment.listings.decide_match import MatchError, confirm_match, refuse_match
from enrichment.listings.link_twins import TwinError, ask_anew, in_play, keep_apart, open_pairs
from enrichment.listings.merge_leads import MergeError, merge, plan_merge, undo_merge
from enrichment.twin_models import LeadMerge, LeadTwin, RegisterMatch
from icp.models import Lead
from tenants.clock import database_now
from tenants.console import may_do, reason_of
from tenants.row_number import row_number
from tenants.tenant_page import TenantPage, name_of

DECIDE = "icp.work_lead"
PER_PAGE = 25
State = LeadTwin.State
TABS = ((State.OPEN, "To be decided"), (State.APART, "Kept apart"), (State.MERGED, "Merged"))


@admin.register(LeadTwin)
class LeadTwinAdmin(TenantPage):
    """A queue to be emptied: the most alike first; what was decided stays to be looked up."""

    what_belongs = "Leads"

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("twin_merge", "<int:pk>/merge/", require_POST(self.merge_view)),
            self.at("twin_apart", "<int:pk>/apart/", require_POST(self.apart_view)),
            self.at("twin_anew", "<int:pk>/anew/", require_POST(self.anew_view)),
            self.at("merge_undo", "undo/<int:pk>/", require_POST(self.undo_view)),
            self.at("match_decide", "match/<int:pk>/", require_POST(self.match_view)),
        ]
        return [*mine, *super().get_urls()]

    # --- looking --------------------------------------------------------------------------------
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        tab = request.GET.get("state", State.OPEN)
        tab = tab if tab in State.values else State.OPEN
        by_state = dict(in_play().values_list("state").annotate(Count("pk")))
        rows = in_play().filter(state=tab).select_related("first", "second")
        page = Paginator(rows.order_by("-score", "pk"), PER_PAGE).get_page(request.GET.get("page"))
        return self.page(request, "twins", "Duplicates", page=page, tab=tab,
                          tabs=[(key, label, by_state.get(key, 0), key == tab)
                                for key, label in TABS],
                          rows=[(twin, reasons_of(twin)) for twin in page], never=not by_state,
                          may_decide=may_do(request, DECIDE))  # fmt: skip

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The pair, and what merging it would move; ``?keep=`` is the lead that stays."""
        self.guard(request)
        twin = _pair(row_number(object_id))
        kept = _kept(twin, request.GET.get("keep", ""))
        gone = twin.second if kept == twin.first else twin.first
        plan, why_not = None, ""
        if twin.state == State.OPEN:
            try:
                plan = plan_merge(kept, gone)
            except MergeError as exc:
                why_not = str(exc)
        return self.page(
            request, "twin", f"{kept.name} and {gone.name}", twin=twin, kept=kept, gone=gone,
            rows=compare(kept, gone), reasons=reasons_of(twin), why_not=why_not,
            parts=plan.parts() if plan else [], next=_next(twin),
            merges=LeadMerge.objects.filter(kept__in=(kept, gone), gone__in=(kept, gone)),
            may_decide=may_do(request, DECIDE),
        )  # fmt: skip

    # --- deciding -------------------------------------------------------------------------------
    def merge_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Merge the pair as the page showed it."""
        self.guard(request, DECIDE)
        twin = _pair(pk)
        kept = _kept(twin, request.POST.get("keep", ""))
        gone = twin.second if kept == twin.first else twin.first
        try:
            merge(kept, gone, actor=name_of(request), now=database_now(), reason=reason_of(request))
        except MergeError as exc:
            return self._stay(request, twin, str(exc))
        said = f"{gone.name} is merged into {kept.name}. It can be undone on the page of the lead."
        return self._on(request, twin, said)

    def apart_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Keep the pair apart for good."""
        self.guard(request, DECIDE)
        twin = _pair(pk)
        try:
            keep_apart(twin, reason=reason_of(request), actor=name_of(request), now=database_now())
        except TwinError as exc:
            return self._stay(request, twin, str(exc))
        return self._on(request, twin, "Kept apart; nobody is asked about them again.")

    def anew_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask about a pair again that was kept apart."""
        self.guard(request, DECIDE)
        twin = _pair(pk)
        try:
            ask_anew(twin, actor=name_of(request))
        except TwinError as exc:
            return self._stay(request, twin, str(exc))
        return HttpResponseRedirect(_at(twin))

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Undo a merge; what could not be put back is told."""
        self.guard(request, DECIDE)
        done = get_object_or_404(LeadMerge.objects.select_related("kept", "gone"), pk=pk)
        try:
            undone = undo_merge(done, actor=name_of(request), now=database_now())
        except MergeError as exc:
            self.message_user(request, str(exc), messages.ERROR)
        else:
            said = f"{done.gone.name} is a lead of its own again."
            self.message_user(request, said, messages.SUCCESS)
            for conflict in undone.conflicts:
                self.message_user(request, conflict, messages.WARNING)
        return HttpResponseRedirect(reverse("admin:icp_lead_change", args=[done.kept_id]))

    def match_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say that a lead is, or is not, a company of the register."""
        self.guard(request, DECIDE)
        match = get_object_or_404(RegisterMatch, pk=pk)
        decide = {"confirm": confirm_match, "refuse": refuse_match}.get(
            request.POST.get("verdict", "")
        )
        if decide is None:
            raise Http404("There is no such verdict.")
        try:
            decide(match, actor=name_of(request), now=database_now())
        except MatchError as exc:
            self.message_user(request, str(exc), messages.WARNING)
        else:
            is_it = "is" if decide is confirm_match else "is not"
            self.message_user(request, f"It {is_it} {match.name}.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:icp_lead_change", args=[match.lead_id]))

    def _on(self, request: HttpRequest, twin: LeadTwin, said: str) -> HttpResponse:
        """Say what was done and go to the pair that waits next."""
        self.message_user(request, said, messages.SUCCESS)
        following = _next(twin)
        here = reverse("admin:enrichment_leadtwin_changelist")
        return HttpResponseRedirect(_at(following) if following else here)

    def _stay(self, request: HttpRequest, twin: LeadTwin, said: str) -> HttpResponse:
        self.message_user(request, said, messages.ERROR)
        return HttpResponseRedirect(_at(twin))


def _pair(pk: int) -> LeadTwin:
    return get_object_or_404(LeadTwin.objects.select_related("first", "second"), pk=pk)


def _kept(twin: LeadTwin, asked: str) -> Lead:
    """The lead that stays: as asked, else the one that is worth more."""
    wanted = {str(lead.pk): lead for lead in (twin.first, twin.second)}
    return wanted.get(asked) or better_of(twin.first, twin.second)


def _next(twin: LeadTwin) -> LeadTwin | None:
    """The open pair after this one, in the order of the list; from the end back to the top."""
    waiting = open_pairs().exclude(pk=twin.pk).order_by("-score", "pk")
    after = Q(score__lt=twin.score) | Q(score=twin.score, pk__gt=twin.pk)
    return waiting.filter(after).first() or waiting.first()


def _at(twin: LeadTwin) -> str:
    return reverse("admin:enrichment_leadtwin_change", args=[twin.pk])
