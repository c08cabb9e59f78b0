"""Bring leads' contacts in line with what is said of them: add, complete, never take away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from enrichment.evidence.merge import SPEAK_OF_CONTACTS, ContactDraft, build_contacts
from enrichment.evidence.refusals import Refusals
from enrichment.evidence.statements import person_at
from enrichment.evidence.store_evidence import Account
from enrichment.extract.titles import person_key
from enrichment.models import Contact
from icp.models import Lead


def store_contacts(accounts: Sequence[Account], *, refusals: Refusals, now: datetime) -> None:
    """Store the contacts ``accounts`` speak of, and note there which claim speaks of which.

    Found again by address, else by name, so that the same person is one contact whoever speaks of
    them. Nothing is removed or overwritten. A suppressed address or person makes no contact, a
    suppressed number is left out. At most three statements of SQL, and one for
    each contact that is completed.
    """
    drafts = [(account, draft) for account in accounts for draft in _drafts(account)]
    refusals.ask("EMAIL", (draft.email for _, draft in drafts))
    refusals.ask("PHONE", (draft.phone for _, draft in drafts))
    refusals.ask("PERSON", (_who(account, draft) for account, draft in drafts))
    drafts = [each for each in drafts if not refusals.refuse("EMAIL", each[1].email)
              and not refusals.refuse("PERSON", _who(*each))]  # fmt: skip
    if not drafts:
        return
    leads = {account.lead for account, _ in drafts}
    existing = _Known(Contact.objects.filter(lead__in=leads).order_by("pk"))
    fresh: list[Contact] = []
    said: list[tuple[Account, ContactDraft, Contact]] = []
    for account, draft in drafts:
        phone = "" if refusals.refuse("PHONE", draft.phone) else draft.phone
        contact = existing.find(account.lead, draft)
        if contact is not None:
            _complete(contact, draft, phone=phone)
        elif draft.email or draft.name or phone:
            contact = _contact(account.lead, draft, phone=phone, now=now)
            fresh.append(contact)
        else:
            continue
        said.append((account, draft, contact))
    Contact.objects.bulk_create(fresh)
    for account, draft, contact in said:
        for key in draft.keys:
            account.spoken_of.setdefault(key, contact.pk)


def _who(account: Account, draft: ContactDraft) -> str:
    return person_at(account.lead, draft.name) if draft.name else ""


def _drafts(account: Account) -> list[ContactDraft]:
    own = [claim for claim in account.claims if claim.source in SPEAK_OF_CONTACTS]
    return build_contacts(own, company_name=account.lead.name)


class _Known:
    """Contacts by address, and by name: those without an address first."""

    def __init__(self, contacts: Iterable[Contact]) -> None:
        self._by_address: dict[tuple[int, str], Contact] = {}
        self._by_name: dict[tuple[int, str, bool], Contact] = {}  # whether it has an address
        for one in contacts:
            if one.email:
                self._by_address.setdefault((one.lead_id, one.email), one)
            name = (one.lead_id, person_key(one.name), bool(one.email))
            self._by_name.setdefault(name, one)

    def find(self, lead: Lead, draft: ContactDraft) -> Contact | None:
        """Whom ``draft`` speaks of. A name alone never joins two addresses."""
        known = self._by_address.get((lead.pk, draft.email)) if draft.email else None
        if known is not None or (draft.email and not draft.name):
            return known
        name = person_key(draft.name)
        without = self._by_name.get((lead.pk, name, False))
        if without is not None or draft.email or not draft.name:
            return without
        return self._by_name.get((lead.pk, name, True))


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
    said = {"name": draft.name, "title": draft.title, "phone": phone, "email": draft.email}
    changes: dict[str, Any] = {
        name: value[: 320 if name == "email" else 200]
        for name, value in said.items()
        if value and not getattr(contact, name)
    }
    if "email" in changes:
        changes["kind"] = draft.kind
    if draft.not_mailable_reason and (contact.is_mailable or contact.is_withheld):
        changes |= {"is_mailable": False, "not_mailable_reason": draft.not_mailable_reason,
                    "is_withheld": False}  # fmt: skip
    if changes:
        Contact.objects.filter(pk=contact.pk).update(**changes)
        for name, value in changes.items():  # the next draft may speak of it too
            setattr(contact, name, value)
