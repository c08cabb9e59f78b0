"""Read a mailbox by IMAP (RFC 3501), with Python's own ``imaplib``: EXAMINE and BODY.PEEK only.

The cursor is the folder's UIDVALIDITY and the last UID that was taken in. When UIDVALIDITY changes
all UIDs are void: reading starts anew a few days back, and what was taken in before adds nothing.
"""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from outreach.inbox.interface import MOST_FETCHED, SECONDS, Arrival, Cursor, InboxError
from outreach.mailboxes.mail_server import (
    MailServer,
    MailServerError,
    Security,
    connect,
    ends_within,
    tls_context,
    under_tls,
)

FOLDER = "INBOX"
AGAIN = timedelta(days=3)  # read once more when UIDs are void
MOST_SAID = 64 * 1024 * 1024  # bytes of one session
MOST_AT_ONCE = 2 * 1024 * 1024  # of one literal
_SIZE = re.compile(rb"RFC822\.SIZE (\d{1,15})")
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class ImapInbox:
    """One folder at one server; a session for each reading."""

    def __init__(
        self, server: MailServer, *, context: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:  # fmt: skip
        self._server, self._context, self._seconds = server, context, seconds

    def arrivals(self, cursor: Cursor, *, since: datetime) -> Iterator[Arrival]:
        """See ``Inbox``."""
        sockets: list[socket.socket] = []
        deadline = time.monotonic() + self._seconds
        with ends_within(self._seconds, sockets=sockets):
            session = None
            try:
                session = _Session(self._server, self._context or tls_context(), sockets)
                session.sign_in()
                for uid, validity in session.new(cursor, since=since):
                    if time.monotonic() > deadline:
                        return
                    found = session.beginning_of(uid)
                    if found is not None:
                        raw, size = found
                        at = datetime.now(UTC).isoformat()
                        yield Arrival(raw, {"validity": validity, "uid": uid, "at": at}, size)
            except MailServerError as exc:
                raise InboxError(exc.sentence, lasts=exc.lasts) from None
            except (imaplib.IMAP4.error, OSError, ValueError) as exc:
                raise InboxError(_said(self._server, exc)) from None
            finally:
                if session is not None:
                    session.leave()


class _Session(imaplib.IMAP4):
    """A session over a vetted line, with an end to what a server may say."""

    def __init__(
        self, server: MailServer, context: ssl.SSLContext, sockets: list[socket.socket]
    ) -> None:
        self._named, self._tls, self._sockets = server, context, sockets
        self._said = 0
        super().__init__(server.host, server.port)

    # --- the line: imaplib's own hooks --------------------------------------------------------
    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        self.host, self.port = self._named.host, self._named.port
        self._use(connect(self._named, context=self._tls))

    def read(self, size: int) -> bytes:
        if size > MOST_AT_ONCE:
            raise self.error(f"a literal of {size} bytes")
        return self._counted(self._lines.read(size))

    def readline(self) -> bytes:
        line: bytes = self._lines.readline(MOST_AT_ONCE)
        return self._counted(line)

    def shutdown(self) -> None:
        self._lines.close()
        self.sock.close()

    def _use(self, line: socket.socket) -> None:
        line.settimeout(30)
        self._sockets.append(line)
        self.sock = line
        self._lines: Any = line.makefile("rb")

    def _counted(self, got: bytes) -> bytes:
        self._said += len(got)
        if self._said > MOST_SAID:
            raise self.error("the server said too much")
        return got

    # --- what we ask --------------------------------------------------------------------------
    def sign_in(self) -> None:
        if self._named.security is Security.STARTTLS:
            self._secure()
        try:
            self.login(self._named.user, self._named.password)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            raise MailServerError(
                f"{self._named.name} refused the user name or password.", code="login", lasts=True
            ) from None

    def new(self, cursor: Cursor, *, since: datetime) -> Iterator[tuple[int, int]]:
        """UIDs after the cursor, in order, each with the folder's UIDVALIDITY."""
        self._must(self.select(FOLDER, readonly=True), "open the inbox")
        _, told = self.response("UIDVALIDITY")
        validity = int(told[0] or 0) if told else 0
        if cursor.get("validity") == validity and isinstance(cursor.get("uid"), int):
            first = cursor["uid"] + 1
            found = self._must(self.uid("SEARCH", f"UID {first}:*"), "search the inbox")
        else:
            first, start = 1, _start(cursor, since=since)
            day = f"{start.day:02}-{_MONTHS[start.month - 1]}-{start.year}"  # never by locale
            found = self._must(self.uid("SEARCH", f"SINCE {day}"), "search the inbox")
        words = b" ".join(each for each in found if isinstance(each, bytes)).split()
        # "5:*" names the last mail even when its UID is lower.
        for uid in sorted(int(each) for each in words if each.isdigit()):
            if uid >= first:
                yield uid, validity

    def beginning_of(self, uid: int) -> tuple[bytes, int | None] | None:
        """The mail's beginning and its whole size; None when it is gone meanwhile."""
        asked = f"(RFC822.SIZE BODY.PEEK[]<0.{MOST_FETCHED}>)"
        found = self._must(self.uid("FETCH", str(uid), asked), "fetch a mail")
        for each in found:
            if isinstance(each, tuple) and len(each) == 2:
                told = _SIZE.search(each[0]) or _SIZE.search(b" ".join(
                    rest for rest in found if isinstance(rest, bytes)))  # fmt: skip
                return each[1], int(told.group(1)) if told else None
        return None

    def leave(self) -> None:
        try:
            self.shutdown()
        except OSError:
            return  # the line is gone already

    def _secure(self) -> None:
        if "STARTTLS" not in self.capabilities:
            raise MailServerError(
                f"{self._named.name} does not offer STARTTLS, so no password was sent.",
                code="no_starttls", lasts=True,
            )  # fmt: skip
        self._must(self._simple_command("STARTTLS"), "secure the line")
        # What was said before counts for nothing (RFC 3501, 6.2.1).
        self._use(under_tls(self.sock, self._named, context=self._tls))
        self.untagged_responses.clear()
        self._tls_established = True

    def _must(self, answer: tuple[str, list[Any]], what: str) -> list[Any]:
        kind, found = answer
        if kind != "OK":
            raise self.error(f"it would not {what}")
        return found or []


def _start(cursor: Cursor, *, since: datetime) -> datetime:
    try:
        return max(datetime.fromisoformat(cursor["at"]) - AGAIN, since)
    except (KeyError, TypeError, ValueError):
        return since


def _said(server: MailServer, exc: Exception) -> str:
    """What went wrong, without the server's own words, which may hold anything."""
    if isinstance(exc, imaplib.IMAP4.abort | OSError):
        return f"{server.name} broke off while the inbox was read ({type(exc).__name__})."
    return f"{server.name} did not answer as an IMAP server should."
