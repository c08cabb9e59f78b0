"""Keep which leads may be one business, and a person's word that they are not.

Found at once when a listing is taken, and every night over all leads, because reading sites brings
numbers and addresses to light. A pair is kept once; what was decided of it stays decided.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from enrichment.listings.find_known import parties_of
from enrichment.listings.keys import (
    POINTS,
    SHARED_BY,
    Hit,
    Kind,
    Likeness,
    Party,
    likeness,
)
from enrichment.listings.profile import is_for_many
from enrichment.models import HOST_IN_URL
from enrichment.twin_models import LeadTwin
from icp.decide import MERGED
from icp.models import Lead
from tenants import audit
from tenants.context import connection

State = LeadTwin.State
LEAST = min(POINTS.values())  # points of a pair worth a look

# Values that a few leads share, with those leads; suppressed and merged ones are out of the game.
_SHARED = f"""
WITH said AS (
    SELECT lead_id, CASE field WHEN 'phones' THEN 'phone' WHEN 'emails' THEN 'email'
        WHEN 'postal_code' THEN 'place' ELSE 'domain' END AS kind,
        CASE field WHEN 'website' THEN substring(value, '{HOST_IN_URL}')
        WHEN 'postal_code' THEN upper(regexp_replace(value, '[^0-9A-Za-z]', '', 'g'))
        ELSE value END AS value
    FROM enrichment_evidence
    WHERE superseded_at IS NULL AND field IN ('phones', 'emails', 'postal_code', 'website')
    UNION SELECT id, 'uen', uen FROM icp_lead WHERE uen <> ''
), played AS (
    SELECT DISTINCT s.kind, s.value, s.lead_id FROM said s JOIN icp_lead l ON l.id = s.lead_id
    WHERE s.value <> '' AND NOT (l.stage = 'REJECTED' AND l.rejection_code IN ('suppressed', 'merged'))
)
SELECT kind, value, array_agg(lead_id ORDER BY lead_id) FROM played
GROUP BY kind, value HAVING count(*) > 1
"""  # noqa: E501 -- the pattern is ours
_KEEP = """
INSERT INTO enrichment_leadtwin (first_id, second_id, reasons, score, state, found_at, decided_by,
    decided_reason)
SELECT first, second, reasons, score, 'OPEN', %s, '', ''
FROM jsonb_to_recordset(%s::jsonb) AS found (first bigint, second bigint, reasons jsonb,
    score smallint)
ORDER BY first, second
ON CONFLICT (first_id, second_id) DO UPDATE SET reasons = excluded.reasons, score = excluded.score
WHERE enrichment_leadtwin.state = 'OPEN' AND enrichment_leadtwin.reasons <> excluded.reasons
RETURNING (xmax = 0)
"""

Pair = tuple[int, int]


class TwinError(ValueError):
    """The pair cannot be decided as asked; the text says why."""


def link_twins(lead: Lead, known: Iterable[Likeness], *, now: datetime) -> int:
    """Keep that ``lead`` may be those; returns how many pairs are new. One statement."""
    return _keep({_pair(lead.pk, one.lead): one for one in known if one.lead != lead.pk}, now=now)


def link_by_uen(lead: Lead, *, now: datetime) -> int:
    """Keep that ``lead`` is the same company as others with its UEN; how many pairs are new."""
    others = Lead.objects.filter(uen=lead.uen).exclude(pk=lead.pk).exclude(uen="")
    found = [
        likeness(Party(lead.name, lead.uen), Party(name, uen), pk, [Hit(pk, Kind.UEN, uen)])
        for pk, name, uen in others.values_list("pk", "name", "uen")
    ]
    return link_twins(lead, found, now=now)


def find_twins(*, now: datetime) -> int:
    """Look through all leads for pairs that share something; returns how many are new.

    Open pairs that rest on what a whole chain shares by now are dropped. Seven statements at most,
    however many leads: one pass over what stands, names and places, the writes. A second run finds
    nothing new.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SHARED)
        found_shared = [(Kind(kind), value, leads) for kind, value, leads in cursor.fetchall()
                        if not (kind == Kind.DOMAIN and is_for_many(value))]  # fmt: skip
    _drop({(str(kind), value) for kind, value, leads in found_shared if _is_crowded(kind, leads)})
    shared = [each for each in found_shared if not _is_crowded(each[0], each[2])]
    parties = parties_of(lead for _, _, leads in shared for lead in leads)
    hits: dict[Pair, list[Hit]] = defaultdict(list)
    for kind, value, leads in shared:
        for group in _groups(kind, leads, parties):
            for pair in ((one, other) for i, one in enumerate(group) for other in group[i + 1 :]):
                hits[pair].append(Hit(pair[1], kind, value))
    found = {pair: likeness(parties[pair[0]], parties[pair[1]], pair[1], mine)
             for pair, mine in hits.items()}  # fmt: skip
    return _keep({pair: one for pair, one in found.items() if one.score >= LEAST}, now=now)


