"""Leads of one tenant with evidence, scores and runs, written by SQL: for pages that only show."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone

from scoring.models import ScoreCard, Shortlist
from scoring.publish import current_card
from tenants.isolation import as_owner
from tenants.models import PipelineRun

IN_RUN = 1000  # leads of the newest run, however many there are in all
LEADS = """
INSERT INTO icp_lead (public_id, source, source_ref, uen, name, website, stage, stage_since, lease,
    attempts, fit, trace, facts, score, bucket, review, rejection_code, rejection_reason, run_id,
    created_at)
SELECT gen_random_uuid(), 'REGISTER', uen, uen, 'MADE UP ' || n || ' PTE. LTD.', '', stage,
    now() - n * interval '1 second', 1, 0, CASE WHEN n %% 7 = 0 THEN 'UNKNOWN' ELSE 'MEETS' END,
    '[]', '{}', CASE WHEN stage = 'SCORED' THEN (n * 7919) %% 101 END,
    CASE WHEN stage = 'SCORED' THEN (ARRAY['HIGH', 'MEDIUM', 'LOW'])[1 + n %% 3] ELSE '' END,
    'OPEN', CASE WHEN stage = 'REJECTED' THEN 'left_rule' ELSE '' END,
    CASE WHEN stage = 'REJECTED' THEN 'It left the rule.' ELSE '' END,
    CASE WHEN n <= %(in_run)s THEN %(new)s ELSE %(old)s END, now()
FROM (
    SELECT n, to_char(n, 'FM000000000') || 'A' AS uen,
        (ARRAY['SCORED', 'SCORED', 'SCORED', 'SCORED', 'SCORED', 'SCORED', 'CANDIDATE',
               'REJECTED', 'REJECTED', 'NEEDS_OPERATOR'])[1 + n %% 10] AS stage
    FROM generate_series(1, %(leads)s) n
) made
"""
EVIDENCE = """
INSERT INTO enrichment_evidence (lead_id, subject, field, value, source, reference, page_sha256,
    quote, method, method_version, confidence, observed_at, run_id)
SELECT l.id, '', field, 'value of ' || field, 'REGISTER', l.uen, '', '', 'acra.register', 1, 1,
    now(), l.run_id
FROM icp_lead l, unnest(ARRAY['name', 'status', 'primary_ssic', 'postal_code']) field
WHERE l.stage = 'SCORED'
"""
SCORES = """
INSERT INTO scoring_leadscore (lead_id, run_id, card_id, total, bucket, rationale, features,
    created_at)
SELECT id, run_id, %s, score, bucket, 'Made up.', '{}', now() FROM icp_lead WHERE stage = 'SCORED'
"""
LINES = """
INSERT INTO scoring_scoreline (score_id, position, key, label, points, detail)
SELECT s.id, n, 'rule' || n, 'Rule ' || n, 5, '' FROM scoring_leadscore s, generate_series(1, 3) n
"""
ENTRIES = """
INSERT INTO scoring_shortlistentry (shortlist_id, rank, lead_id, score_id, decision, decided_by,
    decision_reason)
SELECT %s, row_number() OVER (ORDER BY total DESC, id), lead_id, id, 'OPEN', '', ''
FROM scoring_leadscore ORDER BY total DESC, id LIMIT 50
"""
TABLES = ("icp_lead", "enrichment_evidence", "scoring_leadscore", "scoring_scoreline")


def fill_leads(tenant_id: str, leads: int) -> PipelineRun:
    """Fill the current tenant, which is empty; returns its newest run, at work on ``enrich``."""
    now = timezone.now()
    old, new = (
        PipelineRun.objects.create(tenant_id=tenant_id, started_at=now, **values)
        for values in (
            {"status": "FINISHED", "finished_at": now},
            {"stage": "enrich", "reports": {"select": {"in": IN_RUN, "done": IN_RUN}}},
        )
    )
    card: ScoreCard = current_card()
    shortlist = Shortlist.objects.create(run_id=old.pk, cap=50, card=card, considered=leads)
    with connection.cursor() as cursor:
        cursor.execute(LEADS, {"leads": leads, "in_run": IN_RUN, "old": old.pk, "new": new.pk})
        cursor.execute(EVIDENCE)
        cursor.execute(SCORES, [card.pk])
        cursor.execute(LINES)
        cursor.execute(ENTRIES, [shortlist.pk])
    with as_owner(), connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"VACUUM (ANALYZE) {table}")
    return new
