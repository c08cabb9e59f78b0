"""Google's sign-in and the Gmail API on loopback, one port for all hosts, strict as the contract.

A refresh brings no new refresh token, and none comes without ``access_type=offline`` at a consent
that was asked for. ``drops`` are headers that get lost on delivery.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlencode

from leadgen_project.sandbox.loopback import Reply, Request
from leadgen_project.sandbox.vendors.mail_stand_in import MailCall, MailFault, MailStandIn
from leadgen_project.sandbox.vendors.stand_in import reply_json
from leadgen_project.sandbox.vendors.token_desk import RefusedError, TokenDesk, Tokens

CLIENT_ID = "1234567890-sandbox.apps.googleusercontent.com"
CLIENT_SECRET = "google-sandbox-secret"  # noqa: S105 -- of the stand-in
SOMEBODY = "sales@sandbox.example"
SCOPE = "https://www.googleapis.com/auth/gmail."
ME = "/gmail/v1/users/me"
_READ = ("readonly", "modify")
_NUMBERS = count(0x18C0000000000001)
_TROUBLE = {
    401: ("UNAUTHENTICATED", "authError", "Request had invalid authentication credentials."),
    429: ("RESOURCE_EXHAUSTED", "rateLimitExceeded", "Too many requests (Mail sending)"),
    500: ("INTERNAL", "backendError", "Internal error encountered."),
    503: ("UNAVAILABLE", "backendError", "The service is currently unavailable."),
    504: ("DEADLINE_EXCEEDED", "backendError", "Deadline exceeded."),
}


class BadCallError(Exception):
    """The request is refused: HTTP status, Google's status word, reason and message."""

    def __init__(self, code: int, status: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.status, self.reason, self.message = code, status, reason, message


@dataclass(slots=True)
class GmailItem:
    """A message; ``history`` counts the mailbox's changes."""

    wire: bytes
    labels: set[str]
    history: int
    number: int = field(default_factory=lambda: next(_NUMBERS))
    draft_id: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def id(self) -> str:
        return f"{self.number:x}"

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.wire, policy=SMTP)


