"""``leadgen login``, ``logout`` and ``whoami``."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime

import click

from leadgen_project.client import device, profiles
from leadgen_project.client.browse import open_page
from leadgen_project.client.connection import Server
from leadgen_project.client.failures import ClientError, Exit
from leadgen_project.client.profiles import Profile
from leadgen_project.client.session import Session, command


def add_to(group: click.Group) -> None:
    """Put the commands of signing in beside the others."""
    command(group)(login)
    command(group)(logout)
    command(group)(whoami)


@click.argument("server", required=False)
@click.option("--tenant", default="", help="Work in this tenant; else you choose at the console.")
@click.option("--scope", multiple=True, help="Ask for this right only; may be given several times.")
@click.option("--with-token", is_flag=True, help="Read an API token from standard input.")
@click.option("--no-browser", is_flag=True, help="Only print the page to open.")
def login(
    session: Session, *, server: str | None, tenant: str, scope: tuple[str, ...],
    with_token: bool, no_browser: bool,
) -> None:  # fmt: skip
    """Sign in to SERVER; without one, to the server of the current sign-in.

    Shows a short code. Type it at the console, in any browser where you are signed in, see what
    this program asks for, and let it in. The token is kept in a file only you may read.

    \b
    Examples:
      leadgen login https://leads.example.com
      leadgen login https://leads.example.com --tenant acme
      leadgen login https://leads.example.com --with-token < token.txt
    """
    address = profiles.server_address(server) if server else session.profile.server
    if with_token:
        fresh = Profile(server=address, token=sys.stdin.readline().strip(), tenant=tenant)
    else:
        fresh = _by_device(session, address, tenant=tenant, scopes=scope, shows=not no_browser)
    known = Server(fresh).get("/info")
    kept = replace(fresh, user=known["user"], tenant=known["tenant_id"] or fresh.tenant)
    profiles.save(profiles.load().with_current(kept))
    result = {"user": kept.user, "tenant": kept.tenant, "server": kept.server,
              "profile": kept.name, "scopes": known["scopes"]}  # fmt: skip
    session.show.result(result, f"Signed in as {kept.user} in {kept.tenant}, at {kept.server}.")


def _by_device(
    session: Session, address: str, *, tenant: str, scopes: tuple[str, ...], shows: bool
) -> Profile:
    stranger = Server(Profile(server=address, token=""))
    asked = device.ask(stranger, tenant=tenant, scopes=scopes or device.SCOPES)
    told = {"user_code": asked.user_code, "verification_uri": asked.page,
            "verification_uri_complete": asked.page_with_code}  # fmt: skip
    session.show.result(told, f"Your code: {asked.user_code}")
    sys.stdout.flush()
    if not (shows and not session.show.as_json and open_page(asked.page_with_code)):
        session.show.say(f"Open {asked.page} and type it there.")
    session.show.say("Waiting until you let this program in ...")
    granted = device.wait(stranger, asked, now=datetime.now(UTC))
    return Profile(
        server=address, token=granted.token, tenant=granted.tenant, expires_at=granted.expires_at
    )


@click.option("--forget", is_flag=True, help="Only forget it here; the token stays good.")
def logout(session: Session, *, forget: bool) -> None:
    """Revoke the token of the current sign-in and forget it here."""
    profile = session.profile
    revoked = not forget and _revoke(session)
    profiles.save(profiles.load().without(profile.name))
    words = "is revoked and forgotten" if revoked else "is forgotten here"
    session.show.result(
        {"profile": profile.name, "revoked": revoked}, f"The sign-in {profile.name} {words}."
    )


def _revoke(session: Session) -> bool:
    try:
        session.server.post("/api/token/revoke", once=False)
    except ClientError as exc:
        if exc.code == Exit.OUT_OF_REACH:
            raise ClientError(
                exc.code, f"{exc} The token is not revoked. `--forget` forgets it here alone."
            ) from None
        return False  # it has ended already, or is the provider's
    return True


def whoami(session: Session) -> None:
    """Who you are to the server, in which tenant, with which rights."""
    found = session.server.get("/info")
    more = {"server": session.profile.server, "token ends": session.profile.expires_at}
    session.show.facts(
        {**found, **more},
        {"user": "User", "tenant_id": "Tenant", "roles": "Roles", "scopes": "Rights of the token",
         "server": "Server", "token ends": "Good until"},
    )  # fmt: skip
