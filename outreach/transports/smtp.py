"""A mailbox that sends over SMTP (RFC 5321, submission by RFC 6409).

Up to the final dot the server holds no mail, so an attempt that breaks before it may be repeated.
From the first byte of the dot on, only a reply settles the matter: 2yz has it, 4yz and 5yz have
not ("the requested action did not occur", RFC 5321 4.2.1), silence leaves it unclear, and nobody
can be asked.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from contextlib import suppress
from email import policy
from email.message import EmailMessage
from urllib.parse import urlsplit

from django.conf import settings

from outreach.bounces.bounce_words import Says, meaning
from outreach.mailboxes.mail_server import (
    Bounded,
    MailServer,
    MailServerError,
    Security,
    connect,
    ends_within,
    read_server,
    tls_context,
    under_tls,
)
from outreach.models import Mailbox
from outreach.transports.interface import (
    Capabilities,
    Fault,
    Outcome,
    Result,
    Trace,
    TransportError,
)
from outreach.transports.open import NoTransportError
from tenants.secrets import decrypt

SECONDS = 80.0  # of one attempt, all told; the interface allows 90
MOST_SAID = 256 * 1024  # bytes of replies in one session
SERVER_BUSY = 300.0  # seconds a mailbox keeps still when its server has no time (contract: 5 min)
_WIRE = policy.SMTP.clone(cte_type="7bit")  # every server takes 7 bit
_ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_ADDRESS = re.compile(r"[^\s<>@\"]{1,64}@[\w.-]{1,255}")
_RELAY = re.compile(r"relay|authenticat|log ?in first|sign in", re.IGNORECASE)


class SmtpTransport:
    """One mailbox at one SMTP server; a connection for each mail."""

    capabilities = Capabilities(
        drafts=False, can_be_asked=False, one_click="yes", keeps_message_id=True,
        per_minute=30, per_day=10_000,
        source="Of the server's owner; those of Exchange Online (Exchange team blog 4372797) stand"
        " in where nobody says. Headers pass as they are (RFC 5321 4.1.1.4).",
    )  # fmt: skip

    def __init__(
        self, server: MailServer, *, context: ssl.SSLContext | None = None, seconds: float = SECONDS
    ) -> None:
        self._server, self._context, self._seconds = server, context, seconds

    def draft(self, mail: EmailMessage, *, key: str) -> str:
        raise TransportError(Outcome(Result.REFUSED, "no_drafts", "SMTP knows no drafts."))

    def find_draft(self, *, key: str, message_id: str) -> str | None:
        return None

    def look(self, *, key: str, draft_id: str, message_id: str) -> Trace:
        return Trace.UNKNOWN

    def close(self) -> None:
        """Each mail has a connection of its own, which ends with it."""

    def send(self, mail: EmailMessage, *, draft_id: str = "") -> Outcome:
        """Hand ``mail`` over once. Never raises for what a server or a line may do."""
        try:
            sender, recipient, wire = _wire(mail)
        except (ValueError, UnicodeError) as exc:
            return Outcome(Result.REFUSED, "no_mail", f"No server could take it: {exc}.")
        session = _Session(self._server, self._context)
        with ends_within(self._seconds, sockets=session.sockets):
            try:
                return session.hand_over(sender, recipient, wire)
            except MailServerError as exc:
                fault = Fault.MAILBOX if exc.lasts else Fault.PASSING
                return Outcome(Result.REFUSED, exc.code, exc.sentence, fault)
            except (smtplib.SMTPException, OSError, ValueError, UnicodeError) as exc:
                return _broken(session, exc)
            finally:
                session.leave()

    def check(self) -> None:
        """Connect and sign in, and send nothing. Raises ``TransportError`` with a sentence."""
        session = _Session(self._server, self._context)
        with ends_within(self._seconds, sockets=session.sockets):
            try:
                refused = session.sign_in()
            except MailServerError as exc:
                fault = Fault.MAILBOX if exc.lasts else Fault.PASSING
                refused = Outcome(Result.REFUSED, exc.code, exc.sentence, fault)
            except (smtplib.SMTPException, OSError, ValueError, UnicodeError) as exc:
                refused = _broken(session, exc)
            finally:
                session.leave()
        if refused is not None:
            raise TransportError(refused)


def open_smtp(mailbox: Mailbox) -> SmtpTransport:
    """The transport of ``mailbox``. Raises ``NoTransportError`` for options that name no server."""
    secret = decrypt(bytes(mailbox.secret)) if mailbox.secret else ""
    try:
        return SmtpTransport(read_server(mailbox.options, password=secret))
    except MailServerError as exc:
        raise NoTransportError(exc.sentence) from None


def smtp_capabilities(_mailbox: Mailbox) -> Capabilities:
    """What any SMTP server can do."""
    return SmtpTransport.capabilities


class _Session(smtplib.SMTP):
    """One dialogue, step by step, that knows whether the final dot has begun to go out."""

    def __init__(self, server: MailServer, context: ssl.SSLContext | None) -> None:
        own_name = urlsplit(settings.BASE_URL).hostname or "localhost"
        super().__init__(local_hostname=own_name, timeout=30)
        self._named, self._tls = server, context or tls_context()
        self.sockets: list[socket.socket] = []
        self.is_dotted = False
        self.began = time.monotonic()

    def sign_in(self) -> Outcome | None:
        """Connect, secure the line, log in; how it was refused, or None."""
        self._open()
        code, said = self.getreply()
        if code != 220:
            return _refusal(code, said, whole_server=True)
        if self._hello():
            return self._hello_refused
        if self._named.security is Security.STARTTLS:
            self._secure()
            if self._hello():
                return self._hello_refused
        return self._log_in() if self._named.password else None

    def hand_over(self, sender: str, recipient: str, wire: bytes) -> Outcome:
        refused = self.sign_in()
        if refused is not None:
            return refused
        most = int(self.esmtp_features.get("size", "0") or 0)
        if 0 < most < len(wire):
            return Outcome(Result.REFUSED, "too_big",
                           f"The mail has {len(wire)} bytes; the server takes {most}.")  # fmt: skip
        code, said = self.mail(sender)
        if code != 250:
            return _refusal(code, said, whole_server=code not in {552, 523})
        code, said = self.rcpt(recipient)
        if code not in {250, 251, 252}:
            return _refusal(
                code, said, whole_server=code >= 500 and bool(_RELAY.search(_text(said)))
            )
        code, said = self.docmd("DATA")
        if code != 354:
            return _refusal(code, said)
        self.send(_stuffed(wire))
        self.is_dotted = True
        self.send(b".\r\n")
        code, said = self.getreply()
        if 200 <= code < 300:
            return Outcome(Result.ACCEPTED, reference=_shown(_text(said))[:200])
        if 400 <= code < 600:
            return _refusal(code, said)
        return Outcome(Result.UNCLEAR, str(code), f"The server answered {code} to the whole mail.")

    def leave(self) -> None:
        """Close the line without waiting for a farewell: the mail's fate is known or unknowable."""
        if self.sock is not None:
            with suppress(OSError):  # the line is gone already, which is all that is wanted
                self.sock.sendall(b"QUIT\r\n")
        self.close()

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = Bounded(self.sock.makefile("rb"), most=MOST_SAID)
        return super().getreply()

    def _open(self) -> None:
        self.sock = connect(self._named, context=self._tls)
        self.sock.settimeout(30)
        self.sockets.append(self.sock)
        self._host = self._named.host

    _hello_refused: Outcome | None = None

    def _hello(self) -> bool:
        code, said = self.ehlo()
        if code // 100 == 5:
            code, said = self.helo()
        self._hello_refused = None if code == 250 else _refusal(code, said, whole_server=True)
        return code != 250

    def _secure(self) -> None:
        if not self.has_extn("starttls"):
            raise MailServerError(
                f"{self._named.name} does not offer STARTTLS, so nothing was sent in the clear.",
                code="no_starttls", lasts=True,
            )  # fmt: skip
        code, said = self.docmd("STARTTLS")
        if code != 220:
            raise MailServerError(
                f"{self._named.name} refused STARTTLS: {code} {_shown(_text(said))}",
                code="no_starttls", lasts=code >= 500,
            )  # fmt: skip
        assert self.sock is not None  # noqa: S101 -- it has just answered
        self.sock = under_tls(self.sock, self._named, context=self._tls)
        self.sockets.append(self.sock)
        # What was said before the line was private counts for nothing (RFC 3207, 4.2).
        self.file = self.helo_resp = self.ehlo_resp = None
        self.esmtp_features, self.does_esmtp = {}, False

    def _log_in(self) -> Outcome | None:
        try:
            self.login(self._named.user, self._named.password)
        except smtplib.SMTPAuthenticationError as exc:
            return _refusal(exc.smtp_code, exc.smtp_error, whole_server=True)
        except smtplib.SMTPServerDisconnected:
            raise
        except UnicodeEncodeError:
            return Outcome(Result.REFUSED, "no_login", "User and password must be plain ASCII for"
                           " SMTP's ways to sign in.", Fault.MAILBOX)  # fmt: skip
        except smtplib.SMTPException:
            return Outcome(Result.REFUSED, "no_login",
                           f"{self._named.name} offers no way to sign in that we know.",
                           Fault.MAILBOX)  # fmt: skip
        return None


