"""Campaigns in the console: plan one, see who gets what when, start it, and watch it add up."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_POST

from outreach import campaign_form, campaigns
from outreach.admission.ask_many import ask_many
from outreach.admission.duties import duties_of
from outreach.admission.place import how_it_waits
from outreach.audience import words_of
from outreach.campaigns import CampaignError, counts_of
from outreach.gate import Say
from outreach.mail_page import MailPage, name_of
from outreach.models import (
    Campaign,
    EmailTemplate,
    Mailbox,
    MailPolicy,
)
from outreach.queue import draft_message, recipients_of
from outreach.timeline import by_day, timeline
from outreach.why_nothing import why_campaign
from tenants.clock import database_now
from tenants.console import may_do, reason_of
from tenants.row_number import row_number

RUN = "outreach.run_campaign"
PREVIEWED = 500  # people of whom the plan is worked out in full
SHOWN = 25
ZONE = "Asia/Singapore"


@admin.register(Campaign)
class CampaignAdmin(MailPage):
    list_title = "Campaigns"
    add_action = RUN

    def get_urls(self) -> list[URLPattern]:
        mine = [
            self.at("campaign_act", "<int:pk>/<slug:verb>/now/", require_POST(self.act_view)),
            self.at("campaign_edit", "<int:pk>/edit/", self.edit_view),
            self.at("campaign_look", "look/", require_POST(self.look_view)),
            self.at("campaign_live", "<int:pk>/live/", self.live_view),
        ]
        return [*mine, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.guard(request)
        rows = list(Campaign.objects.order_by("-pk")[:200])
        counts = counts_of(rows)
        shown = [(row, counts[row.pk], words_of(row.audience)) for row in rows]
        return self.page(request, "campaigns", "Campaigns", rows=shown, words=campaigns.LINE,
                         may_run=may_do(request, RUN),
                         has_templates=EmailTemplate.objects.exists())  # fmt: skip

    def get_export_queryset(self, request: HttpRequest) -> QuerySet[Campaign]:
        return Campaign.objects.order_by("-pk")

    # --- plan -----------------------------------------------------------------------------------
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return self._edit(request, None)

    def edit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._edit(request, get_object_or_404(Campaign, pk=pk))

    def _edit(self, request: HttpRequest, campaign: Campaign | None) -> HttpResponse:
        self.guard(request, RUN)
        error = None
        plan = campaign_form.plan_of(campaign) if campaign else campaign_form.posted(request)
        if request.method == "POST":
            plan = campaign_form.posted(request)
            if "look" not in request.POST:
                try:
                    saved = campaigns.save_campaign(
                        campaign, name=plan["name"], audience=plan["audience"],
                        steps=campaign_form.steps_of(plan), mailboxes=plan["mailboxes"],
                        actor=name_of(request), now=database_now(),
                    )  # fmt: skip
                except CampaignError as exc:
                    error = exc
                else:
                    return HttpResponseRedirect(_page_of(saved))
        return self.page(
            request, "campaign_edit", str(campaign or "New campaign"), campaign=campaign,
            plan=plan, error=error, **campaign_form.counted(plan),
            shortlists=campaign_form.shortlists(plan), ticked=campaign_form.ticked(plan),
            versions=campaign_form.versions(plan), mailboxes=Mailbox.objects.order_by("address"),
            steps=campaign_form.numbered(plan), most_steps=campaigns.MOST_STEPS,
        )  # fmt: skip

    def look_view(self, request: HttpRequest) -> HttpResponse:
        """Whom the posted plan would reach, and its templates' wordings. Saves nothing."""
        self.guard(request, RUN)
        plan = campaign_form.posted(request)
        counted = render_to_string("outreach/campaign_counted.html", campaign_form.counted(plan))
        versions = request.POST.getlist("version")[: campaigns.MOST_STEPS]
        steps = [
            {"version": number, "variations": (), **campaign_form.picked(number)}
            for number in map(campaign_form.typed_number, versions)
        ]
        shown = [{"version": str(step["version"] or ""), "html":
                  render_to_string("outreach/campaign_wordings.html", {"step": step})}
                 for step in steps]  # fmt: skip
        return JsonResponse({"counted": counted, "wordings": shown})

    # --- one campaign ---------------------------------------------------------------------------
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        self.guard(request)
        campaign = get_object_or_404(Campaign, pk=row_number(object_id))
        if campaign.status == Campaign.Status.DRAFT:
            return self._draft(request, campaign)
        return self.page(request, "campaign", str(campaign), campaign=campaign,
                         **_live(request, campaign))  # fmt: skip

    def _draft(self, request: HttpRequest, campaign: Campaign) -> HttpResponse:
        mailboxes = list(campaign.mailboxes.order_by("address"))
        duties = [duty for each in mailboxes for duty in
                  duties_of(each, needs_one_click=campaigns.needs_one_click(campaign))]  # fmt: skip
        found = campaign_form.resolved(campaign.audience)
        return self.page(
            request, "campaign_draft", str(campaign), campaign=campaign,
            steps=campaigns.steps_of(campaign), words=words_of(campaign.audience), found=found,
            problems=campaigns.why_not_start(campaign), duties=duties,
            may_run=may_do(request, RUN), **_forecast(campaign, found, mailboxes),
        )  # fmt: skip

    def live_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The live part of a campaign's page, for its script."""
        self.guard(request)
        campaign = get_object_or_404(Campaign, pk=pk)
        context = {**_live(request, campaign), "campaign": campaign}
        html = render_to_string("outreach/campaign_live.html", context, request=request)
        is_open = campaign.status in (Campaign.Status.RUNNING, Campaign.Status.PAUSED)
        return JsonResponse({"open": is_open, "html": html})

    def act_view(self, request: HttpRequest, pk: int, verb: str) -> HttpResponse:
        """Start, pause, resume, stop, or throw a draft away."""
        self.guard(request, RUN)
        campaign = get_object_or_404(Campaign, pk=pk)
        try:
            text = _act(campaign, verb, actor=name_of(request), reason=reason_of(request))
        except CampaignError as exc:
            for sentence in exc.sentences:
                self.message_user(request, sentence, messages.ERROR)
        else:
            self.message_user(request, text, messages.SUCCESS)
        if verb == "delete" and not Campaign.objects.filter(pk=pk).exists():
            return HttpResponseRedirect(reverse("admin:outreach_campaign_changelist"))
        return HttpResponseRedirect(_page_of(campaign))


