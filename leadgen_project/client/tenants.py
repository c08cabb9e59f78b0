"""``leadgen tenants``: where one may work, and where commands work now."""

from __future__ import annotations

from typing import Any

import click

from leadgen_project.client import profiles
from leadgen_project.client.failures import ClientError, Exit
from leadgen_project.client.profiles import Profile
from leadgen_project.client.session import Session, command

COLUMNS = {"is_current": "Here", "tenant": "Tenant", "name": "Name", "role": "Role",
           "server": "Server", "profile": "Sign-in", "expires_at": "Good until"}  # fmt: skip


@click.group()
def tenants() -> None:
    """Tenants: those you are signed in to, and the one commands work in."""


@command(tenants, "list")
def list_tenants(session: Session) -> None:
    """Your sign-ins, and the tenants the current one opens."""
    kept = profiles.load()
    known = session.server.get("/api/tenants")
    here = {(session.profile.server, each["id"]): each for each in known}
    rows = [_row(each, here, is_current=each.name == session.profile.name) for each in kept]
    shown = {(row["server"], row["tenant"]) for row in rows}
    rows += [
        {"is_current": False, "tenant": each["id"], "name": each["name"], "role": each["role"],
         "server": session.profile.server, "profile": "", "expires_at": ""}
        for key, each in here.items() if key not in shown
    ]  # fmt: skip
    session.show.rows(rows, COLUMNS)


def _row(profile: Profile, known: dict[Any, Any], *, is_current: bool) -> dict[str, Any]:
    found = known.get((profile.server, profile.tenant), {})
    return {"is_current": is_current, "tenant": profile.tenant, "name": found.get("name"),
            "role": found.get("role"), "server": profile.server, "profile": profile.name,
            "expires_at": profile.expires_at}  # fmt: skip


@command(tenants)
@click.argument("tenant")
def switch(session: Session, *, tenant: str) -> None:
    """Work in TENANT from now on (its key, or the name of a sign-in).

    A token belongs to one tenant, so each has a sign-in of its own; a provider's token may open
    several.
    """
    kept = profiles.load()
    if (found := kept.find(tenant)) is None:
        found = _with_same_token(session, tenant)
    profiles.save(kept.with_current(found))
    session.show.result(
        {"tenant": found.tenant, "server": found.server, "profile": found.name},
        f"Commands work in {found.tenant} now, at {found.server}.",
    )


def _with_same_token(session: Session, tenant: str) -> Profile:
    mine = session.profile
    known = session.server.get("/api/tenants")
    if tenant not in {each["id"] for each in known}:
        raise ClientError(
            Exit.NOT_SIGNED_IN,
            f"You are not signed in to {tenant}."
            f" Run: leadgen login {mine.server} --tenant {tenant}",
        )
    return Profile(server=mine.server, token=mine.token, tenant=tenant, user=mine.user,
                   expires_at=mine.expires_at)  # fmt: skip
