"""A real SMTP server on loopback (aiosmtpd) with a journal, and faults on demand.

It is strict about what a submission server is strict about: STARTTLS before a password, a password
before mail, one dialogue in order. Faults are taken from a queue, one a mail.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Thread
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session, syntax

GREETING_WORDS = "mail.sandbox.example"


class SmtpFault(StrEnum):
    """What may go wrong with a mail. ``CUT_DONE``, ``HANG_DONE``: the server has taken it."""

    BUSY = "421 greeting"
    NO_SERVICE = "554 greeting"
    SENDER_REFUSED = "553 sender"
    GREYLISTED = "451 recipient"
    NO_SUCH_USER = "550 recipient"
    RELAY_DENIED = "554 relay"
    CUT_BEFORE = "cut at DATA"
    CUT_INSIDE = "cut inside the data"
    LATER = "452 after the dot"
    POLICY = "554 after the dot"
    UNAUTHENTICATED = "550 5.7.26 after the dot"
    CLOSING = "421 after the dot"
    ODD = "399 after the dot"
    CUT_UNDONE = "cut after the dot, not taken"
    CUT_DONE = "cut after the dot, taken"
    HANG_DONE = "hang after the dot, taken"
    HANG = "hang before the greeting"
    DRIP = "drip"
    TORRENT = "torrent"


AT_GREETING = {
    SmtpFault.BUSY: "421 4.3.2 Sandbox is closing, come later",
    SmtpFault.NO_SERVICE: "554 5.3.2 Sandbox takes no mail",
}
AT_RECIPIENT = {
    SmtpFault.GREYLISTED: "451 4.7.1 Greylisted, try again in five minutes",
    SmtpFault.NO_SUCH_USER: "550 5.1.1 User unknown",
    SmtpFault.RELAY_DENIED: "554 5.7.1 Relay access denied",
}
AFTER_THE_DOT = {
    SmtpFault.LATER: "452 4.3.1 Insufficient system storage",
    SmtpFault.POLICY: "554 5.7.1 Message rejected as spam",
    SmtpFault.UNAUTHENTICATED: "550 5.7.26 This mail is unauthenticated (DMARC)",
    SmtpFault.CLOSING: "421 4.3.2 Service shutting down",
    SmtpFault.ODD: "399 So what",
}


@dataclass(frozen=True, slots=True)
class TakenMail:
    """A mail the server has taken, and as whom the client had signed in."""

    sender: str
    recipients: tuple[str, ...]
    wire: bytes
    user: str
    was_private: bool  # over TLS


@dataclass(slots=True)
class SmtpStandIn:
    """A context manager; ``port`` is a free one. ``accounts``: user -> password, none: open."""

    accounts: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    is_tls_from_the_start: bool = False
    hides_starttls: bool = False
    most_bytes: int = 33_554_432
    port: int = field(default=0, init=False)
    mails: list[TakenMail] = field(default_factory=list, init=False)
    sessions: int = field(default=0, init=False)
    commands: list[str] = field(default_factory=list, init=False)
    _faults: deque[SmtpFault] = field(default_factory=deque, init=False)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop, init=False)

    def __enter__(self) -> Self:
        Thread(target=self._loop.run_forever, daemon=True).start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(30)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(_end_all(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)

    def fail_next(self, *faults: SmtpFault) -> None:
        """Spoil the next sessions, one each, in this order."""
        self._faults.extend(faults)

    def next_fault(self) -> SmtpFault | None:
        self.sessions += 1
        return self._faults.popleft() if self._faults else None

    async def _listen(self) -> int:
        server = await self._loop.create_server(
            lambda: _Dialogue(self), "127.0.0.1", 0,
            ssl=self.tls if self.is_tls_from_the_start else None,
        )  # fmt: skip
        port: int = server.sockets[0].getsockname()[1]
        return port


async def _end_all() -> None:
    """Close every dialogue that hangs."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class _Handler:
    """aiosmtpd's hooks: what the server says to each step."""

    def __init__(self, owner: SmtpStandIn, fault: SmtpFault | None) -> None:
        self._owner, self._fault = owner, fault

    async def handle_MAIL(  # noqa: N802 -- aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._fault is SmtpFault.SENDER_REFUSED:
            return "553 5.7.1 Sender address rejected: not owned by user"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._fault in AT_RECIPIENT:
            return AT_RECIPIENT[self._fault]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 -- aiosmtpd's name
        self, server: _Dialogue, session: Session, envelope: Envelope
    ) -> str:
        if self._fault in AFTER_THE_DOT:
            return AFTER_THE_DOT[self._fault]
        if self._fault is not SmtpFault.CUT_UNDONE:
            private = self._owner.is_tls_from_the_start or session.ssl is not None
            self._owner.mails.append(_taken(session, envelope, was_private=private))
        if self._fault in {SmtpFault.CUT_UNDONE, SmtpFault.CUT_DONE}:
            server.hang_up()
        if self._fault is SmtpFault.HANG_DONE:
            await asyncio.sleep(600)
        return "250 2.0.0 OK: queued as sandbox"


