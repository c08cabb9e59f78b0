"""``leadgen leads`` and ``leadgen why-not``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from leadgen_project.client.session import Session, command
from leadgen_project.client.show import plain

COLUMNS = {"id": "Lead", "name": "Name", "stage": "Stage", "score": "Score", "bucket": "Bucket",
           "website": "Web site", "rejection_reason": "Rejected because"}  # fmt: skip
FACTS = {"id": "Lead", "name": "Name", "uen": "UEN", "stage": "Stage", "stage_since": "Since",
         "score": "Score", "bucket": "Bucket", "review": "Review", "website": "Web site",
         "district": "District", "rule": "Selected by", "rejection_reason": "Rejected because",
         "source": "Source", "source_ref": "Found at"}  # fmt: skip


@click.group()
def leads() -> None:
    """Leads: the companies this tenant works on."""


@command(leads, "list")
@click.option("--search", "-q", default="", help="A UEN, or beginnings of words of the name.")
@click.option("--stage", multiple=True, help="Only in this stage; may be given several times.")
@click.option("--bucket", multiple=True, help="HIGH, MEDIUM or LOW.")
@click.option("--score-min", type=click.IntRange(0, 100), help="At least so many points.")
@click.option("--order", default="", metavar="FIELD", help="For example -score: best first.")
@click.option("--most", default=50, show_default=True, help="At most so many.")
def list_leads(
    session: Session, *, search: str, stage: tuple[str, ...], bucket: tuple[str, ...],
    score_min: int | None, order: str, most: int,
) -> None:  # fmt: skip
    """Leads with their stage and score.

    \b
    Examples:
      leadgen leads list --stage SHORTLISTED --order=-score
      leadgen leads list -q "tea" --json
    """
    found = session.server.pages(
        "/api/leads", most=most, q=search, stage=[each.upper() for each in stage],
        bucket=[each.upper() for each in bucket], score_min=score_min, ordering=order,
    )  # fmt: skip
    session.show.rows(found, COLUMNS)


@command(leads)
@click.argument("lead")
def show(session: Session, *, lead: str) -> None:
    """One lead with what is known of it, and from where."""
    found = session.server.get(f"/api/leads/{_id(lead)}")
    session.show.facts(found, FACTS)
    if session.show.as_json:
        return
    for line in (*_facts(found), *_contacts(found), *_points(found)):
        session.show.say(line)


def _facts(lead: dict[str, Any]) -> Iterator[str]:
    for name, fact in sorted(lead["facts"].items()):
        yield f"{name}: {plain(fact.get('value') if isinstance(fact, dict) else fact)}"


def _contacts(lead: dict[str, Any]) -> Iterator[str]:
    for each in lead["contacts"]:
        why = "may be mailed" if each["is_mailable"] else each["not_mailable_reason"]
        yield f"contact: {each['name']} {each['title']} {each['email']} {each['phone']} ({why})"


def _points(lead: dict[str, Any]) -> Iterator[str]:
    for each in (lead["score_lines"] or {"lines": []})["lines"]:
        yield f"{each['points']:+} {each['label']}: {plain(each['detail'])}"


def _id(given: str) -> str:
    if not given.replace("-", "").isalnum():
        raise click.UsageError(f"{given!r} is not the id of a lead. See: leadgen leads list")
    return given


def add_why_not(group: click.Group) -> None:
    command(group, "why-not")(why_not)


@click.argument("company")
def why_not(session: Session, *, company: str) -> None:
    """Why COMPANY (a UEN or a name) is, or is not, on the list.

    \b
    Examples:
      leadgen why-not 201501234K
      leadgen why-not "Kaya Tea"
    """
    found = session.server.get("/api/why-not", q=company)
    if session.show.as_json:
        session.show.json(found["results"])
        return
    for each in found["results"]:
        who = f"{each['name']} ({each['uen']}): " if each["uen"] else ""
        session.show.say(f"{who}{each['sentence']}")
