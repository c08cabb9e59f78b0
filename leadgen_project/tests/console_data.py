"""A tenant with something on every page, each text marked with the tenant's own word.

The marks prove absence: what one tenant's pages show is searched for the other's mark.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count

from django.contrib.auth.hashers import make_password

from acra.models import RegisterChange, RegisteredCompany, RegisterImport
from enrichment.models import CaptchaChallenge, Contact, EnrichmentRun, Evidence
from icp.models import IcpRule, Lead, Suppression
from odoo_sync.models import (
    OdooAttempt,
    OdooConflict,
    OdooConnection,
    OdooOutcome,
    OdooPush,
    OdooRecall,
    OdooRecord,
)
from outreach.models import (
    Campaign,
    CampaignStep,
    EmailTemplate,
    Mailbox,
    Message,
    Signature,
    TemplateVersion,
)
from outreach.phone_models import DncResult
from scoring.default_card import PAYLOAD
from scoring.models import LeadScore, ScoreCard, ScoreLine, Shortlist, ShortlistEntry
from tenants import audit
from tenants.context import in_public, in_tenant
from tenants.models import Membership, PipelineRun, User

NOW = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
PASSWORD = "correct horse battery"
NUMBERS = count(1)
REJECTED = ("suppressed", "failed", "left_rule")


@cache
def _hashed() -> str:
    """Hashing takes a third of a second, on purpose; once for all accounts is enough here."""
    return make_password(PASSWORD)


def make_people() -> dict[str, User]:
    """Accounts by what they are: one per role in acme, an owner of beta, one in both, an admin."""
    with in_public():
        people = {
            name: User.objects.create(
                username=name,
                email=f"{name}@people.example",
                password=_hashed(),
                is_staff=True,
                is_superuser=name == "root",
                first_name=name.title(),
            )
            for name in (
                "owner",
                "operator",
                "reviewer",
                "auditor",
                "bee",
                "both",
                "nobody",
                "root",
            )
        }
        for name in ("owner", "operator", "reviewer", "auditor"):
            Membership.objects.create(user=people[name], tenant_id="acme", role=name.upper())
        Membership.objects.create(user=people["bee"], tenant_id="beta", role="OWNER")
        Membership.objects.create(user=people["both"], tenant_id="acme", role="OPERATOR")
        Membership.objects.create(user=people["both"], tenant_id="beta", role="OPERATOR")
    return people


def make_register(*, companies: int = 30) -> RegisterImport:
    """Companies both tenants may see, and the load that brought them."""
    with in_public():
        load = RegisterImport.objects.create(
            source="made-up.csv", status="FINISHED", started_at=NOW, finished_at=NOW,
            published_at=NOW, read=companies, new=companies,
        )  # fmt: skip
        RegisteredCompany.objects.bulk_create(
            RegisteredCompany(
                uen=f"2015{number:05d}A",
                name=f"REGISTERED {number} PTE. LTD.",
                name_key=f"REGISTERED {number}",
                entity_type="Local Company",
                status="Live Company",
                status_class="LIVE",
                registered_on=date(2015, 5, 1),
                primary_ssic="62011",
                postal_code="018956",
                district=1,
                first_seen_at=NOW,
                changed_at=NOW,
            )
            for number in range(companies)
        )
        RegisterChange.objects.create(
            load=load, uen="201500001A", kind="CHANGED", fields=["status"]
        )
    return load


def fill(tenant: str, *, mark: str, leads: int = 60) -> PipelineRun:
    """Rule, card, leads in every stage, scores, a shortlist, suppressions and a finished run."""
    with in_tenant(tenant):
        rule = IcpRule.objects.create(
            name="default", version=1, payload={"ssic": ["62011"]}, created_by=f"{mark}-author",
            reason=f"{mark} reason",
        )  # fmt: skip
        card = ScoreCard.objects.create(
            name="default", version=1, payload=PAYLOAD,
            created_by=f"{mark}-author",
        )  # fmt: skip
        run = PipelineRun.objects.create(
            tenant_id=tenant, status="FINISHED", started_at=NOW, stage_started_at=NOW,
            finished_at=NOW + timedelta(minutes=4), started_by=f"{mark}-starter",
            report_hash="a1" * 32,
            note=f"{mark} note", plan={"rule": str(rule), "card": str(card), "candidates": 500,
                                       "shortlist_cap": 50, "as_of": "2026-11-21"},
        )  # fmt: skip
        made = [_lead(number, rule=rule, run=run, mark=mark) for number in range(leads)]
        _score(made, card=card, run=run, mark=mark)
        run.reports = _reports(run, made)
        run.save(update_fields=["reports"])
        for number in range(3):
            Suppression.objects.create(
                kind="DOMAIN", value=f"{mark}-{number}.example", value_hash=f"{mark}{number}",
                reason=f"{mark} asked us", created_by=f"{mark}-author",
            )  # fmt: skip
        make_mail(mark)
        DncResult.objects.create(
            number="+6561234567", result="BUSINESS", reasoning=f"{mark} reasoning", checked_at=NOW,
            evidence_name=f"{mark}.csv", evidence_sha256="0" * 64, created_by=f"{mark}-author",
        )  # fmt: skip
        audit.record("icp.rule.save", actor=f"{mark}-author", subject=f"{mark} rule",
                     before={"version": 0}, after={"version": 1}, reason=f"{mark} why")  # fmt: skip
    return run


def make_mail(mark: str, *, pk: int | None = None) -> Message:
    """A template, a mailbox and a running campaign with one message, in the current tenant."""
    suffix = f" {pk}" if pk else ""
    signature = Signature.objects.create(
        name=f"{mark} signature{suffix}", body_html=f"<p>{mark}</p>"
    )
    template = EmailTemplate.objects.create(name=f"{mark} template{suffix}", description=mark)
    version = TemplateVersion.objects.create(
        template=template, version=1, subject=f"{mark} subject", body_html=f"<p>{mark} body</p>",
        signature=signature, created_by=f"{mark}-author",
    )  # fmt: skip
    mailbox = Mailbox.objects.create(
        address=f"{mark}{pk or ''}@mail.example".lower(), display_name=mark, transport="SMTP",
        state="READY",
    )  # fmt: skip
    campaign = Campaign.objects.create(
        pk=pk, name=f"{mark} campaign{suffix}", status="RUNNING", chosen=1,
        created_by=f"{mark}-author", started_at=NOW,
    )  # fmt: skip
    campaign.mailboxes.add(mailbox)
    step = CampaignStep.objects.create(campaign=campaign, position=1, template_version=version)
    return Message.objects.create(
        pk=pk, step=step, recipient=f"reader@{mark}.example".lower(), template_version=version,
        recipient_hash=f"{mark}{pk or ''}", timezone="Asia/Singapore", country="SG",
        lead_data={"company": mark}, status="HELD", code="origin_asks", sentence=f"{mark} asks.",
        not_before=None, created_by=f"{mark}-author",
    )  # fmt: skip


def make_odoo(mark: str, *, lead: Lead, pk: int | None = None) -> OdooPush:
    """A connection that is not in use, with a lead there, a conflict and a recall."""
    odoo = OdooConnection.objects.create(
        name=f"{mark} Odoo {pk or ''}", url=f"https://{mark}.example".lower(), state="READY",
        module=f"leadgen_{mark}{pk or ''}".lower(),
    )  # fmt: skip
    push = OdooPush.objects.create(
        pk=pk, connection=odoo, lead=lead, state="PARKED", code="refused", pushed_at=NOW,
        sentence=f"{mark} was refused.", approved_by=f"{mark}-author", stage_there=f"{mark} stage",
        outcome="OPEN", salesperson=f"{mark} seller", read_at=NOW,
    )  # fmt: skip
    record = OdooRecord.objects.create(push=push, kind="LEAD", key="lead_1", odoo_id=7)
    OdooConflict.objects.create(pk=pk, record=record, field="city", ours=mark, theirs=f"{mark} 2")
    OdooAttempt.objects.create(push=push, result="PARKED", sentence=f"{mark} was refused.")
    OdooOutcome.objects.create(push=push, at=NOW, outcome="OPEN", stage=f"{mark} stage")
    OdooRecall.objects.create(pk=pk, push=push, system=f"{mark} Odoo", went_at=NOW)
    return push


def _lead(number: int, *, rule: IcpRule, run: PipelineRun, mark: str) -> Lead:
    stage = ("SHORTLISTED", "SCORED", "REJECTED", "SCORED", "NEEDS_OPERATOR", "REJECTED")[
        number % 6
    ]
    uen = f"2015{next(NUMBERS):05d}A"
    rejected = {"rejection_code": REJECTED[number % 3], "rejection_reason": f"{mark} had no site"}
    lead = Lead.objects.create(
        source_ref=uen, uen=uen, name=f"{mark} COMPANY {number} PTE. LTD.", stage=stage, rule=rule,
        run_id=run.pk, stage_since=NOW, website=f"https://{mark}-{number}.example/".lower(),
        trace=[{"key": "ssic", "words": f"{mark} trace"}],
        **(rejected if stage == "REJECTED" else {}),
    )  # fmt: skip
    if stage == "NEEDS_OPERATOR":
        CaptchaChallenge.objects.create(
            lead=lead, url=lead.website, host=f"{mark}-{number}.example".lower(), make="Turnstile",
            opened_at=NOW, queued_at=NOW, due_at=NOW + timedelta(days=36_500),
        )  # fmt: skip
    attempt = EnrichmentRun.objects.create(
        lead=lead, run_id=run.pk, outcome="DONE", site=lead.website, match_score=80,
        started_at=NOW, finished_at=NOW,
    )  # fmt: skip
    contact = Contact.objects.create(lead=lead, kind="ROLE", email=f"sales@{mark}-{number}.example",
                                     name=f"{mark} Sales", title="Sales")  # fmt: skip
    Evidence.objects.create(
        lead=lead, field="emails", value=contact.email, contact=contact, source="PAGE",
        reference=attempt.site, method="mailto", confidence=1, observed_at=NOW,
        quote=f"{mark} quote",
    )  # fmt: skip
    return lead


def _score(leads: list[Lead], *, card: ScoreCard, run: PipelineRun, mark: str) -> None:
    scored = [lead for lead in leads if lead.stage in ("SCORED", "SHORTLISTED")]
    best = [lead for lead in leads if lead.stage == "SHORTLISTED"]
    made = Shortlist.objects.create(run_id=run.pk, cap=50, card=card, considered=len(scored))
    for number, lead in enumerate(scored):
        total = 90 - number % 50
        score = LeadScore.objects.create(lead=lead, run_id=run.pk, card=card, total=total,
                                         bucket="HIGH" if total > 70 else "MEDIUM",
                                         rationale=f"{mark} rationale", features={})  # fmt: skip
        ScoreLine.objects.create(score=score, position=1, key="fit", label=f"{mark} line",
                                 points=total, evidence=lead.evidence.first())  # fmt: skip
        Lead.objects.filter(pk=lead.pk).update(score=total, bucket=score.bucket)
        if lead in best:
            ShortlistEntry.objects.create(
                shortlist=made, rank=best.index(lead) + 1, lead=lead, score=score
            )


def _reports(run: PipelineRun, leads: list[Lead]) -> dict[str, dict[str, object]]:
    def having(*stages: str) -> int:
        return sum(lead.stage in stages for lead in leads)

    codes = {code: sum(lead.rejection_code == code for lead in leads) for code in REJECTED}
    scored, best, total = having("SCORED", "SHORTLISTED"), having("SHORTLISTED"), len(leads)
    operator = having("NEEDS_OPERATOR")
    return {
        "normalise": {"in": 30, "done": 30, "seconds": 0.1},
        "select": {"in": total + 40, "done": total, "held": {"another night": 40}, "seconds": 0.4},
        "enrich": {"in": total, "done": scored, "rejected": {k: v for k, v in codes.items() if v},
                   "held": {"an operator": operator}, "waiting": 0, "seconds": 212.4},
        "score": {"in": scored, "done": scored, "seconds": 3.2},
        "shortlist": {"in": scored, "done": best, "held": {"below the cap": scored - best},
                      "seconds": 0.2},
        "export": {"in": scored, "done": scored, "seconds": 0.9},
    }  # fmt: skip
