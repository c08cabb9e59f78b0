"""What a run came to, company by company, in a form that two runs can be compared by.

Nothing in it depends on the clock, on row numbers, or on which worker did what: the same register,
rule, card and pages give the same report, however often a worker was killed on the way.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from enrichment.models import EnrichmentRun
from icp.models import Lead
from scoring.models import LeadScore, ShortlistEntry
from tenants.models import PipelineRun

Line = tuple[str, dict[str, Any]]  # the company (source and reference), what came of it


def report_lines(run: PipelineRun) -> Iterator[Line]:
    """One line per lead the run worked on, ordered by source and reference."""
    attempts = {
        row.lead_id: row
        for row in EnrichmentRun.objects.filter(run_id=run.pk).only(
            "lead_id", "outcome", "site", "match_score", "digest"
        )
    }
    scores = {
        row.lead_id: row
        for row in LeadScore.objects.filter(run_id=run.pk).prefetch_related("lines")
    }
    entries = ShortlistEntry.objects.filter(shortlist__run_id=run.pk)
    ranks = dict(entries.values_list("lead_id", "rank"))
    wanted = {*attempts, *scores, *ranks}
    leads = Lead.objects.filter(pk__in=wanted).values_list("pk", "source", "source_ref", "trace")
    for pk, source, reference, trace in sorted(leads, key=lambda lead: lead[1:3]):
        yield (
            f"{source} {reference}",
            {
                "trace": trace,
                **_enrichment(attempts.get(pk)),
                **_score(scores.get(pk)),
                "rank": ranks.get(pk),
            },
        )


def report_hash(lines: Iterable[Line]) -> str:
    """SHA-256 over the lines."""
    total = hashlib.sha256()
    for company, values in lines:
        total.update(json.dumps([company, values], sort_keys=True).encode())
        total.update(b"\n")
    return total.hexdigest()


def _enrichment(attempt: EnrichmentRun | None) -> dict[str, Any]:
    if attempt is None:
        return {}
    return {
        "outcome": attempt.outcome,
        "site": attempt.site,
        "match": attempt.match_score,
        "evidence": attempt.digest,
    }


def _score(score: LeadScore | None) -> dict[str, Any]:
    if score is None:
        return {}
    lines = sorted(score.lines.all(), key=lambda line: line.position)
    return {
        "score": score.total,
        "bucket": score.bucket,
        "rationale": score.rationale,
        "features": score.features,
        "lines": [[line.key, line.points, line.detail] for line in lines],
    }
