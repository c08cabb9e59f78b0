"""Import people from a file: first see what it would do, row by row, then do all of it, or undo.

Each value gets its evidence, whose method says how it was obtained; the gate goes by that. What an
operator entered is never overwritten. ``enrichment.contact_lists.undo_contacts`` is the way back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from enrichment.contact_lists.judge_contact_rows import Said, judge_contact_rows, said
from enrichment.contact_lists.look_up_contacts import FIELDS, look_up
from enrichment.evidence.merge import kind_of_mailbox
from enrichment.evidence.statements import Statement
from enrichment.evidence.store_evidence import (
    Account,
    Standing,
    show_facts,
    store_evidence,
    take_account,
    what_stands,
)
from enrichment.extract.titles import person_key
from enrichment.import_models import ContactImport
from enrichment.models import Contact
from enrichment.verification.judge_contacts import judge_contacts, link_contacts
from icp.judge_rows import Row
from icp.models import Lead, Upload
from icp.read_table import read_table
from icp.uploads import imported, keep_preview, pack_values, undecided, unpack
from tenants import audit
from tenants.clock import database_now
from tenants.console import audit_subject

Status = Upload.Status
AT_ONCE = 500  # rows stored with a dozen statements; what is said of their leads is in memory
SURE = 0.9
ONE_EACH = frozenset({"people", "title", "phones"})  # a later list replaces what an earlier said


# --- see ----------------------------------------------------------------------------------------
@transaction.atomic
def preview_contacts(
    content: bytes, *, file_name: str, actor: str, now: datetime | None = None
) -> ContactImport:
    """Read the file and keep what it would do; stores nobody yet.

    Raises ``UnreadableFileError`` when the file as a whole cannot be used.
    """
    rows = judge_contact_rows(read_table(content))
    look_up(rows)
    return keep_preview(ContactImport, rows, file_name=file_name, actor=actor,
                        now=now or database_now())  # fmt: skip


# --- decide -------------------------------------------------------------------------------------
@transaction.atomic
def confirm_contacts(upload: ContactImport, *, actor: str, now: datetime | None = None) -> int:
    """Store what the preview said; returns how many contacts are new or changed.

    What became forbidden since is refused, what was changed since is compared anew. 10,000 rows
    take some seconds. Raises ``UploadError`` when it was decided before.
    """
    now = now or database_now()
    upload = undecided(upload)
    rows = list(unpack(upload.accepted_rows))
    ids = {said(row).lead for row in rows if row.values}
    list(Lead.objects.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",))
         .values_list("pk", flat=True))  # fmt: skip
    look_up(rows)
    wanted = [row for row in rows if row.outcome in {"new", "changed"}]
    wanted.sort(key=lambda row: int(said(row).lead))  # so that each lead is read once or twice
    done: list[dict[str, Any]] = []
    for start in range(0, len(wanted), AT_ONCE):
        done += _store(wanted[start : start + AT_ONCE], upload, now=now)
    upload.applied_rows = pack_values(done)
    imported(upload, rows, actor=actor, now=now)
    origins = Counter(said(row).origin for row in wanted)
    audit.record_many("enrichment.contact.import", actor=actor, changes=_events(done),
                      reason=f"{upload}"[:500])  # fmt: skip
    audit.record("enrichment.contacts.import", actor=actor, subject=audit_subject(upload),
                 after={"file": upload.file_name, "new": upload.new, "changed": upload.changed,
                        "refused": upload.refused, "origins": dict(origins)})  # fmt: skip
    return len(done)


def _events(done: Sequence[dict[str, Any]]) -> Iterator[tuple[str, Any, Any]]:
    """For the page of each lead; the values themselves stand in the evidence alone."""
    for each in done:
        fields = sorted(name for name, (_, after) in each["changes"].items() if after)
        yield f"lead {each['lead']}", None, {"contact": each["contact"], "new": each["made"],
                                             "fields": fields}  # fmt: skip


# --- store --------------------------------------------------------------------------------------
def _store(rows: Sequence[Row], upload: ContactImport, *, now: datetime) -> list[dict[str, Any]]:
    """Contacts and evidence of some rows; what was done, as ``undo_contacts`` wants it."""
    ids = [int(said(row).contact) for row in rows if said(row).contact]
    known = Contact.objects.in_bulk(ids)
    made = {row.number: _contact(said(row), now=now) for row in rows if not said(row).contact}
    Contact.objects.bulk_create(made.values())
    done = []
    for row in rows:
        one = said(row)
        contact = made.get(row.number) or known[int(one.contact)]
        changes = _change(contact, row) if one.contact else _made(contact)
        done.append({"row": row.number, "lead": int(one.lead), "contact": contact.pk,
                     "made": row.number in made, "changes": changes, "gone": []})  # fmt: skip
    Contact.objects.bulk_update(known.values(), [*FIELDS, "kind"])
    _store_evidence(rows, done, {**known, **{one.pk: one for one in made.values()}}, upload,
                    now=now)  # fmt: skip
    mine = Contact.objects.filter(pk__in=[each["contact"] for each in done])
    link_contacts(mine)
    judge_contacts(mine)
    return done


def _contact(one: Said, *, now: datetime) -> Contact:
    return Contact(lead_id=int(one.lead), kind=_kind(one.name, one.email, one.company),
                   name=one.name, title=one.title, email=one.email, phone=one.phone,
                   created_at=now)  # fmt: skip


def _kind(name: str, email: str, company: str) -> str:
    if email:
        kind = kind_of_mailbox(email, company_name=company)
        return Contact.Kind.PERSON if name and kind == Contact.Kind.ROLE else kind
    return Contact.Kind.PERSON if name else Contact.Kind.ROLE


def _made(contact: Contact) -> dict[str, list[str]]:
    return {name: ["", getattr(contact, name)] for name in FIELDS}


def _change(contact: Contact, row: Row) -> dict[str, list[str]]:
    """Give the contact the row's values; before and after by field."""
    changes = {name: [before, after] for name, before, after in row.values[1:] if name in FIELDS}
    if "email" in changes:
        kind = _kind(contact.name, changes["email"][1], said(row).company)
        if kind != contact.kind:
            changes["kind"] = [contact.kind, kind]
    for name, (_, after) in changes.items():
        setattr(contact, name, after)
    return changes


