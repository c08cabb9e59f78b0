"""``leadgen captcha``: pages that a person has to open. No program ever passes one."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text

from leadgen_project.client.browse import open_page
from leadgen_project.client.failures import ClientError, Exit
from leadgen_project.client.follow import follow
from leadgen_project.client.session import Session, command
from leadgen_project.client.show import Status, plain
from leadgen_project.client.watching import goes_on

COLUMNS = {"id": "Challenge", "state": "State", "lead_name": "Lead", "host": "Host",
           "make": "Wall", "tries": "Tries", "claimed_by": "In hand of", "due_at": "Due",
           "url": "Page"}  # fmt: skip
QUESTION = "Found (an address or number; Enter: nothing; s: skip; f: cannot pass; q: stop)"


@click.group()
def captcha() -> None:
    """Pages behind a CAPTCHA or log-in: open them in your browser, write down what stands there."""


@command(captcha, "list")
@click.option("--mine", is_flag=True, help="Only what you have in hand.")
@click.option("--host", default="", help="Only of this host.")
@click.option("--most", default=50, show_default=True, help="At most so many.")
def list_challenges(session: Session, *, mine: bool, host: str, most: int) -> None:
    """Pages that wait for a person, in the order they are given out."""
    asked = {"mine": "true"} if mine else {}
    session.show.rows(
        session.server.pages("/api/challenges", most=most, host=host, **asked), COLUMNS
    )


@command(captcha, "next")
@click.option("--no-browser", is_flag=True, help="Only print the page to open.")
def take_next(session: Session, *, no_browser: bool) -> None:
    """Take the page that waits longest, and open it in your browser.

    In a terminal you are asked what stood there; else answer with `solve`, `skip` or `fail`. It is
    yours for some minutes; nobody else gets it meanwhile.
    """
    challenge = _claim(session)
    if challenge is None:
        session.show.result(None, "No page waits for a person.")
        return
    _open(session, challenge, shows=not no_browser)
    if session.show.as_json:
        session.show.json(challenge)
    elif sys.stdin.isatty():
        _ask(session, challenge)


@command(captcha)
@click.option("--no-browser", is_flag=True, help="Only print the pages to open.")
def work(session: Session, *, no_browser: bool) -> None:
    """Take one page after the other until none waits, or you stop."""
    if session.show.as_json:
        raise click.UsageError("`work` talks to a person. Scripts use `next` and `solve`.")
    while (challenge := _claim(session)) is not None:
        _open(session, challenge, shows=not no_browser)
        if not _ask(session, challenge):
            return
    session.show.say("No page waits for a person.")


@command(captcha)
@click.argument("found")
@click.option("--challenge", default="", help="Else the one you have in hand.")
@click.option("--lead", default="", help="The page that keeps this lead, in hand or not.")
def solve(session: Session, *, found: str, challenge: str, lead: str) -> None:
    """Say what stood there: FOUND is an e-mail address, a telephone number, or ''.

    \b
    Examples:
      leadgen captcha solve owner@kaya.example
      leadgen captcha solve "Kaya Tea, +65 6123 4567"
      leadgen captcha solve ''
    """
    if lead:
        sent = {"leadId": lead, "captchaSuccess": True, "extractedEmail": found}
        done = session.server.post("/api/resolveCaptcha", sent)
    else:
        done = _send(session, _in_hand(session, challenge), "resolve", found=found)
    session.show.result(done, "Kept. The lead goes on.")


@command(captcha)
@click.argument("challenge", default="")
def skip(session: Session, *, challenge: str) -> None:
    """Put a page back as the last of the queue; it is nobody's failure."""
    done = _send(session, _in_hand(session, challenge), "skip")
    session.show.result(done, "Skipped. It waits for somebody else.")


@command(captcha)
@click.argument("challenge", default="")
def fail(session: Session, *, challenge: str) -> None:
    """Say that the page could not be passed. After a few such tries it is given up."""
    done = _send(session, _in_hand(session, challenge), "could-not-pass")
    session.show.result(done, "Noted. It goes back into the queue.")


@command(captcha)
@click.argument("challenge", default="")
def release(session: Session, *, challenge: str) -> None:
    """Put a page back where it was."""
    done = _send(session, _in_hand(session, challenge), "release")
    session.show.result(done, "Put back.")


@command(captcha)
def watch(session: Session) -> None:
    """Show how many pages wait, as it changes. Ctrl-C leaves."""
    statuses = follow(session.server, "/api/challenges/waiting", is_over=lambda _found: False)
    with goes_on("The queue", "leadgen captcha watch"):
        session.show.watch(statuses, line=_line, picture=_picture)


def _claim(session: Session) -> Any:
    return session.server.post("/api/challenges/claim")


def _open(session: Session, challenge: Status, *, shows: bool) -> None:
    who = challenge["lead_name"] or challenge["source"] or challenge["host"]
    session.show.say(f"{who}: {challenge['make']} at {challenge['host']}")
    session.show.say(challenge["url"])
    if shows and not session.show.as_json and not open_page(challenge["url"]):
        session.show.say("No browser here: open the page yourself.")


def _ask(session: Session, challenge: Status) -> bool:
    """Whether the person wants to go on after this one."""
    while True:
        answer = click.prompt(QUESTION, default="", show_default=False).strip()
        verbs = {"s": "skip", "f": "could-not-pass", "q": "release"}
        try:
            if answer in verbs:
                _send(session, challenge, verbs[answer])
            else:
                _send(session, challenge, "resolve", found=answer)
        except ClientError as exc:
            if exc.code != Exit.REFUSED or exc.detail.get("status") == 409:
                raise
            session.show.aside(str(exc))  # a mistyped address: ask again
            continue
        return answer != "q"


def _send(session: Session, challenge: Status, verb: str, **more: Any) -> Any:
    path = f"/api/challenges/{challenge['id']}/{verb}"
    return session.server.post(path, {"lease": challenge["lease"], **more})


def _in_hand(session: Session, wanted: str) -> Status:
    if wanted:
        if not wanted.replace("-", "").isalnum():
            raise click.UsageError(f"{wanted!r} is not the id of a page: leadgen captcha list")
        found: Status = session.server.get(f"/api/challenges/{wanted}")
        return found
    for row in session.server.pages("/api/challenges", most=1, mine="true"):
        return row
    raise ClientError(Exit.REFUSED, "You have no page in hand. Take one: leadgen captcha next")


def _line(found: Status) -> str:
    return f"{found['waiting']:,} wait, {found['in_hand']:,} of them in hand"


def _picture(found: Status) -> RenderableType:
    return Text(plain(_line(found)))