@dataclass(slots=True)
class GoogleStandIn(MailStandIn):
    """``signs_in``: the address that signs in; ``consent`` may be an OAuth error.

    ``oldest_history``: where ``history.list`` begins; what is older answers 404, as after a week.
    """

    signs_in: str = ""
    consent: str = ""
    drops: set[str] = field(default_factory=set)
    oldest_history: int = 1
    desk: TokenDesk = field(
        default_factory=lambda: TokenDesk(CLIENT_ID, CLIENT_SECRET, rotates=False)
    )
    mailboxes: dict[str, list[GmailItem]] = field(default_factory=dict, init=False)
    _changes: int = field(default=1000, init=False)

    # --- what a test asks ---------------------------------------------------------------------
    def open(self, address: str) -> list[GmailItem]:
        """The messages of ``address``'s mailbox, made if there is none."""
        return self.mailboxes.setdefault(address.lower(), [])

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead the product to it."""
        return {"GOOGLE_OAUTH_BASE_URL": self.url, "GMAIL_BASE_URL": self.url,
                "GOOGLE_CLIENT_ID": self.desk.client_id,
                "GOOGLE_CLIENT_SECRET": self.desk.client_secret}  # fmt: skip

    def tokens(self, address: str, *, scope: str = f"{SCOPE}send {SCOPE}readonly") -> Tokens:
        """Tokens as if the mailbox's owner had just consented to ``scope``."""
        self.open(address)
        return self.desk.grant(address.lower(), scope)

    def deliver(self, address: str, wire: bytes, *, label: str = "INBOX") -> GmailItem:
        """Put a mail into a mailbox, as it comes from outside."""
        with self._lock:
            return self._add(address, wire, labels={label, "UNREAD"})

    # --- routing ------------------------------------------------------------------------------
    def _kind(self, request: Request) -> str:
        if request.path == "/token":
            return "token"
        if request.path.startswith("/o/"):
            return "page"
        if request.path.endswith("/send"):
            return "send"
        return "draft" if request.method == "POST" else "look"

    def _mailbox_of(self, request: Request) -> str:
        found = self.desk.holder(_bearer(request))
        return found[0] if found else ""

    def _expire(self, request: Request) -> None:
        self.desk.expire(_bearer(request))

    def _trouble(self, status: int) -> Reply:
        word, reason, text = _TROUBLE[status]
        waits = (("Retry-After", self.retry_after),) if status in {429, 503} else ()
        return _error(BadCallError(status, word, reason, text), waits)

    def _answer(self, request: Request, call: MailCall, fault: MailFault | None) -> Reply:
        match request.method, request.path:
            case "GET", "/o/oauth2/v2/auth":
                return self._authorize(request)
            case "POST", "/token":
                return self._token(request)
        holder = self.desk.holder(_bearer(request))
        if holder is None:
            return self._trouble(401)
        scopes = {each.removeprefix(SCOPE) for each in holder[1].split()}
        try:
            return self._gmail(request, holder[0], scopes, fault)
        except BadCallError as exc:
            return _error(exc)

    # --- sign-in ------------------------------------------------------------------------------
    def _authorize(self, request: Request) -> Reply:
        query = request.query
        try:
            asked = self.desk.check(query)
        except RefusedError as exc:
            return Reply(400, f"<!doctype html><p>Error 400: {escape(exc.error)}".encode())
        if self.consent:
            return _redirect(asked.redirect_uri, {"error": self.consent,
                                                  "state": query.get("state", "")})  # fmt: skip
        account = self.signs_in or query.get("login_hint") or SOMEBODY
        self.open(account)
        code = self.desk.code(asked, account=account.lower())
        return _redirect(asked.redirect_uri, {"code": code, "state": query.get("state", ""),
                                              "scope": asked.scope})  # fmt: skip

    def _token(self, request: Request) -> Reply:
        try:
            tokens = self.desk.answer(dict(parse_qsl(request.body.decode("ascii", "replace"))))
        except RefusedError as exc:
            said = {"error": exc.error, "error_description": "Token has been expired or revoked."}
            return reply_json(said, 401 if exc.error == "invalid_client" else 400)
        answer: dict[str, Any] = {"access_token": tokens.access, "expires_in": tokens.seconds,
                                  "scope": tokens.scope, "token_type": "Bearer"}  # fmt: skip
        if tokens.refresh:
            answer["refresh_token"] = tokens.refresh
        return reply_json(answer)

    # --- Gmail --------------------------------------------------------------------------------
    def _gmail(
        self, request: Request, owner: str, scopes: set[str], fault: MailFault | None
    ) -> Reply:
        path = request.path.removeprefix("/upload").removeprefix(ME)
        match request.method, path:
            case "POST", "/messages/send":
                _need(scopes, "send", "compose", "modify")
                return self._send(request, owner, fault)
            case "POST", "/drafts":
                _need(scopes, "compose", "modify")
                return self._draft(request, owner)
            case "POST", "/drafts/send":
                _need(scopes, "compose", "modify")
                return self._send_draft(request, owner, fault)
        if request.method != "GET":
            raise _not_found()
        _need(scopes, *_READ)
        if path == "/profile":
            return reply_json({"emailAddress": owner, "messagesTotal": len(self.open(owner)),
                               "historyId": str(self._changes)})  # fmt: skip
        if path == "/messages":
            return self._list(request, owner)
        if path == "/history":
            return self._history(request, owner)
        if found := re.fullmatch(r"/messages/([0-9a-f]+)", path):
            return self._get(request, owner, found[1])
        raise _not_found()

    def _send(self, request: Request, owner: str, fault: MailFault | None) -> Reply:
        wire = _wire_of(request, _json(request) if not request.path.startswith("/upload") else None)
        _check(wire)
        return self._leave(wire, owner, fault, way="raw")

    def _draft(self, request: Request, owner: str) -> Reply:
        item = self._add(owner, _wire_of(request, _json(request).get("message")), labels={"DRAFT"})
        item.draft_id = f"r{item.number}"
        return reply_json({"id": item.draft_id, "message": _short(item)})

    def _send_draft(self, request: Request, owner: str, fault: MailFault | None) -> Reply:
        wanted = _json(request).get("id")
        found = [each for each in self.open(owner) if each.draft_id and each.draft_id == wanted]
        if not found:
            raise _not_found()
        _check(found[0].wire)
        self.open(owner).remove(found[0])
        return self._leave(found[0].wire, owner, fault, way="draft")

    def _leave(self, wire: bytes, owner: str, fault: MailFault | None, *, way: str) -> Reply:
        item = self._add(owner, wire, labels={"SENT"})
        if fault is MailFault.STUCK:  # taken, and stopped by the daily limit minutes later
            return reply_json(_short(item))
        self._accept(owner, wire, way=way, fault=fault)
        for recipient in self.mails[-1].recipients:
            if recipient.lower() in self.mailboxes:
                self._add(recipient, self._as_delivered(wire), labels={"INBOX", "UNREAD"})
        return reply_json(_short(item))

    def _as_delivered(self, wire: bytes) -> bytes:
        mail = message_from_bytes(wire, policy=SMTP)
        for name in self.drops:
            del mail[name]
        return mail.as_bytes()

    def _add(self, address: str, wire: bytes, *, labels: set[str]) -> GmailItem:
        self._changes += 1
        item = GmailItem(wire, labels, self._changes)
        self.open(address).append(item)
        return item

    # --- reading ------------------------------------------------------------------------------
    def _list(self, request: Request, owner: str) -> Reply:
        query = request.query
        label, words = query.get("labelIds", ""), query.get("q", "").split()
        found = [each for each in reversed(self.open(owner))
                 if (not label or label in each.labels)
                 and all(_fits(each, word) for word in words)]  # fmt: skip
        begin, size = int(query.get("pageToken", "0")), int(query.get("maxResults", "100"))
        page = found[begin : begin + size]
        answer: dict[str, Any] = {"resultSizeEstimate": len(found)}
        if page:  # an empty list has no ``messages`` at all
            answer["messages"] = [{"id": each.id, "threadId": each.id} for each in page]
        if len(found) > begin + size:
            answer["nextPageToken"] = str(begin + size)
        return reply_json(answer)

    def _history(self, request: Request, owner: str) -> Reply:
        since = request.query.get("startHistoryId", "")
        if not since.isdigit():
            raise BadCallError(400, "INVALID_ARGUMENT", "invalidArgument", "Invalid startHistoryId")
        if int(since) < self.oldest_history:
            raise _not_found()
        label = request.query.get("labelId", "")
        added = [each for each in self.open(owner)
                 if each.history > int(since) and (not label or label in each.labels)]  # fmt: skip
        answer: dict[str, Any] = {"historyId": str(self._changes)}
        if added:
            answer["history"] = [{"id": str(each.history),
                                  "messagesAdded": [{"message": _short(each)}]}
                                 for each in added]  # fmt: skip
        return reply_json(answer)

    def _get(self, request: Request, owner: str, number: str) -> Reply:
        found = [each for each in self.open(owner) if each.id == number]
        if not found:
            raise _not_found()
        item, form = found[0], request.query.get("format", "full")
        answer = {**_short(item), "internalDate": str(int(item.at.timestamp() * 1000)),
                  "sizeEstimate": len(item.wire), "historyId": str(item.history)}  # fmt: skip
        if form == "raw":
            answer["raw"] = base64.urlsafe_b64encode(item.wire).decode()
        elif form in {"metadata", "full"}:
            answer["payload"] = {"headers": [{"name": name, "value": str(value)}
                                             for name, value in item.mail.items()]}  # fmt: skip
        return reply_json(answer)


