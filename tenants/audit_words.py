"""What an audit event's action says in words, for all actions that are recorded anywhere."""

from __future__ import annotations

from functools import cache

from django.apps import apps
from django.utils.text import capfirst

# Of every row a form of the console changes: ``app.model.verb``.
OF_ROWS = {"add": "{} added", "change": "{} changed", "delete": "{} removed"}
EXPORTED = "{} taken out as a file"

WORDS: dict[str, str] = {
    "acra.fetch_register": "Register asked for",
    "chat.act": "Done by the chat",
    "chat.not_done": "Not done by the chat",
    "enrichment.ask.people": "People asked for",
    "enrichment.ask.search": "Web searched for its site",
    "enrichment.ask_for_harvest": "Harvest asked for",
    "enrichment.begin_harvest": "Harvest begun",
    "enrichment.end_harvest": "Harvest ended",
    "enrichment.pause_harvest": "Harvest paused",
    "enrichment.resume_harvest": "Harvest resumed",
    "enrichment.cancel_harvest": "Harvest cancelled",
    "enrichment.save_source": "Harvest source saved",
    "enrichment.switch_source": "Harvest source switched",
    "enrichment.try_source": "Harvest source tried",
    "enrichment.give_source_file": "File given to a harvest source",
    "enrichment.set_area": "Area of a city set",
    "enrichment.source.pause": "Harvest source paused itself",
    "enrichment.source.resume": "Harvest source resumed",
    "enrichment.challenge.claim": "Challenge taken",
    "enrichment.challenge.hold": "Challenge held longer",
    "enrichment.challenge.release": "Challenge released",
    "enrichment.challenge.skip": "Challenge skipped",
    "enrichment.challenge.solve": "Challenge solved",
    "enrichment.challenge.fail": "Challenge could not be passed",
    "enrichment.challenge.cancel": "Challenge cancelled",
    "enrichment.challenge.give_up": "Challenge given up",
    "enrichment.contact.import": "Contact imported",
    "enrichment.contacts.import": "List of contacts imported",
    "enrichment.contacts.undo": "Import of contacts undone",
    "enrichment.duplicate.ask_anew": "Duplicates asked about anew",
    "enrichment.duplicate.keep_apart": "Said to be two businesses",
    "enrichment.lead.merge": "Leads merged",
    "enrichment.lead.undo_merge": "Merge of leads undone",
    "enrichment.process_lead": "Listing handed in",
    "enrichment.register_match.confirm": "Match to the register confirmed",
    "enrichment.register_match.refuse": "Match to the register refused",
    "enrichment.sending_policy.change": "Verdicts that may be mailed changed",
    "enrichment.verify_lead": "Addresses of a lead verified",
    "icp.file.recalled": "Holder of a file told of an opt-out",
    "icp.lead.give_site": "Web site given",
    "icp.lead.reject": "Lead rejected",
    "icp.lead.send_back": "Lead sent back",
    "icp.lead.suppress": "Lead suppressed",
    "icp.lift_suppression": "Suppressions lifted",
    "icp.person.answer": "Person answered",
    "icp.person.erase": "Person erased",
    "icp.person.request": "Person's request written down",
    "icp.rule.save": "ICP rule saved",
    "icp.rule.use": "ICP rule put into use",
    "icp.site.import": "List of web sites imported",
    "icp.site.undo": "Import of web sites undone",
    "icp.platform_suppression.add": "Forbidden to all tenants",
    "icp.platform_suppression.ask_to_lift": "Lifting what all tenants are forbidden asked for",
    "icp.platform_suppression.lift": "Allowed to tenants again",
    "icp.suppression.add": "Suppressed",
    "icp.suppression.ask_to_lift": "Lifting a suppression asked for",
    "icp.suppression.import": "List of suppressions imported",
    "icp.suppression.lift": "Suppression lifted",
    "icp.work_lead": "Leads decided on",
    "moving_in.move": "Moved in",
    "moving_in.undo": "Move undone",
    "odoo_sync.conflict.decide": "Conflict with Odoo decided",
    "odoo_sync.connection.import": "Odoo connection taken over",
    "odoo_sync.connection.test": "Odoo connection tested",
    "odoo_sync.push": "Leads sent to Odoo again",
    "odoo_sync.push.approve": "Leads approved for Odoo",
    "odoo_sync.push.start": "Sending to Odoo started",
    "odoo_sync.recall.done": "Recall in Odoo seen to",
    "outreach.calls.export": "Call list taken out",
    "outreach.calls.look_up": "Numbers to look up taken out",
    "outreach.campaign.delete": "Campaign removed",
    "outreach.campaign.finished": "Campaign finished",
    "outreach.campaign.paused": "Campaign paused",
    "outreach.campaign.running": "Campaign started or resumed",
    "outreach.campaign.save": "Campaign saved",
    "outreach.campaign.stopped": "Campaign stopped",
    "outreach.contact.adopt": "Address adopted",
    "outreach.dnc.import": "Do Not Call results imported",
    "outreach.dnc.undo": "Import of Do Not Call results undone",
    "outreach.mailbox.connect": "Mailbox connected",
    "outreach.mailbox.disconnect": "Mailbox disconnected",
    "outreach.mailbox.pause": "Mailbox paused",
    "outreach.mailbox.resume": "Mailbox resumed",
    "outreach.mailbox.test": "Mailbox tested",
    "outreach.message.drop": "Mail dropped",
    "outreach.message.release": "Mail released",
    "outreach.message.send_again": "Mail sent again",
    "outreach.message.was_sent": "Mail found to have been sent",
    "outreach.origin.set": "Origin of addresses decided on",
    "outreach.policy.set": "Mail policy changed",
    "outreach.policy.stop": "All mail stopped",
    "outreach.queue_mail": "Mail queued",
    "outreach.reply.decide": "Reply decided on",
    "outreach.signature.save": "Signature saved",
    "outreach.template.archive": "Template archived",
    "outreach.template.rename": "Template renamed",
    "outreach.template.restore": "Template restored",
    "outreach.template.save": "Template saved",
    "outreach.template.test": "Template sent to oneself",
    "outreach.templates.import": "Templates imported",
    "outreach.templates.undo": "Import of templates undone",
    "outreach.variation.add": "Variation added",
    "outreach.variation.approve": "Variation approved",
    "outreach.variation.drop": "Variation dropped",
    "scoring.card.save": "Score card saved",
    "scoring.export": "Scores taken out as a file",
    "scoring.export_candidates": "Candidates taken out as a file",
    "scoring.review.accepted": "Accepted",
    "scoring.review.rejected": "Rejected",
    "scoring.review.undo": "Review taken back",
    "tenants.api_token.add": "API token made",
    "tenants.api_token.revoke": "API token revoked",
    "tenants.audit.blank": "A person blanked in the audit",
    "tenants.budget.notice": "Budget nearly used",
    "tenants.config.update": "Configuration changed",
    "tenants.create": "Tenant created",
    "tenants.device_login.allow": "Command line let in",
    "tenants.device_login.refuse": "Command line refused",
    "tenants.enter": "Tenant entered",
    "tenants.enter.refused": "Refused to enter a tenant",
    "tenants.identity.link": "Sign-in linked to an account",
    "tenants.invitation.add": "Somebody invited",
    "tenants.invitation.delete": "Invitation withdrawn",
    "tenants.issuer.test": "Sign-in provider tested",
    "tenants.leave": "Tenant left",
    "tenants.ledger.export": "Ledger taken out as a file",
    "tenants.membership.add": "Person let in",
    "tenants.membership.change": "Person's role changed",
    "tenants.membership.delete": "Person removed",
    "tenants.remove": "Tenant removed",
    "tenants.run.cancelled": "Night cancelled",
    "tenants.run.failed": "Night failed",
    "tenants.run.finished": "Night finished",
    "tenants.run.paused": "Night paused",
    "tenants.run.running": "Night resumed",
    "tenants.run.start": "Night started",
    "tenants.second_factor.locked": "Second factor locked after wrong codes",
    "tenants.second_factor.off": "Second factor switched off",
    "tenants.second_factor.on": "Second factor switched on",
    "tenants.sign_in": "Signed in",
    "tenants.take_in": "Tenant taken in from an archive",
    "tenants.task.park": "Task parked after its worker died again",
    "tenants.user.add": "Account made",
    "tenants.user.password": "Password changed",
    "tenants.vendor.breaker": "Vendor asked again at once",
    "tenants.vendor.lift": "Block of a vendor lifted",
    "tenants.vendor.limits": "Vendor's budget changed",
    "tenants.vendor.off": "Vendor switched off",
    "tenants.vendor.on": "Vendor switched on",
    "tenants.vendor.rate": "Rate limit of a vendor changed",
    "tenants.vendor.settled": "Unknown call to a vendor settled",
    "tenants.vendor_key.remove": "Vendor's key removed",
    "tenants.vendor_key.set": "Vendor's key set",
}


def words_of(action: str) -> str:
    """The action in words; of one nobody wrote words for, its code."""
    return WORDS.get(action) or _of_rows(action) or action


def actions_called(text: str) -> list[str]:
    """Actions whose words hold ``text``, in any case."""
    return [action for action, words in _all_words().items() if text.casefold() in words]


@cache
def _all_words() -> dict[str, str]:
    rows = {f"{model._meta.label_lower}.{verb}" for model in apps.get_models()  # noqa: SLF001 -- documented meta API
            for verb in (*OF_ROWS, "export")}  # fmt: skip
    return {action: words_of(action).casefold() for action in {*WORDS, *rows}}


def _of_rows(action: str) -> str:
    """Words for what forms and exports do to any table; nothing for other actions."""
    label, _, verb = action.rpartition(".")
    try:
        meta = apps.get_model(label)._meta  # noqa: SLF001 -- Django's documented meta API
    except (LookupError, ValueError):
        return ""
    if verb == "export":
        return capfirst(EXPORTED.format(meta.verbose_name_plural))
    return capfirst(OF_ROWS[verb].format(meta.verbose_name)) if verb in OF_ROWS else ""
