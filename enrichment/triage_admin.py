"""Where all leads stand: each in exactly one place, with the list of those who are there."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from enrichment.listings.triage import WORDS, Place, placed, triage
from icp.lead_admin import FixedFilter, LeadAdmin
from icp.models import Lead
from tenants.tenant_page import TenantPage

WHAT_NEXT = {
    Place.OUT: ("Rejected, merged away or suppressed; each says why.", ""),
    Place.CAPTCHA: ("Somebody passes the wall.", "enrichment_captchachallenge_changelist"),
    Place.NIGHT: ("The next night reads its site and what vendors know.",
                  "tenants_pipelinerun_changelist"),
    Place.DIRECT_MAIL: ("Approve it for a campaign.", "outreach_campaign_changelist"),
    Place.TO_VERIFY: ("The night verifies the address, within its budget.",
                      "enrichment_contact_changelist"),
    Place.TELEPHONE: ("Whose number the Do Not Call register lets through is called.",
                      "outreach_call_list"),
    Place.NO_WAY: ("Give it a site on its page, or wait for the register.", ""),
}  # fmt: skip


class PlaceFilter(FixedFilter):
    title, parameter_name, field = "place", "place", "place"
    choices_known = tuple((place.value, WORDS[place].capitalize()) for place in Place)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in Place.__members__:
            return queryset
        there = placed(Lead.objects.all()).filter(place=self.value())
        return queryset.filter(pk__in=there.values("pk"))


# The list of leads knows nothing of contacts and challenges, which decide the place.
LeadAdmin.list_filter = [*LeadAdmin.list_filter, PlaceFilter]


class TriagePage(TenantPage):
    """A page beside the contacts, whom it is counted by."""

    def get_urls(self) -> list[URLPattern]:
        return [self.at("triage", "places/", self.triage_view), *super().get_urls()]

    def triage_view(self, request: HttpRequest) -> HttpResponse:
        """All places with how many leads are there; reads only. One statement."""
        self.guard(request)
        counts = triage()
        total = sum(counts.values())
        rows = [
            {"place": place.value, "words": WORDS[place].capitalize(), "count": counts[place],
             "share": 100 * counts[place] / total if total else 0, "next": WHAT_NEXT[place][0],
             "page": f"admin:{WHAT_NEXT[place][1]}" if WHAT_NEXT[place][1] else ""}
            for place in Place
        ]  # fmt: skip
        return self.page(request, "triage", "Where leads stand", rows=rows, total=total)
