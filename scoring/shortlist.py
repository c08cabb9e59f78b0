"""The night's shortlist: the best open leads, at most the tenant's cap, ties broken by rule."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction
from django.db.models import QuerySet

from icp.models import Lead
from scoring.models import Shortlist, ShortlistEntry
from scoring.publish import card_of
from scoring.withhold import withheld
from tenants.models import PipelineRun

TIE_BREAK = (
    "Highest score first; on equal scores, leads that meet the ICP before those not known yet,"
    " then by UEN from A to Z."
)
# The order above, in SQL. Source and reference stand last so that leads without UEN have one too.
# Collation "C": the same order on every server, and in scoring.whatif.
ORDER = (
    'l.score DESC, (l.fit = \'MEETS\') DESC, l.uen COLLATE "C", l.source COLLATE "C",'
    ' l.source_ref COLLATE "C"'
)
COMPETING = "l.stage IN ('SCORED', 'SHORTLISTED') AND l.review = 'OPEN' AND l.score IS NOT NULL"


@transaction.atomic
def make_shortlist(run: PipelineRun, *, cap: int, now: datetime) -> Shortlist:
    """Rank the open leads, keep the best ``cap``, and move the leads accordingly.

    Competes: every scored lead that nobody has accepted, rejected or suppressed; accepted ones
    keep their stage and take no place. Leads that made the list become SHORTLISTED, those that
    fell off go back to SCORED. A run has one list: asked again, the first one comes back
    unchanged. One statement ranks and writes, however many leads there are.
    """
    made = Shortlist.objects.filter(run_id=run.pk).first()
    if made is not None:
        return made
    left_out = _suppressed_at_the_top(cap)
    shortlist = Shortlist.objects.create(
        run_id=run.pk,
        cap=cap,
        card=card_of(run),
        considered=competing().count() - len(left_out),
        withheld=sorted(left_out),
        created_at=now,
    )
    _fill(shortlist, cap=cap, left_out=left_out, now=now)
    return shortlist


def latest_shortlist() -> Shortlist | None:
    """The list of the newest run that made one."""
    return Shortlist.objects.order_by("-run_id").first()


def entries_of(shortlist: Shortlist) -> QuerySet[ShortlistEntry]:
    """The entries by rank, with lead, score and what a model said of them."""
    rows = ShortlistEntry.objects.filter(shortlist=shortlist)
    return rows.select_related("lead", "score", "explanation").order_by("rank")


def competing() -> QuerySet[Lead]:
    """The same leads as ``COMPETING``, for counting and showing."""
    stages = (Lead.Stage.SCORED, Lead.Stage.SHORTLISTED)
    return Lead.objects.in_stage(*stages).filter(review=Lead.Review.OPEN, score__isnull=False)


def _suppressed_at_the_top(cap: int) -> set[int]:
    """Leads that would have a place but are suppressed.

    Looks only as far down the ranking as places are given away, so that two hundred thousand
    leads cost no more than a few hundred.
    """
    left_out: set[int] = set()
    while True:
        best = _best(cap, left_out=left_out)
        found = withheld(best)
        if not found:
            return left_out
        left_out |= found


def _best(count: int, *, left_out: set[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT l.id FROM icp_lead l WHERE {COMPETING} AND NOT l.id = ANY(%s)"
            f" ORDER BY {ORDER} LIMIT %s",
            [list(left_out), count],
        )
        return [row[0] for row in cursor.fetchall()]


def _fill(shortlist: Shortlist, *, cap: int, left_out: set[int], now: datetime) -> None:
    """Insert the ranked entries and move the leads, in one statement over one ranking."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH chosen AS (
                SELECT l.id AS lead_id, row_number() OVER (ORDER BY {ORDER}) AS rank
                FROM icp_lead l
                WHERE {COMPETING} AND NOT l.id = ANY(%(left_out)s)
                ORDER BY {ORDER} LIMIT %(cap)s
            ), before AS (
                SELECT e.lead_id, e.rank FROM scoring_shortlistentry e
                WHERE e.shortlist_id = (
                    SELECT s.id FROM scoring_shortlist s WHERE s.run_id < %(run)s
                    ORDER BY s.run_id DESC LIMIT 1)
            ), listed AS (
                INSERT INTO scoring_shortlistentry (shortlist_id, rank, lead_id, score_id,
                    previous_rank, decision, decided_by, decision_reason)
                SELECT %(shortlist)s, c.rank, c.lead_id, s.id, b.rank, 'OPEN', '', ''
                FROM chosen c
                CROSS JOIN LATERAL (
                    SELECT id FROM scoring_leadscore WHERE lead_id = c.lead_id
                    ORDER BY run_id DESC LIMIT 1) s
                LEFT JOIN before b ON b.lead_id = c.lead_id
                RETURNING lead_id
            )
            UPDATE icp_lead l SET stage_since = %(now)s, stage = CASE
                WHEN l.id IN (SELECT lead_id FROM chosen) THEN 'SHORTLISTED' ELSE 'SCORED' END
            WHERE {COMPETING} AND (l.stage = 'SHORTLISTED') <> (
                l.id IN (SELECT lead_id FROM chosen))
            """,
            {"run": shortlist.run_id, "shortlist": shortlist.pk, "cap": cap, "now": now,
             "left_out": list(left_out)},
        )  # fmt: skip
