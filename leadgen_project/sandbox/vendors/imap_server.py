"""A small, strict IMAP4rev1 server (RFC 3501) on loopback: what a reader of inboxes may ask.

It knows CAPABILITY, STARTTLS, LOGIN, SELECT, EXAMINE, UID SEARCH, UID FETCH, NOOP and LOGOUT, and
answers BAD to all else. It notes what would leave a trace: a SELECT, a BODY[] without PEEK.
"""

from __future__ import annotations

import re
import socket
import socketserver
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Self

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_FETCH = re.compile(r"(\d+) \(RFC822\.SIZE BODY(\.PEEK)?\[\](?:<0\.(\d+)>)?\)")
_RANGE = re.compile(r"UID (\d+):(\*|\d+)")
_SINCE = re.compile(r"SINCE (\d\d)-([A-Z][a-z]{2})-(\d{4})")


class ImapFault(StrEnum):
    """What may go wrong; one a session, or at the next command it names."""

    BYE = "bye at the greeting"
    HANG = "hang at the greeting"
    CUT_AT_FETCH = "cut inside a mail"
    ENDLESS_LITERAL = "a literal of a terabyte"
    TORRENT = "lines without end"
    NONSENSE = "no IMAP at all"
    NO_SEARCH = "search refused"


@dataclass(frozen=True, slots=True)
class StoredMail:
    uid: int
    raw: bytes
    came: date


