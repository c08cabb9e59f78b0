"""The stages of the night as the pipeline sees them: one call into each app, counts from rows."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count

from acra.models import RegisteredCompany, RegisterImport
from chat.tend import purge_threads
from enrichment.enrich import enrich_batch
from enrichment.evidence.completeness import as_json, below_floor, completeness
from enrichment.listings.link_twins import find_twins
from enrichment.purge import purge_pages
from enrichment.web.politeness import forget_idle_hosts
from icp.assign import assign_candidates
from icp.models import IcpRule, Lead
from icp.select import select_candidates
from leadgen_project.price import hold_to, price_of
from leadgen_project.turns import turn_seconds
from scoring.exports import export_run, prune_exports
from scoring.models import LeadScore, Shortlist
from scoring.publish import current_card
from scoring.score import score_batch, scoring_waiting
from scoring.shortlist import make_shortlist
from tenants.clock import database_now
from tenants.language_model import llm
from tenants.models import PipelineRun, Tenant
from tenants.stages import BatchReport, Tally

ENRICH_BATCH = 1000  # leads; what ends a batch is the turn's time
SCORE_BATCH = 500


class MissingInputError(Exception):
    """The night has nothing to work with; the text says what an operator must do first."""


class PlanChangedError(MissingInputError):
    """The night was started for a plan somebody has seen, and would do something else by now."""


def make_plan(tenant: Tenant, *, now: datetime) -> dict[str, Any]:
    """What the run works with, frozen at its start, so that it can be explained and replayed."""
    rule = current_rule()
    card = current_card()
    load = RegisterImport.objects.filter(status="FINISHED").order_by("-pk").first()
    return {
        "as_of": now.date().isoformat(),
        "rule": str(rule) if rule else "",
        "rule_id": rule.pk if rule else None,
        "card": str(card),
        "card_id": card.pk,
        "register_load": load.pk if load else None,
        "candidates": tenant.settings.candidates_per_night,
        "shortlist_cap": tenant.settings.shortlist_cap,
        "match_threshold": tenant.settings.site_match_threshold,
    }


def current_rule() -> IcpRule | None:
    """The rule nights use: the one named by ICP_RULE_NAME in its current version."""
    return IcpRule.objects.filter(name=settings.ICP_RULE_NAME, is_current=True).first()


# --- normalise: the shared register must stand before anybody selects from it ------------------
def look_at_register(run: PipelineRun) -> BatchReport:
    if not RegisteredCompany.objects.exists() and not _harvested_waiting():
        raise MissingInputError("The register is empty. Load it first: manage.py fetch_register")
    return BatchReport()


def _harvested_waiting() -> bool:
    """Whether there are candidates that neither the register nor a rule brought."""
    others = Lead.objects.exclude(source=Lead.Source.REGISTER)
    return others.in_stage(Lead.Stage.CANDIDATE).exists()


def tally_register(run: PipelineRun) -> Tally:
    load = RegisterImport.objects.filter(status="FINISHED").order_by("-pk").first()
    if load is None:
        return Tally()
    ended = load.finished_at or load.started_at
    facts = {"load": load.pk, "loaded_at": ended.isoformat(timespec="seconds"),
             "new": load.new, "changed": load.changed, "ceased": load.ceased}  # fmt: skip
    kept = load.read - load.rejected
    return Tally(
        taken_in=load.read,
        done=kept,
        rejected={"not readable": load.rejected} if load.rejected else {},
        facts=facts,
    )


# --- select --------------------------------------------------------------------------------
def select(run: PipelineRun) -> BatchReport:
    rule = IcpRule.objects.filter(pk=run.plan["rule_id"]).first()
    if rule is None and not _harvested_waiting():
        known = IcpRule.objects.filter(is_current=True).values_list("name", flat=True)
        raise MissingInputError(
            f"There is no ICP rule named {settings.ICP_RULE_NAME!r}."
            f" Known: {', '.join(sorted(known)) or 'none yet; write one under ICP rules'}."
        )
    now = database_now()
    cap = run.plan["candidates"]
    if rule is not None:
        report = select_candidates(run, rule=rule, cap=cap, now=now, actor=run.started_by)
        run.plan["selection"] = report.as_json()
    run.plan["assigned"] = assign_candidates(run, cap=cap, now=now)
    price = price_of(run.plan["assigned"], now=now, run=run)
    hold_to(price, run)
    run.plan["price"] = [*price.sentences, price.total]
    run.plan["taken"] = _taken_by(run)
    if run.plan.get("planned", run.plan["taken"]) != run.plan["taken"]:
        raise PlanChangedError(
            "What was looked at before has changed: this night would take"
            f" {run.plan['assigned']:,} companies by {run.plan['rule'] or 'no rule'}, or cost"
            " something else. Nothing was done. Look again and start anew."
        )
    run.save(update_fields=["plan"])
    return BatchReport()


def _taken_by(run: PipelineRun) -> str:
    """A hash of all that decides what the run does: rule, card, register, limits, price, leads.

    Of two runs that are rolled back or start anew it is equal exactly when these are. The day is
    left out: what it changes shows in the leads.
    """
    decides = ("rule", "card", "register_load", "candidates", "shortlist_cap", "match_threshold",
               "price")  # fmt: skip
    leads = Lead.objects.filter(run_id=run.pk).order_by("source", "source_ref")
    said = [
        {key: run.plan[key] for key in decides},
        list(leads.values_list("source", "source_ref")),
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def most_pages(run: PipelineRun) -> int:
    """The most pages the run may fetch."""
    return int(run.plan["assigned"]) * settings.CRAWL_MAX_PAGES


def tally_select(run: PipelineRun) -> Tally:
    found = run.plan.get("selection", {})
    assigned = run.plan.get("assigned", 0)
    waiting = found.get("waiting_before", 0) + found.get("new", 0) + found.get("returned", 0)
    later = max(waiting - assigned, 0)
    return Tally(
        taken_in=assigned + later,
        done=assigned,
        held={"another night": later} if later else {},
        facts=found,
    )


# --- enrich --------------------------------------------------------------------------------
def enrich(run: PipelineRun) -> BatchReport:
    return enrich_batch(
        run,
        count=ENRICH_BATCH,
        seconds=turn_seconds(run),
        threshold=run.plan["match_threshold"],
    )


def tally_enrich(run: PipelineRun) -> Tally:
    now = database_now()
    mine = Lead.objects.filter(run_id=run.pk)
    stages = dict(mine.values_list("stage").annotate(n=Count("pk")))
    later = mine.filter(stage=Lead.Stage.CANDIDATE, not_before__gt=now).count()
    operator = stages.get(Lead.Stage.NEEDS_OPERATOR, 0)
    rejected = mine.filter(stage=Lead.Stage.REJECTED).values_list("rejection_code")
    held = {"an operator": operator, "a later try": later}
    return Tally(
        taken_in=sum(stages.values()),
        done=sum(stages.get(stage, 0) for stage in (
            Lead.Stage.ENRICHED, Lead.Stage.SCORED, Lead.Stage.SHORTLISTED)),
        rejected=dict(rejected.annotate(n=Count("pk"))),
        held={reason: count for reason, count in held.items() if count},
        waiting=stages.get(Lead.Stage.CANDIDATE, 0) - later,
    )  # fmt: skip


# --- score ---------------------------------------------------------------------------------
def score(run: PipelineRun) -> BatchReport:
    return score_batch(run, count=SCORE_BATCH)


def tally_score(run: PipelineRun) -> Tally:
    waiting = scoring_waiting(run)
    buckets = LeadScore.objects.filter(run_id=run.pk).values_list("bucket")
    counts = dict(buckets.annotate(n=Count("pk")))
    done = sum(counts.values())
    return Tally(taken_in=done + waiting, done=done, waiting=waiting, facts={"buckets": counts})


# --- shortlist -----------------------------------------------------------------------------
def shortlist(run: PipelineRun) -> BatchReport:
    make_shortlist(run, cap=run.plan["shortlist_cap"], now=database_now())
    return BatchReport()


def tally_shortlist(run: PipelineRun) -> Tally:
    made = Shortlist.objects.filter(run_id=run.pk).annotate(n=Count("entries")).first()
    if made is None:
        return Tally()
    left = made.considered - made.n
    return Tally(
        taken_in=made.considered, done=made.n, held={"below the cap": left} if left else {}
    )


# --- export --------------------------------------------------------------------------------
def export(run: PipelineRun) -> BatchReport:
    paths = export_run(run)
    run.plan["files"] = [str(path) for path in paths]
    run.save(update_fields=["plan"])
    return BatchReport()


def tally_export(run: PipelineRun) -> Tally:
    scored = LeadScore.objects.filter(run_id=run.pk).aggregate(n=Count("pk"))["n"]
    return Tally(taken_in=scored, done=scored, facts={"files": run.plan.get("files", [])})


# --- tidy ----------------------------------------------------------------------------------
def tidy(run: PipelineRun) -> BatchReport:
    """Let go of what is older than the tenant keeps it, and of hosts nobody asks any more.

    And look back: how much the night knows of its leads, while they are still its own.
    """
    hold, now = run.tenant.settings.legal_hold, database_now()
    notes = [f"Nothing was let go of: {hold}"] if hold else []
    run.plan["purged"] = {} if hold else _let_go(run.tenant.settings.retention_days, now=now)
    forget_idle_hosts()
    known = completeness(run.pk)
    run.plan["completeness"] = as_json(known)
    run.plan["duplicates"] = find_twins(now=now)
    run.note = "\n".join([*notes, *below_floor(known, floors=settings.COMPLETENESS_FLOORS)])
    run.save(update_fields=["plan", "note"])
    return BatchReport()


def _let_go(keep_days: int, *, now: datetime) -> dict[str, int]:
    """What is older than ``keep_days`` days goes; returns how much of each."""
    purged = purge_pages(keep_days=keep_days, now=now)
    nights = prune_exports(keep_days=keep_days, now=now)
    llm.forget_answers(keep_days=keep_days, now=now)
    threads = purge_threads(keep_days=keep_days, now=now)
    return {"pages": purged.pages, "bodies": purged.bodies, "texts": purged.corpora,
            "nights' files": nights, "conversations": threads}  # fmt: skip


def tally_tidy(run: PipelineRun) -> Tally:
    purged = run.plan.get("purged", {})
    pages = purged.get("pages", 0)
    return Tally(taken_in=pages, done=pages, facts={"purged": purged})
