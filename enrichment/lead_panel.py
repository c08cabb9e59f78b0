"""What enrichment shows on the page of a lead: facts with their evidence, people, the site.

Panels for ``icp.lead_panels``: each returns a template with its context, or ``None`` when it has
nothing to say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from enrichment.evidence.merge import PRECEDENCE
from enrichment.models import Contact, EnrichmentRun, Evidence
from enrichment.people.wanted_titles import title_rank, wanted_titles
from enrichment.site.website_score import website_score
from enrichment.verification.shown_verdict import shown_verdict
from enrichment.verification.verify import estimate_lead
from icp.models import Lead
from tenants.paid import governor
from tenants.permits import NoPermitError, Vendor

MOST_EVIDENCE = 600  # statements of one lead; beyond, the latest are shown
MOST_PER_FIELD = 12
MOST_CONTACTS = 100
MOST_RUNS = 10
OF_SITE = frozenset({"website_signs", "website_score", "website_opinion"})  # shown with the site
LABELS = {  # fields whose name alone does not read well
    "dpo_emails": "data protection officer",
    "gst_number": "GST number",
    "uen": "UEN",
    "headcount": "people",
    "founded_year": "founded",
    "primary_ssic": "SSIC",
    "secondary_ssic": "second SSIC",
    "officers_count": "officers on record",
    "no_collection_notice": "asks not to be collected",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One field: what is shown, the statement it stands on, and what else was said."""

    name: str
    values: list[str]
    stands_on: Evidence | None
    others: list[Evidence]
    more: int  # statements that are not listed

    @property
    def is_of_register(self) -> bool:
        """Whether it only repeats the register, which has a card of its own on the page."""
        return self.stands_on is not None and self.stands_on.source == Evidence.Source.REGISTER


def facts_panel(lead: Lead) -> tuple[str, dict[str, Any]] | None:
    """Every shown value with quote, link and time, and its alternatives. One statement."""
    if not lead.facts:
        return None
    said: dict[str, list[Evidence]] = defaultdict(list)
    rows = Evidence.objects.filter(lead=lead, superseded_at=None).select_related("page")
    for row in rows.order_by("-confidence", "pk")[:MOST_EVIDENCE]:
        said[row.field].append(row)
    shown = sorted(item for item in lead.facts.items() if item[0] not in OF_SITE)
    facts = [_fact(name, entry, said) for name, entry in shown]
    return "enrichment/panel_facts.html", {
        "facts": [fact for fact in facts if not fact.is_of_register],
        "of_register": [fact for fact in facts if fact.is_of_register],
    }


def _fact(name: str, entry: Any, said: dict[str, list[Evidence]]) -> Fact:
    entry = entry if isinstance(entry, dict) else {"value": entry}
    value = entry.get("value")
    by_id = {row.pk: row for rows in said.values() for row in rows}
    stands_on = by_id.get(entry.get("evidence"))
    others = [row for row in said.get(name, []) if row != stands_on]
    return Fact(
        LABELS.get(name, name.replace("_", " ")),
        [str(each) for each in value] if isinstance(value, list) else [str(value)],
        stands_on,
        others[:MOST_PER_FIELD],
        max(len(others) - MOST_PER_FIELD, 0),
    )


def contacts_panel(lead: Lead) -> tuple[str, dict[str, Any]] | None:
    """People and role mailboxes: those one may write to first, then by the titles wanted.

    Each with where it comes from, the best source first. Three statements.
    """
    contacts = Contact.objects.filter(lead=lead).order_by("-is_mailable", "kind", "pk")
    shown = list(contacts.select_related("verification")[:MOST_CONTACTS])
    if not shown:
        return None
    wanted = wanted_titles()
    shown.sort(key=lambda one: (not one.is_mailable, _place(one.title, wanted)))
    said = _said_of(shown)
    has_address = any(contact.email for contact in shown)
    return "enrichment/panel_contacts.html", {
        "contacts": [{"contact": each, "verdict": shown_verdict(each),
                      "origin": _origin(said.get(each.pk, []))} for each in shown],
        "verify_at": reverse("admin:enrichment_verify", args=[lead.pk]) if has_address else "",
        "price": _price_of_verifying(lead) if has_address else "",
    }  # fmt: skip


def _said_of(contacts: Sequence[Contact]) -> dict[int | None, list[Evidence]]:
    said: dict[int | None, list[Evidence]] = defaultdict(list)
    rows = Evidence.objects.filter(contact__in=contacts, superseded_at=None)
    for row in rows.only("contact_id", "source", "reference").order_by("pk"):
        said[row.contact_id].append(row)
    return said


def _price_of_verifying(lead: Lead) -> str:
    """What "verify now" may cost, before it is pressed."""
    asked = estimate_lead(lead)
    if not asked.most_units:
        return "Costs nothing: all its addresses are known."
    try:
        governor.ready(Vendor.ZEROBOUNCE)
    except NoPermitError as exc:
        return f"Only the free checks: {governor.words_of(exc)}"
    credits_word = "credit" if asked.most_units == 1 else "credits"
    money = f" (US$ {asked.most_micros / 1_000_000:.3f})" if asked.most_micros else ""
    known = f"; {asked.from_cache} known already" if asked.from_cache else ""
    return f"Costs at most {asked.most_units} ZeroBounce {credits_word}{money}{known}."


def _place(title: str, wanted: Sequence[str]) -> int:
    rank = title_rank(title, wanted)
    return len(wanted) if rank is None else rank


def _origin(rows: list[Evidence]) -> str:
    """``Page, by rule`` or ``Provider: Lusha, call 12``; a page's address stands with the facts."""
    best = min(rows, key=lambda row: PRECEDENCE.get(row.source, 9), default=None)
    if best is None:
        return ""
    source = best.get_source_display()
    return source if best.source == Evidence.Source.PAGE else f"{source}: {best.reference}"


def site_panel(lead: Lead) -> tuple[str, dict[str, Any]] | None:
    """How its site was found and is kept, the pages read, and every attempt. Three statements."""
    runs = list(
        EnrichmentRun.objects.filter(lead=lead)
        .defer("corpus")
        .prefetch_related("pages")
        .order_by("-pk")[:MOST_RUNS]
    )
    if not runs:
        return None
    newest = runs[0]
    pages = sorted(newest.pages.all(), key=lambda page: page.position)
    context = {"run": newest, "pages": pages, "earlier": runs[1:], **_kept(lead, newest)}
    return "enrichment/panel_site.html", context


def _kept(lead: Lead, attempt: EnrichmentRun) -> dict[str, Any]:
    """The site's score by rule with its reasons, and the model's opinion with its quotes."""
    rows = Evidence.objects.filter(lead=lead, superseded_at=None, field__in=OF_SITE)
    said: dict[str, list[Evidence]] = defaultdict(list)
    for row in rows.order_by("pk"):
        said[row.field].append(row)
    found: dict[str, Any] = {"opinions": said["website_opinion"]}
    if signs := said["website_signs"]:
        when = attempt.finished_at or attempt.started_at
        found["kept"], found["reasons"] = website_score(signs[-1].value, as_of=when.date())
    if opinion := said["website_score"]:
        found["opinion"] = opinion[-1]
    return found
