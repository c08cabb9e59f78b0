"""The night's best leads, and why a company is, or is not, among them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from chat.agent.arguments import Name, Rows
from chat.agent.company import Company, find_company, of_lead
from chat.agent.say import code, counted, link, page, said
from chat.agent.toolbox import Answer, Caller, Row, Tool, ToolError
from icp import explain as reasons
from scoring.models import Explanation, LeadScore, ScoreLine, Shortlist, ShortlistEntry
from scoring.shortlist import entries_of, latest_shortlist
from scoring.withhold import withheld

SHOWN = 10
_PLACE = re.compile(
    r"(?:this|that|the (?:first|top|best)) one|this|the (?:first|best)"
    r"|(?:number|no\.?|place|#) ?(\d{1,3})",
    re.IGNORECASE,
)
Run = Annotated[int, Ge(1), Le(2**63 - 1)]
MEETING = {"meets": "meets it", "fails": "fails it", "unknown": "not known", "assumed": "assumed"}


@dataclass(frozen=True, slots=True)
class WhichList:
    """How many places, best first; of the newest list unless a run is named."""

    show: Rows | None = None
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class WhichCompany:
    """A UEN, a name, or a lead's id."""

    company: Name


def shortlist(asked: WhichList, _: Caller) -> Answer:
    """The best leads of a night, without those suppressed since."""
    made = _list_of(asked.run)
    if made is None:
        if asked.run:
            return Answer(f"There is no shortlist of run {asked.run} here.")
        return Answer("There is no shortlist yet: the first finished night makes one.")
    entries = entries_of(made)
    shown = list(entries[: asked.show or SHOWN])
    silent = withheld([entry.lead_id for entry in shown])
    rows = [_place(entry) for entry in shown if entry.lead_id not in silent]
    total, still = entries.count(), entries.filter(decision="OPEN").count()
    told = (
        f"Shortlist of run {made.run_id}: {counted(total, 'place')}, {still:,} not reviewed,"
        f" out of {counted(made.considered, 'lead')} that competed. "
        + link("Review it", page("scoring_shortlistentry_changelist"))
    )
    if silent:
        told += f"\n\n{counted(len(silent), 'place')} not shown: suppressed since."
    return Answer(told, rows)


def why_not(asked: WhichCompany, caller: Caller) -> Answer:
    """The first true reason why a company is where it is, and the rule's keys it meets."""
    company = find_company(asked.company)
    reason = _reason(company, caller)
    told = f"**{said(company.name)}**: {said(reason.sentence)}"
    if company.page:
        told += f"\n\n{link('Open the lead', company.page)}"
    rows: list[Row] = [
        {
            "wanted": str(item.get("wanted", "")), "register_says": str(item.get("value") or ""),
            "outcome": MEETING.get(str(item.get("outcome")), str(item.get("outcome", ""))),
        }
        for item in reason.details
    ]  # fmt: skip
    return Answer(told, rows)


def explain_score(asked: WhichCompany, caller: Caller) -> Answer:
    """The lines of a lead's newest score, each with the page it rests on."""
    company = _on_top(asked.company) or find_company(asked.company)
    score = None
    if company.lead is not None:
        score = company.lead.scores.select_related("card").order_by("-run_id").first()
    if score is None:
        reason = _reason(company, caller)
        return Answer(f"**{said(company.name)}** has no score yet. {said(reason.sentence)}")
    lines = ScoreLine.objects.filter(score=score).select_related("evidence").order_by("position")
    points = f"{score.total} points ({said(score.bucket)})"
    told = [
        f"**{said(company.name)}**: {points} in run {score.run_id} by card {said(score.card)}.",
        said(_reason(company, caller).sentence),
        said(score.rationale),
        _by_model(score),
        link("Open the lead", company.page),
    ]
    return Answer("\n\n".join(part for part in told if part), [_line(line) for line in lines])


def _on_top(text: str) -> Company | None:
    """The lead at that place of the newest shortlist, where a place and no name is said."""
    hit = _PLACE.fullmatch(" ".join(text.split()))
    if hit is None:
        return None
    rank, made = int(hit[1] or 1), latest_shortlist()
    entry = entries_of(made).filter(rank=rank).first() if made else None
    if entry is None or withheld([entry.lead_id]):
        raise ToolError(f"Nobody stands at place {rank} of the newest shortlist.")
    return of_lead(entry.lead)


def _list_of(run: int | None) -> Shortlist | None:
    return Shortlist.objects.filter(run_id=run).first() if run else latest_shortlist()


def _place(entry: ShortlistEntry) -> Row:
    return {
        "rank": entry.rank, "name": entry.lead.name, "uen": entry.lead.uen,
        "score": entry.score.total, "bucket": entry.score.bucket,
        "why": entry.score.rationale, "decision": entry.get_decision_display(),
        "page": page("icp_lead_change", entry.lead_id),
    }  # fmt: skip


def _line(line: ScoreLine) -> Row:
    evidence = line.evidence
    return {
        "points": line.points, "for": line.label, "seen": line.detail,
        "evidence": evidence.reference if evidence else "",
        "read": evidence.observed_at.date().isoformat() if evidence else "",
    }  # fmt: skip


def _by_model(score: LeadScore) -> str:
    written = Explanation.objects.filter(entry__score=score, outcome="WRITTEN")
    row = written.order_by("-pk").first()
    return f"In the words of {code(row.model)}: {said(row.text)}" if row else ""


def _reason(company: Company, caller: Caller) -> reasons.Reason:
    """What ``why not?`` says of exactly this company."""
    found = reasons.explain(company.uen or company.name, now=caller.now)
    mine = company.lead.pk if company.lead else None
    return next((each for each in found if each.lead_id == mine), found[0])


SHORTLIST = Tool(
    "shortlist", "Show the best leads of the newest night, or of a run.", WhichList, shortlist
)
WHY_NOT = Tool(
    "why_not",
    "Say why a company is, or is not, on the list: the first true reason, key by key of the rule.",
    WhichCompany,
    why_not,
)
EXPLAIN = Tool(
    "explain_score",
    "Say why a lead has its place: the lines of its score with the pages they rest on.",
    WhichCompany,
    explain_score,
)
