"""Keep which companies of the register a lead may be; make it one of them, by rule or by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from enrichment.evidence.add_statements import add_statements
from enrichment.evidence.statements import Statement
from enrichment.listings.link_twins import link_by_uen
from enrichment.listings.match_register import Business, Match, match_register, may_be_registered
from enrichment.listings.profile import place_key
from enrichment.models import Evidence
from enrichment.twin_models import RegisterMatch
from icp.models import Lead
from icp.suppressions import is_suppressed, shown
from tenants import audit
from tenants.places import place_of_city

State = RegisterMatch.State
SURE_OF_UEN = 0.9  # confidence from which a number read on a site is the site's own


class MatchError(ValueError):
    """The match cannot be decided as asked; the text says why."""


def store_matches(
    lead: Lead, matches: Sequence[Match], *, reference: str, now: datetime
) -> RegisterMatch | None:
    """Keep ``matches``; returns the one that is sure, whose UEN the lead has from now on.

    Inside a transaction that has the lead locked. A company a person has refused is not proposed
    again, and what was decided is not changed. ``reference``: the page that was compared.
    """
    known = dict(lead.register_matches.values_list("uen", "state"))
    taken = None
    for match in matches:
        is_sure = match.is_sure and not lead.uen and match.uen not in known
        values = {"name": match.name[:500], "score": match.score, "lines": match.lines_as_json(),
                  "found_at": now}  # fmt: skip
        if match.uen not in known:
            row = RegisterMatch.objects.create(
                lead=lead, uen=match.uen, state=State.SURE if is_sure else State.PROPOSED, **values
            )
            taken = row if is_sure else taken
        elif known[match.uen] == State.PROPOSED:
            lead.register_matches.filter(uen=match.uen).update(**values)
    if taken:
        _become(lead, taken, source="LISTING", reference=reference, now=now)
    return taken


def match_after_reading(leads: Sequence[int], *, now: datetime) -> int:
    """Look once more for those of ``leads`` without a UEN, now that their sites are read.

    Returns how many have one from now on. A second run changes nothing.
    """
    found = 0
    for pk in leads:
        with transaction.atomic():
            lead = Lead.objects.select_for_update().filter(pk=pk, uen="").first()
            if lead is None or lead.stage == Lead.Stage.REJECTED:
                continue
            matches = match_register(_business(lead)) if _may_be_registered(lead) else []
            found += store_matches(lead, matches, reference=_site(lead), now=now) is not None
    return found


def confirm_match(match: RegisterMatch, *, actor: str, now: datetime) -> None:
    """Make the lead that company, because a person says so. Raises ``MatchError``."""
    with transaction.atomic():
        lead, row = _locked(match)
        if lead.uen:
            raise MatchError(f"{lead.name} is {lead.uen} already.")
        _decide(row, State.CONFIRMED, actor=actor, now=now)
        _become(lead, row, source="OPERATOR", reference=actor, now=now)
        audit.record("enrichment.register_match.confirm", actor=actor, subject=f"lead {lead.pk}",
                     before={"uen": ""}, after={"uen": row.uen, "score": row.score})  # fmt: skip


def refuse_match(match: RegisterMatch, *, actor: str, now: datetime) -> None:
    """Say that the lead is not that company; it is not proposed again. Raises ``MatchError``.

    One that was taken by rule is taken back: the UEN goes, and what the register said with it.
    """
    with transaction.atomic():
        lead, row = _locked(match, also=(State.SURE,))
        was_taken = row.state == State.SURE
        _decide(row, State.REFUSED, actor=actor, now=now)
        if was_taken:
            _be_nobody(lead, row, now=now)
        audit.record("enrichment.register_match.refuse", actor=actor, subject=f"lead {lead.pk}",
                     before={"uen": row.uen if was_taken else ""}, after={"uen": lead.uen},
                     )  # fmt: skip


def _locked(match: RegisterMatch, *, also: tuple[str, ...] = ()) -> tuple[Lead, RegisterMatch]:
    lead = Lead.objects.select_for_update().get(pk=match.lead_id)
    row = RegisterMatch.objects.select_for_update().get(pk=match.pk)
    if row.state not in (State.PROPOSED, *also):
        raise MatchError(f"It was decided before: {row.get_state_display().lower()}.")
    return lead, row


def _decide(row: RegisterMatch, state: RegisterMatch.State, *, actor: str, now: datetime) -> None:
    row.state, row.decided_by, row.decided_at = state, actor, now
    row.save(update_fields=["state", "decided_by", "decided_at"])


def _become(
    lead: Lead, match: RegisterMatch, *, source: str, reference: str, now: datetime
) -> None:
    """The lead is that company: its UEN is evidence, and so is all the register says."""
    Lead.objects.filter(pk=lead.pk).update(uen=match.uen)
    lead.uen = match.uen
    why = "; ".join(f"{line['reason']} {line['points']:+d}" for line in match.lines)
    said = Statement("uen", match.uen, source, reference[:2000], "register.match", 1,
                     round(match.score / 100, 2), quote=why[:300])  # fmt: skip
    add_statements(lead, [said], run_id=None, now=now)
    if is_suppressed(uen=match.uen):
        lead.reject("suppressed", "Its UEN is suppressed.", now=now)
        return
    link_by_uen(lead, now=now)


def _be_nobody(lead: Lead, match: RegisterMatch, *, now: datetime) -> None:
    Lead.objects.filter(pk=lead.pk, uen=match.uen).update(uen="")
    lead.uen = ""
    of_match = Evidence.objects.filter(lead=lead, superseded_at=None, method="register.match")
    of_match.filter(value=match.uen).update(superseded_at=now)
    add_statements(lead, [], run_id=None, now=now)  # what the register said of it goes


def _may_be_registered(lead: Lead) -> bool:
    country = shown(lead.facts, "country") or place_of_city(shown(lead.facts, "city")).country
    return may_be_registered(country)


def _site(lead: Lead) -> str:
    return shown(lead.facts, "website") or lead.website or lead.source_ref


def _business(lead: Lead) -> Business:
    """What listing and site together say; a UEN only as surely as the site shows it."""
    rows = Evidence.objects.filter(
        lead=lead, superseded_at=None, field__in=["uen", "phones", "postal_code", "street"]
    )
    said: dict[str, list[str]] = {}
    for field, value, sure in rows.order_by("-confidence", "pk").values_list(
        "field", "value", "confidence"
    ):
        if field != "uen" or sure >= SURE_OF_UEN:
            said.setdefault(field, []).append(value)
    first = {field: values[0] for field, values in said.items()}
    return Business(
        lead.name, tuple(dict.fromkeys(said.get("uen", ()))),
        place_key(first.get("postal_code", "")), first.get("street", ""),
        tuple(said.get("phones", ())),
    )  # fmt: skip
