"""Connect to a mail server a tenant named: vetted, over TLS, with an end.

The address is typed by people of a tenant, so it must not lead inside the deployment: a name is
resolved once, every answer is vetted, and the connection goes to a vetted address. Servers of the
house (a relay, a stand-in) are named in ``MAIL_ALLOW_PRIVATE``.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.conf import settings

from enrichment.web.guard import SystemResolver, inside_reason

MOST_ANSWERS = 8  # addresses tried, one after the other
CONNECT_SECONDS = 15.0


class Security(StrEnum):
    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class MailServerError(Exception):
    """The server is not one we may or can talk to. ``lasts``: until somebody changes something."""

    def __init__(self, sentence: str, *, code: str, lasts: bool) -> None:
        super().__init__(sentence)
        self.sentence, self.code, self.lasts = sentence, code, lasts


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where a server listens, who signs in there, and how the line is kept private."""

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = ""

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"MailServer({self.name}, {self.security})"  # no password in a traceback


def read_server(options: dict[str, Any], *, password: str, prefix: str = "") -> MailServer:
    """The server in a mailbox's options: ``host``, ``port``, ``security``, ``user``.

    With ``prefix`` "imap_" those of its inbox, which share user and password unless named. Raises
    ``MailServerError`` that says what is missing.
    """
    host = str(options.get(f"{prefix}host") or "").strip().lower()
    default = _PORTS[prefix]
    port = options.get(f"{prefix}port") or default
    if not host:
        raise MailServerError("Name the mail server (host).", code="no_host", lasts=True)
    if not isinstance(port, int) or not 0 < port < 65536:
        raise MailServerError(f"{port!r} is no port.", code="no_port", lasts=True)
    wanted = options.get(f"{prefix}security") or _SECURITY.get(port, Security.STARTTLS)
    try:
        security = Security(wanted)
    except ValueError:
        raise MailServerError(
            f"{wanted!r} is no way to secure a line: starttls, tls or none.",
            code="no_security", lasts=True,
        ) from None  # fmt: skip
    user = str(options.get(f"{prefix}user") or options.get("user") or "")
    return MailServer(host, port, security, user, password if user else "")


def connect(server: MailServer, *, context: ssl.SSLContext | None = None) -> socket.socket:
    """A connected socket, already under TLS for ``Security.TLS``. Raises ``MailServerError``.

    Without TLS a password goes to servers of ``MAIL_ALLOW_PRIVATE`` alone.
    """
    _refuse_open_password(server)
    trouble = ""
    for address in _vetted(server):
        try:
            plain = socket.create_connection((address, server.port), timeout=CONNECT_SECONDS)
        except OSError as exc:
            trouble = str(exc.strerror or exc)
            continue
        if server.security is not Security.TLS:
            return plain
        return under_tls(plain, server, context=context)
    raise MailServerError(
        f"{server.name} cannot be reached ({trouble}).", code="unreachable", lasts=False
    )


def under_tls(
    plain: socket.socket, server: MailServer, *, context: ssl.SSLContext | None = None
) -> ssl.SSLSocket:
    """``plain`` under TLS, with the certificate checked. Raises ``MailServerError``."""
    try:
        return (context or tls_context()).wrap_socket(plain, server_hostname=server.host)
    except ssl.SSLError as exc:
        plain.close()
        raise tls_trouble(server, exc) from None
    except OSError as exc:
        plain.close()
        raise MailServerError(
            f"{server.name} broke off while the line was secured ({type(exc).__name__}).",
            code="unreachable", lasts=False,
        ) from None  # fmt: skip


def tls_context() -> ssl.SSLContext:
    """Whom the system trusts (``SSL_CERT_FILE`` adds a house's own authority); TLS 1.2 or later."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def tls_trouble(server: MailServer, exc: ssl.SSLError) -> MailServerError:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return MailServerError(
            f"{server.name} shows a certificate that does not hold: {exc.verify_message}."
            " Nothing was sent.", code="certificate", lasts=True,
        )  # fmt: skip
    return MailServerError(
        f"{server.name} does not speak TLS as it should ({exc.reason or type(exc).__name__})."
        " Nothing was sent.", code="tls", lasts=not isinstance(exc, ssl.SSLEOFError),
    )  # fmt: skip


@contextmanager
def ends_within(seconds: float, *, sockets: list[socket.socket]) -> Iterator[None]:
    """Cut the sockets in the list when the time is up, so that a server that drips holds nobody."""

    def cut() -> None:
        for each in sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it was closed already

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Bounded:
    """A file of a socket that ends a server's torrent: no more than ``most`` bytes are read."""

    def __init__(self, file: Any, *, most: int) -> None:
        self._file, self._left = file, most

    def readline(self, size: int = -1) -> bytes:
        return self._counted(self._file.readline(size))

    def read(self, size: int = -1) -> bytes:
        return self._counted(self._file.read(size))

    def close(self) -> None:
        self._file.close()

    def _counted(self, got: bytes) -> bytes:
        self._left -= len(got)
        if self._left < 0:
            raise OSError("the server said too much")
        return got


def is_of_the_house(server: MailServer) -> bool:
    return server.name in settings.MAIL_ALLOW_PRIVATE


def seconds_left(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0.01)


_PORTS = {"": 587, "imap_": 993}
_SECURITY = {465: Security.TLS, 993: Security.TLS}
_RESOLVER = SystemResolver(seconds=5.0)


def _vetted(server: MailServer) -> list[str]:
    found = _RESOLVER.resolve(server.host)[:MOST_ANSWERS]
    if not found:
        raise MailServerError(
            f"The name {server.host} has no address.", code="no_address", lasts=False
        )
    if not is_of_the_house(server):
        for address in found:
            if inside_reason(address):
                raise MailServerError(
                    f"{server.host} is inside this deployment's network; it may be used once"
                    f" {server.name} stands in MAIL_ALLOW_PRIVATE.", code="inside", lasts=True,
                )  # fmt: skip
    return found


def _refuse_open_password(server: MailServer) -> None:
    if server.security is Security.NONE and server.password and not is_of_the_house(server):
        raise MailServerError(
            f"{server.name} is set to no encryption; a password is not sent in the clear."
            " Choose starttls or tls.", code="clear_password", lasts=True,
        )  # fmt: skip