def _refusal(code: int, said: bytes | str, *, whole_server: bool = False) -> Outcome:
    """What a 4yz or 5yz reply means. ``whole_server``: it speaks of us, not of this mail."""
    text = _text(said)
    enhanced = found.group(1) if (found := _ENHANCED.search(text)) else ""
    name = f"{code} {enhanced}".strip()
    sentence = f"The server said {code}: {_shown(text)}".strip()
    if code == 421 or (whole_server and 400 <= code < 500):
        return Outcome(Result.REFUSED, name, sentence, Fault.PASSING, retry_after=SERVER_BUSY)
    if code < 500:
        return Outcome(Result.REFUSED, name, sentence, Fault.PASSING)
    is_ours = whole_server or code in {530, 534, 535, 538}
    if is_ours or meaning(enhanced, text) is Says.SENDER:
        return Outcome(Result.REFUSED, name, sentence, Fault.MAILBOX)
    return Outcome(Result.REFUSED, name, sentence, Fault.MESSAGE)


def _broken(session: _Session, exc: Exception) -> Outcome:
    """The line broke, hung or spoke nonsense: harmless before the dot, unclear after it."""
    kind = type(exc).__name__
    if session.is_dotted:
        said = f"The line broke after the mail was handed over, before an answer came ({kind})."
        return Outcome(Result.UNCLEAR, "cut", said)
    said = f"The line broke before the mail was handed over ({kind})."
    return Outcome(Result.REFUSED, "cut", said, Fault.PASSING)


def _wire(mail: EmailMessage) -> tuple[str, str, bytes]:
    """Envelope and bytes. Raises ``ValueError`` for more or less than one recipient."""
    [sender] = mail["From"].addresses
    [recipient] = mail["To"].addresses
    pair = sender.addr_spec, recipient.addr_spec
    if not all(each.isascii() and "@" in each for each in pair):
        raise ValueError("an address with other letters than ASCII needs SMTPUTF8")
    return *pair, mail.as_bytes(policy=_WIRE)


def _stuffed(wire: bytes) -> bytes:
    """The data before the final dot: CRLF at every line's end, leading dots doubled."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", wire)
    lines = re.sub(rb"(?m)^\.", b"..", lines)
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


def _shown(text: str) -> str:
    """A server's words for people and logs: one line, short, without addresses."""
    plain = "".join(each if each.isprintable() else " " for each in text)
    return _ADDRESS.sub("(address)", " ".join(plain.split()))[:300]