def _is_crowded(kind: Kind, leads: Sequence[int]) -> bool:
    return kind != Kind.PLACE and len(leads) > SHARED_BY


def _drop(crowded: set[tuple[str, str]]) -> None:
    """Forget open pairs that share nothing but what is crowded; decided ones stay."""
    idle = []
    for pk, reasons in LeadTwin.objects.filter(state=State.OPEN).values_list("pk", "reasons"):
        shared = [(each["kind"], each["value"]) for each in reasons if each["kind"] in POINTS]
        if shared and crowded.issuperset(shared):
            idle.append(pk)
    LeadTwin.objects.filter(pk__in=idle, state=State.OPEN).delete()


def _groups(kind: Kind, leads: Sequence[int], parties: dict[int, Party]) -> Iterable[Sequence[int]]:
    """Leads that are alike by a value; at one postal code only those of one name."""
    if kind != Kind.PLACE:
        return [leads]
    by_name: dict[str, list[int]] = defaultdict(list)
    for lead in leads:
        by_name[parties[lead].name_key].append(lead)
    return [same for name, same in by_name.items() if name and 1 < len(same) <= SHARED_BY]


def open_pairs() -> QuerySet[LeadTwin]:
    """Pairs that wait for a person."""
    return in_play().filter(state=State.OPEN)


def in_play() -> QuerySet[LeadTwin]:
    """Pairs without those of a lead that was merged away meanwhile, or suppressed."""
    out = Q()
    for side in ("first", "second"):
        out |= Q(**{f"{side}__rejection_code": "suppressed"})
        out |= Q(**{f"{side}__rejection_code": MERGED}) & ~Q(state=State.MERGED)
    return LeadTwin.objects.exclude(out)


@transaction.atomic
def keep_apart(twin: LeadTwin, *, reason: str, actor: str, now: datetime) -> None:
    """Say that the two are not one business; nobody is asked again. Raises ``TwinError``."""
    row = LeadTwin.objects.select_for_update().get(pk=twin.pk)
    if row.state != State.OPEN:
        raise TwinError(f"It was decided before: {row.get_state_display().lower()}.")
    _decide(row, State.APART, reason=reason, actor=actor, now=now)


@transaction.atomic
def ask_anew(twin: LeadTwin, *, actor: str) -> None:
    """Take "keep apart" back: the pair waits for a decision again. Raises ``TwinError``."""
    row = LeadTwin.objects.select_for_update().get(pk=twin.pk)
    if row.state != State.APART:
        raise TwinError(f"It is not kept apart: {row.get_state_display().lower()}.")
    before = row.state
    row.state, row.decided_at, row.decided_by, row.decided_reason = State.OPEN, None, "", ""
    row.save()
    audit.record("enrichment.duplicate.ask_anew", actor=actor, subject=f"duplicate {row.pk}",
                 before={"state": before}, after={"state": row.state})  # fmt: skip


def _decide(
    row: LeadTwin, state: LeadTwin.State, *, reason: str, actor: str, now: datetime
) -> None:
    row.state, row.decided_at = state, now
    row.decided_by, row.decided_reason = actor, reason[:300]
    row.save(update_fields=["state", "decided_at", "decided_by", "decided_reason"])
    audit.record("enrichment.duplicate.keep_apart", actor=actor, subject=f"duplicate {row.pk}",
                 after={"state": state, "leads": [row.first_id, row.second_id]},
                 reason=reason)  # fmt: skip


def _keep(found: dict[Pair, Likeness], *, now: datetime) -> int:
    rows = [{"first": pair[0], "second": pair[1], "reasons": one.reasons, "score": one.score}
            for pair, one in found.items()]  # fmt: skip
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [now, json.dumps(rows)])
        return sum(is_new for (is_new,) in cursor.fetchall())


def _pair(one: int, other: int) -> Pair:
    return (one, other) if one < other else (other, one)
