"""Campaigns, messages, what was answered, Do Not Call results, and leads in Odoo."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet

from leadgen_project.lists.of_leads import Kind, Pair, RowsOfLeads
from odoo_sync.models import OdooPush
from outreach.answer_models import Reply
from outreach.audience import words_of
from outreach.campaigns import LINE, counts_of
from outreach.models import Campaign, Message
from outreach.phone_models import DncResult
from tenants.files.list_rows import ListRows, column


class Campaigns(ListRows):
    name = column("Campaign", "name")
    status = column("State", "get_status_display")
    why = column("Why", "status_reason")
    audience = column("To whom")
    chosen = column("Messages", "chosen")
    sent = column("Sent")
    waiting = column("Waiting")
    held = column("Held")
    refused = column("Refused")
    failed = column("Failed")
    in_doubt = column("In doubt")
    cancelled = column("Cancelled")
    created_by = column("Made by", "created_by")
    created_at = column("Made at", "created_at")
    started_at = column("Started at", "started_at")
    ended_at = column("Ended at", "ended_at")

    def look(self, rows: Sequence[Campaign]) -> None:
        self.counts = counts_of(rows)

    def export_field(self, field: Any, instance: Campaign, **kwargs: Any) -> Any:
        word = self.get_field_name(field).replace("_", " ")
        if word in LINE:
            return self.counts[instance.pk].by_word[word]
        return super().export_field(field, instance, **kwargs)

    def dehydrate_audience(self, row: Campaign) -> str:
        return words_of(row.audience)


class Messages(RowsOfLeads):
    recipient = column("To", "recipient")
    company = column("Company", "lead__name")
    uen = column("UEN", "lead__uen")
    status = column("Status", "get_status_display")
    why = column("Why", "sentence")
    campaign = column("Campaign")
    template = column("Template", "template_version")
    mailbox = column("From", "mailbox__address")
    subject = column("Subject", "subject")
    queued_at = column("Queued at", "created_at")
    not_before = column("Not before", "not_before")
    sent_at = column("Sent at", "sent_at")

    @staticmethod
    def to_read(rows: QuerySet[Message]) -> QuerySet[Message]:
        return rows.defer("body_html", "body_text", "gate", "lead_data", "lead__facts",
                          "lead__trace")  # fmt: skip

    def pairs_of(self, row: Message) -> Iterable[Pair]:
        return [(Kind.EMAIL, row.recipient), (Kind.UEN, row.lead.uen if row.lead else "")]

    def dehydrate_campaign(self, row: Message) -> str:
        return str(row.step) if row.step else "single mail"


class Replies(RowsOfLeads):
    sender = column("From", "sender")
    company = column("Company", "message__lead__name")
    kind = column("Kind", "get_kind_display")
    state = column("State", "get_state_display")
    received_at = column("Received at", "received_at")
    subject = column("Subject", "subject")
    excerpt = column("First words", "excerpt")
    answers = column("In answer to", "message__subject")
    campaign = column("Campaign", "message__step__campaign")
    mailbox = column("At", "mailbox__address")
    decided_by = column("Seen to by", "decided_by")
    decided_at = column("Seen to at", "decided_at")

    def lead_of(self, row: Reply) -> int | None:
        return row.message.lead_id

    def pairs_of(self, row: Reply) -> Iterable[Pair]:
        return [(Kind.EMAIL, row.sender), (Kind.EMAIL, row.message.recipient),
                (Kind.UEN, row.message.lead.uen if row.message.lead else "")]  # fmt: skip


class DncResults(RowsOfLeads):
    number = column("Number", "number")
    register = column("Register", "get_register_display")
    result = column("Result", "get_result_display")
    checked_at = column("Checked at", "checked_at")
    expires_at = column("Valid until", "expires_at")
    reasoning = column("Why a business's line", "reasoning")
    evidence = column("Read from", "evidence_name")
    evidence_sha256 = column("SHA-256 of the file", "evidence_sha256")
    created_by = column("Taken in by", "created_by")

    def pairs_of(self, row: DncResult) -> Iterable[Pair]:
        return [(Kind.PHONE, row.number)]


class OdooLeads(RowsOfLeads):
    company = column("Company", "lead__name")
    uen = column("UEN", "lead__uen")
    state = column("Where it is", "get_state_display")
    why = column("Why", "sentence")
    approved_by = column("Approved by", "approved_by")
    approved_at = column("Approved at", "approved_at")
    pushed_at = column("Went there", "pushed_at")
    system = column("Odoo", "connection__system")
    outcome = column("What became of it", "get_outcome_display")
    stage_there = column("Stage there", "stage_there")
    salesperson = column("Whose there", "salesperson")
    active_there_at = column("Last touched there", "active_there_at")

    def pairs_of(self, row: OdooPush) -> Iterable[Pair]:
        return [(Kind.UEN, row.lead.uen)]

    @staticmethod
    def to_read(rows: QuerySet[OdooPush]) -> QuerySet[OdooPush]:
        return rows.defer("keys", "lead__facts", "lead__trace")
