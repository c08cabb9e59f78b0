"""Erase somebody: what is held goes, and a keyed hash stays so that nobody brings them back."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Q

from enrichment.models import Contact, EnrichmentRun, Evidence, VendorAnswer, Verification
from icp import suppressions
from icp.models import Lead, PersonRequest, Suppression
from leadgen_project.persons import files, packed
from leadgen_project.persons.answer import answer, events_with, messages_to
from leadgen_project.persons.conversations import forget_events
from leadgen_project.persons.identify import ERASED, Asked, Person, identify
from leadgen_project.persons.requests import forget_requests
from leadgen_project.persons.walk import Mention, mentions
from outreach.answer_models import Reply
from outreach.models import Message, MessageEvent
from outreach.phone_models import DncResult
from tenants import audit
from tenants.blank_audit import blank_audit
from tenants.permits import Vendor

SOURCE = "erasure"
REASON = "Erased at their own request."
Status = Message.Status


@dataclass(slots=True)
class ErasureReport:
    """What was removed, by kind, and what still mentions the person (nothing, or it failed)."""

    removed: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)


class NotErasedError(Exception):
    """Something still mentions the person; nothing was changed. The text says where."""


def erase(
    request: PersonRequest, *, reason: str, actor: str, now: datetime, everywhere: bool = False
) -> ErasureReport:
    """Erase whom ``request`` is about and close it. All of it or nothing, files afterwards.

    Raises ``PersonError`` when nobody can be told, ``NotErasedError`` when a mention is left. Mail
    in a sender's hands stops at its fence; mail the provider was asked for is beyond recall and
    is never tried again. A second erasure of the same person finds nothing and changes nothing.
    """
    asked = Asked(request.email, request.phone, request.name, request.company)
    person = identify(asked)
    with transaction.atomic():
        report = _remove(person, actor=actor, reason=reason, now=now, everywhere=everywhere)
        touched = report.touched | set(person.leads)
        forget_requests(person, actor=actor, now=now)
        _close(request, report, person, touched=touched, actor=actor, reason=reason, now=now)
    if cleaned := files.clean_files(person):
        report.removed["files"] = cleaned
    return report


@dataclass(slots=True)
class _Report(ErasureReport):
    touched: set[int] = field(default_factory=set)  # leads


def _remove(person: Person, *, actor: str, reason: str, now: datetime, everywhere: bool) -> _Report:
    report = _Report()
    removed = report.removed
    removed["suppressed"] = _suppress(person, actor=actor, now=now)
    removed["messages"] = _blank_messages(person, now=now)
    removed["evidence"] = _delete_evidence(person)
    removed["contacts"] = len(person.contacts)
    Contact.objects.filter(pk__in=person.contacts).delete()
    looked_up = DncResult.objects.filter(number__in=person.numbers)
    removed["Do Not Call results"], _ = looked_up.delete()
    known = Verification.objects.filter(address__in=person.addresses)
    removed["verifications"] = known.update(address="", facts={})
    report.touched = packed.let_go_of_pages(person, everywhere=everywhere)
    removed["pages"] = len(report.touched)
    corpora = [row.pk for row in packed.corpora_with(person)]
    removed["merged texts"] = EnrichmentRun.objects.filter(pk__in=corpora).update(corpus=None)
    removed["uploaded lists"] = packed.clean_uploads(person)
    forget_events()
    for mention in list(mentions(person)):
        _blank(mention, person)
        removed["other texts"] += 1
    if words := person.at_work():
        ids = [event.pk for event in events_with(person)]
        removed["audit events"] = blank_audit(
            ids, words=words, instead=ERASED, actor=actor, reason=reason
        )
    report.removed = Counter({name: number for name, number in removed.items() if number})
    left = [f"{each.label} {each.row.pk}: {', '.join(each.texts)}" for each in mentions(person)]
    if left:
        raise NotErasedError(f"Still mentioned in {'; '.join(left[:5])}. Nothing was changed.")
    return report


def _suppress(person: Person, *, actor: str, now: datetime) -> int:
    """By hash alone; a suppression that stood with its value keeps standing without it."""
    new = 0
    for kind, value_hash in person.hashes:
        _, is_new = suppressions.add_hash(
            kind, value_hash, reason=REASON, actor=actor, source=SOURCE, now=now
        )
        new += is_new
        Suppression.objects.filter(kind=kind, value_hash=value_hash).update(value="")
    return new


def _blank_messages(person: Person, *, now: datetime) -> int:
    """Recipient, data and text go; that there was a mail, when and what became of it stays."""
    mine = messages_to(person)
    in_hand = mine.filter(status=Status.SENDING, asked_at=None)
    waiting = mine.filter(Q(status__in=Message.WAITING) | Q(pk__in=in_hand.values("pk")))
    stopped = list(waiting.values_list("pk", flat=True))
    Message.objects.filter(pk__in=stopped).update(
        status=Status.CANCELLED, code="erased", sentence=REASON, not_before=None,
        held_until=None, look_at=None,
    )  # fmt: skip
    MessageEvent.objects.bulk_create(
        MessageEvent(message_id=pk, kind=MessageEvent.Kind.STOPPED, at=now, detail=REASON)
        for pk in stopped
    )
    Reply.objects.filter(message__in=mine).delete()  # what they wrote is theirs, all of it
    mine.filter(status=Status.SENDING).update(resends=1)  # it must not go out a second time
    unblanked = mine.exclude(recipient="", body_html="", body_text="")
    return unblanked.update(recipient="", lead_data={}, subject="", body_html="", body_text="")


def _delete_evidence(person: Person) -> int:
    words = person.at_work()
    theirs = Q(contact__in=person.contacts)
    said = Evidence.objects.filter(Q(lead__in=list(person.leads)) | Q(value__in=person.addresses))
    hit = [pk for pk, *texts in said.values_list("pk", "value", "subject")
           if words and any(words.search(text) for text in texts)]  # fmt: skip
    rows = Evidence.objects.filter(theirs | Q(pk__in=hit))
    count = rows.count()
    rows.delete()
    return count


def _blank(mention: Mention, person: Person) -> None:
    words = person.at_work() if mention.is_by_name else person.anywhere()
    assert words is not None  # noqa: S101 -- there would be no mention without
    changes: dict[str, Any] = {
        name: _without(mention.row, name, text, words) for name, text in mention.texts.items()
    }
    type(mention.row)._default_manager.filter(pk=mention.row.pk).update(**changes)  # noqa: SLF001 -- Django's documented meta API


def _without(row: models.Model, name: str, text: str, words: re.Pattern[str]) -> Any:
    field_of = row._meta.get_field(name)  # noqa: SLF001 -- as above
    if isinstance(row, Suppression) and name == "value":
        return ""
    if isinstance(row, Lead) and name == "facts":
        return _facts_without(row.facts, words)
    if isinstance(row, VendorAnswer) and name == "answer" and row.vendor == Vendor.LUSHA:
        return {"people": [], "why": "erased"}  # a blanked name would be asked about again
    blanked = words.sub(ERASED, text)
    if isinstance(field_of, models.JSONField):
        return json.loads(blanked)
    return blanked[: getattr(field_of, "max_length", None)]


def _facts_without(facts: dict[str, Any], words: re.Pattern[str]) -> dict[str, Any]:
    """Shown values that are the person's go; of lists only those; the rest is blanked."""
    kept = {}
    for name, entry in facts.items():
        value = entry.get("value") if isinstance(entry, dict) else entry
        if isinstance(value, str) and words.search(value):
            continue
        if isinstance(value, list):
            rest = [each for each in value if not words.search(str(each))]
            if not rest:
                continue
            entry = {**entry, "value": rest}  # noqa: PLW2901 -- the same fact with fewer values
        kept[name] = json.loads(words.sub(ERASED, json.dumps(entry, ensure_ascii=False)))
    return kept


def _close(
    request: PersonRequest, report: _Report, person: Person, *, touched: set[int], actor: str,
    reason: str, now: datetime,
) -> None:  # fmt: skip
    request.email = request.phone = request.name = request.company = ""
    request.done_at, request.done_by = now, actor
    request.counts, request.lead_ids = dict(report.removed), sorted(touched)
    request.hashes = sorted(value for _, value in person.hashes)
    request.save()
    audit.record("icp.person.erase", actor=actor, subject=str(request),
                 after={"removed": request.counts}, reason=reason)  # fmt: skip


def is_erased(asked: Asked, *, now: datetime, everywhere: bool = False) -> bool:
    """Whether nothing is held but the keyed hashes, and these stand. Reads only."""
    held = answer(asked, now=now, everywhere=everywhere)
    held["messages"] = [one for one in held["messages"] if one["to"]]
    kinds = {name for name, value in held.items() if isinstance(value, list) and value}
    wanted = {value for _, value in identify(asked).hashes}
    standing = Suppression.objects.filter(value_hash__in=wanted, lifted_at=None, value="")
    return kinds <= {"suppressions", "fetched_by"} and standing.count() == len(wanted)
