"""DNS for the made-up web, over UDP on loopback: does a domain take mail?

Every name exists and takes mail, unless ``behaviour`` says otherwise.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from leadgen_project.sandbox.chance import dice

ADDRESS = "192.0.2.1"  # of the range for documentation


class Name(StrEnum):
    """What a name does when it is asked about."""

    MAIL = "mail"  # has a mail host
    WEB = "web"  # an address alone, which is where its mail goes
    NO_MAIL = "no mail"  # the null MX
    BARE = "bare"  # exists, with neither
    GONE = "gone"
    BROKEN = "broken"
    SILENT = "silent"


def ordinary(name: str) -> Name:
    """Most take mail; of a hundred three refuse it and five have no mail host of their own."""
    throw = dice("dns", name).random()
    return Name.NO_MAIL if throw < 0.03 else Name.WEB if throw < 0.08 else Name.MAIL


@dataclass(slots=True)
class NameServer:
    """A context manager. ``asked``: names and record types in the order they came."""

    behaviour: Callable[[str], Name] = ordinary
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0
    _socket: socket.socket | None = None

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", self.port))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, args=(self._socket,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # nothing is connected, which wakes the reader
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    @property
    def address(self) -> str:
        """For ``DNS_SERVERS``."""
        return f"127.0.0.1:{self.port}"

    def _serve(self, server: socket.socket) -> None:
        while True:
            try:
                wire, peer = server.recvfrom(4096)
            except OSError:
                return
            if not wire:
                return
            with contextlib.suppress(dns.exception.DNSException, OSError):
                answer = self._answer(dns.message.from_wire(wire))
                if answer is not None:
                    server.sendto(answer.to_wire(), peer)

    def _answer(self, question: dns.message.Message) -> dns.message.Message | None:
        asked = question.question[0]
        name, kind = str(asked.name).rstrip(".").lower(), dns.rdatatype.to_text(asked.rdtype)
        self.asked.append((name, kind))
        answer = dns.message.make_response(question)
        match self.behaviour(name), kind:
            case Name.SILENT, _:
                return None
            case Name.BROKEN, _:
                answer.set_rcode(dns.rcode.SERVFAIL)
            case Name.GONE, _:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            case Name.MAIL, "MX":
                answer.answer.append(_record(name, "MX", f"10 mx1.{name}."))
            case Name.NO_MAIL, "MX":
                answer.answer.append(_record(name, "MX", "0 ."))
            case ((Name.MAIL | Name.WEB | Name.NO_MAIL), "A"):
                answer.answer.append(_record(name, "A", ADDRESS))
        return answer


def _record(name: str, kind: str, text: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(f"{name}.", 60, "IN", kind, text)