class _Dialogue(SMTP):
    """One session; the fault it was dealt strikes where its name says."""

    def __init__(self, owner: SmtpStandIn) -> None:
        self._owner, self._fault = owner, owner.next_fault()
        self._said = 0
        starttls = None if owner.is_tls_from_the_start or owner.hides_starttls else owner.tls
        super().__init__(
            _Handler(owner, self._fault), hostname=GREETING_WORDS, data_size_limit=owner.most_bytes,
            tls_context=starttls, auth_required=bool(owner.accounts),
            auth_require_tls=owner.tls is not None and not owner.is_tls_from_the_start,
            authenticator=self._may_enter if owner.accounts else None, loop=owner._loop,  # noqa: SLF001
        )  # fmt: skip

    def hang_up(self) -> None:
        assert isinstance(self.transport, asyncio.Transport)  # noqa: S101 -- it came over a line
        self.transport.abort()

    async def push(self, status: Any) -> None:
        self._said += 1
        if self._said == 1:
            if self._fault is SmtpFault.HANG:
                await asyncio.sleep(600)
            if self._fault is SmtpFault.TORRENT:
                await self._pour()
            if self._fault in AT_GREETING:
                status = AT_GREETING[self._fault]
        if self._fault is SmtpFault.DRIP:
            await self._drip()
        await super().push(status)

    async def _pour(self) -> None:
        assert self._writer is not None  # noqa: S101 -- the session is open
        for _ in range(20_000):
            self._writer.write(b"220-" + b"x" * 500 + b"\r\n")
            await self._writer.drain()

    async def _drip(self) -> None:
        assert self._writer is not None  # noqa: S101 -- the session is open
        for _ in range(6000):
            self._writer.write(b"2")
            await self._writer.drain()
            await asyncio.sleep(0.1)

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 -- aiosmtpd's name
        self._owner.commands.append("DATA")
        if self._fault is SmtpFault.CUT_BEFORE:
            self.hang_up()
            return
        if self._fault is SmtpFault.CUT_INSIDE:
            await self.push("354 Go on")
            assert self._reader is not None  # noqa: S101 -- the session is open
            await self._reader.read(100)
            self.hang_up()
            return
        await super().smtp_DATA(arg)

    def _may_enter(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        self._owner.commands.append(f"AUTH {mechanism}")
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        user = data.login.decode("utf-8", "replace")
        right = self._owner.accounts.get(user) == data.password.decode("utf-8", "replace")
        return AuthResult(success=right, handled=False, auth_data=user if right else None)


def _taken(session: Session, envelope: Envelope, *, was_private: bool) -> TakenMail:
    content = envelope.content
    return TakenMail(
        envelope.mail_from or "", tuple(envelope.rcpt_tos),
        content if isinstance(content, bytes) else (content or "").encode(),
        str(session.auth_data or ""), was_private,
    )  # fmt: skip
