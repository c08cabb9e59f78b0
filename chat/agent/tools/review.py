"""Verdicts on shortlisted leads, and their ways on: to Odoo, or into a campaign."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le, MaxLen
from django.db import transaction
from django.db.models import F, QuerySet

from chat.agent.arguments import Name, Reason
from chat.agent.company import find_lead, ref_of
from chat.agent.say import counted, link, page, said
from chat.agent.toolbox import Answer, Caller, Effect, Row, Tool, ToolError
from chat.agent.tools.mail import find_campaign
from icp.models import Lead
from odoo_sync import start as odoo
from odoo_sync.choose import choose_by_hand
from odoo_sync.models import OdooConnection
from odoo_sync.sync import connection_in_use
from outreach import campaigns
from outreach.audience import AudienceError, resolve, words_of
from outreach.models import Campaign
from scoring import review_leads
from scoring.review import ReviewError
from scoring.shortlist import entries_of, latest_shortlist
from scoring.withhold import withheld
from tenants.roles import may

NAMED = 5  # in a question
Count = Annotated[int, Ge(1), Le(50)]
Companies = Annotated[list[Name], MaxLen(50)]


@dataclass(frozen=True, slots=True)
class Which:
    """The best so many of the newest shortlist, or these companies by name or UEN."""

    top: Count | None = None
    companies: Companies | None = None


@dataclass(frozen=True, slots=True)
class WhichAndWhy:
    """These companies, and why."""

    companies: Annotated[list[Name], MaxLen(50)]
    reason: Reason


@dataclass(frozen=True, slots=True)
class WhichCampaign:
    """A campaign's name."""

    campaign: Name


def settle_open(asked: Which, _: Caller) -> Which:
    """The companies meant: of the best so many, those nobody has decided on."""
    return Which(companies=_refs(asked, decisions=("OPEN",)))


def settle_standing(asked: Which, _: Caller) -> Which:
    """The companies meant: of the best so many, those nobody has rejected."""
    _odoo()  # without one there is nothing to ask
    return Which(companies=_refs(asked, decisions=("OPEN", "ACCEPTED")))


def settle_named(asked: WhichAndWhy, _: Caller) -> WhichAndWhy:
    return WhichAndWhy(_refs(Which(companies=asked.companies), decisions=()), asked.reason)


def ask_to_accept(asked: Which, _: Caller) -> str:
    leads = _leads(asked.companies)
    number = review_leads.open_places(leads).count()
    if not number:
        raise ToolError("None of them stands undecided on the newest shortlist.")
    return (
        f"Accept {counted(number, 'lead')}: {_named(leads)}? They keep their place and make room"
        " for others on the next list."
    )


def accept(asked: Which, caller: Caller) -> Answer:
    leads = _leads(asked.companies)
    done = _must(lambda: review_leads.accept(leads, actor=caller.name, now=caller.now))
    return _done("accepted", done)


def ask_to_reject(asked: WhichAndWhy, caller: Caller) -> str:
    leads = _rejectable(asked, caller)
    number = leads.exclude(stage=Lead.Stage.REJECTED).count()
    if not number:
        raise ToolError("They are rejected already.")
    return (
        f"Reject {counted(number, 'lead')}: {_named(leads)}? The reason stays with"
        f" {'it' if number == 1 else 'each'}: {said(asked.reason)}"
    )


def reject(asked: WhichAndWhy, caller: Caller) -> Answer:
    leads = _rejectable(asked, caller)
    done = _must(lambda: review_leads.reject(leads, reason=asked.reason, actor=caller.name,
                                             now=caller.now))  # fmt: skip
    return _done("rejected", done)


def ask_to_send(asked: Which, caller: Caller) -> str:
    """Counted by doing it and rolling back."""
    connection = _odoo()
    leads = _leads(asked.companies)
    ids = list(leads.order_by("pk").values_list("pk", flat=True))
    with transaction.atomic():
        number = choose_by_hand(connection, ids, actor=caller.name, now=caller.now)
        transaction.set_rollback(True)
    if not number:
        raise ToolError("All of them wait for Odoo already.")
    silent = len(withheld(ids))
    left = f" {counted(silent, 'of them is', 'of them are')} suppressed and will not go."
    return (
        f"Send {counted(number, 'lead')} to {said(connection.name)}: {_named(leads)}?"
        f"{left if silent else ''}"
    )


def send(asked: Which, caller: Caller) -> Answer:
    connection = _odoo()
    ids = list(_leads(asked.companies).order_by("pk").values_list("pk", flat=True))
    number = odoo.send(ids, actor=caller.name, now=caller.now)
    row: Row = {"leads": number, "connection": connection.name}
    return Answer(
        f"{counted(number, 'lead')} on the way to {said(connection.name)}. "
        + link("Watch them", page("odoo_sync_odoopush_changelist")),
        [row], dict(row),
    )  # fmt: skip


def settle_campaign(asked: WhichCampaign, _: Caller) -> WhichCampaign:
    return WhichCampaign(find_campaign(asked.campaign).name)


