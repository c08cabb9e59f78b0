"""``leadgen campaign``: mail to many."""

from __future__ import annotations

import click
from rich.console import RenderableType

from leadgen_project.client.follow import follow
from leadgen_project.client.session import Session, command, idempotency_key, reason
from leadgen_project.client.show import Status, bar, block, columns
from leadgen_project.client.watching import ended_well, goes_on

OVER = ("STOPPED", "FINISHED")
COLUMNS = {"id": "Campaign", "name": "Name", "status": "Status", "audience_words": "Audience",
           "counts": "Mail", "status_reason": "Why"}  # fmt: skip


@click.group()
def campaign() -> None:
    """Campaigns: mail to many. They are written in the console, and steered here or there."""


@command(campaign, "list")
@click.option("--status", multiple=True, help="Only of this status; may be given several times.")
@click.option("--most", default=20, show_default=True, help="At most so many.")
def list_campaigns(session: Session, *, status: tuple[str, ...], most: int) -> None:
    """Campaigns, newest first, with counts that add up."""
    wanted = [each.upper() for each in status]
    session.show.rows(session.server.pages("/api/campaigns", most=most, status=wanted), COLUMNS)


@command(campaign)
@click.argument("number", type=int)
@idempotency_key
def start(session: Session, *, number: int, key: str) -> None:
    """Queue its first mail to everybody in its audience."""
    done = session.server.post(f"/api/campaigns/{number}/start", key=key)
    text = f"Campaign {number} began. Watch it: leadgen campaign watch {number}"
    session.show.result(done, text)


@command(campaign)
@click.argument("number", type=int)
def watch(session: Session, *, number: int) -> None:
    """Watch a campaign until its mail is out. Ctrl-C leaves; the campaign goes on."""
    path = f"/api/campaigns/{number}"
    statuses = follow(session.server, path, is_over=_is_over, stream=False)
    with goes_on(f"Campaign {number}", f"leadgen campaign watch {number}"):
        last = session.show.watch(statuses, line=_line, picture=_picture)
    ended_well(last["status"], good="FINISHED", what=f"Campaign {number}")


def add_templates(group: click.Group) -> None:
    command(group)(templates)


def templates(session: Session) -> None:
    """Mail templates, for `harvest start --template`."""
    shown = {"templateId": "Template", "templateName": "Name", "baseSubject": "Subject",
             "description": "What for"}  # fmt: skip
    session.show.rows(session.server.get("/api/getTemplates"), shown)


def _change(session: Session, number: int, verb: str, why: str) -> None:
    done = session.server.post(f"/api/campaigns/{number}/{verb}", {"reason": why})
    session.show.result(done, f"Campaign {number} is {done['status'].lower()}.")


@command(campaign)
@click.argument("number", type=int)
@reason
def pause(session: Session, *, number: int, reason: str) -> None:
    """Send nothing more until it is resumed.

    \b
    Example:
      leadgen campaign pause 3 --reason "The text is being rewritten."
    """
    _change(session, number, "pause", reason)


@command(campaign)
@click.argument("number", type=int)
@reason
def resume(session: Session, *, number: int, reason: str) -> None:
    """Go on where it was paused."""
    _change(session, number, "resume", reason)


@command(campaign)
@click.argument("number", type=int)
@reason
def stop(session: Session, *, number: int, reason: str) -> None:
    """End it for good; what waits is cancelled."""
    _change(session, number, "stop", reason)


def _is_over(found: Status) -> bool:
    return found["status"] in OVER


def _sent(counts: dict[str, int]) -> tuple[int, int]:
    """Mails that are settled, and all that were chosen."""
    chosen = counts.get("chosen", 0)
    return chosen - counts.get("waiting", 0) - counts.get("held", 0), chosen


def _line(found: Status) -> str:
    done, chosen = _sent(found["counts"])
    return f"campaign {found['id']}: {found['status'].lower()}, {done:,} of {chosen:,} settled"


def _picture(found: Status) -> RenderableType:
    done, chosen = _sent(found["counts"])
    percent = 100 * done / chosen if chosen else 0
    rows = [[word.replace("_", " "), f"{number:,}"] for word, number in found["counts"].items()]
    title = f"{found['name']}, {found['status'].lower()} {found['status_reason']}"
    return block(title, bar(percent, f"{done:,} of {chosen:,}"), columns(rows))
