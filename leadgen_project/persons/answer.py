"""The answer to "what do you hold about me?": everything, where from, and who received it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any

from django.db.models import Q

from enrichment.models import Contact, Evidence, Verification
from icp.models import PersonRequest, Suppression
from leadgen_project.persons import files, packed
from leadgen_project.persons.conversations import CONVERSATIONS, conversations
from leadgen_project.persons.identify import Asked, Person, identify
from leadgen_project.persons.walk import Mention, as_text, longest_word, mentions
from outreach.models import Message
from tenants.context import current_schema
from tenants.lifecycle.archive import folder_of
from tenants.models import AuditEvent
from tenants.vendor_models import VendorUsage

Answer = dict[str, Any]
SHOWN_APART = {"enrichment.contact", "enrichment.evidence", "enrichment.verification",
               "icp.suppression", "outreach.message", "outreach.messageevent",
               *CONVERSATIONS}  # fmt: skip


def answer(asked: Asked, *, now: datetime, everywhere: bool = False) -> Answer:
    """Everything held, as JSON values. Reads only.

    ``everywhere`` also opens kept pages of companies the person is not known at. Costs a pass over
    all text of the tenant, which is seconds, and its pages, which is not.
    """
    person = identify(asked)
    found = list(mentions(person))
    answer = {
        "tenant": current_schema(), "made_at": now.isoformat(),
        "who": {"addresses": sorted(person.addresses), "numbers": sorted(person.numbers),
                "names": sorted(person.names), "at": sorted(person.leads.values())},
        "contacts": _contacts(person), "facts": _facts(found, person),
        "pages": _pages(person, everywhere=everywhere),
        "messages": _messages(person), "conversations": conversations(found),
        "asked_of_vendors": _vendors(person),
        "suppressions": _suppressions(person), "elsewhere": _elsewhere(found),
        "uploaded_lists": [f"{row} ({', '.join(names)})"
                           for row, names in packed.uploads_with(person)],
        "merged_texts": [str(row) for row in packed.corpora_with(person)],
        "files": [str(path.relative_to(folder_of(current_schema())))
                  for path in files.files_with(person)],
        "fetched_by": files.who_fetched(person),
        "audit": [_event(event) for event in events_with(person)],
    }  # fmt: skip
    plain: Answer = json.loads(json.dumps(answer, default=str))
    return plain


def count(answer: Answer) -> dict[str, int]:
    """How many things of each kind an answer holds; kinds without any are left out."""
    counts = Counter({name: len(value) for name, value in answer.items()
                      if isinstance(value, list)})  # fmt: skip
    return {name: number for name, number in sorted(counts.items()) if number}


def events_with(person: Person) -> list[AuditEvent]:
    """Audit events whose words hold an address, a number or a name of the person."""
    pattern, names = person.at_work(), ("subject", "reason", "before", "after")
    if pattern is None:
        return []
    wanted = Q(pk__in=[])
    for text in [*person.addresses, *person.numbers, *map(longest_word, person.names)]:
        for name in names:
            wanted |= Q(**{f"{name}__icontains": text})
    found = AuditEvent.objects.filter(wanted).order_by("pk")
    return [each for each in found
            if any(pattern.search(as_text(getattr(each, name))) for name in names)]  # fmt: skip


def asked_by(request: PersonRequest) -> Asked:
    return Asked(request.email, request.phone, request.name, request.company)


def _contacts(person: Person) -> list[Answer]:
    rows = Contact.objects.filter(pk__in=person.contacts).select_related("lead")
    return [
        {"contact": one.pk, "company": one.lead.name, "kind": one.get_kind_display(),
         "name": one.name, "title": one.title, "email": one.email, "phone": one.phone,
         "since": one.created_at, "verdict": one.get_verdict_display(),
         "may_be_written_to": one.is_mailable, "why_not": one.not_mailable_reason,
         "adopted": str(getattr(one, "adoption", "")),
         "evidence": [_said(row) for row in one.evidence.select_related("page").order_by("pk")]}
        for one in rows.order_by("pk")
    ]  # fmt: skip


def _said(row: Evidence) -> Answer:
    return {"field": row.field, "value": row.value, "from": row.get_source_display(),
            "where": row.reference, "quote": row.quote, "how": row.method,
            "seen_at": row.observed_at, "until": row.superseded_at}  # fmt: skip


def _facts(found: list[Mention], person: Person) -> list[Answer]:
    """Evidence that mentions the person and belongs to no contact of theirs."""
    rows = [each.row for each in found if isinstance(each.row, Evidence)]
    return [_said(row) for row in rows if row.contact_id not in person.contacts]


def _pages(person: Person, *, everywhere: bool) -> list[Answer]:
    return [
        {"url": page.final_url, "company": page.enrichment.lead.name, "fetched_at": page.fetched_at}
        for page in packed.pages_with(person, everywhere=everywhere)
    ]


def messages_to(person: Person) -> Any:
    hashes = [value for kind, value in person.hashes if kind == Suppression.Kind.EMAIL]
    return Message.objects.filter(
        Q(recipient_hash__in=hashes) | Q(contact__in=person.contacts)
    ).order_by("pk")


def _messages(person: Person) -> list[Answer]:
    return [
        {"message": one.pk, "to": one.recipient, "subject": one.subject, "text": one.body_text,
         "written_with": one.lead_data, "status": one.get_status_display(), "why": one.sentence,
         "queued_at": one.created_at, "sent_at": one.sent_at,
         "sent_from": one.mailbox.address if one.mailbox else "",
         "events": [{"what": event.get_kind_display(), "at": event.at, "detail": event.detail}
                    for event in one.events.order_by("at")]}
        for one in messages_to(person).select_related("mailbox").prefetch_related("events")
    ]  # fmt: skip


def _vendors(person: Person) -> list[Answer]:
    rows = Verification.objects.filter(address__in=person.addresses).order_by("pk")
    calls = VendorUsage.objects.in_bulk([row.call_id for row in rows if row.call_id])
    return [
        {"vendor": row.get_source_display(), "about": row.address, "said": row.status,
         "at": row.checked_at, "call": str(calls.get(row.call_id, "") if row.call_id else "")}
        for row in rows
    ]  # fmt: skip


def _suppressions(person: Person) -> list[Answer]:
    hashes = [value for _, value in person.hashes]
    return [
        {"kind": row.get_kind_display(), "since": row.created_at, "reason": row.reason,
         "from": row.source, "lifted_at": row.lifted_at}
        for row in Suppression.objects.filter(value_hash__in=hashes).order_by("pk")
    ]  # fmt: skip


def _elsewhere(found: list[Mention]) -> list[Answer]:
    return [
        {"table": each.label, "row": each.row.pk, "texts": each.texts}
        for each in found if each.label not in SHOWN_APART
    ]  # fmt: skip


def _event(event: AuditEvent) -> Answer:
    return {"event": event.pk, "at": event.at, "by": event.actor, "what": event.action,
            "subject": event.subject, "reason": event.reason}  # fmt: skip
