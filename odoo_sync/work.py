"""Leads in hand, made ready: facts, what is to be written, and the records they have there."""

from __future__ import annotations

from dataclasses import dataclass, field

from icp.models import Lead, Suppression
from icp.suppressions import hashes_of
from odoo_sync.claim import settle, stop
from odoo_sync.facts import Facts, facts_of
from odoo_sync.mapping import COMPANY, CONTACT, LEAD, Payload
from odoo_sync.models import OdooConnection, OdooPush, OdooRecord
from odoo_sync.preview import made_for
from odoo_sync.values import Value
from scoring.withhold import withheld

State = OdooPush.State
TAKEN_BACK = "taken_back"


@dataclass(slots=True)
class Work:
    """One lead in hand. ``is_over``: it was settled, and nothing more is done with it."""

    push: OdooPush
    lead: Lead
    facts: Facts
    payload: Payload
    records: dict[str, OdooRecord] = field(default_factory=dict)
    values: dict[str, dict[str, Value]] = field(default_factory=dict)
    fresh: dict[str, set[str]] = field(default_factory=dict)  # kind -> fields just written
    hashes: set[str] = field(default_factory=set)  # see ``keys_of``; worked out once
    wrote: bool = False
    is_over: bool = False

    def key_of(self, kind: str) -> str:
        """The external id: from our own numbers, so that it is the same at every try."""
        if kind == CONTACT and self.facts.contact:
            return f"contact_{self.lead.pk}_{self.facts.contact.number}"
        return f"{kind.lower()}_{self.lead.pk}"

    def record_of(self, kind: str) -> OdooRecord:
        if kind not in self.records:
            self.records[kind] = OdooRecord(push=self.push, kind=kind, key=self.key_of(kind))
        return self.records[kind]

    def number_of(self, kind: str) -> int:
        return (self.records[kind].odoo_id or 0) if kind in self.records else 0

    @property
    def went(self) -> bool:
        """Whether anything of it is in Odoo."""
        return any(row.odoo_id for row in self.records.values())

    def stop(self, state: str, code: str, sentence: str) -> None:
        stop(self.push, state, code, sentence)
        self.is_over = True


def prepare(connection: OdooConnection, pushes: list[OdooPush]) -> list[Work]:
    """What is to be done, without those that may not go, each settled with its reason.

    Two of one company, or with one address, do not go in one turn: the second would not find the
    first there. About twenty statements for any number.
    """
    leads = Lead.objects.defer("trace").in_bulk([push.lead_id for push in pushes])
    facts = facts_of(list(leads.values()))
    payloads = made_for(connection, facts)
    records = _records(pushes)
    works = []
    for push in pushes:
        pk = push.lead_id
        work = Work(push, leads[pk], facts[pk], payloads[pk])
        known = records.get(push.pk, {})
        work.records = {kind: known[kind, key] for kind in (COMPANY, CONTACT, LEAD)
                        if (kind, key := work.key_of(kind)) in known}  # fmt: skip
        works.append(work)
    refuse_suppressed(works)
    _refuse_rejected(works)
    refuse_taken_back(works)
    return _apart([work for work in works if not work.is_over])


def refuse_suppressed(works: list[Work]) -> list[Work]:
    """Ask about suppressions; those that stand in one go nowhere. Returns the others."""
    going = [work for work in works if not work.is_over]
    newest = Suppression.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    out = withheld([work.lead.pk for work in going])
    for work in going:
        work.push.suppressions_seen = newest
        if work.lead.pk not in out:
            continue
        if work.went:
            work.stop(State.LEFT, "suppressed", "Suppressed since it went to Odoo; the recall list"
                      " says what to do there.")  # fmt: skip
        else:
            work.stop(State.REFUSED, "suppressed", "Suppressed: nothing of it was sent.")
    return [work for work in going if not work.is_over]


def refuse_taken_back(works: list[Work]) -> list[Work]:
    """Ask whether what goes because of a review is still accepted; returns those that go.

    What has begun to go is finished: it is listed for recall (``recall.list_taken_back``).
    """
    going = [work for work in works if not work.is_over]
    asked = [work.lead.pk for work in going if work.push.by_review and not work.went]
    leads = Lead.objects.filter(pk__in=asked).exclude(review=Lead.Review.ACCEPTED)
    back = set(leads.values_list("pk", flat=True)) if asked else set()
    for work in going:
        if work.lead.pk in back:
            work.stop(State.REFUSED, TAKEN_BACK, "The approval was taken back before it went:"
                      " nothing of it was sent.")  # fmt: skip
    return [work for work in going if not work.is_over]


def keys_of(work: Work) -> list[str]:
    """Hashes of everything of the lead by which somebody may opt out later."""
    facts, lead = work.facts, work.lead
    pairs = [("UEN", lead.uen), ("DOMAIN", lead.website), ("DOMAIN", facts.shown["website"]),
             ("PHONE", facts.shown["phone"])]  # fmt: skip
    if facts.contact:
        pairs += [("EMAIL", facts.contact.email), ("PHONE", facts.contact.phone)]
    if not work.hashes:
        work.hashes = {each for kind, value in pairs if value for each in hashes_of(kind, value)}
    return sorted({*work.push.keys, *work.hashes})


def _refuse_rejected(works: list[Work]) -> None:
    for work in works:
        if work.is_over or work.lead.stage != Lead.Stage.REJECTED:
            continue
        if work.went and work.facts.is_ceased:
            continue  # that is what is to be said there
        state = State.LEFT if work.went else State.REFUSED
        work.stop(state, "rejected", f"The lead was rejected: {work.lead.rejection_reason}")


def _apart(works: list[Work]) -> list[Work]:
    seen: set[tuple[str, str]] = set()
    going = []
    for work in works:
        mine = {("uen", work.lead.uen), ("email", email_of(work))} - {("uen", ""), ("email", "")}
        if mine & seen:
            settle(work.push, State.WAITING)  # comes with the next turn
            continue
        seen |= mine
        going.append(work)
    return going


def email_of(work: Work) -> str:
    return work.facts.contact.email.lower() if work.facts.contact else ""


def _records(pushes: list[OdooPush]) -> dict[int, dict[tuple[str, str], OdooRecord]]:
    found: dict[int, dict[tuple[str, str], OdooRecord]] = {}
    for row in OdooRecord.objects.filter(push__in=pushes):
        found.setdefault(row.push_id, {})[row.kind, row.key] = row
    return found
