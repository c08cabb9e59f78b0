"""Pause, resume and end what runs: campaigns and harvests, each named exactly before the yes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from chat.agent.arguments import Text
from chat.agent.say import code, counted, link, page, said
from chat.agent.stop_reason import UNSAID, must_say_why
from chat.agent.toolbox import Answer, Caller, Effect, Row, Tool, ToolError
from chat.agent.tools.mail import find_campaign
from enrichment.harvest import decide
from enrichment.harvest.call import call
from enrichment.harvest.counts import progress_of
from enrichment.harvest_models import HarvestRequest
from outreach import campaigns
from outreach.models import Campaign, Message

CHANGED = "More mails wait now than you were asked about, so nothing was done. Ask again."
To = Literal["pause", "resume", "stop"]
Status = Campaign.Status
BEFORE = {"pause": (Status.RUNNING,), "resume": (Status.PAUSED,),
          "stop": (Status.RUNNING, Status.PAUSED)}  # fmt: skip
DONE = {"pause": "is paused", "resume": "goes on", "stop": "is ended"}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SteerCampaign:
    """Pause, resume or stop a campaign; without a name the only one that can be.

    ``waiting``: how many waiting mails the question named, filled in by the program.
    """

    to: To
    campaign: Text | None = None
    reason: Text | None = None
    waiting: int | None = None


@dataclass(frozen=True, slots=True)
class SteerHarvest:
    """Pause, resume or stop a harvest: its city, or its id; without one the only one."""

    to: To
    harvest: Text | None = None
    reason: Text | None = None


# --- campaigns ------------------------------------------------------------------------------------
def settle_campaign(asked: SteerCampaign, _: Caller) -> SteerCampaign:
    campaign = _campaign(asked)
    must_say_why(asked.to, asked.reason, instead=f"stop campaign {campaign.name} because ...")
    return replace(asked, campaign=campaign.name, waiting=_waiting(campaign))


def ask_campaign(asked: SteerCampaign, _: Caller) -> str:
    """What waits now, counted exactly, and what becomes of it."""
    campaign = _campaign(asked)
    what, mails = f"campaign {said(campaign)}", f"Mails that wait: {_waiting(campaign):,}."
    return {
        "pause": f"Pause {what}? {mails} They go on waiting until it is resumed; what is in hand at"
        " this moment still goes out.",
        "resume": f"Resume {what}? {mails} They go out as the send window and the pace allow.",
        "stop": f"Stop {what} for good? {mails} They are cancelled. There is no way back.",
    }[asked.to]


def steer_campaign(asked: SteerCampaign, caller: Caller) -> Answer:
    campaign, reason = _campaign(asked), asked.reason or UNSAID
    if asked.to != "pause" and _waiting(campaign) > (asked.waiting or 0):
        raise ToolError(CHANGED)
    number = _waiting(campaign)
    try:
        if asked.to == "pause":
            campaigns.pause(campaign, actor=caller.name, reason=reason)
        elif asked.to == "resume":
            campaigns.resume(campaign, actor=caller.name, reason=reason, now=caller.now)
        else:
            number = campaigns.stop(campaign, actor=caller.name, reason=reason, now=caller.now)
    except campaigns.CampaignError as exc:
        raise ToolError(said(exc)) from exc
    if asked.to == "stop" and number > (asked.waiting or 0):
        raise ToolError(CHANGED)  # the whole act is taken back
    became = {"pause": "waiting", "resume": "to go out", "stop": "cancelled"}[asked.to]
    see = link("See it", page("outreach_campaign_change", campaign.pk))
    row: Row = {"campaign": campaign.name, "status": campaign.get_status_display(), "mails": number}
    return Answer(
        f"Campaign {said(campaign)} {DONE[asked.to]}; {counted(number, 'mail')} {became}. {see}",
        [row], {"campaign": campaign.pk, "to": asked.to, "mails": number},
    )  # fmt: skip


def _campaign(asked: SteerCampaign) -> Campaign:
    """The one meant, in a state that allows it. Raises ``ToolError``."""
    can = Campaign.objects.filter(status__in=BEFORE[asked.to]).order_by("-pk")
    if not asked.campaign:
        names = [one.name for one in can[:10]]
        return _only(list(can[:2]), names, what="campaign", to=asked.to)
    campaign = find_campaign(asked.campaign)
    if campaign.status not in BEFORE[asked.to]:
        status = campaign.get_status_display().lower()
        raise ToolError(f"Campaign {said(campaign)} is {status}: there is nothing to {asked.to}.")
    return campaign


def _waiting(campaign: Campaign) -> int:
    """Mails that have not gone out and may."""
    return campaigns.messages_of(campaign).filter(status__in=Message.WAITING).count()


# --- harvests -------------------------------------------------------------------------------------
def settle_harvest(asked: SteerHarvest, _: Caller) -> SteerHarvest:
    harvest = _harvest(asked)
    must_say_why(asked.to, asked.reason, instead=f"stop the harvest in {harvest.city} because ...")
    return replace(asked, harvest=str(harvest.public_id))


def ask_harvest(asked: SteerHarvest, _: Caller) -> str:
    harvest = _harvest(asked)
    taken = progress_of([harvest])[harvest.pk].taken
    what = f"the harvest in {said(harvest.city)} ({said(harvest.category)})"
    so_far = f"It has brought {taken:,} of {counted(harvest.wanted, 'lead')} so far."
    return {
        "pause": f"Pause {what}? {so_far} Its source is asked nothing more until it is resumed.",
        "resume": f"Resume {what}? {so_far} It goes on to ask {said(harvest.source.name)}.",
        "stop": f"Stop {what} for good? {so_far} They stay; no more come. There is no way back.",
    }[asked.to]


def steer_harvest(asked: SteerHarvest, caller: Caller) -> Answer:
    harvest, reason = _harvest(asked), asked.reason or UNSAID
    try:
        if asked.to == "pause":
            decide.pause(harvest, actor=caller.name, reason=reason, now=caller.now)
        elif asked.to == "resume":
            decide.resume(harvest, actor=caller.name, reason=reason)
            call(harvest.pk)
        else:
            decide.cancel(harvest, actor=caller.name, reason=reason, now=caller.now)
    except decide.DecisionError as exc:
        raise ToolError(said(exc)) from exc
    see = link("See it", page("enrichment_harvestrequest_change", harvest.pk))
    row: Row = {"harvest": str(harvest.public_id), "city": harvest.city,
                "status": harvest.get_status_display()}  # fmt: skip
    return Answer(f"The harvest in {said(harvest.city)} {DONE[asked.to]}. {see}", [row],
                  {"harvest": harvest.pk, "to": asked.to})  # fmt: skip


def _harvest(asked: SteerHarvest) -> HarvestRequest:
    """The one meant, in a state that allows it. Raises ``ToolError``."""
    rows = HarvestRequest.objects.filter(status__in=HarvestRequest.OPEN).order_by("-pk")
    if asked.to != "stop":
        rows = rows.filter(paused_at__isnull=asked.to == "pause")
    found = list(rows.select_related("source"))
    if asked.harvest:
        named = asked.harvest.strip().casefold()
        found = [one for one in found
                 if named == str(one.public_id) or named in one.city.casefold()]  # fmt: skip
    names = [f"{one.city} {one.category}" for one in found[:10]]
    return _only(found, names, what="harvest", to=asked.to)


def _only(found: Sequence[T], names: Sequence[str], *, what: str, to: str) -> T:
    if len(found) == 1:
        return found[0]
    if not found:
        raise ToolError(f"There is no such {what} to {to}.")
    raise ToolError(f"Several {what}s may be meant: {', '.join(map(code, names))}. Say which.")


CAMPAIGN = Tool(
    "pause_or_stop_campaign",
    "Pause, resume or stop a campaign that runs. Stopping needs a reason and is for good.",
    SteerCampaign, steer_campaign, action="outreach.run_campaign", effect=Effect.SENDS,
    preview=ask_campaign, settle=settle_campaign,
)  # fmt: skip
HARVEST = Tool(
    "pause_or_stop_harvest",
    "Pause, resume or stop a harvest under way. Stopping needs a reason and is for good.",
    SteerHarvest, steer_harvest, action="enrichment.harvest", effect=Effect.SPENDS,
    preview=ask_harvest, settle=settle_harvest,
)  # fmt: skip
