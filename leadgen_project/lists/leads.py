"""Leads, their contacts, who may not be contacted, and what was asked and found on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet

from enrichment.extract.titles import person_key
from enrichment.harvest.categories import CATEGORIES
from enrichment.harvest.counts import Progress, progress_of
from enrichment.harvest_models import HarvestRequest, Listing
from enrichment.models import Contact, LeadStep
from enrichment.vendors_panel import LABELS
from enrichment.verification.shown_verdict import shown_verdict
from icp.models import Lead, Selection, Suppression
from icp.suppressions import shown
from leadgen_project.lists.of_leads import Kind, Pair, RowsOfLeads
from scoring.export_rows import NOT_CHECKED, attributions
from tenants.files.list_rows import ListRows, column


class Leads(RowsOfLeads):
    name = column("Company", "name")
    uen = column("UEN", "uen")
    stage = column("Stage", "get_stage_display")
    since = column("In this stage since", "stage_since")
    fit = column("Fit", "get_fit_display")
    score = column("Score", "score")
    bucket = column("Bucket")
    review = column("Review", "get_review_display")
    rejected = column("Rejected because", "rejection_reason")
    district = column("Postal district", "district_number")
    website = column("Web site")
    phone = column("Telephone")
    do_not_call = column("Do Not Call")
    address = column("Address")
    source = column("Came from", "get_source_display")
    known_since = column("Known since", "created_at")
    attribution = column("Whose data")

    def lead_of(self, row: Lead) -> int | None:
        return row.pk

    def pairs_of(self, row: Lead) -> Iterable[Pair]:
        return [(Kind.UEN, row.uen), (Kind.DOMAIN, self.dehydrate_website(row)),
                (Kind.PHONE, self.dehydrate_phone(row))]  # fmt: skip

    def look(self, rows: Sequence[Lead]) -> None:
        self.attributions = attributions(rows)

    def dehydrate_bucket(self, row: Lead) -> str:
        return row.bucket.capitalize()

    def dehydrate_website(self, row: Lead) -> str:
        return shown(row.facts, "website") or row.website

    def dehydrate_phone(self, row: Lead) -> str:
        return shown(row.facts, "phone")

    def dehydrate_do_not_call(self, row: Lead) -> str:
        return NOT_CHECKED if self.dehydrate_phone(row) else ""

    def dehydrate_address(self, row: Lead) -> str:
        return shown(row.facts, "address")

    def dehydrate_attribution(self, row: Lead) -> str:
        return "; ".join(self.attributions[row.pk])


class Contacts(RowsOfLeads):
    company = column("Company", "lead__name")
    uen = column("UEN", "lead__uen")
    name = column("Name", "name")
    title = column("Title", "title")
    kind = column("Kind", "get_kind_display")
    email = column("E-mail address", "email")
    phone = column("Telephone", "phone")
    do_not_call = column("Do Not Call")
    verdict = column("Verdict")
    verdict_why = column("Why this verdict")
    checked_by = column("Checked by")
    checked_at = column("Checked at")
    writable = column("May be written to")
    why_not = column("Why not", "not_mailable_reason")
    known_since = column("Known since", "created_at")
    attribution = column("Whose data")

    def pairs_of(self, row: Contact) -> Iterable[Pair]:
        place, name = row.lead.source_ref.replace(" ", ""), person_key(row.name)
        return [(Kind.UEN, row.lead.uen), (Kind.EMAIL, row.email), (Kind.PHONE, row.phone),
                (Kind.PERSON, f"{place} {name}" if place and name else "")]  # fmt: skip

    def look(self, rows: Sequence[Contact]) -> None:
        self.attributions = attributions(list({row.lead_id: row.lead for row in rows}.values()))
        self.verdicts = {row.pk: shown_verdict(row) for row in rows}

    def dehydrate_do_not_call(self, row: Contact) -> str:
        return NOT_CHECKED if row.phone else ""

    def dehydrate_verdict(self, row: Contact) -> str:
        return self.verdicts[row.pk].word

    def dehydrate_verdict_why(self, row: Contact) -> str:
        return self.verdicts[row.pk].why

    def dehydrate_checked_by(self, row: Contact) -> str:
        return self.verdicts[row.pk].by

    def dehydrate_checked_at(self, row: Contact) -> Any:
        return self.verdicts[row.pk].at

    def dehydrate_writable(self, row: Contact) -> str:
        if not row.is_mailable:
            return "no"
        return "yes" if row.verdict in Contact.SENDABLE else "not before it is verified"

    def dehydrate_attribution(self, row: Contact) -> str:
        return "; ".join(self.attributions[row.lead_id])


class Suppressions(ListRows):
    """Nothing is withheld here: whoever stands in this list stands there to be left alone."""

    note = ("Nobody in this list may be contacted. Keep the file in the house: that somebody opted"
            " out may not be told to others.")  # fmt: skip

    value = column("Suppressed")
    kind = column("Kind", "get_kind_display")
    state = column("State")
    reason = column("Reason", "reason")
    source = column("Came from", "source")
    created_by = column("By", "created_by")
    since = column("Since", "created_at")
    lifted_at = column("Lifted at", "lifted_at")
    lifted_by = column("Lifted by", "lifted_by")
    lift_reason = column("Why lifted", "lift_reason")

    def dehydrate_value(self, row: Suppression) -> str:
        return row.value or "(erased)"

    def dehydrate_state(self, row: Suppression) -> str:
        if row.lifted_at:
            return "Lifted"
        return "To be lifted" if row.lift_asked_at else "Standing"


class Selections(ListRows):
    rule = column("Rule", "rule")
    made_at = column("Made at", "made_at")
    actor = column("By", "actor")
    cap = column("At most", "cap")
    new = column("New", "counts__new")
    returned = column("Returned", "counts__returned")
    left = column("Left", "counts__left")
    seconds = column("Seconds", "seconds")

    @staticmethod
    def to_read(rows: QuerySet[Selection]) -> QuerySet[Selection]:
        return rows.select_related("rule").defer("uens", "rule__payload")


class Steps(RowsOfLeads):
    company = column("Company", "lead__name")
    uen = column("UEN", "lead__uen")
    step = column("Step")
    outcome = column("Outcome", "get_outcome_display")
    said = column("What came of it", "sentence")
    calls = column("Paid calls", "calls")
    known = column("Answers known already", "from_cache")
    at = column("When", "at")
    run = column("Run", "run_id")

    def pairs_of(self, row: LeadStep) -> Iterable[Pair]:
        return [(Kind.UEN, row.lead.uen)]

    def dehydrate_step(self, row: LeadStep) -> str:
        return LABELS.get(row.step, row.step)


class Harvests(ListRows):
    city = column("City", "city")
    category = column("Category")
    source = column("Source", "source__name")
    status = column("Status", "get_status_display")
    wanted = column("Leads wanted", "wanted")
    taken = column("Became leads")
    duplicate = column("Known already")
    walled = column("Wait for a person")
    suppressed = column("Suppressed")
    refused = column("Not taken")
    waiting = column("Not read")
    asked_by = column("Asked by", "requested_by")
    asked_at = column("Asked at", "requested_at")
    ended_at = column("Ended at", "finished_at")
    ending = column("How it ended", "ending")

    @staticmethod
    def to_read(rows: QuerySet[HarvestRequest]) -> QuerySet[HarvestRequest]:
        return rows.select_related("source")

    def look(self, rows: Sequence[HarvestRequest]) -> None:
        self.progress = progress_of(rows)

    def export_field(self, field: Any, instance: HarvestRequest, **kwargs: Any) -> Any:
        name = self.get_field_name(field)
        if name in Progress.__slots__ and name != "wanted":
            return getattr(self.progress[instance.pk], name)
        return super().export_field(field, instance, **kwargs)

    def dehydrate_category(self, row: HarvestRequest) -> str:
        known = CATEGORIES.get(row.category)
        return known.label if known else row.category


class Listings(RowsOfLeads):
    """What a harvest met, as its source lists it, under the source's terms."""

    position = column("No.", "position")
    name = column("Name", "record__name")
    outcome = column("What became of it", "get_outcome_display")
    why = column("Why", "sentence")
    phones = column("Telephone", "record__phones")
    emails = column("E-mail address", "record__emails")
    websites = column("Web site", "record__websites")
    street = column("Street", "record__street")
    housenumber = column("House", "record__housenumber")
    postcode = column("Postal code", "record__postcode")
    city = column("City", "record__city")
    url = column("Stands at", "url")
    retrieved_at = column("Read at", "retrieved_at")
    licence = column("Licence", "licence")
    attribution = column("Whose data", "attribution")

    @staticmethod
    def to_read(rows: QuerySet[Listing]) -> QuerySet[Listing]:
        return rows.defer("raw", "lead__facts", "lead__trace")

    def pairs_of(self, row: Listing) -> Iterable[Pair]:
        kinds = ((Kind.PHONE, "phones"), (Kind.EMAIL, "emails"), (Kind.DOMAIN, "websites"))
        said = [(kind, str(each)) for kind, name in kinds for each in row.record.get(name) or ()]
        return [*said, (Kind.UEN, row.lead.uen if row.lead else "")]

    def silent(self, rows: Sequence[Listing]) -> set[Any]:
        refused = {row.pk for row in rows if row.outcome == Listing.Outcome.SUPPRESSED}
        return super().silent(rows) | refused
