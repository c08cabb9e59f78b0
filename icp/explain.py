"""Why is this company (not) on my list? The first true reason, for any UEN or name.

Reasons stand in the order a lead lives: not in the register, ceased, a key of the rule, suppressed,
beyond tonight's cap, then whatever the lead itself says. What later stages know (site not found,
rank on the shortlist) comes from the functions they register: this app knows nothing of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Q

from acra.models import RegisteredCompany
from acra.search import find_companies
from icp.compile import CompiledRule, compile_rule
from icp.current_rule import read_version
from icp.models import IcpRule, Lead, Suppression
from icp.select import FREE, LEFT_RULE
from icp.suppressions import PLATFORM, find_suppression, shown
from tenants.context import current_schema
from tenants.models import TenantSettings

MOST_ANSWERS = 10


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one company is where it is: a code, a sentence, and what it rests on."""

    code: str
    sentence: str
    details: list[dict[str, Any]] = field(default_factory=list)  # trace items of the rule
    uen: str = ""
    name: str = ""
    lead_id: int | None = None


LaterReason = Callable[[Lead], "Reason | None"]
LATER_REASONS: list[LaterReason] = []


def register_reason(function: LaterReason) -> None:
    """Let a later stage explain leads; called from ``AppConfig.ready``. The first answer counts."""
    if function not in LATER_REASONS:
        LATER_REASONS.append(function)


def explain(
    text: str, *, now: datetime, cap: int | None = None,
    later: Sequence[LaterReason] | None = None,
) -> list[Reason]:  # fmt: skip
    """The reason of each company that ``text`` (a UEN or a name) may mean; never empty.

    At most ``MOST_ANSWERS``. ``cap`` is how many companies a night takes, by default the tenant's
    own setting. Writes nothing.
    """
    question = _Question(
        now=now, cap=cap if cap is not None else _cap_of_tenant(),
        later=LATER_REASONS if later is None else later,
    )  # fmt: skip
    companies = find_companies(text, limit=MOST_ANSWERS)
    known = {company.uen for company in companies}
    reasons = [question.of_company(company) for company in companies]
    reasons += [question.of_lead(lead) for lead in _find_leads(text) if lead.uen not in known]
    if reasons:
        return reasons[:MOST_ANSWERS]
    return [Reason("not_in_register", f"No company of the register and no lead is called "
                                      f"{text.strip()[:100]!r}, now or before.")]  # fmt: skip


def _find_leads(text: str) -> list[Lead]:
    text = text.strip()
    leads = Lead.objects.filter(Q(uen=text.upper()) & ~Q(uen="") | Q(name__iexact=text))
    return list(leads.order_by("pk")[:MOST_ANSWERS])


def _cap_of_tenant() -> int:
    return TenantSettings.objects.get(pk=current_schema()).candidates_per_night