def _fits(item: GmailItem, word: str) -> bool:
    """One word of a search, of which only the forms the product uses are known."""
    name, _, value = word.partition(":")
    match name:
        case "rfc822msgid":
            return str(item.mail["Message-ID"] or "").strip("<>") == value.strip("<>")
        case "in":
            return value.upper() in {*item.labels, "ANYWHERE"}
        case "after" if value.isdigit():
            return item.at.timestamp() > int(value)
    raise BadCallError(400, "INVALID_ARGUMENT", "invalidArgument", "Invalid query")


def _wire_of(request: Request, given: Any) -> bytes:
    if given is None:
        if request.headers.get("content-type") != "message/rfc822":
            raise BadCallError(400, "INVALID_ARGUMENT", "badRequest", "Media type is not supported")
        return request.body
    raw = given.get("raw") if isinstance(given, dict) else None
    if not isinstance(raw, str) or not re.fullmatch(r"[A-Za-z0-9_-]+={0,2}", raw):
        raise BadCallError(400, "INVALID_ARGUMENT", "invalidArgument",
                           "Invalid value for ByteString")  # fmt: skip
    return base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))


def _check(wire: bytes) -> None:
    mail = message_from_bytes(wire, policy=SMTP)
    if not any(mail[name] and mail[name].addresses for name in ("To", "Cc", "Bcc")):
        raise BadCallError(400, "INVALID_ARGUMENT", "invalidArgument", "Recipient address required")


def _json(request: Request) -> Any:
    kind = request.headers.get("content-type", "").partition(";")[0]
    try:
        found = json.loads(request.body) if kind == "application/json" else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BadCallError(400, "INVALID_ARGUMENT", "parseError", "Parse Error")
    return found


def _short(item: GmailItem) -> dict[str, Any]:
    return {"id": item.id, "threadId": item.id, "labelIds": sorted(item.labels)}


def _need(scopes: set[str], *any_of: str) -> None:
    if not scopes.intersection(any_of):
        raise BadCallError(403, "PERMISSION_DENIED", "insufficientPermissions",
                           "Request had insufficient authentication scopes.")  # fmt: skip


def _not_found() -> BadCallError:
    return BadCallError(404, "NOT_FOUND", "notFound", "Requested entity was not found.")


def _error(exc: BadCallError, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    errors = [{"domain": "global", "reason": exc.reason, "message": exc.message}]
    said = {"code": exc.code, "message": exc.message, "errors": errors, "status": exc.status}
    return reply_json({"error": said}, exc.code, headers=headers)


def _bearer(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def _redirect(uri: str, values: dict[str, str]) -> Reply:
    place = f"{uri}{'&' if '?' in uri else '?'}{urlencode(values)}"
    return Reply(302, b"", headers=(("Location", place),))
