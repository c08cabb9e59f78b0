"""What the chat can do with nights: only this app knows how they run and what they cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from django.conf import settings

from chat.agent import cost
from chat.agent.arguments import Text
from chat.agent.say import counted, dollars, link, page, said
from chat.agent.stop_reason import UNSAID, must_say_why
from chat.agent.toolbox import Answer, Caller, Effect, Row, Tool, ToolError, offer
from leadgen_project import pipeline, schedule
from leadgen_project.console.home import newest_load, next_step, waiting_list
from leadgen_project.console.live import live
from leadgen_project.console.spend_page import spent_today
from leadgen_project.console.waiting import count_waiting
from leadgen_project.night_stages import MissingInputError
from leadgen_project.price import price_of_next_night
from leadgen_project.progress import progress
from leadgen_project.reason_words import reason_words
from tenants.clock import database_now
from tenants.context import current_schema
from tenants.models import PipelineRun, Tenant
from tenants.roles import may

RUN = "tenants.run_night"


@dataclass(frozen=True, slots=True)
class Nothing:
    """No arguments."""


def offer_tools() -> None:
    """Give the chat the tools of this app; the chat calls it when it is first asked."""
    offer(NIGHT_COST, START_NIGHT, WATCH_NIGHT, STEER_NIGHT, TODAY)
    cost.use(_sentences)


def night_cost(_: Nothing, caller: Caller) -> Answer:
    """What a night started now would cost at most, by vendor. Asks no vendor."""
    price = price_of_next_night(_tenant(), now=caller.now)
    rows: list[Row] = [
        {"vendor": one.vendor.label, "at_most": one.most_units, "unit": one.vendor.unit,
         "us_dollars": f"{one.most_micros / 1_000_000:.2f}", "note": one.sentence}
        for one in price.vendors
    ]  # fmt: skip
    return Answer(
        f"Tonight works on up to {counted(price.leads, 'lead')}. {said(price.total)} "
        + link("Spend", page("spend")),
        rows,
    )


def ask_to_start(_: Nothing, caller: Caller) -> str:
    """The same sentences as before a night in the console; refuses what could not start."""
    open_run = PipelineRun.objects.filter(status__in=PipelineRun.OPEN).first()
    if open_run is not None:
        raise ToolError(f"A night is under way already: {_see(open_run)}.")
    price = price_of_next_night(_tenant(), now=caller.now)
    told = "\n".join(f"- {said(each)}" for each in price.sentences)
    leads = counted(price.leads, "lead")
    return f"Start a night now? It works on up to {leads}.\n\n{told}\n\n{said(price.total)}"


def start_night(_: Nothing, caller: Caller) -> Answer:
    try:
        run = pipeline.start_night(_tenant(), started_by=caller.name, now=database_now())
    except (pipeline.RunError, MissingInputError) as exc:
        raise ToolError(said(exc)) from exc
    row: Row = {"run": run.pk, "status": run.get_status_display()}
    return Answer(f"The night has begun: {_see(run)}.", [row], dict(row))


@dataclass(frozen=True, slots=True)
class SteerNight:
    """Pause, resume or stop the night under way. ``run`` is filled in by the program."""

    to: Literal["pause", "resume", "stop"]
    reason: Text | None = None
    run: int | None = None


def settle_night(asked: SteerNight, _: Caller) -> SteerNight:
    must_say_why(asked.to, asked.reason, instead="stop the night because ...")
    return replace(asked, run=_open_run(asked).pk)


def ask_to_steer(asked: SteerNight, caller: Caller) -> str:
    """How far the night is, and what becomes of the rest of it."""
    run = _open_run(asked)
    far = f"{_see(run)} is at {live(run, now=caller.now).percent} %"
    if asked.to == "pause":
        return f"Pause the night? {far}. What is in hand is ended, and nothing more is begun."
    if asked.to == "stop":
        return f"Stop the night for good? {far}. What it did stays; the rest waits for the next."
    price = price_of_next_night(_tenant(), now=caller.now)
    return f"Resume the night? {far}. As for a whole night: {said(price.total)}"


def steer_night(asked: SteerNight, caller: Caller) -> Answer:
    run, reason = _open_run(asked), asked.reason or UNSAID
    change = {"pause": pipeline.pause, "resume": pipeline.resume, "stop": pipeline.cancel}
    try:
        change[asked.to](run, actor=caller.name, reason=reason)
    except pipeline.RunError as exc:
        raise ToolError(said(exc)) from exc
    row: Row = {"run": run.pk, "status": run.get_status_display()}
    return Answer(f"The night is {run.get_status_display().lower()}: {_see(run)}.", [row],
                  dict(row))  # fmt: skip


def _open_run(asked: SteerNight) -> PipelineRun:
    """The night under way, in a state that allows it. Raises ``ToolError``."""
    run = PipelineRun.objects.filter(status__in=PipelineRun.OPEN).first()
    if run is None:
        raise ToolError("No night is under way.")
    if asked.run not in (None, run.pk):
        raise ToolError("Another night is under way than you were asked about. Ask again.")
    is_paused = run.status == PipelineRun.Status.PAUSED
    if asked.to == "pause" and is_paused:
        raise ToolError(f"The night is paused already: {_see(run)}.")
    if asked.to == "resume" and not is_paused:
        raise ToolError(f"The night is not paused: {_see(run)}.")
    return run


def watch_night(_: Nothing, caller: Caller) -> Answer:
    """How far the newest night is, stage by stage."""
    run = PipelineRun.objects.order_by("-started_at").first()
    if run is None:
        return Answer("No night has run yet.")
    shown = live(run, now=caller.now)
    rows: list[Row] = []
    for stage in progress(run, now=caller.now):
        aside = {**stage.counts.get("rejected", {}), **stage.counts.get("held", {})}
        rows.append({
            "stage": stage.name, "at_work": stage.is_due, "in": stage.counts.get("in"),
            "done": stage.counts.get("done"), "waiting": stage.counts.get("waiting"),
            "aside": ", ".join(f"{n} {reason_words(code)}" for code, n in aside.items()),
        })  # fmt: skip
    note = f" {said(run.note)}" if run.note else ""
    told = f"{_see(run)} is {run.get_status_display().lower()}, {shown.percent} %.{note}"
    if shown.eta:
        told += f" It likely ends at {shown.eta:%H:%M} UTC."
    return Answer(told, rows)


def today(_: Nothing, caller: Caller) -> Answer:
    """What the first page of the console shows: what waits, what was spent, what comes next."""
    tenant, waiting = _tenant(), count_waiting()
    run = PipelineRun.objects.order_by("-started_at").first()
    parts = [f"The newest night: {_see(run)}, {run.get_status_display().lower()}." if run
             else "No night has run yet."]  # fmt: skip
    chosen = tenant.settings
    if chosen.nightly_enabled:
        start = schedule.next_start(chosen, now=caller.now)
        parts.append(f"The next starts {start:%-d %b at %H:%M} ({start.tzinfo}).")
    parts.append(f"Spent today: {dollars(spent_today(now=caller.now)['micros'])}.")
    step = next_step(run, waiting=waiting, load=newest_load(), may_run=may(caller.user, RUN))
    if step is not None:
        parts.append(f"\n\n**{said(step.title)}.** {said(step.text)}")
    base = settings.BASE_URL.rstrip("/")
    rows: list[Row] = [
        {"waits": each["label"], "count": each["count"], "page": f"{base}{each['link']}"}
        for each in waiting_list(waiting)
    ]
    return Answer(" ".join(parts), rows)


def _sentences(now: datetime) -> list[str]:
    price = price_of_next_night(_tenant(), now=now)
    return [*price.sentences, price.total]


def _see(run: PipelineRun) -> str:
    return link(f"run {run.pk}", page("tenants_pipelinerun_change", run.pk))


def _tenant() -> Tenant:
    return Tenant.objects.get(pk=current_schema())


NIGHT_COST = Tool("night_cost", "Say what tonight will cost at most, by vendor.", Nothing,
                  night_cost)  # fmt: skip
START_NIGHT = Tool(
    "start_night", "Start a night now.", Nothing, start_night, action=RUN, effect=Effect.SPENDS,
    preview=ask_to_start,
)  # fmt: skip
WATCH_NIGHT = Tool("watch_night", "Say how far the newest night is, stage by stage.", Nothing,
                   watch_night)  # fmt: skip
STEER_NIGHT = Tool(
    "pause_or_stop_night",
    "Pause, resume or stop the night under way. Stopping needs a reason and is for good.",
    SteerNight, steer_night, action=RUN, effect=Effect.SPENDS, preview=ask_to_steer,
    settle=settle_night,
)  # fmt: skip
TODAY = Tool("today", "Say what there is to do today: what waits, what ran, what comes next.",
             Nothing, today)  # fmt: skip
