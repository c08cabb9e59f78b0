"""The sidebar in the order of an operator's day, with numbers of what waits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest

from leadgen_project.console.context import tenant_of
from leadgen_project.console.pages import link
from leadgen_project.console.waiting import Waiting, count_waiting
from tenants.console import may_do

CACHE_SECONDS = 20
TENANT_PAGES = (  # title, icon, page, which number of ``Waiting`` stands beside it
    ("Today", "today", "index", ""),
    ("Ask", "chat", "ask", ""),
    ("Shortlist", "format_list_numbered", "scoring_shortlistentry_changelist", "to_review"),
    ("Leads", "business_center", "icp_lead_changelist", ""),
    ("Where leads stand", "inbox", "enrichment_triage", ""),
    ("CAPTCHA desk", "back_hand", "enrichment_captchachallenge_changelist", "for_operator"),
    ("Duplicates", "join_inner", "enrichment_leadtwin_changelist", "duplicates"),
    ("Harvests", "travel_explore", "enrichment_harvestrequest_changelist", ""),
    ("Contacts", "contact_mail", "enrichment_contact_changelist", ""),
    ("Answers", "forum", "outreach_reply_changelist", "replies"),
    ("ICP rules", "tune", "icp_icprule_changelist", ""),
    ("Score card", "calculate", "scoring_scorecard_changelist", ""),
    ("Suppressions", "block", "icp_suppression_changelist", ""),
    ("Opt-outs", "unsubscribe", "opt-outs", "unheeded"),
    ("Register", "account_balance", "acra_registeredcompany_changelist", ""),
    ("Runs", "nightlight", "tenants_pipelinerun_changelist", "failed_runs"),
    ("Exports", "download", "exports", ""),
)
MAIL_PAGES = (
    ("Campaigns", "campaign", "outreach_campaign_changelist", ""),
    ("Templates", "draft", "outreach_emailtemplate_changelist", ""),
    ("Held mail", "pan_tool", "outreach_held", "held_mail"),
    ("Mail in doubt", "help", "outreach_doubt", "doubted_mail"),
    ("Messages", "outbox", "outreach_message_changelist", ""),
    ("Mailboxes", "outgoing_mail", "outreach_mailbox_changelist", "silent_mailboxes"),
    ("Mail policy", "policy", "outreach_mailpolicy_changelist", ""),
    ("Why is nothing sending?", "troubleshoot", "outreach_why", ""),
    ("Call list", "call", "outreach_call_list", ""),
)
ODOO_PAGES = (
    ("Leads in Odoo", "sync", "odoo_sync_odoopush_changelist", "parked_in_odoo"),
    ("Conflicts", "call_split", "odoo_sync_odooconflict_changelist", "odoo_conflicts"),
    ("Recall list", "undo", "odoo_sync_odoorecall_changelist", "recalls"),
    ("Odoo connections", "link", "odoo_sync_odooconnection_changelist", ""),
)
OFFICE_PAGES = (
    ("Vendors", "storefront", "vendors", ""),
    ("Harvest sources", "hub", "enrichment_harvestsource_changelist", ""),
    ("Spend", "payments", "spend", ""),
    ("Settings", "settings", "tenant-settings", ""),
    ("Configuration file", "upload_file", "config-import", ""),
    ("Moving in", "move_to_inbox", "moves", ""),
    ("Working hours", "schedule", "hours", ""),
    ("Sending policy", "rule", "enrichment_sendingpolicy_changelist", ""),
    ("Notices", "notifications", "notices", ""),
    ("People", "group", "tenants_membership_changelist", ""),
    ("People's requests", "contact_support", "icp_personrequest_changelist", "of_people"),
    ("Sign-in", "login", "tenants_issuer_changelist", ""),
    ("API tokens", "vpn_key", "tenants_apitoken_changelist", ""),
    ("Audit", "history", "tenants_auditevent_changelist", ""),
)
PLATFORM_PAGES = (
    ("Today", "today", "index", ""),
    ("Tenants", "domain", "tenants_tenant_changelist", ""),
    ("Accounts", "manage_accounts", "tenants_user_changelist", ""),
    ("Register loads", "upload_file", "acra_registerimport_changelist", ""),
    ("Register", "account_balance", "acra_registeredcompany_changelist", ""),
    ("Runs", "nightlight", "tenants_pipelinerun_changelist", ""),
    ("Vendors", "storefront", "vendors", ""),
    ("Nobody may mail", "block", "tenants_platformsuppression_changelist", ""),
    ("Web hosts", "dns", "tenants_hostlease_changelist", ""),
    ("Audit", "history", "tenants_auditevent_changelist", ""),
)


RIGHTS = {  # page -> who may open it; the others may be read by everybody
    "config-import": "tenants.edit_settings",
    "moves": "tenants.edit_settings",
    "icp_personrequest_changelist": "icp.answer_people",
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    if tenant_of(request) is None:
        groups: list[dict[str, Any]] = [
            {"title": "Platform", "items": _items(PLATFORM_PAGES, None)}
        ]
    else:
        waiting = _waiting()
        office = [each for each in OFFICE_PAGES if _may_open(request, each[2])]
        groups = [
            {"title": "Work", "items": _items(TENANT_PAGES, waiting)},
            {"title": "Mail", "separator": True, "items": _items(MAIL_PAGES, waiting)},
            {"title": "Odoo", "separator": True, "items": _items(ODOO_PAGES, waiting)},
            {"title": "Office", "separator": True, "items": _items(office, waiting)},
        ]
    _mark([item for group in groups for item in group["items"]], request.path)
    return groups


def _mark(items: list[Any], path: str) -> None:
    """The one item we are at, or below: addresses of pages may begin with those of lists."""
    home = link("index")
    above = [item["link"] for item in items if path.startswith(item["link"])]
    here = max((each for each in above if each != home or path == home), key=len, default="")
    for item in items:
        item["active"] = item["link"] == here


def _may_open(request: HttpRequest, page: str) -> bool:
    return page not in RIGHTS or may_do(request, RIGHTS[page])


def _items(pages: Iterable[tuple[str, str, str, str]], waiting: Waiting | None) -> list[Any]:
    items = []
    for title, icon, page, counted in pages:
        item = {"title": title, "icon": icon, "link": link(page)}
        number = getattr(waiting, counted) if waiting and counted else 0
        if number:
            item |= {"badge": f"{number:,}", "badge_variant": "warning"}
        if item["link"]:
            items.append(item)
    return items


def _waiting() -> Waiting:
    """Kept for a few seconds per tenant: the sidebar must never be what a page waits for."""
    known: Waiting | None = cache.get("sidebar-waiting")
    if known is None:
        known = count_waiting()
        cache.set("sidebar-waiting", known, CACHE_SECONDS)
    return known
