"""``leadgen runs``: nights."""

from __future__ import annotations

from typing import Any

import click
from rich.console import RenderableType

from leadgen_project.client.failures import ClientError, Exit
from leadgen_project.client.follow import follow
from leadgen_project.client.session import Session, command, idempotency_key, reason
from leadgen_project.client.show import Status, bar, block, columns
from leadgen_project.client.watching import ended_well, goes_on

OPEN = ("RUNNING", "PAUSED")
COLUMNS = {"id": "Run", "status": "Status", "stage": "Stage", "night_of": "Night of",
           "started_by": "Started by", "started_at": "Began", "finished_at": "Ended",
           "note": "Note"}  # fmt: skip


@click.group()
def runs() -> None:
    """Nights: start one, watch it, stop it."""


@command(runs, "list")
@click.option("--most", default=20, show_default=True, help="At most so many.")
def list_runs(session: Session, *, most: int) -> None:
    """Runs, newest first."""
    session.show.rows(session.server.pages("/api/runs", most=most), COLUMNS)


@command(runs)
def preview(session: Session) -> None:
    """What a night started now would take and cost. Nothing is changed."""
    found = session.server.post("/api/runs/preview", once=False)
    session.show.result(found, "")
    for sentence in [*found["sentences"], f"To run just this: --plan {found['plan']}"]:
        session.show.say(sentence)


@command(runs)
@click.option("--watch", "watches", is_flag=True, help="Stay and watch it.")
@click.option("--plan", help="What preview printed: run only if it would still take just that.")
@idempotency_key
def start(session: Session, *, watches: bool, plan: str | None, key: str) -> None:
    """Start a night now.

    \b
    Examples:
      leadgen runs start --watch
      leadgen runs start --json --key tonight
    """
    run = session.server.post("/api/runs", {"plan": plan} if plan else None, key=key)
    if watches:
        _watch(session, run["id"])
    else:
        number = run["id"]
        session.show.result(run, f"Run {number} began. Watch it: leadgen runs watch {number}")


@command(runs)
@click.argument("run", type=int, required=False)
def watch(session: Session, *, run: int | None) -> None:
    """Watch a run until it ends; without a number, the newest."""
    _watch(session, run or _newest(session))


def _watch(session: Session, run: int) -> None:
    statuses = follow(session.server, f"/api/runs/{run}", is_over=_is_over)
    with goes_on(f"Run {run}", f"leadgen runs watch {run}"):
        last = session.show.watch(statuses, line=_line, picture=_picture)
    ended_well(last["status"], good="FINISHED", what=f"Run {run}")


def _newest(session: Session) -> int:
    for row in session.server.pages("/api/runs", most=1):
        return int(row["id"])
    raise ClientError(Exit.REFUSED, "There is no run yet. Start one: leadgen runs start")


def _is_over(run: Status) -> bool:
    return run["status"] not in OPEN


def _line(run: Status) -> str:
    words = f"{run['status'].lower()}, {run['percent']} %"
    return f"run {run['id']}: {words}" + (f", {run['stage']}" if run["stage"] else "")


def _picture(run: Status) -> RenderableType:
    rows = [[stage["name"], f"{stage['taken_in']:,} in", f"{stage['done']:,} done", _beside(stage)]
            for stage in run["stages"] if stage["taken_in"] or stage["is_due"]]  # fmt: skip
    title = f"Run {run['id']}, {run['status'].lower()}"
    return block(title, bar(run["percent"], f"{run['percent']} %"), columns(rows))


def _beside(stage: dict[str, Any]) -> str:
    parts = [f"{number:,} {words}" for words, number in
             (*stage["rejected"].items(), *stage["held"].items())]  # fmt: skip
    parts += [f"{stage['waiting']:,} waiting"] if stage["waiting"] else []
    parts += [f"about {stage['seconds_left']} s left"] if stage["seconds_left"] else []
    return ", ".join(parts)


def _change(session: Session, run: int, verb: str, why: str) -> None:
    done = session.server.post(f"/api/runs/{run}/{verb}", {"reason": why})
    session.show.result(done, f"Run {run} is {done['status'].lower()}.")


@command(runs)
@click.argument("run", type=int)
@reason
def pause(session: Session, *, run: int, reason: str) -> None:
    """Let what is under way finish, and start nothing more."""
    _change(session, run, "pause", reason)


@command(runs)
@click.argument("run", type=int)
@reason
def resume(session: Session, *, run: int, reason: str) -> None:
    """Go on where it was paused."""
    _change(session, run, "resume", reason)


@command(runs)
@click.argument("run", type=int)
@reason
def cancel(session: Session, *, run: int, reason: str) -> None:
    """End it. What it did stays; the rest waits for the next night."""
    _change(session, run, "cancel", reason)
