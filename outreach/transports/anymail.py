"""A mailbox that sends through a mass-mail service, by way of django-anymail.

One POST a mail. None of the services offers an idempotency key through anymail, so anything but a
clear answer is unclear and stays so. A clear no: 4xx but 408, which is the server's own time-out;
a service that sets 429 has not taken the mail (each service's API reference, "Rate limits").
Most services' terms forbid mail to people who did not ask for it: whoever connects one decides.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import requests
from anymail.exceptions import (
    AnymailConfigurationError,
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
    AnymailRequestsAPIError,
    AnymailSerializationError,
    AnymailUnsupportedFeature,
)
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from urllib3.exceptions import NewConnectionError

from outreach.mailboxes.mail_server import MailServerError
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
from outreach.transports.retry_after import seconds_of
from tenants.clock import database_now
from tenants.secrets import decrypt

SECONDS = 80.0  # of one attempt, all told; the interface allows 90
STEP_SECONDS = 30  # to connect, and between two pieces of the answer
_KEPT_HEADERS = ("Message-ID", "X-Leadgen-Key", "List-Unsubscribe", "List-Unsubscribe-Post",
                 "In-Reply-To", "References", "Date")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Service:
    """What anymail needs for one service, and what the service does with our headers."""

    secrets: tuple[str, ...]  # names of what the secret holds, in order, parted by a colon
    options: tuple[str, ...] = ()
    keeps_message_id: bool = True
    tracks: bool = True  # would rewrite links and count openings unless told not to


PAGES = "anymail.dev/en/stable/esps/"
SERVICES: Mapping[str, Service] = {
    "brevo": Service(("api_key",), keeps_message_id=False, tracks=False),
    "mailersend": Service(("api_token",), keeps_message_id=False),
    "mailgun": Service(("api_key",), ("sender_domain",)),
    "mailjet": Service(("api_key", "secret_key"), keeps_message_id=False),
    "mandrill": Service(("api_key",), keeps_message_id=False),
    # Postmark puts its own Message-ID unless X-PM-KeepID is set, which we do.
    "postmark": Service(("server_token",), ("message_stream",)),
    "resend": Service(("api_key",), keeps_message_id=False, tracks=False),
    "sendgrid": Service(("api_key",)),
    "sparkpost": Service(("api_key",), ("subaccount",), keeps_message_id=False),
}
EUROPE = {"mailgun": "https://api.eu.mailgun.net/v3", "sparkpost": "https://api.eu.sparkpost.com/api/v1",
          "sendgrid": "https://api.eu.sendgrid.com/v3"}  # fmt: skip


class AnymailTransport:
    """One mailbox at one service; a connection for each mail."""

    def __init__(
        self, name: str, *, settings_of: Mapping[str, Any], seconds: float = SECONDS
    ) -> None:
        self._name, self._service = name, SERVICES[name]
        self._settings, self._seconds = dict(settings_of), seconds
        self.capabilities = _capabilities(name)

    def draft(self, mail: EmailMessage, *, key: str) -> str:
        raise TransportError(Outcome(Result.REFUSED, "no_drafts", "The service knows no drafts."))

    def find_draft(self, *, key: str, message_id: str) -> str | None:
        return None

    def look(self, *, key: str, draft_id: str, message_id: str) -> Trace:
        return Trace.UNKNOWN

    def close(self) -> None:
        """Each mail has a connection of its own, which ends with it."""

    def send(self, mail: EmailMessage, *, draft_id: str = "") -> Outcome:
        """Hand ``mail`` over once. Never raises for what a service or a line may do."""
        ended: list[Outcome] = []
        # A service that drips its answer would hold the sender past its lease; nobody waits longer.
        asking = threading.Thread(target=lambda: ended.append(self._ask(mail)), daemon=True)
        asking.start()
        asking.join(self._seconds)
        if ended:
            return ended[0]
        return Outcome(Result.UNCLEAR, "slow", f"{self._name} did not answer in time.")

    def _ask(self, mail: EmailMessage) -> Outcome:
        try:
            message = as_django(mail, service=self._name)
            backend = _backend(self._name)(timeout=STEP_SECONDS, **self._settings)
            backend.open()
            backend.session.max_redirects = 0  # a redirect would post the mail once more
            try:
                backend.send_messages([message])
            finally:
                backend.close()
        except (AnymailRecipientsRefused, AnymailInvalidAddress, AnymailUnsupportedFeature,
                AnymailSerializationError, ValueError) as exc:  # fmt: skip
            return Outcome(Result.REFUSED, type(exc).__name__.removeprefix("Anymail")[:40],
                           f"{self._name} does not take this mail.")  # fmt: skip
        except AnymailConfigurationError:
            return Outcome(Result.REFUSED, "options", f"{self._name}: an option is missing.",
                           Fault.MAILBOX)  # fmt: skip
        except AnymailRequestsAPIError as exc:
            return _refusal(self._name, exc)
        reference = str(message.anymail_status.message_id or "")  # type: ignore[attr-defined]
        return Outcome(Result.ACCEPTED, reference=reference[:200])


def open_anymail(mailbox: Mailbox) -> AnymailTransport:
    """The transport of ``mailbox``. Raises ``NoTransportError`` for options that do not do."""
    secret = decrypt(bytes(mailbox.secret)) if mailbox.secret else ""
    try:
        name, chosen = read_options(mailbox.options, secret=secret)
    except MailServerError as exc:
        raise NoTransportError(exc.sentence) from None
    return AnymailTransport(name, settings_of=chosen)


def anymail_capabilities(mailbox: Mailbox) -> Capabilities:
    """What the mailbox's service can do; of one nobody knows, what all of them can."""
    return _capabilities(str(mailbox.options.get("service") or ""))


