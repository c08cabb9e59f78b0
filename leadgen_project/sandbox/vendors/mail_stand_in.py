"""What stand-ins of mail providers share: a journal of accepted mails, and faults around them.

The journal is what a provider has taken, never what the product says. A fault strikes a call of
one kind (``draft``, ``mark``, ``send``, ``look``, ``token``), before or after its work is done.
"""

from __future__ import annotations

import socket
import time
from abc import abstractmethod
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from enum import StrEnum
from threading import Lock
from typing import Any

from leadgen_project.sandbox.chance import dice
from leadgen_project.sandbox.loopback import OnLoopback, Raw, Reply, Request
from leadgen_project.sandbox.vendors.stand_in import question_of, reset

KEY_HEADER = "x-leadgen-key"


class MailFault(StrEnum):
    """What goes wrong. ``AFTER`` ones strike when the provider has done what it was asked."""

    GATEWAY_AFTER = "504 after"
    ERROR_AFTER = "500 after"
    RESET_AFTER = "reset after"
    HANG_AFTER = "hang after"
    WAIT_AFTER = "202 with Retry-After"
    GATEWAY_BEFORE = "504 before"
    UNAVAILABLE_BEFORE = "503 before"
    RESET_BEFORE = "reset before"
    RATE_LIMITED = "429"
    UNAUTHORIZED = "401"
    EXPIRED = "token expired"
    STUCK = "stuck"  # taken, and never gone out
    TWICE = "twice"  # delivered twice by the provider's own doing


AFTER = {MailFault.GATEWAY_AFTER, MailFault.ERROR_AFTER, MailFault.RESET_AFTER,
         MailFault.HANG_AFTER, MailFault.WAIT_AFTER, MailFault.STUCK, MailFault.TWICE}  # fmt: skip
_STATUS = {MailFault.GATEWAY_AFTER: 504, MailFault.GATEWAY_BEFORE: 504, MailFault.ERROR_AFTER: 500,
           MailFault.UNAVAILABLE_BEFORE: 503, MailFault.RATE_LIMITED: 429}  # fmt: skip


@dataclass(slots=True)
class MailCall:
    """One request as it came in; the bearer token is not kept, nor is a form with secrets."""

    at: float
    kind: str
    method: str
    path: str
    mailbox: str = ""
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    question: Any = None
    status: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class AcceptedMail:
    """A mail the provider took to deliver. ``copy`` counts from 1; a 2 is the provider's double."""

    at: float
    mailbox: str
    key: str
    message_id: str
    recipients: tuple[str, ...]
    way: str  # draft, mime, json, raw
    wire: bytes = field(repr=False)
    copy: int = 1

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.wire, policy=modern)


