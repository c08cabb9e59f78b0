"""Bring a lead's contacts in line with what is said of them: add, complete, never take away."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from enrichment.merge import ContactDraft
from enrichment.models import Contact
from enrichment.refusals import Refusals
from icp.models import Lead


def store_contacts(
    lead: Lead, drafts: list[ContactDraft], *, refusals: Refusals, now: datetime
) -> dict[int, int]:
    """Store ``drafts``; returns which contact each of their claims speaks of.

    Found again by address, else by name. Nothing is removed or overwritten. A suppressed address
    makes no contact, a suppressed number is left out. At most three statements of SQL, and one for
    each contact that is completed.
    """
    refusals.ask("EMAIL", (draft.email for draft in drafts))
    refusals.ask("PHONE", (draft.phone for draft in drafts))
    drafts = [draft for draft in drafts if not refusals.refuse("EMAIL", draft.email)]
    if not drafts:
        return {}
    existing = _by_name(Contact.objects.filter(lead=lead).order_by("pk"))
    fresh: list[Contact] = []
    said: list[tuple[ContactDraft, Contact]] = []
    for draft in drafts:
        phone = "" if refusals.refuse("PHONE", draft.phone) else draft.phone
        contact = existing.get((draft.email, "" if draft.email else draft.name))
        if contact is not None:
            _complete(contact, draft, phone=phone)
        elif draft.email or draft.name or phone:
            contact = _contact(lead, draft, phone=phone, now=now)
            fresh.append(contact)
        else:
            continue
        said.append((draft, contact))
    Contact.objects.bulk_create(fresh)
    links: dict[int, int] = {}
    for draft, contact in said:
        for key in draft.keys:
            links.setdefault(key, contact.pk)
    return links


def _by_name(contacts: Iterable[Contact]) -> dict[tuple[str, str], Contact]:
    """Contacts by address, or by name where they have none; one may be a number only."""
    found: dict[tuple[str, str], Contact] = {}
    for contact in contacts:
        found.setdefault((contact.email, "" if contact.email else contact.name), contact)
    return found


def _contact(lead: Lead, draft: ContactDraft, *, phone: str, now: datetime) -> Contact:
    return Contact(
        lead=lead,
        kind=draft.kind,
        name=draft.name[:200],
        title=draft.title[:200],
        email=draft.email,
        phone=phone,
        is_mailable=not draft.not_mailable_reason,
        not_mailable_reason=draft.not_mailable_reason,
        created_at=now,
    )


def _complete(contact: Contact, draft: ContactDraft, *, phone: str) -> None:
    """Fill what is empty; take out of mailing what a notice now forbids. Never the other way."""
    changes: dict[str, Any] = {
        name: value[:200]
        for name, value in (("name", draft.name), ("title", draft.title), ("phone", phone))
        if value and not getattr(contact, name)
    }
    if draft.not_mailable_reason and contact.is_mailable:
        changes |= {"is_mailable": False, "not_mailable_reason": draft.not_mailable_reason}
    if changes:
        Contact.objects.filter(pk=contact.pk).update(**changes)
