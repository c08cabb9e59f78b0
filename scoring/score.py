"""Score enriched leads, a batch at a time, each score an invoice whose lines point to evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When

from enrichment.models import Contact, EnrichmentRun, Evidence
from icp.models import IcpRule, Lead, LeadQuerySet
from scoring.cards import Card, parse
from scoring.features import FIELDS, Input, Known, Person, Statement, features
from scoring.models import LeadScore, ScoreCard, ScoreLine
from scoring.publish import card_of
from scoring.rationale import rationale
from scoring.weigh import Weighed, weigh
from tenants.clock import database_now
from tenants.models import PipelineRun
from tenants.stages import BatchReport

BATCH = 500
OPEN_STAGES = (Lead.Stage.SCORED, Lead.Stage.SHORTLISTED)


def score_batch(
    run: PipelineRun, *, count: int = BATCH, now: datetime | None = None
) -> BatchReport:
    """Score up to ``count`` leads: the enriched ones first, then open ones of an older card.

    Leaves one ``LeadScore`` with its lines per lead and run, and moves enriched leads to SCORED.
    Reads with five statements however many leads there are. A lead that has a score of this run
    keeps it: a second run of the same batch writes nothing twice, and a worker that slept past its
    lease writes nothing at all.
    """
    now = now or database_now()
    card = card_of(run)
    leads = Lead.objects.in_stage(Lead.Stage.ENRICHED).claim(count, now=now)
    if len(leads) < count:
        leads += stale(card, run=run).claim(count - len(leads), now=now)
    if not leads:
        return BatchReport()
    checked = parse(card.payload)
    invoices = {
        pk: invoice(checked, inputs) for pk, inputs in inputs_of(leads, as_of=as_of(run)).items()
    }
    with transaction.atomic():
        held = _still_held(leads)
        _write(held, invoices, run=run, card=card, now=now)
    return BatchReport(taken=len(held), done=len(held))


def scoring_waiting(run: PipelineRun) -> int:
    """Leads ``score_batch`` could still take, those held by a worker included."""
    card = card_of(run)
    enriched = Lead.objects.in_stage(Lead.Stage.ENRICHED).count()
    scores = LeadScore.objects.filter(card=OuterRef("pk"))
    if not ScoreCard.objects.exclude(pk=card.pk).filter(Exists(scores)).exists():
        return enriched  # looking through all open leads takes 100 ms at 200,000
    return enriched + stale(card, run=run).count()


def stale(card: ScoreCard, *, run: PipelineRun) -> LeadQuerySet:
    """Open, unreviewed leads whose standing score was computed by another card than ``card``."""
    newer = LeadScore.objects.filter(Q(card=card) | Q(run_id=run.pk), lead=OuterRef("pk"))
    open_leads = Lead.objects.in_stage(*OPEN_STAGES).filter(review=Lead.Review.OPEN)
    return open_leads.filter(~Exists(newer))


def as_of(run: PipelineRun) -> date:
    """The day ages are counted up to: the plan's, else the day the run started (UTC)."""
    planned = run.plan.get("as_of")
    return date.fromisoformat(planned) if planned else run.started_at.date()


def inputs_of(leads: Sequence[Lead], *, as_of: date) -> dict[int, dict[str, Input]]:
    """Lead id -> features, read with four statements for all ``leads`` together."""
    ids = [lead.pk for lead in leads]
    statements = _statements(ids)
    contacts = _contacts(ids)
    attempts = _attempts(ids)
    rules = IcpRule.objects.in_bulk({lead.rule_id for lead in leads if lead.rule_id})
    found = {}
    for lead in leads:
        attempt = attempts.get(lead.pk)
        known = Known(
            fit=lead.fit,
            rule=str(rules.get(lead.rule_id or 0, "")),
            uen=lead.uen,
            statements=statements[lead.pk],
            contacts=contacts[lead.pk],
            was_enriched=attempt is not None,
            site=attempt[0] if attempt else "",
            site_match=attempt[1] if attempt else None,
        )
        found[lead.pk] = features(known, as_of=as_of)
    return found


def _statements(ids: list[int]) -> dict[int, list[Statement]]:
    rows = Evidence.objects.filter(lead_id__in=ids, superseded_at=None, field__in=FIELDS)
    found: dict[int, list[Statement]] = defaultdict(list)
    columns = ("lead_id", "pk", "field", "value", "source", "confidence", "contact_id")
    for lead_id, *rest in rows.values_list(*columns).iterator(chunk_size=5000):
        pk, field, value, source, confidence, contact = rest
        statement = Statement(pk, field, value, source, float(confidence), contact)
        found[lead_id].append(statement)
    return found


