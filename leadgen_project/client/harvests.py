"""``leadgen harvest``: leads of a city."""

from __future__ import annotations

import click
from rich.console import RenderableType

from leadgen_project.client.failures import ClientError, Exit
from leadgen_project.client.follow import follow
from leadgen_project.client.session import Session, command, idempotency_key, reason
from leadgen_project.client.show import Status, bar, block, columns
from leadgen_project.client.watching import ended_well, goes_on

OPEN = ("PENDING", "PROCESSING")
COLUMNS = {"id": "Harvest", "status": "Status", "city": "City", "category": "Category",
           "wanted": "Wanted", "taken": "Leads", "percent": "%", "source": "Source",
           "requested_by": "Asked by", "requested_at": "Asked", "ending": "Ended"}  # fmt: skip
MET = {"taken": "became leads", "duplicate": "known already", "walled": "behind a CAPTCHA",
       "suppressed": "suppressed", "refused": "not taken", "waiting": "not read yet",
       "met_again": "met by earlier harvests"}  # fmt: skip


@click.group()
def harvest() -> None:
    """Harvests: leads of one city and category."""


@command(harvest)
@click.argument("city")
@click.option("--leads", required=True, type=click.IntRange(min=1), help="So many are wanted.")
@click.option("--template", required=True, type=int, help="Mail template they are meant for.")
@click.option("--category", default="", help="Kind of business; else any.")
@click.option("--source", default="", help="Harvest source; else the first that has the city.")
@click.option("--watch", "watches", is_flag=True, help="Stay and watch it.")
@idempotency_key
def start(
    session: Session, *, city: str, leads: int, template: int, category: str, source: str,
    watches: bool, key: str,
) -> None:  # fmt: skip
    """Harvest leads of CITY.

    \b
    Examples:
      leadgen harvest start austin --leads 50 --template 1
      leadgen harvest start singapore --leads 20 --template 1 --category restaurant --watch
    """
    asked = {"city": city, "templateId": template, "numLeads": leads}
    asked |= {name: value for name, value in (("category", category), ("source", source)) if value}
    made = session.server.post("/api/triggerHarvest", asked, key=key)
    number = made["requestId"]
    if watches:
        _watch(session, number)
    else:
        session.show.result(made, f"Harvest {number} is asked for: leadgen harvest watch {number}")


@command(harvest, "list")
@click.option("--status", multiple=True, help="Only of this status; may be given several times.")
@click.option("--most", default=20, show_default=True, help="At most so many.")
def list_harvests(session: Session, *, status: tuple[str, ...], most: int) -> None:
    """Harvests, newest first."""
    wanted = [each.upper() for each in status]
    found = session.server.pages("/api/harvests", most=most, status=wanted)
    if session.show.as_json:
        session.show.rows(found, {})
        return
    session.show.rows([{**row, "taken": row["counts"]["taken"]} for row in found], COLUMNS)


@command(harvest)
@click.argument("number", metavar="[HARVEST]", required=False)
def watch(session: Session, *, number: str | None) -> None:
    """Watch a harvest until it ends; without an id, the newest.

    Ctrl-C leaves; the harvest goes on.
    """
    _watch(session, number or _newest(session))


def _watch(session: Session, number: str) -> None:
    path = f"/api/harvests/{_id(number)}"
    statuses = follow(session.server, path, is_over=_is_over)
    with goes_on(f"Harvest {number}", f"leadgen harvest watch {number}"):
        last = session.show.watch(statuses, line=_line, picture=_picture)
    if last["counts"]["walled"]:
        session.show.aside(f"{last['counts']['walled']:,} wait for a person: leadgen captcha next")
    if told := last["error"] or last["ending"]:
        session.show.aside(told)
    ended_well(last["status"], good="COMPLETED", what=f"Harvest {number}")


@command(harvest)
@click.argument("number", metavar="HARVEST")
@click.option("--outcome", multiple=True, help="TAKEN, DUPLICATE, WALLED, SUPPRESSED or REFUSED.")
@click.option("--most", default=100, show_default=True, help="At most so many.")
def listings(session: Session, *, number: str, outcome: tuple[str, ...], most: int) -> None:
    """What a harvest met, and what became of each entry."""
    found = session.server.pages(
        f"/api/harvests/{_id(number)}/listings", most=most,
        outcome=[each.upper() for each in outcome],
    )  # fmt: skip
    session.show.rows(found, {"position": "No.", "name": "Name", "outcome": "Outcome",
                              "sentence": "Why", "lead_id": "Lead", "url": "Page",
                              "attribution": "Attribution"})  # fmt: skip


@command(harvest)
@click.argument("number", metavar="HARVEST")
@reason
def pause(session: Session, *, number: str, reason: str) -> None:
    """Ask the source nothing more until it is resumed."""
    done = session.server.post(f"/api/harvests/{_id(number)}/pause", {"reason": reason})
    session.show.result(done, f"Harvest {number} is paused.")


@command(harvest)
@click.argument("number", metavar="HARVEST")
def resume(session: Session, *, number: str) -> None:
    """Go on where it was paused."""
    done = session.server.post(f"/api/harvests/{_id(number)}/resume")
    session.show.result(done, f"Harvest {number} goes on.")


@command(harvest)
@click.argument("number", metavar="HARVEST")
@reason
def cancel(session: Session, *, number: str, reason: str) -> None:
    """End it for good. Leads it made stay."""
    done = session.server.post(f"/api/harvests/{_id(number)}/cancel", {"reason": reason})
    session.show.result(done, f"Harvest {number} is cancelled.")


def _newest(session: Session) -> str:
    for row in session.server.pages("/api/harvests", most=1):
        return str(row["id"])
    raise ClientError(Exit.REFUSED, "There is no harvest yet: leadgen harvest start --help")


def _id(given: str) -> str:
    if not given.replace("-", "").isalnum():
        raise click.UsageError(f"{given!r} is not the id of a harvest: leadgen harvest list")
    return given


def _is_over(found: Status) -> bool:
    return found["status"] not in OPEN


def _state(found: Status) -> str:
    return "paused" if found["is_paused"] and not _is_over(found) else found["status"].lower()


def _line(found: Status) -> str:
    met = [f"{found['counts'][key]:,} {word}" for key, word in MET.items() if found["counts"][key]]
    nothing = "nothing met" if _is_over(found) else "nothing met yet"
    return f"{found['city']}, {_state(found)}: {', '.join(met) or nothing}"


def _picture(found: Status) -> RenderableType:
    title = f"{found['wanted']:,} {found['category']} in {found['city']}, {_state(found)}"
    words = f"{found['counts']['taken']:,} of {found['wanted']:,}"
    rows = [[word, f"{found['counts'][key]:,}"] for key, word in MET.items()]
    return block(title, bar(found["percent"], words), columns(rows))
