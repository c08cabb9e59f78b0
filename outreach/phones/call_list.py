"""Whom to call: the newest shortlist's numbers, without those that may not be called now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from enrichment.extract.titles import person_key
from enrichment.models import Contact
from icp.models import Lead, Suppression
from icp.normalise import NotAValueError, normalise
from icp.suppressions import shown
from outreach.phones.dnc import MAY_BE_CALLED, TO_LOOK_UP, Register, Standing, standings
from scoring.export_rows import attributions
from scoring.models import ShortlistEntry
from scoring.shortlist import latest_shortlist
from scoring.withhold import withheld
from tenants.files.csv_files import BOM, csv_lines

HEADER = ("rank", "company", "uen", "name", "title", "number", "do_not_call",
          "attribution")  # fmt: skip
TO_FILL_IN = ("number", "register", "result", "checked_on", "reasoning")  # what an import reads


@dataclass(frozen=True, slots=True)
class Call:
    """One number of one lead on the list."""

    rank: int
    lead: Lead
    name: str
    title: str
    number: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class CallList:
    """``withheld``: why -> how many numbers are left out; ``suppressed`` leads count there too.

    ``to_look_up``: those of them that a look at the register might bring onto the list.
    """

    calls: list[Call]
    withheld: Counter[str]
    to_look_up: list[str]

    @property
    def note(self) -> str:
        """A sentence for the file: how many are withheld and why."""
        if not self.withheld:
            return "Withheld: 0 numbers."
        parts = ", ".join(f"{count} {why}" for why, count in self.withheld.most_common())
        return f"Withheld: {self.withheld.total()} numbers ({parts})."


def call_list(*, now: datetime) -> CallList:
    """Numbers of the leads on the newest shortlist that were not rejected, best rank first.

    A number goes out only on a valid Do Not Call result. A dozen statements.
    """
    newest = latest_shortlist()
    entries = list(
        ShortlistEntry.objects.filter(shortlist=newest).exclude(decision="REJECTED")
        .select_related("lead").defer("lead__trace").order_by("rank")
    )  # fmt: skip
    silent = withheld([entry.lead_id for entry in entries])
    found = list(_numbers(entries))
    known = standings({call.number for call in found}, now=now)
    calls, to_look_up, left_out = [], list[str](), Counter[str]()
    for call in found:
        standing = known[call.number]
        if call.lead.pk in silent:
            left_out["suppressed"] += 1
        elif call.lead.stage == Lead.Stage.REJECTED:
            left_out["rejected"] += 1
        elif standing in MAY_BE_CALLED:
            calls.append(Call(call.rank, call.lead, call.name, call.title, call.number, standing))
        else:
            left_out[standing.value] += 1
            if standing in TO_LOOK_UP and call.number not in to_look_up:
                to_look_up.append(call.number)
    return CallList(calls, left_out, to_look_up)


def pairs_of(call: Call) -> list[tuple[str, str]]:
    """(kind, value) of whatever a row hands out by which somebody may opt out later."""
    name = person_key(call.name)
    return [
        (Suppression.Kind.UEN, call.lead.uen), (Suppression.Kind.PHONE, call.number),
        (Suppression.Kind.PERSON, f"{call.lead.uen} {name}" if call.lead.uen and name else ""),
    ]  # fmt: skip


def as_csv(found: CallList) -> str:
    """The file: what was withheld first, then a row for each number."""
    named = attributions([call.lead for call in found.calls])
    rows = ((call.rank, call.lead.name, call.lead.uen, call.name, call.title, call.number,
             call.standing.value, "; ".join(named[call.lead.pk]))
            for call in found.calls)  # fmt: skip
    return BOM + "".join(csv_lines([[found.note], HEADER, *rows]))


def to_fill_in(found: CallList) -> str:
    """The numbers to look up, as a file that can be imported again once its results stand in it."""
    rows = ((number, Register.VOICE, "", "", "") for number in found.to_look_up)
    return BOM + "".join(csv_lines([TO_FILL_IN, *rows]))


def _numbers(entries: list[ShortlistEntry]) -> Iterator[Call]:
    """Each number of a lead once: its people's, then the company's own."""
    people: dict[int, list[Contact]] = {}
    leads = [entry.lead_id for entry in entries]
    for contact in Contact.objects.filter(lead__in=leads).exclude(phone="").order_by("pk"):
        people.setdefault(contact.lead_id, []).append(contact)
    for entry in entries:
        lead, seen = entry.lead, set[str]()
        given = [(each.name, each.title, each.phone) for each in people.get(lead.pk, ())]
        for name, title, text in [*given, ("", "", shown(lead.facts, "phone"))]:
            try:
                number = normalise(Suppression.Kind.PHONE, text)
            except NotAValueError:
                continue
            if number not in seen:
                seen.add(number)
                yield Call(entry.rank, lead, name, title, number, Standing.UNCHECKED)
