"""``leadgen mailbox connect``: sign a mailbox in, with the answer coming back to this machine.

The browser is sent back to a port of ours on loopback with a code (RFC 8252, section 7.3), which
goes to the server. The server asks the maker for the tokens; they never come here.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click

from leadgen_project.client.browse import open_page
from leadgen_project.client.failures import ClientError, Exit
from leadgen_project.client.session import Session, command

WAIT_SECONDS = 600  # as long as a sign-in is good at the server
PAGE = (b"<!doctype html><title>leadgen</title><p>Thank you. Go back to the program, which tells"
        b" you what came of it; this page can be closed.</p>")  # fmt: skip


@click.group()
def mailbox() -> None:
    """Mailboxes that campaigns are sent from."""


@command(mailbox)
@click.argument("address", required=False)
@click.option("--no-browser", is_flag=True, help="Only print the page to open.")
@click.option("--port", default=0, help="Port of this machine to come back to; else a free one.")
def connect(session: Session, *, address: str | None, no_browser: bool, port: int) -> None:
    """Sign a Microsoft 365 mailbox in, in the browser, and wait for it.

    With ADDRESS, that mailbox; else the one whose account signs in. The application at Microsoft
    must know http://localhost as a place to come back to.

    \b
    Examples:
      leadgen mailbox connect
      leadgen mailbox connect olga@us.example
    """
    with _Landing(port) as landing:
        asked = {"redirectUri": landing.address} | ({"mailbox": address} if address else {})
        page = session.server.post("/api/authenticateOutlook", asked, once=False)["authUrl"]
        if session.show.as_json:
            session.show.json({"authUrl": page})
        if session.show.as_json or no_browser or not open_page(page):
            session.show.say(f"Open {page}")
        session.show.say("Waiting for the sign-in in the browser ...")
        sys.stdout.flush()
        back = landing.wait(seconds=WAIT_SECONDS)
    if "error" in back:
        said = back.get("error_description") or back["error"]
        raise ClientError(Exit.REFUSED, f"Microsoft did not sign it in: {said[:500]}")
    sent = {"code": back["code"], "state": back["state"]}
    done = session.server.post("/api/handleOutlookCallback", sent)
    session.show.result(done, done["message"])


@dataclass(slots=True)
class _Landing:
    """A port that takes one answer of the browser."""

    port: int
    _server: HTTPServer = field(init=False)
    _got: dict[str, str] = field(default_factory=dict, init=False)

    def __enter__(self) -> _Landing:
        got = self._got

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                if "state" not in query or not query.keys() & {"code", "error"}:
                    self.send_error(404)  # the icon of the page, or a stranger's guess
                    return
                got.update({name: values[0] for name, values in query.items()})
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(PAGE)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(PAGE)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- as above
                """Requests hold codes; none is written anywhere."""

        try:
            self._server = HTTPServer(("127.0.0.1", self.port), Handler)
        except OSError as exc:
            raise ClientError(
                Exit.WRONG_USAGE, f"Port {self.port} of this machine is not free: {exc.strerror}."
            ) from None
        self._server.timeout = 1.0
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.server_close()

    @property
    def address(self) -> str:
        return f"http://localhost:{self._server.server_address[1]}"

    def wait(self, *, seconds: float) -> dict[str, str]:
        give_up_at = time.monotonic() + seconds
        while not self._got:
            if time.monotonic() > give_up_at:
                raise ClientError(Exit.ENDED_BADLY, "Nobody signed in within ten minutes.")
            self._server.handle_request()
        return self._got
