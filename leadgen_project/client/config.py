"""``leadgen config``: the tenant's configuration."""

from __future__ import annotations

import json
from typing import Any

import click

from leadgen_project.client.failures import ClientError, Exit
from leadgen_project.client.session import Session, command


@click.group()
def config() -> None:
    """The tenant's configuration: limits, hours, time zones, the night."""


@command(config)
@click.argument("name", required=False)
def get(session: Session, *, name: str | None) -> None:
    """All settings, or the one of this NAME; dots lead inside.

    \b
    Examples:
      leadgen config get
      leadgen config get workingHours.monday
    """
    found = session.server.get("/api/getConfig")
    if not name:
        session.show.facts(found)
        return
    value = _inside(found, name)
    session.show.result(value, value if isinstance(value, str) else json.dumps(value))


@command(config, "set")
@click.argument("changes", nargs=-1, required=True, metavar="NAME=VALUE...")
@click.option("--reason", "-r", default="", help="Why; it stays in the audit.")
def set_values(session: Session, *, changes: tuple[str, ...], reason: str) -> None:
    """Change settings; what is not named stays. In force at once.

    A VALUE is JSON where it can be read as such, and a text otherwise.

    \b
    Examples:
      leadgen config set llmTransactionLimit=20
      leadgen config set nightlyEnabled=true nightlyAt=01:30 --reason "Earlier is quieter."
      leadgen config set 'workingHours.monday=["09:00-12:30", "13:30-18:00"]'
    """
    wanted: dict[str, Any] = {}
    for change in changes:
        name, sign, text = change.partition("=")
        if not sign or not name:
            raise click.UsageError(f"{change!r} is not NAME=VALUE.")
        top, _, rest = name.partition(".")
        if rest and top not in wanted:
            wanted[top] = _inside(session.server.get("/api/getConfig"), top)
        if rest:
            _put(wanted[top], rest, _value(text), name=name)
        else:
            wanted[top] = _value(text)
    done = session.server.put("/api/updateConfig", wanted | ({"reason": reason} if reason else {}))
    names = ", ".join(wanted)
    session.show.result(done, f"Changed: {names}.")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _inside(value: Any, name: str) -> Any:
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            raise ClientError(Exit.REFUSED, f"There is no setting {name}.")
        value = value[part]
    return value


def _put(value: Any, path: str, new: Any, *, name: str) -> None:
    *before, last = path.split(".")
    for part in before:
        value = value.get(part) if isinstance(value, dict) else None
    if not isinstance(value, dict):
        raise ClientError(Exit.REFUSED, f"There is no setting {name}.")
    value[last] = new
