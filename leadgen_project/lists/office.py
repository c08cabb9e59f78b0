"""The register, its loads and codes; nights, what they cost, and who changed what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from acra.models import RegisteredCompany, RegisterImport
from leadgen_project.lists.of_leads import Kind, Pair, RowsOfLeads
from scoring.export_rows import LICENCE
from tenants.audit_words import words_of
from tenants.files.list_rows import ListRows, column
from tenants.models import AuditEvent, PipelineRun
from tenants.vendor_models import VendorUsage


class Companies(RowsOfLeads):
    note = LICENCE

    name = column("Company", "name")
    uen = column("UEN", "uen")
    former_names = column("Former names", "former_names")
    status = column("Status", "status")
    entity_type = column("Entity type", "entity_type")
    registered_on = column("Registered on", "registered_on")
    primary_ssic = column("Primary SSIC", "primary_ssic")
    activity = column("Activity", "primary_activity")
    secondary_ssic = column("Secondary SSIC", "secondary_ssic")
    block = column("Block", "block")
    street = column("Street", "street")
    level = column("Level", "level")
    unit = column("Unit", "unit")
    building = column("Building", "building")
    postal_code = column("Postal code", "postal_code")
    district = column("Postal district", "district")
    annual_return_on = column("Last annual return", "annual_return_on")
    attribution = column("Whose data")

    def pairs_of(self, row: RegisteredCompany) -> Iterable[Pair]:
        return [(Kind.UEN, row.uen)]

    def dehydrate_attribution(self, row: RegisteredCompany) -> str:
        return LICENCE


class RegisterLoads(ListRows):
    source = column("Source", "source")
    published_at = column("Published at", "published_at")
    outcome = column("Outcome", "get_status_display")
    started_at = column("Started at", "started_at")
    finished_at = column("Finished at", "finished_at")
    actor = column("By", "actor")
    read = column("Rows read", "read")
    new = column("New", "new")
    changed = column("Changed", "changed")
    ceased = column("Ceased", "ceased")
    unchanged = column("Unchanged", "unchanged")
    rejected = column("Rejected", "rejected")
    took = column("Seconds")

    def dehydrate_took(self, row: RegisterImport) -> float:
        return round(sum(row.seconds.values()), 1)


class SsicCodes(ListRows):
    code = column("Code", "code")
    title = column("Title", "title")
    level = column("Level", "level")
    section = column("Section", "section")
    edition = column("Edition", "edition")


class Runs(ListRows):
    number = column("Run", "pk")
    tenant = column("Tenant", "tenant_id")
    state = column("State", "get_status_display")
    started_at = column("Started at", "started_at")
    finished_at = column("Finished at", "finished_at")
    candidates = column("Companies taken")
    shortlisted = column("Shortlisted")
    by = column("Started by", "started_by")
    note = column("Note", "note")

    def dehydrate_candidates(self, row: PipelineRun) -> Any:
        return row.report("select").get("done")

    def dehydrate_shortlisted(self, row: PipelineRun) -> Any:
        return row.report("shortlist").get("done")


class Changes(ListRows):
    """The audit without before and after: these quote any table, suppressed people's rows too."""

    at = column("When", "at")
    tenant = column("Tenant", "tenant_id")
    actor = column("Who", "actor")
    action = column("Action", "action")
    words = column("What was done")
    subject = column("What", "subject")
    reason = column("Why", "reason")
    request = column("Request", "request_id")

    @staticmethod
    def to_read(rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.defer("before", "after")

    def dehydrate_words(self, row: AuditEvent) -> str:
        return words_of(row.action)


class Calls(ListRows):
    at = column("When", "at")
    tenant = column("Tenant", "tenant_id")
    vendor = column("Vendor", "get_vendor_display")
    purpose = column("For what", "purpose")
    run = column("Run", "run_id")
    lead = column("Lead", "lead_id")
    outcome = column("Outcome", "get_outcome_display")
    reserved = column("Units reserved", "reserved_units")
    units = column("Units", "units")
    dollars = column("US dollars")
    own_key = column("Own key", "own_key")
    milliseconds = column("Milliseconds", "milliseconds")
    reference = column("Vendor's reference", "reference")
    note = column("Note", "note")

    def dehydrate_dollars(self, row: VendorUsage) -> float:
        return row.micros / 1_000_000