def _contacts(ids: list[int]) -> dict[int, list[Person]]:
    columns = ("lead_id", "pk", "kind", "name", "title", "email", "phone", "is_mailable")
    found: dict[int, list[Person]] = defaultdict(list)
    for lead_id, *rest in Contact.objects.filter(lead_id__in=ids).values_list(*columns):
        found[lead_id].append(Person(*rest))
    return found


def _attempts(ids: list[int]) -> dict[int, tuple[str, int | None]]:
    """Lead id -> site and match of its newest finished attempt; a site of somebody else is none."""
    done = EnrichmentRun.objects.exclude(outcome=EnrichmentRun.Outcome.RUNNING)
    newest = done.filter(lead_id__in=ids).order_by("lead_id", "-pk").distinct("lead_id")
    return {
        lead_id: (site, match) if outcome == EnrichmentRun.Outcome.DONE else ("", None)
        for lead_id, outcome, site, match in newest.values_list(
            "lead_id", "outcome", "site", "match_score"
        )
    }


def invoice(card: Card, inputs: dict[str, Input]) -> tuple[dict[str, Input], Weighed, str]:
    """The inputs, what they weigh by ``card``, and the sentences that say so. Pure."""
    values = {key: given.value for key, given in inputs.items()}
    weighed = weigh(card, values)
    return inputs, weighed, rationale(card, weighed, values)


def _still_held(leads: Sequence[Lead]) -> list[Lead]:
    """The leads whose claim is still ours, locked until the transaction ends."""
    claims = {lead.pk: lead.lease for lead in leads}
    rows = Lead.objects.filter(pk__in=claims).order_by("pk").select_for_update()
    ours = {pk for pk, lease in rows.values_list("pk", "lease") if claims[pk] == lease}
    return [lead for lead in leads if lead.pk in ours]


def _write(
    leads: Sequence[Lead],
    invoices: dict[int, tuple[dict[str, Input], Weighed, str]],
    *,
    run: PipelineRun,
    card: ScoreCard,
    now: datetime,
) -> None:
    before = LeadScore.objects.filter(lead__in=leads, run_id=run.pk)
    standing = set(before.values_list("lead_id", flat=True))
    fresh = [lead for lead in leads if lead.pk not in standing]
    scores = LeadScore.objects.bulk_create(
        [_score_row(lead, *invoices[lead.pk], run=run, card=card, now=now) for lead in fresh],
        batch_size=BATCH,
    )
    ScoreLine.objects.bulk_create(
        (line for score in scores for line in _line_rows(score, *invoices[score.lead_id])),
        batch_size=2000,
    )
    _move([lead.pk for lead in leads], run=run, now=now)


def _move(ids: list[int], *, run: PipelineRun, now: datetime) -> None:
    """Show the run's score on the leads and free them; only enriched ones change their stage."""
    scored = LeadScore.objects.filter(lead=OuterRef("pk"), run_id=run.pk)
    was_enriched = Q(stage=Lead.Stage.ENRICHED)
    Lead.objects.filter(pk__in=ids).update(
        score=Subquery(scored.values("total")),
        bucket=Subquery(scored.values("bucket")),
        run_id=run.pk,
        held_until=None,
        held_by="",
        not_before=None,
        attempts=0,
        stage_since=Case(When(was_enriched, then=Value(now)), default=F("stage_since")),
        stage=Case(When(was_enriched, then=Value(Lead.Stage.SCORED)), default=F("stage")),
    )


def _score_row(
    lead: Lead,
    inputs: dict[str, Input],
    weighed: Weighed,
    why: str,
    *,
    run: PipelineRun,
    card: ScoreCard,
    now: datetime,
) -> LeadScore:
    return LeadScore(
        lead=lead,
        run_id=run.pk,
        card=card,
        total=weighed.total,
        bucket=weighed.bucket,
        rationale=why,
        features={key: given.value for key, given in sorted(inputs.items())},
        created_at=now,
    )


def _line_rows(
    score: LeadScore, inputs: dict[str, Input], weighed: Weighed, _why: str
) -> Iterable[ScoreLine]:
    for position, line in enumerate(weighed.lines, start=1):
        given = inputs.get(line.feature)
        yield ScoreLine(
            score=score,
            position=position,
            key=line.key,
            label=line.label,
            points=line.points,
            evidence_id=given.evidence if given else None,
            detail=line.detail[:300],
        )
