"""A small, scriptable web on loopback: real sockets, made-up hosts, and a journal of all it saw."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext

from enrichment.web.fetch import Fetcher
from enrichment.web.pages import CrawlPolicy

AGENT = "leadgen/1.0 (+https://leadgen.example/bot; bot@leadgen.example)"

#: writes a whole answer, status line included, to the socket file
Speak = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Reply:
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/html"})


@dataclass
class Seen:
    host: str
    path: str
    agent: str
    began: float
    ended: float = 0.0


def html(title: str, *links: str, text: str = "", head: str = "") -> Reply:
    anchors = "".join(f'<a href="{link}">{link.strip("/") or "home"}</a> ' for link in links)
    page = f"<html><head><title>{title}</title>{head}</head><body><h1>{title}</h1><p>{text}</p>"
    return Reply(f"{page}{anchors}</body></html>".encode())


def redirect(to: str, status: int = 302, **headers: str) -> Reply:
    return Reply(status=status, headers={"Location": to, **headers})


def silent(_handler: BaseHTTPRequestHandler) -> None:
    """As a page: the server accepts the request and says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class Web:
    """Serves ``pages[(host, path)]`` or ``pages[path]``; 404 for everything else.

    A page ``silent`` is never answered while the web is up.
    """

    def __init__(self, pages: Mapping, *, tls: SSLContext | None = None) -> None:
        self.pages = dict(pages)
        self.journal: list[Seen] = []
        self.connections = 0
        self._ended = threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20

            def setup(self) -> None:
                super().setup()
                web.connections += 1

            def do_GET(self) -> None:
                web.answer(self)

            def do_CONNECT(self) -> None:
                web.answer(self)

            def log_message(self, *args: object) -> None:
                """The journal is enough."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # clients hang up in the middle: the point
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.daemon = True

    def __enter__(self) -> Web:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        host = handler.headers.get("Host", "").partition(":")[0]
        agent = handler.headers.get("User-Agent", "")
        seen = Seen(host, handler.path, agent, time.monotonic())
        self.journal.append(seen)
        reply = self.pages.get(
            (host, handler.path), self.pages.get(handler.path, Reply(status=404))
        )
        try:
            if reply is silent:
                self._ended.wait(600)
            elif callable(reply):
                reply(handler)
                handler.close_connection = True
            else:
                self._write(handler, reply)
        finally:
            seen.ended = time.monotonic()

    def _write(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(reply.body)))
        handler.end_headers()
        handler.wfile.write(reply.body)

    def url(self, path: str = "/", *, host: str = "acme.example", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def paths(self, host: str = "") -> list[str]:
        return [seen.path for seen in self.journal if host in ("", seen.host)]


class Names:
    """A resolver by table; ``asked`` tells what it was asked. Several lists: one per question."""

    def __init__(self, table: Mapping[str, list], *, default: str | None = "127.0.0.1") -> None:
        self._table = dict(table)
        self._default = default
        self.asked: list[str] = []

    def resolve(self, host: str) -> list[str]:
        self.asked.append(host)
        answers = self._table.get(host)
        if answers is None:
            return [self._default] if self._default else []
        if answers and isinstance(answers[0], list):
            return answers.pop(0) if len(answers) > 1 else answers[0]
        return answers


def policy(web: Web, *hosts: str, **changes: object) -> CrawlPolicy:
    """Limits no busy machine reaches, and the made-up hosts of ``web`` let through the guard."""
    allowed = frozenset((host, web.port) for host in hosts or ("acme.example",))
    limits = {
        "delay_seconds": 0.0,
        "connect_seconds": 20.0,
        "read_seconds": 20.0,
        "total_seconds": 40.0,
        "site_seconds": 90.0,
        "allow_private": allowed,
    }
    return CrawlPolicy(AGENT, **{**limits, **changes})


def fetcher(limits: CrawlPolicy, *, names: Names | None = None, **kwargs: object) -> Fetcher:
    return Fetcher(limits, resolver=names or Names({}), **kwargs)
