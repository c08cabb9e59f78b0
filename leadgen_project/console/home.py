"""The operator's first page: ran? how many? blocked? what is next?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db.models import Count
from django.http import HttpRequest

from acra.models import RegisterChange, RegisteredCompany, RegisterImport
from icp.models import Lead
from leadgen_project import schedule
from leadgen_project.console.live import live
from leadgen_project.console.pages import link
from leadgen_project.console.spend_page import notices, spent_today
from leadgen_project.console.waiting import Waiting, count_waiting
from leadgen_project.night_stages import current_rule
from scoring.models import Shortlist
from tenants.console import may_do
from tenants.models import PipelineRun, Tenant

CHANGES_CACHE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Step:
    """The one thing to do next, in a sentence, with the page where it is done."""

    title: str
    text: str
    link: str = ""
    button: str = ""


def home_context(request: HttpRequest, *, tenant: Tenant, now: datetime) -> dict[str, Any]:
    """What the template ``console/home.html`` shows. About ten small queries."""
    run = PipelineRun.objects.order_by("-started_at").first()
    waiting = count_waiting()
    may_run = may_do(request, "tenants.run_night")
    load = newest_load()
    return {
        "run": run,
        "progress": live(run, now=now) if run else None,
        "waiting": waiting_list(waiting),
        "next_step": next_step(run, waiting=waiting, load=load, may_run=may_run),
        "next_start": _next_start(tenant, now=now),
        "load": load,
        "load_changes": changes_for_us(load),
        "may_run": may_run,
        "may_start": may_run and (run is None or not run.is_open),
        "spent": spent_today(now=now),
        "notices": notices(tenant, now=now),
        "failures": run.plan.get("failures", {}) if run else {},
        "shortlisted": _shortlisted(run),
        "why_not_url": link("icp_why_not"),
        "shortlist_url": link("scoring_shortlistentry_changelist"),
    }


def newest_load() -> RegisterImport | None:
    return RegisterImport.objects.filter(status="FINISHED").order_by("-pk").first()


def next_step(
    run: PipelineRun | None, *, waiting: Waiting, load: RegisterImport | None, may_run: bool
) -> Step | None:
    """What keeps this tenant from its next shortlist, or else waits for a person: the first."""
    if load is None and not RegisteredCompany.objects.exists():
        return Step(
            "The register is not loaded yet",
            "Companies come from the register. A platform admin loads it under Register loads,"
            " or with: manage.py fetch_register",
        )
    if current_rule() is None:
        return Step(
            "Say which companies you want",
            "There is no ICP rule yet, so a night would select nothing. Write one and see at once"
            " how many companies it takes in.",
            link("icp_icprule_add") or link("icp_icprule_changelist"),
            "Write a rule",
        )
    if run is None:
        text = "Register and rule are there. Start the first night, or wait for the scheduled one."
        return Step("No night has run yet", text, *_start(may_run=may_run))
    if waiting.failed_runs:
        text = "Read why on its page. What it had done is kept; a new night goes on from there."
        page = link("tenants_pipelinerun_change", run.pk)
        return Step("The last night failed", text, page, "Open the run")
    if waiting.to_review:
        page = link("scoring_shortlistentry_changelist")
        text = "Accept what is worth a talk and reject the rest with a reason."
        return Step(f"{waiting.to_review:,} places on the shortlist wait for you", text, page,
                    "Review the shortlist")  # fmt: skip
    return None


def waiting_list(waiting: Waiting) -> list[dict[str, Any]]:
    """What waits for a person; each number opens the list with exactly that many rows."""
    alarm = {
        "label": "people who opted out and are still written to", "count": waiting.unheeded,
        "link": link("opt-outs"),
    }  # fmt: skip
    of_mail = [
        {"label": label, "count": count, "link": link(page)}
        for label, count, page in (
            ("answers nobody has read", waiting.replies, "outreach_reply_changelist"),
            ("mails held for a decision", waiting.held_mail, "outreach_held"),
            ("mails in doubt", waiting.doubted_mail, "outreach_doubt"),
        )
        if count
    ]
    return [
        *([alarm] if waiting.unheeded else []),
        {
            "label": "on the shortlist, not reviewed",
            "count": waiting.to_review,
            "link": link("scoring_shortlistentry_changelist"),
        },
        {
            "label": "pages behind a CAPTCHA or log-in",
            "count": waiting.for_operator,
            "link": link("enrichment_captchachallenge_changelist"),
        },
        {
            "label": "last run failed" if waiting.failed_runs else "failed runs",
            "count": waiting.failed_runs,
            "link": link("tenants_pipelinerun_changelist", status__exact="FAILED"),
        },
        *of_mail,
    ]


def changes_for_us(load: RegisterImport | None) -> dict[str, int]:
    """How many of this tenant's leads the newest load changed, by kind. Kept for five minutes."""
    if load is None:
        return {}
    key = f"register-changes-{load.pk}"
    known: dict[str, int] | None = cache.get(key)
    if known is None:
        ours = RegisterChange.objects.filter(load=load, uen__in=Lead.objects.values("uen"))
        counted = ours.exclude(kind="NEW").values_list("kind").annotate(n=Count("pk"))
        known = dict(counted.order_by())
        cache.set(key, known, CHANGES_CACHE_SECONDS)
    return known


def _start(*, may_run: bool) -> tuple[str, str]:
    return (link("run-start"), "Start a night") if may_run else ("", "")


def _next_start(tenant: Tenant, *, now: datetime) -> datetime | None:
    chosen = tenant.settings
    return schedule.next_start(chosen, now=now) if chosen.nightly_enabled else None


def _shortlisted(run: PipelineRun | None) -> int | None:
    if run is None:
        return None
    made = Shortlist.objects.filter(run_id=run.pk).annotate(n=Count("entries")).first()
    return made.n if made else None
