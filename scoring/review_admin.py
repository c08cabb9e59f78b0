"""The shortlist: judge the newest, look back at older ones, see what changed between two."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from scoring import diff, review
from scoring.models import Shortlist, ShortlistEntry
from scoring.review_page import DECISIONS, Filter, counts, not_said, page_of
from scoring.shortlist import TIE_BREAK, latest_shortlist
from tenants.console import may_do, reason_of
from tenants.row_number import row_number
from tenants.tenant_page import TenantPage

PAST_LISTS = 200


class ReviewAdmin(TenantPage):
    """A queue to be emptied: best first, one key per verdict."""

    list_title = "Shortlist"

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("shortlistentry_verdict", "<int:pk>/verdict/", require_POST(self.verdict)),
            self.at("shortlistentry_bulk", "bulk/", self.bulk),
        ]
        return [*mine, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The newest list, or the one of ``?run=``, one page of it."""
        self.guard(request)
        wanted = Filter.of(request.GET)
        shortlist = wanted.shortlist()
        if shortlist is None:
            if wanted.run is not None:
                raise Http404(f"Run {wanted.run} has no shortlist here.")
            return self.page(request, "review", "Shortlist", shortlist=None)
        newest = latest_shortlist()
        page, shown = page_of(wanted.entries(shortlist), request.GET.get("page", ""))
        by_decision, by_bucket = counts(shortlist)
        is_newest = newest is not None and shortlist.pk == newest.pk
        return self.page(
            request,
            "review",
            "Shortlist" if is_newest else f"Shortlist of run {shortlist.run_id}",
            shortlist=shortlist,
            is_newest=is_newest,
            filter=wanted,
            query=wanted.query(page=page.number),
            tabs=[
                (label, by_decision.get(key, 0), wanted.query(decision=key), key == wanted.decision)
                for key, label in DECISIONS
            ],
            buckets=[(name, n, name == wanted.bucket) for name, n in by_bucket.items()],
            page=page,
            page_query=wanted.query(),
            shown=shown,
            not_said=not_said(shown),
            total=by_decision[""],
            tie_break=TIE_BREAK,
            before=_before(shortlist),
            may_review=is_newest and may_do(request, "scoring.review"),
            may_export=may_do(request, "scoring.export"),
        )

    def verdict(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Accept, reject or reopen one entry, and back to the same list at the next one."""
        self.guard(request, "scoring.review")
        entry = get_object_or_404(ShortlistEntry.objects.select_related("lead"), pk=pk)
        done = self._act(request, request.POST.get("verdict", ""), entry_pk=pk)
        if done:
            verb = {"accept": "Accepted", "reject": "Rejected", "undo": "Reopened"}
            text = f"{verb[request.POST['verdict']]}: {entry.lead.name}"
            self.message_user(request, text, messages.SUCCESS)
        return self._back(request)

    def _act(self, request: HttpRequest, verdict: str, *, entry_pk: int) -> int:
        entries, actor = ShortlistEntry.objects.filter(pk=entry_pk), request.user.get_username()
        try:
            if verdict == "accept":
                done = review.accept(entries, actor=actor)
            elif verdict == "reject":
                done = review.reject(entries, reason=reason_of(request), actor=actor)
            elif verdict == "undo":
                done = review.undo(entries, actor=actor)
            else:
                raise Http404("There is no such verdict.")
        except review.ReviewError as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return 0
        if not done:
            text = "Somebody else was faster, or a newer list has come; nothing was changed."
            self.message_user(request, text, messages.WARNING)
        return done

    def bulk(self, request: HttpRequest) -> HttpResponse:
        """Accept or reject everything that matches: first say how many, then do it once."""
        self.guard(request, "scoring.review")
        given = request.POST if request.method == "POST" else request.GET
        verdict = given.get("verdict", "")
        shortlist = latest_shortlist()
        if verdict not in {"accept", "reject"} or shortlist is None:
            raise Http404("There is nothing to decide.")
        wanted = Filter.of(given)
        entries = wanted.entries(shortlist).filter(decision="OPEN")
        count, reason = entries.count(), reason_of(request)
        confirmed = given.get("confirmed", "")
        moved = request.method == "POST" and confirmed != str(count)
        if request.method == "POST" and not moved and (reason or verdict == "accept"):
            actor = request.user.get_username()
            if verdict == "accept":
                done = review.accept(entries, actor=actor)
            else:
                done = review.reject(entries, reason=reason, actor=actor)
            verb = "Accepted" if verdict == "accept" else "Rejected"
            leads = "lead" if done == 1 else "leads"
            self.message_user(request, f"{verb} {done:,} {leads}.", messages.SUCCESS)
            return self._back(request)
        return self.page(
            request,
            "bulk",
            "Shortlist",
            verdict=verdict,
            count=count,
            moved=int(confirmed) if moved and confirmed.isdecimal() else None,
            filter=wanted,
            words=wanted.in_words(),
            reason=reason,
        )

    def _back(self, request: HttpRequest) -> HttpResponse:
        """To the list with filter and page kept; ``next`` is the entry to look at."""
        following = request.POST.get("next", "")
        wanted = Filter.of(request.POST)
        number = request.POST.get("page", "")
        query = wanted.query(page=number if number.isdecimal() else "")
        mark = f"#entry-{following}" if following.isdecimal() else ""
        url = reverse("admin:scoring_shortlistentry_changelist")
        return HttpResponseRedirect(f"{url}?{query}{mark}")


class ShortlistAdmin(TenantPage):
    """Past lists, each as it was, and what changed from one to the next."""

    def get_urls(self) -> list[URLPattern]:
        return [self.at("shortlist_compare", "compare/", self.compare), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        lists = Shortlist.objects.select_related("card").order_by("-run_id")[:PAST_LISTS]
        rows = []
        for shortlist in lists:
            by_decision, by_bucket = counts(shortlist)
            rows.append((shortlist, by_decision[""], by_decision, by_bucket))
        return self.page(request, "lists", "Shortlists", rows=rows)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        shortlist = get_object_or_404(Shortlist, pk=row_number(object_id))
        url = reverse("admin:scoring_shortlistentry_changelist")
        return HttpResponseRedirect(f"{url}?run={shortlist.run_id}&decision=")

    def compare(self, request: HttpRequest) -> HttpResponse:
        """Two runs side by side: entered, left, moved, rescored, each with its causes."""
        self.guard(request)
        runs = list(
            Shortlist.objects.order_by("-run_id").values_list("run_id", flat=True)[:PAST_LISTS]
        )
        if len(runs) < 2:
            return self.page(request, "compare", "Compare two runs", runs=runs, compared=None)
        after = _chosen(request.GET.get("after", ""), runs, default=runs[0])
        older = [run for run in runs if run < after] or runs[1:]
        before = _chosen(request.GET.get("before", ""), runs, default=older[0])
        before, after = sorted((before, after))
        lists = {made.run_id: made for made in Shortlist.objects.filter(run_id__in=[before, after])}
        compared = diff.compare(lists[before], lists[after])
        parts = (
            ("Entered", "Came onto the list.", compared.entered),
            ("Left", "Are not on the list any more.", compared.left),
            ("Moved", "Are on both lists, on another place.", compared.moved),
            ("Scored differently", "Are on neither list, but their points changed.",
             compared.rescored),
        )  # fmt: skip
        return self.page(
            request, "compare", "Compare two runs", runs=runs, compared=compared, parts=parts,
            before=before, after=after,
        )  # fmt: skip


def _before(shortlist: Shortlist) -> int | None:
    older = Shortlist.objects.filter(run_id__lt=shortlist.run_id).order_by("-run_id")
    return older.values_list("run_id", flat=True).first()


def _chosen(given: str, runs: list[int], *, default: int) -> int:
    return int(given) if given.isdecimal() and int(given) in runs else default