def _capabilities(name: str) -> Capabilities:
    service = SERVICES.get(name)
    return Capabilities(
        drafts=False, can_be_asked=False, one_click="yes",
        keeps_message_id=service is not None and service.keeps_message_id,
        per_minute=60, per_day=10_000,
        source=f"{PAGES}{name}/; the service's account sets its own limits.",
    )  # fmt: skip


def read_options(options: Mapping[str, Any], *, secret: str) -> tuple[str, dict[str, Any]]:
    """Service and its settings for ``AnymailTransport``, from a mailbox's options."""
    name = str(options.get("service") or "")
    service = SERVICES.get(name)
    if service is None:
        raise MailServerError(f"Name the service: one of {', '.join(SERVICES)}.",
                              code="no_service", lasts=True)  # fmt: skip
    pieces = secret.split(":", len(service.secrets) - 1)
    if not secret or len(pieces) != len(service.secrets):
        raise MailServerError(f"{name} needs {' and '.join(service.secrets)}"
                              f"{', parted by a colon' * (len(service.secrets) > 1)}.",
                              code="no_secret", lasts=True)  # fmt: skip
    chosen = dict(zip(service.secrets, pieces, strict=True))
    chosen |= {each: str(options[each]) for each in service.options if options.get(each)}
    if address := _address(name, options):
        chosen["api_url"] = address
    return name, chosen


def as_django(mail: EmailMessage, *, service: str) -> EmailMultiAlternatives:
    """``mail`` as Django's backends want it; nothing of it is changed, and nothing is tracked."""
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    headers = {name: str(mail[name]) for name in _KEPT_HEADERS if mail[name]}
    if service == "postmark":
        headers["X-PM-KeepID"] = "true"
    message = EmailMultiAlternatives(
        subject=str(mail["Subject"]), body=text.get_content() if text else "",
        from_email=str(mail["From"]), to=[str(mail["To"])], headers=headers,
        reply_to=[str(mail["Reply-To"])] if mail["Reply-To"] else None,
    )  # fmt: skip
    if html is not None:
        message.attach_alternative(html.get_content(), "text/html")
    if SERVICES[service].tracks:
        message.track_opens = message.track_clicks = False  # type: ignore[attr-defined]
    return message


def _backend(name: str) -> Any:
    return import_module(f"anymail.backends.{name}").EmailBackend


def _address(name: str, options: Mapping[str, Any]) -> str:
    """Where the service is asked: its own address, in Europe if so chosen, or one of the house."""
    given = str(options.get("api_url") or "")
    if given:
        parts = urlsplit(given)
        if f"{parts.hostname}:{parts.port}" not in settings.MAIL_ALLOW_PRIVATE:
            raise MailServerError(f"{parts.hostname} may be asked in place of {name} once its"
                                  " host:port stands in MAIL_ALLOW_PRIVATE.",
                                  code="inside", lasts=True)  # fmt: skip
        return given
    return EUROPE.get(name, "") if options.get("region") == "eu" else ""


def _refusal(name: str, exc: AnymailRequestsAPIError) -> Outcome:
    """What an answer that is no success means, or none."""
    response = exc.response
    if response is None:
        if _never_reached(exc):
            return Outcome(Result.REFUSED, "unreachable", f"{name} cannot be reached.",
                           Fault.PASSING)  # fmt: skip
        return Outcome(Result.UNCLEAR, "cut", f"{name} did not answer to the end.")
    status = response.status_code
    code, sentence = f"{status}", f"{name} answered {status}."
    if status == 429:
        wait = seconds_of(response.headers.get("Retry-After"), now=database_now())
        return Outcome(Result.REFUSED, code, sentence, Fault.PASSING, retry_after=wait)
    if status in {401, 402, 403}:
        return Outcome(Result.REFUSED, code, f"{sentence} Its key or account does not do.",
                       Fault.MAILBOX)  # fmt: skip
    if 400 <= status < 500 and status != 408:
        return Outcome(Result.REFUSED, code, sentence, Fault.MESSAGE)
    return Outcome(Result.UNCLEAR, code, sentence)


def _never_reached(exc: AnymailRequestsAPIError) -> bool:
    """Whether no connection came about, so that no byte of the mail has left."""
    if isinstance(exc, requests.ConnectTimeout):
        return True
    cause = exc.__cause__
    first = cause.args[0] if cause is not None and cause.args else None
    reason = getattr(first, "reason", first)
    return isinstance(reason, NewConnectionError)