def ask_to_start(asked: WhichCampaign, caller: Caller) -> str:
    """Whom it would write to, counted exactly now, and who is left out and why."""
    campaign = _startable(asked.campaign)
    try:
        audience = resolve(campaign.audience, now=caller.now)
    except AudienceError as exc:
        raise ToolError(said(exc)) from exc
    if not audience.chosen:
        raise ToolError("Nobody is in its audience. Choose another list or filter.")
    left = "".join(f"\n- {number:,} left out. {said(why)}" for why, number, _ in audience.reasons)
    mails = counted(campaigns.steps_of(campaign).count(), "mail")
    people = counted(len(audience.chosen), "person", "people")
    return (
        f"Start campaign {said(campaign)}? It writes to {people}"
        f" ({said(words_of(campaign.audience))}), {mails} each at most.{left}"
    )


def start(asked: WhichCampaign, caller: Caller) -> Answer:
    campaign = _startable(asked.campaign)
    try:
        number = campaigns.start(campaign, actor=caller.name, now=caller.now)
    except campaigns.CampaignError as exc:
        raise ToolError(said(exc)) from exc
    row: Row = {"campaign": campaign.name, "mails_queued": number}
    return Answer(
        f"Campaign {said(campaign)} runs: {counted(number, 'mail')} queued. "
        + link("Watch it", page("outreach_campaign_change", campaign.pk)),
        [row], {"campaign": campaign.pk, "queued": number},
    )  # fmt: skip


def _startable(name: str) -> Campaign:
    campaign = find_campaign(name)
    if why := campaigns.why_not_start(campaign):
        raise ToolError("\n".join([f"Campaign {said(campaign)} cannot start:",
                                   *(f"- {said(each)}" for each in why)]))  # fmt: skip
    return campaign


def _leads(companies: Sequence[str] | None) -> QuerySet[Lead]:
    """Exactly those meant. Raises ``ToolError`` for a name that is none or may be several."""
    if not companies:
        raise ToolError("Say which: the top so many, or companies by name or UEN.")
    found = [find_lead(each, field="companies").pk for each in companies]
    return Lead.objects.filter(pk__in=found)


def _refs(asked: Which, *, decisions: Sequence[str]) -> list[str]:
    """What names each of those meant with certainty, best first."""
    if asked.companies or not asked.top:
        return [ref_of(lead) for lead in _leads(asked.companies).order_by("pk")]
    made = latest_shortlist()
    if made is None:
        raise ToolError("There is no shortlist yet: the first finished night makes one.")
    best = entries_of(made).filter(decision__in=decisions).exclude(lead__stage="REJECTED")
    found = [ref_of(entry.lead) for entry in best[: asked.top]]
    if not found:
        raise ToolError("Nobody on the newest shortlist is left for that.")
    return found


def _rejectable(asked: WhichAndWhy, caller: Caller) -> QuerySet[Lead]:
    """As over the API: reviewers reject what stands on the newest shortlist, workers any lead."""
    leads = _leads(asked.companies)
    if not may(caller.user, "icp.work_lead") and not review_leads.are_all_listed(leads):
        raise ToolError("Your role rejects only what stands undecided on the newest shortlist.")
    return leads


def _odoo() -> OdooConnection:
    connection = connection_in_use()
    if connection is None:
        raise ToolError(
            "No Odoo is connected and switched on. "
            + link("Connect one", page("odoo_sync_odooconnection_changelist"))
        )
    return connection


def _must(decide: Callable[[], int]) -> int:
    try:
        done = decide()
    except ReviewError as exc:
        raise ToolError(said(exc)) from exc
    return done


def _done(word: str, number: int) -> Answer:
    row: Row = {word: number}
    see = link("Shortlist", page("scoring_shortlistentry_changelist"))
    return Answer(f"{counted(number, 'lead')} {word}. {see}", [row], dict(row))


def _named(leads: QuerySet[Lead]) -> str:
    names = list(leads.order_by(F("score").desc(nulls_last=True), "pk")
                 .values_list("name", flat=True)[:NAMED])  # fmt: skip
    shown = ", ".join(map(said, names))
    more = leads.count() - NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown


ACCEPT = Tool(
    "accept_leads",
    "Accept leads of the newest shortlist: the best so many, or companies by name or UEN.",
    Which, accept, action="scoring.review", effect=Effect.WRITES, preview=ask_to_accept,
    settle=settle_open,
)  # fmt: skip
REJECT = Tool(
    "reject_leads",
    "Reject companies with a reason; they are not selected again.",
    WhichAndWhy, reject, action="scoring.review", effect=Effect.WRITES, preview=ask_to_reject,
    settle=settle_named,
)  # fmt: skip
SEND = Tool(
    "send_to_odoo",
    "Approve leads for Odoo and send them there: the best so many of the newest shortlist, or"
    " companies by name or UEN.",
    Which, send, action="odoo_sync.push", effect=Effect.SENDS, preview=ask_to_send,
    settle=settle_standing,
)  # fmt: skip
START = Tool(
    "start_campaign",
    "Start a campaign that is written: mail to everybody in its audience is queued.",
    WhichCampaign, start, action="outreach.run_campaign", effect=Effect.SENDS,
    preview=ask_to_start, settle=settle_campaign,
)  # fmt: skip