@dataclass(slots=True)
class MailStandIn(OnLoopback):
    """A mail provider on loopback; a context manager.

    ``retry_after``: what 429 and 503 carry, as it goes on the wire. ``faulty``: the kinds of call
    that ``chance_of_fault`` strikes. ``settle_seconds``: how long a sent draft looks like one.
    """

    hang_seconds: float = 120.0
    retry_after: str = "1"
    settle_seconds: float = 0.0
    chance_of_fault: float = 0.0
    likely_faults: tuple[MailFault, ...] = tuple(MailFault)
    faulty: frozenset[str] = frozenset({"draft", "mark", "send"})
    seed: int = 1
    clock: Callable[[], float] = time.monotonic
    calls: list[MailCall] = field(default_factory=list, init=False)
    mails: list[AcceptedMail] = field(default_factory=list, init=False)
    most_at_once: Counter[str] = field(default_factory=Counter, init=False)
    _at_once: Counter[str] = field(default_factory=Counter, init=False)
    _faults: deque[tuple[str, MailFault]] = field(default_factory=deque, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    # --- what a test asks ---------------------------------------------------------------------
    def fail_next(self, *faults: MailFault, on: str = "send") -> None:
        """Spoil the next calls of the kind ``on``, one each, in this order."""
        self._faults.extend((on, fault) for fault in faults)

    @property
    def keys(self) -> Counter[str]:
        """How often each key was accepted, the provider's own doubles left out."""
        return Counter(mail.key for mail in tuple(self.mails) if mail.copy == 1)

    def asked(self, kind: str) -> list[MailCall]:
        return [call for call in tuple(self.calls) if call.kind == kind]

    # --- answering ----------------------------------------------------------------------------
    def answer(self, request: Request) -> Reply | bytes | Raw:
        """Answer one request and write it down. An ``Answer`` for ``LoopbackServer``."""
        kind = self._kind(request)
        call = MailCall(time.monotonic(), kind, request.method, request.path,
                        headers=_harmless(request.headers))  # fmt: skip
        if kind != "token":
            call.question = question_of(request)
        with self._lock:
            self.calls.append(call)
            call.mailbox = self._mailbox_of(request)
            fault = self._next_fault(kind, number=len(self.calls))
            self._enter(call.mailbox)
        try:
            return self._answered(request, call, fault)
        finally:
            with self._lock:
                self._at_once[call.mailbox] -= 1

    def _answered(
        self, request: Request, call: MailCall, fault: MailFault | None
    ) -> Reply | bytes | Raw:
        call.fault = fault or ""
        if fault is MailFault.EXPIRED:
            with self._lock:
                self._expire(request)
        if fault is None or fault is MailFault.EXPIRED:
            with self._lock:
                reply = self._answer(request, call, fault)
            call.status = reply.status
            return reply
        if fault not in AFTER:
            return self._spoil(fault, call)
        with self._lock:
            reply = self._answer(request, call, fault)
        call.status = reply.status
        if reply.status >= 300 or fault in {MailFault.STUCK, MailFault.TWICE}:
            return reply
        return self._spoil(fault, call, reply)

    @abstractmethod
    def _kind(self, request: Request) -> str:
        """``draft``, ``mark``, ``send``, ``look``, ``token``, ``page``, or what a vendor adds."""

    @abstractmethod
    def _answer(self, request: Request, call: MailCall, fault: MailFault | None) -> Reply:
        """The provider's answer. Called by one thread at a time."""

    @abstractmethod
    def _mailbox_of(self, request: Request) -> str:
        """Whose access token the request carries; empty for none or a dead one."""

    @abstractmethod
    def _expire(self, request: Request) -> None:
        """Let the access token of the request end now."""

    @abstractmethod
    def _trouble(self, status: int) -> Reply:
        """A refusal or failure in the provider's own words; 401 to 5xx."""

    def _accept(self, mailbox: str, wire: bytes, *, way: str, fault: MailFault | None) -> None:
        """Take a mail to be delivered, and note it."""
        mail: EmailMessage = message_from_bytes(wire, policy=modern)
        everybody = [each.addr_spec for name in ("to", "cc", "bcc") if mail[name]
                     for each in mail[name].addresses]  # fmt: skip
        for copy in (1, 2) if fault is MailFault.TWICE else (1,):
            self.mails.append(
                AcceptedMail(
                    at=time.monotonic(), mailbox=mailbox, key=str(mail[KEY_HEADER] or ""),
                    message_id=str(mail["Message-ID"] or ""), recipients=tuple(everybody),
                    way=way, wire=wire, copy=copy,
                )
            )  # fmt: skip

    def _enter(self, mailbox: str) -> None:
        self._at_once[mailbox] += 1
        self.most_at_once[mailbox] = max(self.most_at_once[mailbox], self._at_once[mailbox])

    def _next_fault(self, kind: str, *, number: int) -> MailFault | None:
        for place, (wanted, fault) in enumerate(self._faults):
            if wanted == kind:
                del self._faults[place]
                return fault
        chance = dice("mail", self.seed, number)
        if kind in self.faulty and chance.random() < self.chance_of_fault:
            return chance.choice(self.likely_faults)
        return None

    def _spoil(self, fault: MailFault, call: MailCall, reply: Reply | None = None) -> Reply | Raw:
        match fault:
            case MailFault.HANG_AFTER:
                return self._hang
            case MailFault.RESET_AFTER | MailFault.RESET_BEFORE:
                return reset
            case MailFault.WAIT_AFTER if reply is not None:
                waits = (*reply.headers, ("Retry-After", self.retry_after))
                return Reply(reply.status, reply.body, reply.content_type, waits)
            case MailFault.UNAUTHORIZED:
                call.status = 401
                return self._trouble(401)
        call.status = _STATUS[fault]
        return self._trouble(call.status)

    def _hang(self, connection: socket.socket) -> None:
        """Say nothing until the client has had enough of it."""
        connection.settimeout(self.hang_seconds)
        connection.recv(1)


def _harmless(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "authorization"}