def _store_evidence(
    rows: Sequence[Row], done: Sequence[dict[str, Any]], contacts: dict[int, Contact],
    upload: ContactImport, *, now: datetime,
) -> None:  # fmt: skip
    by_lead: dict[int, list[tuple[dict[str, Any], list[Statement]]]] = defaultdict(list)
    for row, each in zip(rows, done, strict=True):
        said_now = list(_statements(row, contacts[each["contact"]], upload))
        by_lead[each["lead"]].append((each, said_now))
    standing = what_stands(Lead(pk=pk) for pk in by_lead)
    accounts = [_account(Lead(pk=pk), said_of, standing[pk]) for pk, said_of in by_lead.items()]
    store_evidence(accounts, run_id=None, now=now)
    if company := [account for account in accounts if _speaks_of_company(account)]:
        show_facts(company)


def reference_of(upload: ContactImport, row: int) -> str:
    """What evidence of an import refers to."""
    return f"{audit_subject(upload)}, row {row}"


def _statements(row: Row, contact: Contact, upload: ContactImport) -> Iterator[Statement]:
    one = said(row)
    subject = person_key(one.name or contact.name)
    for name, of_evidence in FIELDS.items():
        if value := getattr(one, name):
            yield Statement(of_evidence, value, "IMPORT", reference_of(upload, row.number),
                            one.origin, 1, SURE, quote=one.note, subject=subject)  # fmt: skip


def _account(
    lead: Lead,
    said_of: Sequence[tuple[dict[str, Any], list[Statement]]],
    standing: Sequence[Standing],
) -> Account:
    """What is said of the lead with what stands. What a list said before gives way."""
    known = {(key[0], key[2], key[3], key[4]) for key, _, _ in standing}
    fresh = {one.key: each["contact"] for each, statements in said_of for one in statements
             if (one.field, one.method, one.subject, one.value) not in known}  # fmt: skip
    account = take_account(
        lead, [one for _, statements in said_of for one in statements if one.key in fresh],
        standing=standing, pages={}, replaces_pages=False, replaces_register=False,
    )  # fmt: skip
    for key, one in account.fresh.items():
        account.spoken_of[key] = fresh[one.key]
    for each, statements in said_of:
        now_said = {one.field: one.value for one in statements if one.field in ONE_EACH}
        each["gone"] = [
            claim.key for _, claim, contact in standing
            if contact == each["contact"] and claim.source == "IMPORT"
            and now_said.get(claim.field, claim.value) != claim.value
        ]  # fmt: skip
        account.gone += each["gone"]
    gone = set(account.gone)
    account.claims = [claim for claim in account.claims if claim.key not in gone]
    return account


def _speaks_of_company(account: Account) -> bool:
    return bool(account.gone) or any(not one.subject for one in account.fresh.values())