class _Question:
    """One question about several companies: the rule is read once."""

    def __init__(self, *, now: datetime, cap: int, later: Sequence[LaterReason]) -> None:
        self.now = now
        self.cap = cap
        self.later = later
        self.rule = IcpRule.objects.filter(name=settings.ICP_RULE_NAME, is_current=True).first()
        self.sql = compile_rule(read_version(self.rule, now=now)) if self.rule else None

    def of_company(self, company: RegisteredCompany) -> Reason:
        lead = Lead.objects.filter(uen=company.uen).order_by("pk").first()
        if company.status_class == RegisteredCompany.StatusClass.CEASED:
            reason = Reason("ceased", f"It has ceased; the register says: {company.status}.")
        elif lead is not None and lead.rejection_code != LEFT_RULE:
            reason = self.of_lead(lead)
        else:
            reason = self._of_outsider(company.uen)
        return replace(
            reason, uen=company.uen, name=company.name, lead_id=lead.pk if lead else None
        )

    def _of_outsider(self, uen: str) -> Reason:
        """Of a living company that is no lead, or one that the rule sent away."""
        if self.rule is None or self.sql is None:
            return Reason("no_rule", f"There is no ICP rule named {settings.ICP_RULE_NAME!r}. "
                                     "Write one under ICP rules.")  # fmt: skip
        trace = _trace(self.sql, uen)
        failed = next((item for item in trace if item["outcome"] == "fails"), None)
        if failed:
            said = failed["value"] or "nothing"
            return Reason("rule", f"Wanted: {failed['wanted']}. The register says: {said}. It does "
                                  f"not meet {self.rule}.", trace)  # fmt: skip
        if suppressed := find_suppression(uen=uen):
            return Reason("suppressed", _suppressed(suppressed), trace)
        return self._of_free(uen, trace, self.sql)

    def _of_free(self, uen: str, trace: list[dict[str, Any]], sql: CompiledRule) -> Reason:
        place = _place(sql, uen)
        waiting = Lead.objects.in_stage(Lead.Stage.CANDIDATE).free(now=self.now).count()
        room = max(self.cap - waiting, 0)
        if sql.limit is not None:
            room = min(room, sql.limit)
        if place <= room:
            return Reason("next", f"It meets {self.rule} and comes in with the next selection "
                                  f"(place {place:,}).", trace)  # fmt: skip
        return Reason(
            "beyond_cap",
            f"It meets {self.rule}, but {place - 1:,} companies stand before it and the next "
            f"selection takes {room:,} ({waiting:,} candidates wait, a night works on "
            f"{self.cap:,}).",
            trace,
        )

    def of_lead(self, lead: Lead) -> Reason:
        suppressed = find_suppression(
            uen=lead.uen, domain=lead.website or shown(lead.facts, "website"),
            phone=shown(lead.facts, "phone"),
        )  # fmt: skip
        if suppressed:
            reason = Reason("suppressed", _suppressed(suppressed))
        else:
            later = (ask(lead) for ask in self.later)
            said = next((each for each in later if each is not None), None)
            reason = said or Reason(*_state(lead, now=self.now))
        return replace(reason, details=reason.details or lead.trace, uen=lead.uen, name=lead.name,
                       lead_id=lead.pk)  # fmt: skip


def _state(lead: Lead, *, now: datetime) -> tuple[str, str]:
    """What the lead's own row says."""
    day = f"{lead.stage_since:%Y-%m-%d}"
    if lead.stage == Lead.Stage.REJECTED:
        return "rejected", f"It was rejected on {day}: {lead.rejection_reason}"
    if lead.stage == Lead.Stage.NEEDS_OPERATOR:
        return "needs_operator", f"It waits for an operator since {day}."
    if lead.held_until and lead.held_until > now:
        return "in_work", "A worker is at it right now."
    if lead.not_before and lead.not_before > now:
        return "later", f"It is tried again, not before {lead.not_before:%Y-%m-%d %H:%M} UTC."
    points = f"{lead.score} points ({lead.bucket or 'no bucket'})"
    return {
        Lead.Stage.CANDIDATE: ("waiting", f"It is a candidate since {day} and waits for a night."),
        Lead.Stage.ENRICHED: ("waiting", f"Its site was read on {day}; it waits for its score."),
        Lead.Stage.SCORED: ("scored", f"It has {points} and is not on the shortlist."),
        Lead.Stage.SHORTLISTED: ("shortlisted", f"It is on the shortlist with {points}."),
    }[Lead.Stage(lead.stage)]


def _suppressed(suppression: Suppression) -> str:
    if suppression.source == PLATFORM:
        return suppression.reason
    what = suppression.get_kind_display()
    value = suppression.value or "(erased)"
    return (
        f"{what} {value} is suppressed since {suppression.created_at:%Y-%m-%d} by "
        f"{suppression.created_by}: {suppression.reason}"
    )


def _trace(sql: CompiledRule, uen: str) -> list[dict[str, Any]]:
    statement = f"SELECT {sql.trace.text}::text FROM acra_registeredcompany c WHERE c.uen = %s"
    return json.loads(_one(statement, (*sql.trace.params, uen)))


def _place(sql: CompiledRule, uen: str) -> int:
    """The company's place among those not taken yet: one walk, about a second for broad rules."""
    statement = (
        "SELECT place FROM (SELECT c.uen, row_number() OVER (ORDER BY "
        f"{sql.order_by.text}) AS place FROM acra_registeredcompany c WHERE {sql.where.text} AND "
        # of a company that had left the rule, the lead itself must not count
        f"({FREE} OR c.uen = %s)) free WHERE uen = %s"
    )
    params = (*sql.order_by.params, *sql.where.params, uen, uen)
    return int(_one(statement, params))


def _one(statement: str, params: tuple[Any, ...]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchone()[0]
