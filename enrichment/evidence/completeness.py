"""How much is known of the leads of a run, field by field, and who said it.

What an operator can use a lead for hangs on a few fields; a night that fills fewer of them than
usual has met trouble, even when every stage of it ended well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from enrichment.evidence.merge import PRECEDENCE
from icp.models import Lead
from tenants.context import connection

FIELDS = {  # field -> evidence that fills it
    "website": ("website",),
    "phone": ("phones",),
    "email": ("emails",),
    "person": ("people",),
    "about": ("about", "summary"),
}
FINISHED = (Lead.Stage.ENRICHED, Lead.Stage.SCORED, Lead.Stage.SHORTLISTED)

# Of each lead and field the source that is shown: the order is merge.PRECEDENCE's.
_FILLED = """
SELECT field, source, count(*) FROM (
  SELECT DISTINCT ON (e.lead_id, w.field) w.field, e.source
  FROM enrichment_evidence e
  JOIN icp_lead l ON l.id = e.lead_id AND l.run_id = %(run)s AND l.stage = ANY(%(stages)s)
  JOIN jsonb_to_recordset(%(fields)s::jsonb) AS w (field text, said text) ON w.said = e.field
  WHERE e.superseded_at IS NULL
  ORDER BY e.lead_id, w.field, array_position(%(precedence)s::text[], e.source::text)
) AS best GROUP BY field, source
"""


@dataclass(frozen=True, slots=True)
class Fill:
    """One field: in how many of ``leads`` it is known, by the source that is shown."""

    name: str
    leads: int
    by_source: Mapping[str, int] = field(default_factory=dict)

    @property
    def filled(self) -> int:
        return sum(self.by_source.values())

    @property
    def share(self) -> float:
        """0 to 1; a run without leads is complete."""
        return self.filled / self.leads if self.leads else 1.0


def completeness(run_id: int) -> list[Fill]:
    """Every field of ``FIELDS`` over the leads the run has enriched. Two statements."""
    wanted = [{"field": name, "said": said} for name, all_said in FIELDS.items()
                     for said in all_said]  # fmt: skip
    leads = Lead.objects.filter(run_id=run_id, stage__in=FINISHED)
    total = leads.count()
    found: dict[str, dict[str, int]] = {name: {} for name in FIELDS}
    with connection.cursor() as cursor:
        cursor.execute(_FILLED, {"run": run_id, "stages": [str(one) for one in FINISHED],
                                 "fields": json.dumps(wanted),
                                 "precedence": list(PRECEDENCE)})  # fmt: skip
        for name, source, count in cursor.fetchall():
            found[name][source] = count
    return [Fill(name, total, sources) for name, sources in found.items()]


def as_json(fills: list[Fill]) -> dict[str, Any]:
    """For the run's record: ``{"leads": n, "fields": {field: {source: n}}}``."""
    return {
        "leads": fills[0].leads if fills else 0,
        "fields": {fill.name: dict(sorted(fill.by_source.items())) for fill in fills},
    }


def from_json(kept: Mapping[str, Any]) -> list[Fill]:
    return [Fill(name, kept["leads"], sources) for name, sources in kept["fields"].items()]


def below_floor(fills: list[Fill], *, floors: Mapping[str, int]) -> list[str]:
    """A sentence for every field that fewer leads have than its floor says, in per cent."""
    return [
        f"Only {fill.filled} of {fill.leads} leads have {_WORDS[fill.name]}"
        f" ({fill.share:.0%}, expected at least {floors[fill.name]} %)."
        for fill in fills
        if fill.share * 100 < floors.get(fill.name, 0)
    ]


_WORDS = {
    "website": "a web site",
    "phone": "a telephone number",
    "email": "an e-mail address",
    "person": "a named person",
    "about": "a description",
}
