"""A small, quick HTTP/1.1 server for stand-ins, on loopback only.

``http.server`` parses headers with the e-mail package and answers about a thousand requests a
second here; this one keeps to what stand-ins need (keep-alive, bodies by Content-Length,
misbehaviour on demand) and answers several times that.
"""

import contextlib
import socket
import socketserver
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 1024 * 1024
IDLE_SECONDS = 30.0


@dataclass(slots=True)
class Request:
    """One request as read from the wire; header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def is_absolute(self) -> bool:
        """Whether the client used us as a proxy (``GET http://host/path``)."""
        return "://" in self.target

    @property
    def host(self) -> str:
        """The host asked for, lower case, with the port if one was written."""
        if self.is_absolute:
            return urlsplit(self.target).netloc.rpartition("@")[2].lower()
        return self.headers.get("host", "").lower()

    @property
    def path(self) -> str:
        """The path without the query, at least ``/``."""
        return (urlsplit(self.target).path if self.is_absolute else self._own_path()) or "/"

    @property
    def path_and_query(self) -> str:
        if not self.is_absolute:
            return self.target or "/"
        parts = urlsplit(self.target)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    @property
    def query(self) -> dict[str, str]:
        """The query's values; the last one of a name wins."""
        return dict(parse_qsl(self.path_and_query.partition("?")[2], keep_blank_values=True))

    def _own_path(self) -> str:
        return self.target.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Reply:
    """An ordinary answer. ``headers`` may repeat names; nothing is checked, traps need that."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()

    def wire(self, *, head_only: bool = False) -> bytes:
        """Return the bytes of the answer with its Content-Length."""
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}"]
        if self.content_type:
            lines.append(f"Content-Type: {self.content_type}")
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        head = "\r\n".join(lines).encode("latin-1")
        return head if head_only else head + self.body


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unnamed"


Raw = Callable[[socket.socket], None]
"""Misbehaviour: writes to the connection itself; the server closes the connection after it."""
Answer = Callable[[Request], Reply | bytes | Raw]
"""What a stand-in is: bytes are sent as they are, with the connection kept."""


@dataclass(slots=True)
class LoopbackServer:
    """Serves one ``Answer`` on 127.0.0.1, a thread per connection. A context manager."""

    answer: Answer
    port: int = 0
    _server: "_Threads | None" = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Open the port (a free one for 0) and serve until ``stop``."""
        self._server = _Threads(("127.0.0.1", self.port), _Connection)
        self._server.answer = self.answer
        self.port = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def stop(self) -> None:
        """Close the port and every open connection. A second call does nothing."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._server = None

    def __enter__(self) -> Self:
        return self if self._server else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


@dataclass(slots=True)
class OnLoopback(ABC):
    """A service that is served while its block runs. Port 0 becomes a free one."""

    port: int = field(default=0, kw_only=True)
    _server: LoopbackServer | None = field(default=None, init=False, repr=False)

    @property
    def url(self) -> str:
        """The base address for the setting of whoever calls it."""
        return f"http://127.0.0.1:{self.port}"

    @abstractmethod
    def answer(self, request: Request) -> Reply | bytes | Raw:
        """See ``Answer``."""

    def __enter__(self) -> Self:
        self._server = LoopbackServer(self.answer, self.port).start()
        self.port = self._server.port
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.stop()


class _Threads(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512
    answer: Answer

    def __init__(
        self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler]
    ) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def process_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        if isinstance(request, socket.socket):
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):  # the other side may have gone first
                connection.shutdown(socket.SHUT_RDWR)


class _Connection(socketserver.BaseRequestHandler):
    request: socket.socket
    server: _Threads

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.settimeout(IDLE_SECONDS)
        self._waiting = b""
        with contextlib.suppress(OSError):  # clients of traps hang up whenever they like
            while self._serve_one():
                pass

    def _serve_one(self) -> bool:
        request = self._read()
        if request is None:
            return False
        answer = self.server.answer(request)
        head_only = request.method == "HEAD"
        if isinstance(answer, Reply):
            answer = answer.wire(head_only=head_only)
        elif isinstance(answer, bytes) and head_only:
            answer = answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        if not isinstance(answer, bytes):
            answer(self.request)
            return False
        self.request.sendall(answer)
        return request.headers.get("connection", "").lower() != "close"

    def _read(self) -> Request | None:
        while b"\r\n\r\n" not in self._waiting:
            if not self._receive() or len(self._waiting) > MAX_HEAD_BYTES:
                return None
        head, _, self._waiting = self._waiting.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, _, rest = first.partition(" ")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = headers.get("content-length", "0")
        size = min(int(length) if length.isdigit() else 0, MAX_BODY_BYTES)
        while len(self._waiting) < size:
            if not self._receive():
                return None
        body, self._waiting = self._waiting[:size], self._waiting[size:]
        return Request(method, rest.rpartition(" ")[0], headers, body)

    def _receive(self) -> bool:
        chunk = self.request.recv(65536)
        self._waiting += chunk
        return bool(chunk)
