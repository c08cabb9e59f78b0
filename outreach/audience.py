"""Whom a campaign would write to, counted exactly, and why the others are left out.

An audience is kept as it was chosen: a shortlist or a filter of leads. It is resolved when it is
shown and once more when the campaign starts, so that who was suppressed meanwhile is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from enrichment.models import Contact
from icp.find_leads import find_leads
from icp.models import Lead
from icp.suppressions import hash_of
from outreach.models import Message
from scoring.export_rows import best_contacts
from scoring.models import ShortlistEntry
from scoring.shortlist import latest_shortlist
from scoring.withhold import withheld

MOST = 10_000  # people of one campaign; more is a decision to be made more than once
AT_ONCE = 1000
SHOWN = 20  # names of each reason
FILTERS = ("q", "stage", "bucket", "fit", "review", "source", "district", "score_min", "score_max")
QUIET_DAYS = 30
_WORDS = {"q": "the name or UEN", "score_min": "a score from", "score_max": "a score up to"}

WHY_LEFT_OUT = {
    "suppressed": "Suppressed: the company, its site, an address or a number.",
    "rejected": "The lead was rejected.",
    "no_contact": "No contact is known that may be written to.",
    "no_address": "Its contact has no e-mail address.",
    "undeliverable": "The address does not take mail.",
    "double": "The same address stands at another lead of this audience.",
    "written_to": "Was written to lately.",
    "too_many": f"Beyond the first {MOST:,}.",
}


class AudienceError(Exception):
    """An audience that cannot be resolved; the sentence says what to change."""


@dataclass(slots=True)
class Audience:
    """``chosen``: lead and contact, in the order they are written to; the rest has its reasons."""

    chosen: list[tuple[Lead, Contact]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Lead]] = field(default_factory=dict)

    @property
    def considered(self) -> int:
        return len(self.chosen) + self.left_out.total()

    @property
    def reasons(self) -> list[tuple[str, int, list[Lead]]]:
        """Sentence, count and first leads of each reason, most frequent first."""
        return [(WHY_LEFT_OUT[code], count, self.examples.get(code, []))
                for code, count in self.left_out.most_common()]  # fmt: skip

    def leave_out(self, code: str, lead: Lead) -> None:
        self.left_out[code] += 1
        shown = self.examples.setdefault(code, [])
        if len(shown) < SHOWN:
            shown.append(lead)


def resolve(audience: Mapping[str, Any], *, now: datetime) -> Audience:
    """The people ``audience`` means now. About eight statements for each thousand leads.

    ``{"shortlist": run id or "latest", "decision": "ACCEPTED"}`` or ``{"filter": {...}}`` with the
    filters of the lead list; ``quiet_days``: nobody who got a mail in so many days. Raises
    ``AudienceError``.
    """
    ids = _lead_ids(audience)
    found = Audience()
    taken: set[str] = set()
    quiet = int(audience.get("quiet_days", QUIET_DAYS) or 0)
    for start in range(0, len(ids), AT_ONCE):
        _add(found, ids[start : start + AT_ONCE], taken=taken, quiet=quiet, now=now)
    return found


def words_of(audience: Mapping[str, Any]) -> str:
    """The audience in a phrase: ``leads of the newest shortlist that were accepted``."""
    decisions = {"ACCEPTED": " that were accepted", "OPEN": " not reviewed yet"}
    if run := audience.get("shortlist"):
        which = "the newest shortlist" if run == "latest" else f"the shortlist of run {run}"
        return f"leads of {which}{decisions.get(audience.get('decision', ''), '')}"
    asked = {name: value for name, value in dict(audience.get("filter") or {}).items() if value}
    if not asked:
        return "all leads"
    said = (f"{_WORDS.get(name, name)} {_listed(value)}" for name, value in asked.items())
    return f"leads with {', '.join(said)}"


def shortlist_of(audience: Mapping[str, Any]) -> int | None:
    """The run whose shortlist is meant; None when there is none."""
    run = audience.get("shortlist")
    if run == "latest":
        newest = latest_shortlist()
        return newest.run_id if newest else None
    return int(run) if run else None


def _listed(value: Any) -> str:
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)


def _lead_ids(audience: Mapping[str, Any]) -> list[int]:
    if audience.get("shortlist"):
        run = shortlist_of(audience)
        if run is None:
            raise AudienceError("There is no shortlist yet: the first finished night makes one.")
        entries = ShortlistEntry.objects.filter(shortlist__run_id=run)
        match audience.get("decision", ""):
            case "ACCEPTED" | "OPEN" as decision:
                entries = entries.filter(decision=decision)
            case _:
                entries = entries.exclude(decision="REJECTED")
        return list(entries.order_by("rank").values_list("lead", flat=True))
    return list(_filtered(audience).values_list("pk", flat=True))


def _filtered(audience: Mapping[str, Any]) -> QuerySet[Lead]:
    asked = dict(audience.get("filter") or {})
    unknown = [name for name in asked if name not in FILTERS]
    if unknown:
        raise AudienceError(f"There is no filter {', '.join(unknown)}.")
    leads = find_leads(**{name: value for name, value in asked.items() if value not in ("", None)})
    if not asked.get("stage"):
        leads = leads.exclude(stage=Lead.Stage.REJECTED)
    return leads.order_by("-score", "pk")


def _add(
    found: Audience, ids: Sequence[int], *, taken: set[str], quiet: int, now: datetime
) -> None:
    by_id = Lead.objects.defer("trace").in_bulk(list(ids))
    silent = withheld(ids)
    contacts = best_contacts(ids)
    lately = _written_to(contacts.values(), since=now - timedelta(days=quiet)) if quiet else set()
    for pk in ids:
        lead, contact = by_id.get(pk), contacts.get(pk)
        if lead is None:
            continue
        code = _why_not(lead, contact, silent=silent, taken=taken, lately=lately)
        if not code and len(found.chosen) >= MOST:
            code = "too_many"
        if code or contact is None:
            found.leave_out(code, lead)
        else:
            taken.add(contact.email)
            found.chosen.append((lead, contact))


def _why_not(
    lead: Lead, contact: Contact | None, *, silent: set[int], taken: set[str], lately: set[str]
) -> str:
    if lead.stage == Lead.Stage.REJECTED:
        return "rejected"
    if lead.pk in silent:
        return "suppressed"
    if contact is None:
        return "no_contact"
    if not contact.email:
        return "no_address"
    if contact.verdict == Contact.Verdict.UNDELIVERABLE:
        return "undeliverable"
    if contact.email in taken:
        return "double"
    return "written_to" if contact.email in lately else ""


def _written_to(contacts: Iterable[Contact], *, since: datetime) -> set[str]:
    """Addresses that got a mail since then, or may have."""
    by_hash = {hash_of("EMAIL", each.email): each.email for each in contacts if each.email}
    asked = Message.objects.filter(recipient_hash__in=list(by_hash), asked_at__gt=since)
    return {by_hash[each] for each in asked.values_list("recipient_hash", flat=True)}
