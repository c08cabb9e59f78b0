"""Between the form of a campaign and its plan: what was typed, what is kept, what can be chosen."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from icp.lead_admin import BucketFilter
from icp.models import Lead
from outreach import campaigns
from outreach.audience import QUIET_DAYS, Audience, AudienceError, resolve, words_of
from outreach.campaigns import CampaignError, StepPlan
from outreach.models import Campaign, Mailbox, TemplateVersion, Variation
from scoring.models import Shortlist
from tenants.clock import database_now
from tenants.row_number import row_number

LISTS = 20
MOST_NUMBER = 10**9  # days, scores and rows alike are below
# Of a filter of leads: its name, the form's, words, and values to tick.
TICKED = (
    ("stage", "stage", "Stage", Lead.Stage.choices),
    ("bucket", "bucket", "Bucket", BucketFilter.choices_known),
    ("fit", "fit", "Fit", Lead.Fit.choices),
    ("review", "review", "Review", Lead.Review.choices),
    ("source", "lead_source", "Came by", Lead.Source.choices),
)


def posted(request: HttpRequest) -> dict[str, Any]:
    """The plan as it was typed."""
    post = request.POST
    audience: dict[str, Any] = {"quiet_days": typed_number(post.get("quiet_days", QUIET_DAYS))}
    source = post.get("source", "latest")
    if source == "filter":
        chosen = {"q": post.get("q", "").strip()[:200],
                  **{name: _known(post.getlist(field), of) for name, field, _, of in TICKED},
                  "district": _districts(post.get("district", "")),
                  "score_min": typed_number(post.get("score_min")) or "",
                  "score_max": typed_number(post.get("score_max")) or ""}  # fmt: skip
        audience["filter"] = {name: value for name, value in chosen.items() if value}
    else:
        audience["shortlist"] = source if source == "latest" else typed_number(source)
        audience["decision"] = post.get("decision", "")
    if post.get("needs_one_click"):
        audience["needs_one_click"] = True
    steps = [
        {"version": typed_number(version), "delay": typed_number(delay),
         "variations": [typed_number(each) for each in post.getlist(f"variations.{version}")]}
        for version, delay in zip(post.getlist("version"), post.getlist("delay"), strict=False)
        if typed_number(version)
    ]  # fmt: skip
    chosen_boxes = [typed_number(each) for each in post.getlist("mailbox")]
    mailboxes = list(Mailbox.objects.filter(pk__in=chosen_boxes))
    return {"name": post.get("name", ""), "audience": audience, "steps": steps,
            "mailboxes": mailboxes, "source": source}  # fmt: skip


def plan_of(campaign: Campaign) -> dict[str, Any]:
    """The plan as a draft keeps it, in the shape of ``posted``."""
    audience = campaign.audience
    steps = [
        {"version": step.template_version_id, "delay": step.delay_days,
         "variations": [each.pk for each in step.variations.all()]}
        for step in campaigns.steps_of(campaign)
    ]  # fmt: skip
    source = "filter" if "filter" in audience else str(audience.get("shortlist", "latest"))
    return {"name": campaign.name, "audience": audience, "steps": steps, "source": source,
            "mailboxes": list(campaign.mailboxes.all())}  # fmt: skip


def steps_of(plan: dict[str, Any]) -> list[StepPlan]:
    """The mails of the plan, to be saved. Raises ``CampaignError`` for a text there is none of."""
    found = []
    for step in plan["steps"]:
        version = TemplateVersion.objects.filter(pk=step["version"]).first()
        if version is None:
            raise CampaignError("There is no such template here.")
        chosen = version.variations.filter(pk__in=step["variations"])
        found.append(StepPlan(version, tuple(chosen), step["delay"]))
    return found


def numbered(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The mails of the plan, and empty places for all that could follow."""
    given = list(plan["steps"])
    while len(given) < campaigns.MOST_STEPS:
        given.append({"version": 0, "delay": 4 if given else 0, "variations": []})
    return [{**step, "number": number, **picked(step["version"])}
            for number, step in enumerate(given, start=1)]  # fmt: skip


def picked(version: int) -> dict[str, Any]:
    """What the page shows of a template's version: what it is for, and its approved wordings."""
    approved = Variation.objects.filter(template_version=version, approved_at__isnull=False)
    of = TemplateVersion.objects.filter(pk=version).values_list("template__description", flat=True)
    return {"wordings": list(approved.order_by("label")) if version else [],
            "description": of.first() if version else ""}  # fmt: skip


def counted(plan: dict[str, Any]) -> dict[str, Any]:
    """What the page shows of the plan's audience."""
    return {"found": resolved(plan["audience"]), "words": words_of(plan["audience"])}


def _known(given: list[str], choices: Any) -> list[str]:
    known = {value for value, _ in choices}
    return [value for value in given if value in known]


def _districts(text: str) -> list[int]:
    return [number for number in map(typed_number, text.replace(",", " ").split()[:50]) if number]


def ticked(plan: dict[str, Any]) -> list[tuple[str, str, Any, list[str]]]:
    """The form's name, words and values of each list of a filter, and which are chosen."""
    asked = plan["audience"].get("filter") or {}
    return [(field, words, of, asked.get(name, [])) for name, field, words, of in TICKED]


def versions(plan: dict[str, Any]) -> list[TemplateVersion]:
    """What can be chosen, and what the plan has chosen: a text may have changed since."""
    rows = TemplateVersion.objects.select_related("template").order_by("template__name", "-version")
    found = list(rows.filter(is_current=True, template__is_archived=False)[:200])
    chosen = [step["version"] for step in plan["steps"]]
    return found + list(rows.filter(pk__in=chosen).exclude(pk__in=[each.pk for each in found]))


def shortlists(plan: dict[str, Any]) -> list[Shortlist]:
    """The newest, and the one the plan has chosen, however old it is."""
    rows = Shortlist.objects.order_by("-run_id")
    found = list(rows[:LISTS])
    chosen = typed_number(plan["audience"].get("shortlist"))
    return found + list(rows.filter(run_id=chosen).exclude(run_id__in=[e.run_id for e in found]))


def resolved(audience: dict[str, Any]) -> Audience | str:
    """Whom it means now, or the sentence that says why nobody."""
    try:
        return resolve(audience, now=database_now())
    except AudienceError as exc:
        return str(exc)


def typed_number(text: Any) -> int:
    """A number as somebody typed it; 0 for what is none, or is beyond all reason."""
    number = row_number(str(text or ""))
    return number if number < MOST_NUMBER else 0
