"""Which lists may be exported. What is missing here is named with its reason in the tests."""

from __future__ import annotations

from acra.models import RegisteredCompany, RegisterImport, SsicCode
from enrichment.harvest_models import HarvestRequest, Listing
from enrichment.models import Contact, LeadStep
from icp.models import Lead, Selection, Suppression
from leadgen_project.lists import leads, mail, office
from odoo_sync.models import OdooPush
from outreach.answer_models import Reply
from outreach.models import Campaign, Message
from outreach.phone_models import DncResult
from tenants.files.list_export import offer
from tenants.models import AuditEvent, PipelineRun
from tenants.vendor_models import VendorUsage

LISTS = (
    (Lead, leads.Leads), (Contact, leads.Contacts), (Suppression, leads.Suppressions),
    (Selection, leads.Selections), (LeadStep, leads.Steps), (HarvestRequest, leads.Harvests),
    (Listing, leads.Listings),
    (Campaign, mail.Campaigns), (Message, mail.Messages), (Reply, mail.Replies),
    (DncResult, mail.DncResults), (OdooPush, mail.OdooLeads),
    (RegisteredCompany, office.Companies), (RegisterImport, office.RegisterLoads),
    (SsicCode, office.SsicCodes), (PipelineRun, office.Runs), (AuditEvent, office.Changes),
    (VendorUsage, office.Calls),
)  # fmt: skip


def offer_all() -> None:
    """For ``AppConfig.ready``; a second call changes nothing."""
    for model, rows in LISTS:
        offer(model, rows)
