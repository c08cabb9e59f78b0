"""Sockets with an end, and connections that go to a vetted address and nowhere else.

Python's socket time-out restarts with each byte, so a server that drips one byte every few seconds
holds a thread for ever. Here each read gets what is left of the whole exchange's time. The limit
is thread-local because one exchange is made by one thread from beginning to end.
"""

from __future__ import annotations

import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import certifi
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from enrichment.web.guard import Guard
from enrichment.web.pages import NotFetchedError, Reason

MAX_ADDRESSES_TRIED = 3
#: Servers that write headers and body apart wait for our ACK in between, which the kernel holds
#: back for 40 ms: 44 ms a page against 1 ms on loopback. Linux only, and forgotten with each read.
_QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)

#: (host, port, seconds) -> a connected socket
Dial = Callable[[str, int, float], socket.socket]


class _Limit(threading.local):
    until: float = math.inf
    read_seconds: float = 10.0


_limit = _Limit()


@contextmanager
def time_limit(*, total_seconds: float, read_seconds: float) -> Iterator[None]:
    """Give everything read and written in this thread an end, ``TimeoutError`` beyond it."""
    _limit.until = time.monotonic() + total_seconds
    _limit.read_seconds = read_seconds
    try:
        yield
    finally:
        _limit.until = math.inf


def _left() -> float:
    left = _limit.until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the exchange took too long")
    return min(left, _limit.read_seconds)


class _Limited:
    """Mixed into the socket classes: each operation gets what is left of the exchange's time."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(_left())  # type: ignore[attr-defined]
        if _QUICK_ACK is not None:
            self.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)  # type: ignore[attr-defined]
        return super().recv_into(*args, **kwargs)  # type: ignore[misc]

    def recv(self, *args: Any, **kwargs: Any) -> bytes:
        self.settimeout(_left())  # type: ignore[attr-defined]
        return super().recv(*args, **kwargs)  # type: ignore[misc]

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(_left())  # type: ignore[attr-defined]
        super().sendall(*args, **kwargs)  # type: ignore[misc]


class LimitedSocket(_Limited, socket.socket):
    """A plain socket whose reads end with the exchange."""


class LimitedTLSSocket(_Limited, ssl.SSLSocket):
    """A TLS socket whose reads end with the exchange."""


@cache
def tls_context(*, ca_file: str | None = None) -> ssl.SSLContext:
    """Verify against the system's store and certifi's, plus ``ca_file``; TLS 1.2 and up.

    Reading the stores takes 30 ms, so a process does it once.
    """
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = LimitedTLSSocket
    return context


def dial_vetted(guard: Guard) -> Dial:
    """A dialler that connects to the guard's addresses for a host: no second look-up."""

    def dial(host: str, port: int, seconds: float) -> socket.socket:
        addresses = guard.addresses(host, port)
        if not addresses:
            raise NotFetchedError(Reason.NO_ADDRESS, f"The name {host} has no address")
        return _connect(addresses, host=host, port=port, seconds=seconds)

    return dial


def dial_proxy(host: str, port: int, seconds: float) -> socket.socket:
    """Connect to the operator's own proxy, which may well stand inside."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise NotFetchedError(Reason.CONNECT_FAILED, f"CRAWL_PROXY {host}: {exc}") from exc
    addresses = tuple(dict.fromkeys(str(answer[4][0]) for answer in found))
    return _connect(addresses, host=f"CRAWL_PROXY {host}", port=port, seconds=seconds)


def _connect(addresses: tuple[str, ...], *, host: str, port: int, seconds: float) -> socket.socket:
    problem = "no address"
    for address in addresses[:MAX_ADDRESSES_TRIED]:
        sock = LimitedSocket(
            socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM
        )
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(min(seconds, _left()))
            sock.connect((address, port))
        except OSError as exc:
            sock.close()
            problem = str(exc)
            continue
        return sock
    raise NotFetchedError(
        Reason.CONNECT_FAILED, f"No connection to {host} on port {port}: {problem}"
    )


class _Dialled:
    """Mixed into urllib3's connections: the socket comes from our dialler."""

    def __init__(self, *args: Any, dial: Dial, connect_seconds: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dial = dial
        self._connect_seconds = connect_seconds

    def _new_conn(self) -> socket.socket:
        return self._dial(self._dns_host, self.port, self._connect_seconds)  # type: ignore[attr-defined]


class _DialledHTTP(_Dialled, HTTPConnection):
    pass


class _DialledHTTPS(_Dialled, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _DialledHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _DialledHTTPS


def direct_pools(
    guard: Guard, *, connect_seconds: float, tls: ssl.SSLContext, hosts: int
) -> PoolManager:
    """Connection pools that reach vetted addresses only; ``hosts`` are kept alive at a time."""
    manager = PoolManager(num_pools=hosts, maxsize=1, block=False, ssl_context=tls)
    _use_dialler(manager, dial=dial_vetted(guard), connect_seconds=connect_seconds)
    return manager


def proxied_pools(
    proxy: str, *, headers: dict[str, str], connect_seconds: float, tls: ssl.SSLContext, hosts: int
) -> ProxyManager:
    """Connection pools through the operator's proxy: by name for http, CONNECT for https."""
    manager = ProxyManager(
        proxy, proxy_headers=headers, num_pools=hosts, maxsize=16, block=False, ssl_context=tls
    )
    _use_dialler(manager, dial=dial_proxy, connect_seconds=connect_seconds)
    return manager


def _use_dialler(manager: PoolManager, *, dial: Dial, connect_seconds: float) -> None:
    manager.pool_classes_by_scheme = {  # called like the classes they stand for
        "http": partial(_HTTPPool, dial=dial, connect_seconds=connect_seconds),  # type: ignore[dict-item]
        "https": partial(_HTTPSPool, dial=dial, connect_seconds=connect_seconds),  # type: ignore[dict-item]
    }