def _act(campaign: Campaign, verb: str, *, actor: str, reason: str) -> str:
    now = database_now()
    match verb:
        case "start":
            number = campaigns.start(campaign, actor=actor, now=now)
            return f"Started: {number:,} {'mail is' if number == 1 else 'mails are'} queued."
        case "pause":
            campaigns.pause(campaign, actor=actor, reason=reason)
            return "Paused. What is in hand at this moment still goes out."
        case "resume":
            campaigns.resume(campaign, actor=actor, reason=reason, now=now)
            return "It goes on."
        case "stop":
            number = campaigns.stop(campaign, actor=actor, reason=reason, now=now)
            return f"Stopped; waiting mails cancelled: {number:,}."
        case "delete":
            campaigns.delete_draft(campaign, actor=actor)
            return "The draft is gone."
    raise CampaignError(f"There is nothing like {verb[:20]!r} to do with a campaign.")


def _live(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    counts = counts_of([campaign])[campaign.pk]
    parts = [(word, number, campaigns.LINE[word]) for word, number in counts.by_word.items()]
    return {
        "counts": counts, "parts": parts, "words": words_of(campaign.audience),
        "steps": _step_counts(campaign), "why": why_campaign(campaign, now=database_now()),
        "may_run": may_do(request, RUN),
        "is_open": campaign.status in (Campaign.Status.RUNNING, Campaign.Status.PAUSED),
    }  # fmt: skip


def _step_counts(campaign: Campaign) -> list[dict[str, Any]]:
    found = []
    for step in campaigns.steps_of(campaign):
        statuses = list(step.messages.values_list("status", flat=True))
        line = {word: sum(statuses.count(each) for each in of) for word, of in
                campaigns.LINE.items()}  # fmt: skip
        found.append({"step": step, "asked": len(statuses), "line": line})
    return found


def _forecast(campaign: Campaign, found: Any, mailboxes: list[Mailbox]) -> dict[str, Any]:
    """How the first mail would begin to wait, and who gets it when, for the first people."""
    first = campaigns.steps_of(campaign).first()
    if first is None or isinstance(found, str) or not found.chosen:
        return {"slots": [], "held": [], "days": [], "looked_at": 0}
    now = database_now()
    people = recipients_of(found.chosen[:PREVIEWED])
    drafts = [draft_message(first, one, actor="", now=now) for one in people]
    mailbox = mailboxes[0] if mailboxes else None
    answers = [how_it_waits(each) for each in ask_many(drafts, now=now, mailbox=mailbox)]
    held: dict[str, int] = {}
    for answer in answers:
        if answer.say is not Say.ALLOW and answer.until is None:
            held[answer.sentence] = held.get(answer.sentence, 0) + 1
    going = [draft for draft, answer in zip(drafts, answers, strict=True)
             if answer.say is Say.ALLOW or answer.until]  # fmt: skip
    slots = timeline(going, mailboxes=mailboxes, window=MailPolicy.current().window, now=now)
    return {"slots": slots[:SHOWN], "days": by_day(slots, zone=ZONE), "looked_at": len(people),
            "held": sorted(held.items(), key=lambda item: -item[1])}  # fmt: skip


def _page_of(campaign: Campaign) -> str:
    return reverse("admin:outreach_campaign_change", args=[campaign.pk])
