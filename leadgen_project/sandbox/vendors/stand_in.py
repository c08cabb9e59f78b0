"""What every vendor's stand-in shares: keys, a journal of calls, and faults on demand.

A vendor adds ``_answer``: strict about its contract, the same answer for the same question. Faults
are taken from a queue, one a call, or with a chance that depends on seed and call number alone.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import Any

from leadgen_project.sandbox.chance import dice
from leadgen_project.sandbox.loopback import OnLoopback, Raw, Reply, Request


class Fault(StrEnum):
    """What may go wrong on the way to a vendor. ``AFTER`` ones strike when it has charged."""

    RATE_LIMITED = "429"
    ERROR = "500"
    UNAVAILABLE = "503"
    RESET = "reset"  # before anything was done
    RESET_AFTER = "reset after"
    HANG = "hang"
    SLOW = "slow"
    MALFORMED = "malformed"  # after
    TRUNCATED = "truncated"  # after
    HTML = "html"  # a protective layer's page


AFTER = {Fault.RESET_AFTER, Fault.SLOW, Fault.MALFORMED, Fault.TRUNCATED}


@dataclass(slots=True)
class VendorCall:
    """One request as it came in. ``units`` is what the vendor charged for it."""

    at: float
    method: str
    path: str
    key: str
    question: Any  # the body's JSON, else the query
    status: int = 0
    units: int = 0
    fault: str = ""


@dataclass(slots=True)
class VendorStandIn(OnLoopback):
    """A vendor on loopback; a context manager. ``keys``: those that are accepted.

    ``credits``: how many units the account has left; None for no end.
    """

    keys: set[str] = field(default_factory=lambda: {"sandbox-key"})
    credits: int | None = None
    hang_seconds: float = 120.0
    slow_seconds: float = 2.0
    chance_of_fault: float = 0.0
    likely_faults: tuple[Fault, ...] = (Fault.ERROR, Fault.RATE_LIMITED, Fault.RESET)
    seed: int = 1
    calls: list[VendorCall] = field(default_factory=list, init=False)
    _faults: deque[Fault] = field(default_factory=deque, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    # --- what a test asks ---------------------------------------------------------------------
    def fail_next(self, *faults: Fault) -> None:
        """Spoil the next calls, one each, in this order."""
        self._faults.extend(faults)

    @property
    def charged(self) -> int:
        """Units charged so far."""
        return sum(call.units for call in tuple(self.calls))

    def asked(self, path: str = "") -> list[VendorCall]:
        """Calls in the order they came, all or those whose path starts with ``path``."""
        return [call for call in tuple(self.calls) if call.path.startswith(path)]

    # --- answering ----------------------------------------------------------------------------
    def answer(self, request: Request) -> Reply | bytes | Raw:
        """Answer one request and write it down. An ``Answer`` for ``LoopbackServer``."""
        call = VendorCall(time.monotonic(), request.method, request.path, self._key(request),
                          question_of(request))  # fmt: skip
        with self._lock:
            self.calls.append(call)
            fault = self._next_fault(len(self.calls))
        call.fault = fault or ""
        if fault is not None and fault not in AFTER:
            return self._spoil(fault, call)
        with self._lock:
            reply = self._answer(request, call)
        call.status = reply.status
        return self._spoil(fault, call, reply) if fault is not None else reply

    @abstractmethod
    def _answer(self, request: Request, call: VendorCall) -> Reply:
        """The vendor's answer; sets ``call.units``. Called by one thread at a time."""

    @abstractmethod
    def _key(self, request: Request) -> str:
        """The key the request carries, where the contract puts it."""

    def _trouble(self, status: int) -> Reply:
        """A 429 or 5xx in the vendor's own words."""
        return reply_json({"error": "trouble (Sandbox)"}, status)

    def _charge(self, call: VendorCall, units: int) -> bool:
        """Take ``units`` from the account; False, and nothing taken, when it has too few."""
        if self.credits is not None:
            if self.credits < units:
                return False
            self.credits -= units
        call.units = units
        return True

    def _next_fault(self, number: int) -> Fault | None:
        if self._faults:
            return self._faults.popleft()
        chance = dice("vendor", self.seed, number)
        if chance.random() < self.chance_of_fault:
            return chance.choice(self.likely_faults)
        return None

    def _spoil(self, fault: Fault, call: VendorCall, reply: Reply | None = None) -> Reply | Raw:
        match fault:
            case Fault.RATE_LIMITED | Fault.ERROR | Fault.UNAVAILABLE:
                call.status = int(fault)
                return self._trouble(call.status)
            case Fault.HANG:
                return lambda _connection: time.sleep(self.hang_seconds)
            case Fault.HTML:
                call.status = 403
                return Reply(403, b"<!doctype html><title>Just a moment (Sandbox)</title>")
            case Fault.MALFORMED:
                return Reply(200, b'{"results": [', "application/json")
            case Fault.SLOW if reply is not None:
                time.sleep(self.slow_seconds)
                return reply
            case Fault.TRUNCATED if reply is not None:
                wire = reply.wire()
                kept = len(wire) - len(reply.body) // 2 - 1
                return lambda connection: connection.sendall(wire[:kept])
        return reset


def reset(connection: socket.socket) -> None:
    """Hang up with a RST instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def question_of(request: Request) -> Any:
    """The body's JSON, else the query; what is no JSON as text."""
    if not request.body:
        return request.query
    try:
        return json.loads(request.body)
    except ValueError:
        return request.body.decode("utf-8", "replace")


def reply_json(value: Any, status: int = 200, *, headers: Iterable[tuple[str, str]] = ()) -> Reply:
    return Reply(status, json.dumps(value).encode(), "application/json", tuple(headers))
