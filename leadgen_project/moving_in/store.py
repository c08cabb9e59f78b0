"""Store what rows say: new leads whole, known leads completed; each value with its evidence.

Everything of a batch goes in with one COPY a table. Of a known lead nothing is overwritten: what is
shown is chosen from all evidence, as everywhere (``enrichment.evidence.merge``).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import models

from enrichment.captcha_models import CaptchaChallenge
from enrichment.evidence.merge import FIRST_OF, MANY, Claim, kind_of_mailbox
from enrichment.evidence.store_evidence import Account, facts_of, what_stands
from enrichment.extract.titles import person_key
from enrichment.models import Contact, Evidence
from icp.models import Lead
from leadgen_project.moving_in.people import (
    Known,
    Person,
    give_hashes,
    host_in,
    look_up,
    suppressed_of,
)
from leadgen_project.moving_in.rows import Place
from leadgen_project.moving_in.write import copied, copy_lines, copy_rows, take_ids
from tenants.context import connection

METHOD = "import_sqlite"
MAKE = "unknown"  # the former program kept no word of which wall it was
SURE = 0.9
LEAST_SURE = 0.5
NEWEST = ("last_sent", "last_updated")  # fields of which the latest moment is the one that holds


@dataclass(slots=True)
class Said:
    """One value about to be evidence. ``confidence`` falls along a list, to keep its order."""

    field: str
    value: str
    quote: str
    subject: str
    confidence: float
    reference: str
    contact: int | None = None


@dataclass(slots=True)
class Target:
    """A lead rows speak of: a new one, or one that is known."""

    first: Person
    lead_id: int | None = None  # None until ids are taken
    is_known: bool = False
    is_ours: bool = False  # made by this very move
    said: list[Said] = field(default_factory=list)
    keys: set[tuple[str, str, str]] = field(default_factory=set)  # field, value, subject
    contacts: list[NewContact] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)  # evidence that is superseded
    claims: list[Claim] = field(default_factory=list)  # that stand
    by_address: dict[str, int] = field(default_factory=dict)
    by_name: dict[str, int] = field(default_factory=dict)
    by_phone: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class NewContact:
    pk: int
    kind: str
    name: str
    email: str
    phone: str


@dataclass(slots=True)
class Stored:
    """Where a row went, and what it added there."""

    lead_id: int
    contact_id: int | None
    is_new: bool  # its row made the lead
    is_ours: bool  # the lead came with this move
    added: dict[str, Any]


def store_all_but_suppressed(
    people: Sequence[Person], *, place: Place, now: datetime
) -> dict[int, Stored]:
    """As ``store_people``, without the rows nobody may keep."""
    give_hashes(people)
    gone = suppressed_of(people)
    left = [one for one in people if one.row.position not in gone]
    return store_people(left, place=place, now=now)


def store_people(people: Sequence[Person], *, place: Place, now: datetime) -> dict[int, Stored]:
    """Leads, contacts and evidence of a batch; by position, where each row went.

    Nobody among them is suppressed. About fifteen statements, however many rows. Rows of leads that
    were rejected for a suppression are left out of the answer.
    """
    known = look_up(people)
    targets = _targets(people, known)
    found = {id(each): each for each in targets.values()}
    _load([each for each in found.values() if each.is_known], place=place)
    fresh = [each for each in found.values() if not each.is_known]
    for target, pk in zip(fresh, take_ids("icp_lead", len(fresh)), strict=True):
        target.lead_id = pk
    barred = _barred(found.values())
    kept = [one for one in people if targets[one.row.position].lead_id not in barred]
    spare = iter(take_ids("enrichment_contact", len(kept)))
    answer = {one.row.position: _say(one, targets[one.row.position], place=place, spare=spare)
              for one in kept}  # fmt: skip
    _write([each for each in found.values() if each.lead_id not in barred], answer, now=now)
    return answer


def _targets(people: Sequence[Person], known: Known) -> dict[int, Target]:
    """The target of each row, by position."""
    by_key: dict[str, Target] = {}
    by_lead: dict[int, Target] = {}
    found: dict[int, Target] = {}
    for one in people:
        ref = one.ref
        target = (by_key.get(one.phone) if one.phone else None) or (
            by_key.get(one.email) if one.email else None
        )
        if target is None and (lead_id := known.find(one)):
            target = by_lead.setdefault(lead_id, Target(one, lead_id, is_known=True))
        target = target or by_key.get(ref) or Target(one)
        for key in (one.phone, one.email, ref):
            if key:
                by_key.setdefault(key, target)
        found[one.row.position] = target
    return found


# --- what stands --------------------------------------------------------------------------------
def _load(targets: list[Target], *, place: Place) -> None:
    """Lock known leads; read their evidence, contacts, and whether this move made them."""
    if not targets:
        return
    ids = [each.lead_id for each in targets if each.lead_id]
    list(Lead.objects.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",))
         .values_list("pk", flat=True))  # fmt: skip
    standing = what_stands(Lead(pk=pk) for pk in ids)
    contacts = Contact.objects.filter(lead__in=ids).order_by("pk")
    by_lead: dict[int, list[tuple[Any, ...]]] = {}
    for row in contacts.values_list("lead_id", "pk", "name", "email", "phone"):
        by_lead.setdefault(row[0], []).append(row)
    ours = set(place.move.rows.filter(lead__in=ids, made_lead=True)
               .values_list("lead", flat=True))  # fmt: skip
    for target in targets:
        lead_id = target.lead_id or 0
        target.is_ours = lead_id in ours
        for key, claim, _ in standing[lead_id]:
            target.claims.append(claim)
            if key[1] == Evidence.Source.IMPORT:
                target.keys.add((claim.field, claim.value, claim.subject))
        for _, pk, name, email, phone in by_lead.get(lead_id, []):
            _know(target, pk, name=name, email=email, phone=phone)


def _know(target: Target, pk: int, *, name: str, email: str, phone: str) -> None:
    if email:
        target.by_address.setdefault(email, pk)
    if name:
        target.by_name.setdefault(person_key(name), pk)
    if phone:
        target.by_phone.setdefault(phone, pk)


def _barred(targets: Iterable[Target]) -> set[int | None]:
    """Known leads that are out of the way because somebody asked for it."""
    ids = [each.lead_id for each in targets if each.is_known and each.lead_id]
    rows = Lead.objects.filter(pk__in=ids, rejection_code="suppressed") if ids else Lead.objects
    return set(rows.values_list("pk", flat=True)) if ids else set()


# --- what is said -------------------------------------------------------------------------------
def _say(one: Person, target: Target, *, place: Place, spare: Any) -> Stored:
    """Add what the row says to its target, as far as it is new there."""
    before = len(target.said)
    gone = len(target.gone)
    is_first = not target.is_known and target.first is one
    reference = one.source_url or place.reference(one.row)
    contact, is_added = _contact(one, target, spare=spare)
    for name, value, quote, subject, sure in _values(one):
        key = (name, value, subject)
        if key in target.keys or (name in NEWEST and not _is_newest(name, value, target)):
            continue
        target.keys.add(key)
        about = contact if name in {"emails", "phones", "people"} else None
        target.said.append(Said(name, value, quote, subject, sure, reference, about))
    added: dict[str, Any] = {}
    if not is_first:
        added = {"said": [before, len(target.said)], "gone": target.gone[gone:]}
        if is_added:
            added["contacts"] = [contact]
    return Stored(target.lead_id or 0, contact, is_first, target.is_ours or not target.is_known,
                  added)  # fmt: skip


def _values(one: Person) -> Iterable[tuple[str, str, str, str, float]]:
    """Field, value, quote, subject and confidence of all the row says."""
    if one.business:
        yield "name", one.business, "", "", SURE
    if one.phone:
        as_written = one.phone_as_written if one.phone_as_written != one.phone else ""
        yield "phones", one.phone, as_written, "", SURE
    if one.email:
        yield "emails", one.email, "", "", SURE
    if one.name:
        yield "people", one.name, "", person_key(one.name), SURE
    for at, service in enumerate(one.services):
        yield "services", service, "", "", max(round(SURE - at / 100, 2), LEAST_SURE)
    for name, value in (("category", one.category), ("city", one.city), ("website", one.website),
                        ("source_url", one.source_url), ("image_hash", one.image_hash),
                        ("last_sent", one.last_sent),
                        ("last_updated", one.last_updated)):  # fmt: skip
        if value:
            yield name, value, "", "", SURE


def _is_newest(name: str, value: str, target: Target) -> bool:
    """Whether a moment is later than all that is said already, which it then replaces."""
    said = [each for each in target.said if each.field == name]
    stand = [claim for claim in target.claims if claim.field == name and claim.source == "IMPORT"
             and claim.key not in target.gone]  # fmt: skip
    if any(each >= value for each in [*(x.value for x in said), *(c.value for c in stand)]):
        return False
    target.gone += [claim.key for claim in stand]
    for each in said:  # of this batch: never stored
        each.value = ""
    return True


def _contact(one: Person, target: Target, *, spare: Any) -> tuple[int | None, bool]:
    """The contact the row speaks of, and whether it is new: by address, name, number."""
    name = one.name[:200]
    if one.email:
        known = target.by_address.get(one.email)
    elif name:
        known = target.by_name.get(person_key(name))
    else:
        known = target.by_phone.get(one.phone) if one.phone else None
    if known is not None or not (one.email or name or one.phone):
        return known, False
    kind = "PERSON" if name else "ROLE"
    if one.email:
        kind = kind_of_mailbox(one.email, company_name=one.business)
    pk = next(spare)
    target.contacts.append(NewContact(pk, kind, name, one.email, one.phone))
    _know(target, pk, name=name, email=one.email, phone=one.phone)
    return pk, True


# --- written ------------------------------------------------------------------------------------
def _write(targets: list[Target], answer: dict[int, Stored], *, now: datetime) -> None:
    ids = iter(take_ids("enrichment_evidence", sum(len(each.said) for each in targets)))
    numbered: dict[int, list[int]] = {}
    for target in targets:
        numbered[target.lead_id or 0] = [next(ids) for _ in target.said]
    at = now.isoformat()
    fresh = [each for each in targets if not each.is_known]
    copy_rows("icp_lead", _columns(Lead), (
        _lead_row(each, numbered[each.lead_id or 0], at=at) for each in fresh
    ))  # fmt: skip
    copy_rows("enrichment_contact", _columns(Contact), (
        _contact_row(each, target, at=at) for target in targets for each in target.contacts
    ))  # fmt: skip
    copy_lines("enrichment_evidence", _EVIDENCE, (
        f"{pk}\t{target.lead_id}\t{said.contact or _NULL}\t{copied(said.subject)}\t{said.field}\t"
        f"{copied(said.value)}\tIMPORT\t{copied(said.reference)}\t{copied(said.quote)}\t\t"
        f"{METHOD}\t1\t{said.confidence}\t{at}"
        for target in targets
        for pk, said in zip(numbered[target.lead_id or 0], target.said, strict=True)
        if said.value
    ))  # fmt: skip
    _open_challenges(fresh, now=now)
    _complete([each for each in targets if each.is_known], numbered, now=now)
    for stored in answer.values():
        if "said" in stored.added:
            first, last = stored.added.pop("said")
            stored.added["evidence"] = numbered[stored.lead_id][first:last]
            stored.added = {name: value for name, value in stored.added.items() if value}


_NULL = "\\N"
_EVIDENCE = ("id", "lead_id", "contact_id", "subject", "field", "value", "source", "reference",
             "quote", "page_sha256", "method", "method_version", "confidence",
             "observed_at")  # fmt: skip


def _open_challenges(targets: list[Target], *, now: datetime) -> None:
    """Leads that wait for a person come to the desk, with the page they were found on."""
    due_at = now + timedelta(days=settings.CAPTCHA_DEADLINE_DAYS)
    CaptchaChallenge.objects.bulk_create(
        (
            CaptchaChallenge(
                lead_id=each.lead_id, url=_page(each.first), make=MAKE, opened_at=now,
                host=host_in(_page(each.first))[:255], queued_at=now, due_at=due_at,
            )
            for each in targets
            if each.first.stage == Lead.Stage.NEEDS_OPERATOR
        ),
        batch_size=1000,
    )  # fmt: skip


def _page(one: Person) -> str:
    """What a person may open; nothing for other schemes."""
    return one.source_url if one.source_url.startswith(("http://", "https://")) else ""


def _complete(targets: list[Target], numbered: dict[int, list[int]], *, now: datetime) -> None:
    """Show of known leads what is chosen now."""
    gone = [pk for each in targets for pk in each.gone]
    if gone:
        Evidence.objects.filter(pk__in=gone).update(superseded_at=now)
    changed = [each for each in targets if each.said or each.gone]
    if not changed:
        return
    facts = [json.dumps(_chosen(each, numbered[each.lead_id or 0])) for each in changed]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE icp_lead l SET facts = n.facts::jsonb"
            " FROM unnest(%s::bigint[], %s::text[]) AS n(id, facts) WHERE l.id = n.id",
            [[each.lead_id for each in changed], facts],
        )


def _chosen(target: Target, ids: list[int]) -> dict[str, Any]:
    claims = [claim for claim in target.claims if claim.key not in set(target.gone)]
    claims += [
        Claim(pk, said.field, said.value, "IMPORT", said.confidence, 0, said.subject, METHOD)
        for pk, said in zip(ids, target.said, strict=True) if said.value
    ]  # fmt: skip
    return facts_of(Account(Lead(pk=target.lead_id), claims))


def _facts(target: Target, ids: list[int]) -> dict[str, Any]:
    """As ``_chosen`` for a lead of one row, without its cost: there is nothing to choose from."""
    found: dict[str, Any] = {}
    for pk, said in zip(ids, target.said, strict=True):
        if said.subject:
            continue
        if said.field in MANY:
            entry = found.setdefault(said.field, {"value": [], "evidence": pk})
            entry["value"].append(said.value)
        else:
            found[said.field] = {"value": said.value, "evidence": pk}
    for one, many in FIRST_OF.items():
        if many in found:
            found[one] = {"value": found[many]["value"][0], "evidence": found[many]["evidence"]}
    return found


def _lead_row(target: Target, ids: list[int], *, at: str) -> list[Any]:
    one = target.first
    single = [said.field for said in target.said if said.field != "services"]
    facts = _facts(target, ids) if len(set(single)) == len(single) else _chosen(target, ids)
    return _row(Lead, {
        "id": target.lead_id, "public_id": str(uuid.uuid4()), "source": "IMPORT",
        "source_ref": one.ref, "name": one.lead_name, "website": one.website,
        "stage": one.stage, "stage_since": at, "created_at": at, "facts": json.dumps(facts),
    })  # fmt: skip


def _contact_row(new: NewContact, target: Target, *, at: str) -> list[Any]:
    return _row(Contact, {
        "id": new.pk, "lead_id": target.lead_id, "kind": new.kind, "name": new.name,
        "email": new.email, "phone": new.phone, "created_at": at,
    })  # fmt: skip


def _row(model: type[models.Model], values: dict[str, Any]) -> list[Any]:
    return list({**_defaults(model), **values}.values())


def _columns(model: type[models.Model]) -> list[str]:
    return list(_defaults(model))


@lru_cache
def _defaults(model: type[models.Model]) -> dict[str, Any]:
    """Column -> what a new row holds there, as COPY writes it."""
    found: dict[str, Any] = {}
    for column in model._meta.concrete_fields:  # noqa: SLF001 -- Django's documented meta API
        value = None if column.primary_key else column.get_default()
        name = str(column.column)
        found[name] = json.dumps(value) if isinstance(value, dict | list) else value
    return found
