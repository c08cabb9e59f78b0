"""The addresses of the API. Without a slash at the end, as the migration plan writes them."""

from __future__ import annotations

from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from acra.api import CompanyResource
from enrichment.api import ContactsOfLead, EvidenceOfLead
from enrichment.captcha_api import ChallengeResource, ResolveCaptcha
from enrichment.harvest_api import Harvests, ListingsOfHarvest, TriggerHarvests
from enrichment.process_api import ProcessLeads
from icp.api import UUID, RuleResource, SuppressionResource, WhyNot
from leadgen_project.api.config import Config
from leadgen_project.api.describe import docs_page, schema
from leadgen_project.api.exports import Exports
from leadgen_project.api.leads import Leads
from leadgen_project.api.runs import Runs
from odoo_sync.api import Conflicts, OdooOfLead, Pushes, Recalls
from outreach.api import CampaignResource, MessageResource, QueueEmails, Templates
from outreach.mailbox_api import OutlookSignIn
from outreach.reply_api import Replies
from scoring.api import RUN, EntriesOfShortlist, ShortlistResource
from tenants.api_records import AuditResource, SavedViewResource, UsageResource

router = SimpleRouter(trailing_slash=False)
router.register("audit", AuditResource, "api-audit")
router.register("campaigns", CampaignResource, "api-campaigns")
router.register("challenges", ChallengeResource, "api-challenges")
router.register("companies", CompanyResource, "api-companies")
router.register("exports", Exports, "api-exports")
router.register("harvests", Harvests, "api-harvests")
router.register("icp-rules", RuleResource, "api-icp-rules")
router.register("leads", Leads, "api-leads")
router.register("messages", MessageResource, "api-messages")
router.register("odoo/conflicts", Conflicts, "api-odoo-conflicts")
router.register("odoo/pushes", Pushes, "api-odoo-pushes")
router.register("odoo/recalls", Recalls, "api-odoo-recalls")
router.register("replies", Replies, "api-replies")
router.register("runs", Runs, "api-runs")
router.register("shortlists", ShortlistResource, "api-shortlists")
router.register("suppressions", SuppressionResource, "api-suppressions")
router.register("usage", UsageResource, "api-usage")
router.register("views", SavedViewResource, "api-views")

urlpatterns = [
    path("getConfig", Config.as_view({"get": "retrieve"}), name="api-get-config"),
    path("updateConfig", Config.as_view({"put": "update"}), name="api-update-config"),
    path(
        "authenticateOutlook", OutlookSignIn.as_view({"post": "begin"}),
        name="api-authenticate-outlook",
    ),
    path(
        "handleOutlookCallback", OutlookSignIn.as_view({"post": "finish"}),
        name="api-handle-outlook-callback",
    ),
    path(
        "triggerHarvest", TriggerHarvests.as_view({"post": "create"}), name="api-trigger-harvest"
    ),
    path("processLead", ProcessLeads.as_view({"post": "create"}), name="api-process-lead"),
    path("queueEmail", QueueEmails.as_view({"post": "create"}), name="api-queue-email"),
    path("getTemplates", Templates.as_view({"get": "list"}), name="api-get-templates"),
    path(
        "resolveCaptcha", ResolveCaptcha.as_view({"post": "create"}), name="api-resolve-captcha",
    ),
    path("schema/", schema, name="api-schema"),
    path("docs/", docs_page, name="api-docs"),
    re_path(
        rf"^leads/(?P<id>{UUID})/evidence$", EvidenceOfLead.as_view({"get": "list"}),
        name="api-lead-evidence",
    ),
    re_path(
        rf"^leads/(?P<id>{UUID})/contacts$", ContactsOfLead.as_view({"get": "list"}),
        name="api-lead-contacts",
    ),
    re_path(
        rf"^leads/(?P<id>{UUID})/odoo$", OdooOfLead.as_view({"get": "retrieve"}),
        name="api-lead-odoo",
    ),
    re_path(
        rf"^harvests/(?P<id>{UUID})/listings$", ListingsOfHarvest.as_view({"get": "list"}),
        name="api-harvest-listings",
    ),
    re_path(
        rf"^shortlists/(?P<run>{RUN})/entries$", EntriesOfShortlist.as_view({"get": "list"}),
        name="api-shortlist-entries",
    ),
    path("usage", UsageResource.as_view({"get": "sums"}), name="api-usage-sums"),
    path("why-not", WhyNot.as_view({"get": "retrieve"}), name="api-why-not"),
    *router.urls,
]  # fmt: skip
