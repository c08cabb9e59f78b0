"""The guard against being sent inside: which hosts and addresses the crawler may touch.

``ipaddress.is_global`` is no such guard: it lets NAT64 and 6to4 forms of 127.0.0.1 pass (measured
on Python 3.11 to 3.13). So the tables are our own, from the IANA special-purpose address
registries, and an IPv6 address that carries an IPv4 address is judged by both.

A name is resolved once, every answer is vetted, and the connection is made to a vetted address;
nothing resolves the name a second time.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Final, Protocol

from enrichment.web.pages import NotFetchedError, Reason
from enrichment.web.web_address import Target, parse_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PORTS: Final = frozenset({80, 443})
KEEP_ANSWERS_SECONDS: Final = 300.0
KEPT_HOSTS: Final = 4_096
MAX_ANSWERS: Final = 64

#: IANA IPv4 special-purpose registry, plus Azure's wire server: public in form, inside in fact.
_CLOSED_V4: Final = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
#: Only global unicast is open at all; inside it these are not.
_OPEN_V6: Final = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6: Final = tuple(
    map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20"))
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})  # RFC 5214: the upper half of the interface id

#: RFC 6761, 6762, 8375, ICANN's .internal, and names no public company can own.
_LOCAL_SUFFIXES: Final = (
    ".localhost",
    ".local",
    ".localdomain",
    ".internal",
    ".intranet",
    ".private",
    ".corp",
    ".home",
    ".lan",
    ".home.arpa",
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Resolver(Protocol):
    """Asks the name service."""

    def resolve(self, host: str) -> list[str]:
        """All addresses of ``host``, best first; [] when the name does not exist."""


class SystemResolver:
    """The system's resolver, with an end: ``getaddrinfo`` itself may block for half a minute.

    A question that takes longer than ``seconds`` counts as no answer; its thread is left to
    finish. No trailing dot is added: /etc/hosts would not be read then, and what a search domain
    may add is vetted like any other answer.
    """

    def __init__(self, *, seconds: float = 5.0) -> None:
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(max_workers=32, thread_name_prefix="resolve")

    def resolve(self, host: str) -> list[str]:
        question = self._threads.submit(_getaddrinfo, host)
        try:
            return question.result(timeout=self._seconds)
        except FutureTimeoutError:
            question.cancel()
            return []


class Guard:
    """Says which addresses may be connected to for a target, or why none may.

    With ``via_proxy`` the proxy resolves names, so a name unknown here passes; what is known here
    as an inside address is refused all the same. Answers are kept for five minutes, so one
    crawl sees one answer. Safe to share between threads.
    """

    def __init__(
        self,
        *,
        resolver: Resolver | None = None,
        allow_private: frozenset[tuple[str, int]] = frozenset(),
        via_proxy: bool = False,
    ) -> None:
        self._resolver = resolver or SystemResolver(seconds=2.0 if via_proxy else 5.0)
        self._allow_private = allow_private
        self._via_proxy = via_proxy
        self._answers: OrderedDict[str, tuple[float, tuple[str, ...]]] = OrderedDict()
        self._lock = threading.Lock()

    def vet(self, target: Target) -> tuple[str, ...]:
        """Addresses to connect to; () only for a name that the proxy has to resolve.

        Raises ``NotFetchedError`` for another port than 80 and 443, a local name, a name without
        an address, and a name or literal with any inside address among its answers.
        """
        return self.addresses(target.host, target.port)

    def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """As ``vet``, for a host name or address as ``parse_url`` writes it."""
        is_excepted = (host, port) in self._allow_private
        if port not in PORTS and not is_excepted:
            raise NotFetchedError(Reason.PORT, f"Port {port} is not fetched, only 80 and 443")
        if (literal := _literal(host)) is not None:
            if not is_excepted:
                _refuse_inside(host, literal)
            return (str(literal),)
        if not is_excepted:
            _refuse_local_name(host)
        answers = self._resolve(host)
        if not is_excepted:
            for answer in answers:
                _refuse_inside(host, ipaddress.ip_address(answer))
        if not answers and not self._via_proxy:
            raise NotFetchedError(Reason.NO_ADDRESS, f"The name {host} has no address")
        return answers

    def _resolve(self, host: str) -> tuple[str, ...]:
        now = time.monotonic()
        with self._lock:
            known = self._answers.get(host)
        if known is not None and known[0] > now:
            return known[1]
        found = self._resolver.resolve(host)
        answers = tuple(dict.fromkeys(map(_plain, found[:MAX_ANSWERS])))
        with self._lock:
            self._answers[host] = (now + KEEP_ANSWERS_SECONDS, answers)
            self._answers.move_to_end(host)
            while len(self._answers) > KEPT_HOSTS:
                self._answers.popitem(last=False)
        return answers


def read_exceptions(words: Iterable[str]) -> frozenset[tuple[str, int]]:
    """``CRAWL_ALLOW_PRIVATE`` as ``CrawlPolicy.allow_private`` wants it: "host:port" each.

    Raises ``ValueError`` naming the word that is none.
    """
    found = set()
    for word in words:
        try:
            target = parse_url(f"http://{word.strip()}/")
        except NotFetchedError as exc:
            raise ValueError(f"CRAWL_ALLOW_PRIVATE: {word!r} is no host:port ({exc})") from exc
        if not word.strip().endswith(f":{target.port}"):
            raise ValueError(f"CRAWL_ALLOW_PRIVATE: {word!r} is no host:port (no port)")
        found.add((target.host, target.port))
    return frozenset(found)


def inside_reason(address: str) -> str:
    """Why an address is not on the public internet; "" when it is.

    Unwraps IPv4-mapped and -compatible, NAT64, 6to4, Teredo and ISATAP forms: all addresses
    carried inside must be public too.
    """
    return _inside(ipaddress.ip_address(address))


def _inside(address: Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        closed_v4 = next((net for net in _CLOSED_V4 if address in net), None)
        return f"{address} lies in {closed_v4}" if closed_v4 else ""
    for inner in _carried(address):
        if reason := _inside(inner):
            return f"{address} carries {reason}"
    if address.ipv4_mapped is not None or address in _NAT64:
        return ""
    if address not in _OPEN_V6:
        return f"{address} is not a global unicast address"
    closed_v6 = next((net for net in _CLOSED_V6 if address in net), None)
    return f"{address} lies in {closed_v6}" if closed_v6 else ""


def _carried(address: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    value = int(address)
    if address.ipv4_mapped is not None or address in _NAT64 or address in _COMPATIBLE:
        yield ipaddress.IPv4Address(value & 0xFFFFFFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if (value >> 32) & 0xFFFFFFFF in _ISATAP:
        yield ipaddress.IPv4Address(value & 0xFFFFFFFF)


def _refuse_inside(host: str, address: Address) -> None:
    if reason := _inside(address):
        raise NotFetchedError(
            Reason.PRIVATE_ADDRESS, f"{host} is not on the public internet: {reason}"
        )


def _refuse_local_name(host: str) -> None:
    if "." not in host or host.endswith(_LOCAL_SUFFIXES):
        raise NotFetchedError(Reason.LOCAL_NAME, f"{host} is a local name, not a public site")


def _literal(host: str) -> Address | None:
    # parse_url leaves exactly two forms: dotted decimal and compressed IPv6.
    if ":" not in host and not host[-1:].isdigit():
        return None
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _plain(address: str) -> str:
    """Drop a zone (``fe80::1%eth0``): it is no part of what is vetted or connected to."""
    return address.partition("%")[0]


def _getaddrinfo(host: str) -> list[str]:
    try:
        answers = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        # gaierror is an OSError; no such name and no name service look alike from here
        return []
    return [str(answer[4][0]) for answer in answers]
