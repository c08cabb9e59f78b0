"""What every command starts from: where it works, and how it shows what it found."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from leadgen_project.client import profiles
from leadgen_project.client.connection import Server
from leadgen_project.client.failures import ClientError
from leadgen_project.client.profiles import Profile
from leadgen_project.client.show import Show


class Session:
    """One call of the program. The sign-in is looked up when the server is first asked."""

    def __init__(self, *, as_json: bool, profile: str) -> None:
        self.show = Show(as_json=as_json)
        self._wanted = profile

    @functools.cached_property
    def profile(self) -> Profile:
        return profiles.chosen(self._wanted)

    @functools.cached_property
    def server(self) -> Server:
        return Server(self.profile)


def command(group: click.Group, name: str | None = None, **how: Any) -> Callable[..., Any]:
    """A command of ``group`` whose function gets a ``Session`` first, then its own arguments."""

    def add(function: Callable[..., Any]) -> click.Command:
        @functools.wraps(function)
        def run(*, as_json: bool, profile: str, **given: Any) -> Any:
            return function(Session(as_json=as_json, profile=profile), **given)

        made = click.option(
            "--profile", default="", envvar="LEADGEN_PROFILE", metavar="NAME",
            shell_complete=_profile_names, help="Use this sign-in; see `leadgen tenants list`.",
        )(run)  # fmt: skip
        made = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(made)
        return group.command(name, **how)(made)

    return add


def _profile_names(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    try:
        return [each.name for each in profiles.load() if each.name.startswith(begun)]
    except ClientError:  # the command itself will say what is wrong
        return []


def idempotency_key(function: Callable[..., Any]) -> Callable[..., Any]:
    """For commands that begin something, so that a script may run them again after a failure."""
    return click.option(
        "--key", default="", metavar="TEXT",
        help="Idempotency key: sent again within a day, the same call works once.",
    )(function)  # fmt: skip


def reason(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--reason", "-r", required=True, help="Why; it stays in the audit.")(
        function
    )