@dataclass(slots=True)
class ImapStandIn:
    """A context manager; ``port`` is a free one. One folder, INBOX."""

    accounts: dict[str, str] = field(default_factory=lambda: {"olga": "s3cret"})
    tls: ssl.SSLContext | None = None
    is_tls_from_the_start: bool = False
    hides_starttls: bool = False
    validity: int = 7
    port: int = field(default=0, init=False)
    mails: list[StoredMail] = field(default_factory=list, init=False)
    commands: list[str] = field(default_factory=list, init=False)
    seen: set[int] = field(default_factory=set, init=False)
    faults: deque[ImapFault] = field(default_factory=deque, init=False)
    _server: Any = field(default=None, init=False)

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Session)
        self._server.owner = self
        self.port = self._server.server_address[1]
        serve = self._server.serve_forever
        threading.Thread(target=serve, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def deliver(self, raw: bytes, *, came: date | None = None) -> int:
        """Put a mail into the inbox; returns its UID."""
        uid = self.mails[-1].uid + 1 if self.mails else 1
        self.mails.append(StoredMail(uid, raw, came or datetime.now(UTC).date()))
        return uid

    def renumber(self) -> None:
        """A new UIDVALIDITY: all UIDs are void."""
        self.validity += 1
        self.mails = [StoredMail(number, each.raw, each.came)
                      for number, each in enumerate(self.mails, 100)]  # fmt: skip


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    owner: ImapStandIn


class _Session(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Server)  # noqa: S101 -- whose handler this is
        self.owner, self.line = server.owner, self.request
        self.user = self.folder = ""
        try:
            if self.owner.tls and self.owner.is_tls_from_the_start:
                self._wrap()
            self.fault = self.owner.faults.popleft() if self.owner.faults else None
            self._talk()
        except (OSError, _HungUpError):
            return  # the client has gone, or was left

    def _talk(self) -> None:
        self.file = self.line.makefile("rb")
        if self.fault is ImapFault.HANG:
            time.sleep(600)
        if self.fault is ImapFault.BYE:
            self._say("* BYE come later")
            return
        self._say("220 smtp.example ESMTP" if self.fault is ImapFault.NONSENSE else "* OK ready")
        while line := self.file.readline(8192):
            tag, _, rest = line.decode("utf-8", "replace").rstrip("\r\n").partition(" ")
            name = rest.split(" ")[0].upper()
            self.owner.commands.append(name if name == "LOGIN" else rest)
            if self._answer(tag, name, rest):
                return

    def _answer(self, tag: str, name: str, rest: str) -> bool:
        """Answer one command; True when the session is over."""
        if name == "LOGOUT":
            self._say("* BYE good bye", f"{tag} OK done")
            return True
        words = rest.split(" ")
        match name:
            case "CAPABILITY":
                starttls = " STARTTLS" if self.owner.tls and not self.owner.hides_starttls else ""
                self._say(f"* CAPABILITY IMAP4rev1{starttls}", f"{tag} OK done")
            case "STARTTLS" if self.owner.tls:
                self._say(f"{tag} OK done")
                self._wrap()
                self.file = self.line.makefile("rb")
            case "NOOP":
                self._say(f"{tag} OK done")
            case "LOGIN":
                self._log_in(tag, rest)
            case "EXAMINE" | "SELECT" if self.user:
                self.folder = name
                way = "READ-ONLY" if name == "EXAMINE" else "READ-WRITE"
                self._say(f"* {len(self.owner.mails)} EXISTS",
                          f"* OK [UIDVALIDITY {self.owner.validity}] valid",
                          f"{tag} OK [{way}]")  # fmt: skip
            case "UID" if self.folder and words[1].upper() == "SEARCH":
                self._search(tag, " ".join(words[2:]))
            case "UID" if self.folder and words[1].upper() == "FETCH":
                self._fetch(tag, " ".join(words[2:]))
            case _:
                self._say(f"{tag} BAD unknown or too early")
        return False

    def _log_in(self, tag: str, rest: str) -> None:
        said = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', rest)[1:]
        user, password = (quoted or plain for quoted, plain in said)
        needs_tls = self.owner.tls and not isinstance(self.line, ssl.SSLSocket)
        if needs_tls or self.owner.accounts.get(user) != password:
            self._say(f"{tag} NO [AUTHENTICATIONFAILED] wrong")
            return
        self.user = user
        self._say(f"{tag} OK done")

    def _search(self, tag: str, asked: str) -> None:
        if self.fault is ImapFault.NO_SEARCH:
            self._say(f"{tag} NO not now")
            return
        if self.fault is ImapFault.TORRENT:
            while True:
                self.line.sendall(b"* SEARCH " + b"1 " * 50_000 + b"\r\n")
        mails = self.owner.mails
        if found := _RANGE.fullmatch(asked):
            last = mails[-1].uid if mails else 0
            ends = sorted((int(found[1]), last if found[2] == "*" else int(found[2])))
            hits = [each.uid for each in mails if ends[0] <= each.uid <= ends[1]]
        elif found := _SINCE.fullmatch(asked):
            day = date(int(found[3]), _MONTHS.index(found[2]) + 1, int(found[1]))
            hits = [each.uid for each in mails if each.came >= day]
        else:
            self._say(f"{tag} BAD search")
            return
        self._say(f"* SEARCH {' '.join(map(str, hits))}".rstrip(), f"{tag} OK done")

    def _fetch(self, tag: str, asked: str) -> None:
        found = _FETCH.fullmatch(asked)
        if not found:
            self._say(f"{tag} BAD fetch")
            return
        uid = int(found[1])
        mail = next((each for each in self.owner.mails if each.uid == uid), None)
        if mail is None:
            self._say(f"{tag} OK nothing")
            return
        if not found[2] and self.folder == "SELECT":
            self.owner.seen.add(uid)
        raw = mail.raw[: int(found[3])] if found[3] else mail.raw
        if self.fault is ImapFault.ENDLESS_LITERAL:
            self._say("* 1 FETCH (UID 1 BODY[] {1099511627776}")
            raise _HungUpError
        head = f"* 1 FETCH (UID {uid} RFC822.SIZE {len(mail.raw)} BODY[]<0> {{{len(raw)}}}\r\n"
        if self.fault is ImapFault.CUT_AT_FETCH:
            self.line.sendall(head.encode() + raw[: len(raw) // 2])
            raise _HungUpError
        self.line.sendall(head.encode() + raw + b")\r\n")
        self._say(f"{tag} OK done")

    def _say(self, *lines: str) -> None:
        self.line.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def _wrap(self) -> None:
        assert self.owner.tls is not None  # noqa: S101 -- asked before
        self.line = self.owner.tls.wrap_socket(self.line, server_side=True)

    def finish(self) -> None:
        try:
            self.line.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            return  # it is closed, or never was a line


class _HungUpError(Exception):
    """The server leaves in the middle of a sentence."""
