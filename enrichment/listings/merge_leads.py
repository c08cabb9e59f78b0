"""Take one lead into another: first see exactly what goes over, then do it, and undo it.

Nothing is deleted. Contacts, evidence, listings and mails of the lead that goes are put to the one
that stays, and their ids are kept, so that each can be found and put back. What the other lead has
already stays where it is. The lead that goes is rejected with the name of the one it went into.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import F
from django.utils.dateparse import parse_datetime

from enrichment.evidence.add_statements import add_statements
from enrichment.extract.titles import person_key
from enrichment.harvest_models import Listing
from enrichment.models import Contact, Evidence
from enrichment.twin_models import LeadMerge, LeadTwin
from icp.decide import MERGED
from icp.models import Lead, Suppression
from icp.suppressions import add as suppress
from icp.suppressions import leads_now_suppressed
from tenants import audit

SHOWN = 200  # lines of a preview of one kind


class MergeError(ValueError):
    """The two cannot be merged, or the merge not undone; the text says why."""


@dataclass(frozen=True, slots=True)
class Follower:
    """Rows of another app that go where their lead goes, and follow its ``contact`` if they do."""

    kind: str
    model: type[models.Model]
    has_contact: bool = False

    def rows(self, **which: Any) -> models.QuerySet[Any]:
        return self.model._default_manager.filter(**which)  # noqa: SLF001 -- Django's documented meta API


FOLLOWERS: list[Follower] = []


def follow_merges(kind: str, model: type[models.Model], *, has_contact: bool = False) -> None:
    """Have rows of ``model`` (with a field ``lead``) moved along. Register in ``AppConfig.ready``.

    Registering twice changes nothing.
    """
    if all(each.model is not model for each in FOLLOWERS):
        FOLLOWERS.append(Follower(kind, model, has_contact))


@dataclass(slots=True)
class Part:
    """One kind of rows: what goes over, and what stays because the other lead has it already."""

    kind: str
    moves: list[str] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)


@dataclass(slots=True)
class MergePlan:
    """What a merge does, worked out without doing it."""

    kept: Lead
    gone: Lead
    contacts: list[Contact] = field(default_factory=list)
    same: dict[int, int] = field(default_factory=dict)  # contact that stays -> its double at kept
    evidence: list[Evidence] = field(default_factory=list)
    known: list[Evidence] = field(default_factory=list)  # said of the other lead as well
    listings: list[Listing] = field(default_factory=list)
    followers: dict[str, list[int]] = field(default_factory=dict)
    takes: dict[str, str] = field(default_factory=dict)  # fields of the lead that are filled

    def parts(self) -> list[Part]:
        """In words, for the page: each row that moves, and each that does not."""
        doubles = {each.pk: each for each in Contact.objects.filter(pk__in=self.same)}
        return [
            Part("contacts", _lines(self.contacts), _lines(doubles.values())),
            Part("evidence", _lines(self.evidence), _lines(self.known)),
            Part("listings", [each.url for each in self.listings[:SHOWN]]),
            *(Part(each.kind, list(map(str, each.rows(pk__in=self.followers[each.kind])[:SHOWN])))
              for each in FOLLOWERS),
            Part("fields", [f"{name}: {value}" for name, value in self.takes.items()]),
        ]  # fmt: skip


def plan_merge(kept: Lead, gone: Lead) -> MergePlan:
    """What ``merge`` would move from ``gone`` to ``kept``; changes nothing. Raises ``MergeError``.

    About eight statements.
    """
    if reason := _why_not(kept, gone):
        raise MergeError(reason)
    plan = MergePlan(kept, gone)
    theirs = _Contacts(Contact.objects.filter(lead=kept))
    for contact in Contact.objects.filter(lead=gone).order_by("pk"):
        double = theirs.double_of(contact)
        if double is None:
            plan.contacts.append(contact)
        else:
            plan.same[contact.pk] = double
    said = {_key(each) for each in _standing(kept)}
    for row in _standing(gone):
        (plan.known if _key(row) in said else plan.evidence).append(row)
    plan.listings = list(Listing.objects.filter(lead=gone).order_by("pk"))
    for each in FOLLOWERS:
        plan.followers[each.kind] = list(each.rows(lead=gone).values_list("pk", flat=True))
    for name in ("uen", "website"):
        if getattr(gone, name) and not getattr(kept, name):
            plan.takes[name] = getattr(gone, name)
    return plan


@transaction.atomic
def merge(kept: Lead, gone: Lead, *, actor: str, now: datetime, reason: str = "") -> LeadMerge:
    """Put all of ``gone`` to ``kept`` as ``plan_merge`` says. Raises ``MergeError``.

    A worker that holds ``gone`` loses it. Whoever was suppressed at ``gone`` is at ``kept``.
    """
    kept, gone = _locked(kept, gone)
    plan = plan_merge(kept, gone)
    moved = _move(plan)
    before = {
        "gone": {name: _plain(getattr(gone, name)) for name in RESTORED},
        "kept": dict.fromkeys(plan.takes, ""),
        "took": plan.takes,
    }
    done = LeadMerge.objects.create(kept=kept, gone=gone, moved=moved, before=before,
                                    merged_at=now, merged_by=actor)  # fmt: skip
    Lead.objects.filter(pk=gone.pk).update(
        stage=Lead.Stage.REJECTED, stage_since=now, held_until=None, held_by="", not_before=None,
        attempts=0, lease=F("lease") + 1, rejection_code=MERGED,
        rejection_reason=f"Merged into {kept.name}"[:299] + ".",
    )  # fmt: skip
    if plan.takes:
        Lead.objects.filter(pk=kept.pk).update(**plan.takes)
    _choose_anew(kept, gone, now=now)
    _suppress_people_too(kept, gone, actor=actor, now=now)
    _settle_twin(kept, gone, LeadTwin.State.MERGED, actor=actor, reason=reason, now=now)
    audit.record("enrichment.lead.merge", actor=actor, subject=f"lead {kept.pk}", reason=reason,
                 after={"merge": done.pk, "from": f"lead {gone.pk}",
                        **{kind: len(ids) for kind, ids in moved.items()
                           if kind != "relinked"}})  # fmt: skip
    return done


@transaction.atomic
def undo_merge(done: LeadMerge, *, actor: str, now: datetime) -> LeadMerge:
    """Put back what a merge moved; what was changed since stays, and is told in ``conflicts``.

    The pair is asked about again. Raises ``MergeError`` when it was undone before.
    """
    kept, gone = _locked(done.kept, done.gone)
    done = LeadMerge.objects.select_for_update().get(pk=done.pk)
    if done.undone_at is not None:
        raise MergeError("It was undone before.")
    if LeadMerge.objects.filter(gone=kept, undone_at=None).exists():
        raise MergeError(f"{kept.name} was itself merged into another since; undo that first.")
    done.conflicts = [*_put_back(done, kept, gone), *_restore(done, kept, gone, now=now)]
    done.undone_at, done.undone_by = now, actor
    done.save(update_fields=["undone_at", "undone_by", "conflicts"])
    _choose_anew(kept, gone, now=now)
    leads_now_suppressed(now=now)  # what was suppressed since holds for the lead that comes back
    _settle_twin(kept, gone, LeadTwin.State.OPEN, actor="", reason="", now=None)
    audit.record("enrichment.lead.undo_merge", actor=actor, subject=f"lead {kept.pk}",
                 after={"merge": done.pk, "conflicts": len(done.conflicts)})  # fmt: skip
    return done


def survivor_of(lead: Lead) -> Lead:
    """The lead ``lead`` was merged into, to the end of the chain; itself if it was not."""
    seen = {lead.pk}
    while lead.rejection_code == MERGED:
        step = LeadMerge.objects.filter(gone=lead, undone_at=None).first()
        if step is None or step.kept_id in seen:
            break
        seen.add(step.kept_id)
        lead = Lead.objects.select_for_update().get(pk=step.kept_id)
    return lead


# --- what goes where ----------------------------------------------------------------------------
RESTORED = ("stage", "stage_since", "rejection_code", "rejection_reason", "review", "not_before")


def _why_not(kept: Lead, gone: Lead) -> str:
    if kept.pk == gone.pk:
        return "A lead cannot be merged into itself."
    for lead in (kept, gone):
        if lead.rejection_code == MERGED:
            return f"{lead.name} was merged into another before."
        if lead.rejection_code == "suppressed":
            return f"{lead.name} is suppressed: nothing of it goes anywhere."
    if kept.uen and gone.uen and kept.uen != gone.uen:
        return f"They are two companies of the register: {kept.uen} and {gone.uen}."
    return ""


def _locked(one: Lead, other: Lead) -> tuple[Lead, Lead]:
    rows = Lead.objects.select_for_update().filter(pk__in=[one.pk, other.pk]).order_by("pk")
    found = {lead.pk: lead for lead in rows}
    return found[one.pk], found[other.pk]


def _standing(lead: Lead) -> list[Evidence]:
    """What is said of the lead; the register speaks for itself wherever the UEN goes."""
    rows = Evidence.objects.filter(lead=lead, superseded_at=None)
    return list(rows.exclude(source="REGISTER").order_by("field", "pk"))


def _key(row: Evidence) -> tuple[str, ...]:
    return row.field, row.source, row.method, row.subject, row.value, row.reference


class _Contacts:
    """Contacts of the lead that stays, by what makes another the same person."""

    def __init__(self, contacts: Iterable[Contact]) -> None:
        self._keys = {key: one.pk for one in contacts for key in _keys_of(one)}

    def double_of(self, contact: Contact) -> int | None:
        return next((self._keys[key] for key in _keys_of(contact) if key in self._keys), None)


def _keys_of(contact: Contact) -> list[tuple[str, str]]:
    if contact.email:
        return [("email", contact.email)]
    return [("name", person_key(contact.name))] if contact.name else [("phone", contact.phone)]


def _lines(rows: Iterable[Any]) -> list[str]:
    return [_line(row) for row in list(rows)[:SHOWN]]


def _line(row: Any) -> str:
    if isinstance(row, Evidence):
        return f"{row.field}: {row.value[:120]} ({row.get_source_display().lower()})"
    return " ".join(part for part in (row.name, row.email, row.phone) if part)


def _move(plan: MergePlan) -> dict[str, Any]:
    """Put the rows over; returns their ids by kind, and in ``relinked`` whom they spoke of."""
    kept = plan.kept
    ids = {"contacts": [each.pk for each in plan.contacts],
           "evidence": [each.pk for each in plan.evidence],
           "listings": [each.pk for each in plan.listings]}  # fmt: skip
    relinked = {"evidence": _relink(Evidence.objects.filter(pk__in=ids["evidence"]), plan)}
    Contact.objects.filter(pk__in=ids["contacts"]).update(lead=kept)
    Evidence.objects.filter(pk__in=ids["evidence"]).update(lead=kept)
    Listing.objects.filter(pk__in=ids["listings"]).update(lead=kept)
    for each in FOLLOWERS:
        rows = each.rows(pk__in=plan.followers[each.kind])
        if each.has_contact:
            relinked[each.kind] = _relink(rows, plan)
        rows.update(lead=kept)
    return {**ids, **plan.followers, "relinked": relinked}


def _relink(rows: models.QuerySet[Any], plan: MergePlan) -> dict[str, int]:
    """Have ``rows`` speak of the contact that is at the kept lead; row -> whom it spoke of."""
    before = dict(rows.filter(contact__in=plan.same).values_list("pk", "contact"))
    for old, new in plan.same.items():
        rows.filter(contact_id=old).update(contact_id=new)
    return {str(pk): contact for pk, contact in before.items()}


def _put_back(done: LeadMerge, kept: Lead, gone: Lead) -> list[str]:
    conflicts = []
    taken = _Contacts(Contact.objects.filter(lead=gone))
    mine = Contact.objects.filter(pk__in=done.moved["contacts"], lead=kept)
    free = [each.pk for each in mine if taken.double_of(each) is None]
    back: list[tuple[str, models.QuerySet[Any], Sequence[int]]] = [
        ("contacts", Contact.objects.filter(pk__in=free), done.moved["contacts"]),
        *((kind, model.objects.filter(pk__in=done.moved[kind], lead=kept), done.moved[kind])
          for kind, model in (("evidence", Evidence), ("listings", Listing))),
        *((each.kind, each.rows(pk__in=done.moved.get(each.kind, []), lead=kept),
           done.moved.get(each.kind, [])) for each in FOLLOWERS),
    ]  # fmt: skip
    for kind, rows, ids in back:
        if left := len(ids) - rows.update(lead=gone):
            conflicts.append(f"{left} of {len(ids)} {kind} went elsewhere since, and stay there.")
    models_of: dict[str, Any] = {
        "evidence": Evidence,
        **{each.kind: each.model for each in FOLLOWERS},
    }
    for kind, before in done.moved["relinked"].items():
        still = set(Contact.objects.filter(lead=gone).values_list("pk", flat=True))
        for pk, contact in before.items():
            mine = models_of[kind]._default_manager.filter(pk=int(pk), lead=gone)  # noqa: SLF001 -- Django's documented meta API
            mine.update(contact=contact if contact in still else None)
    return conflicts


def _restore(done: LeadMerge, kept: Lead, gone: Lead, *, now: datetime) -> list[str]:
    """The fields of both leads as they were, where nobody has changed them since."""
    conflicts = []
    was: Mapping[str, Any] = done.before["gone"]
    if gone.rejection_code == MERGED:
        waits = was["not_before"] and parse_datetime(was["not_before"])
        since = parse_datetime(was["stage_since"]) or now
        values = {**was, "stage_since": since, "not_before": waits}
        Lead.objects.filter(pk=gone.pk).update(**values, lease=F("lease") + 1)
    else:
        conflicts.append(f"{gone.name} was worked on since, and stays as it is.")
    for name, value in done.before["took"].items():
        if getattr(kept, name) == value:
            Lead.objects.filter(pk=kept.pk).update(**{name: done.before["kept"][name]})
        else:
            conflicts.append(f"The {name} of {kept.name} was changed since, and stays.")
    return conflicts


def _choose_anew(kept: Lead, gone: Lead, *, now: datetime) -> None:
    """What is shown of both follows from what now stands."""
    for lead in (kept, gone):
        lead.refresh_from_db()
        add_statements(lead, [], run_id=None, now=now)


def _suppress_people_too(kept: Lead, gone: Lead, *, actor: str, now: datetime) -> None:
    """Suppressions of people name their company by its reference, and that is another one now."""
    place = f"{gone.source_ref.replace(' ', '').upper()} "
    standing = Suppression.objects.filter(
        kind=Suppression.Kind.PERSON, lifted_at=None, value__startswith=place
    )
    for value, reason in standing.values_list("value", "reason"):
        there = f"{kept.source_ref.replace(' ', '')} {value.removeprefix(place)}"
        suppress("PERSON", there, reason=reason, actor=actor, source="merge", now=now)


def _settle_twin(
    kept: Lead, gone: Lead, state: LeadTwin.State, *, actor: str, reason: str, now: datetime | None
) -> None:
    first, second = sorted((kept.pk, gone.pk))
    LeadTwin.objects.filter(first=first, second=second).update(
        state=state, decided_at=now, decided_by=actor, decided_reason=reason[:300]
    )


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
