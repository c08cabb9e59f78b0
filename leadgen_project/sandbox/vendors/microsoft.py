"""Microsoft's sign-in and Graph on loopback, one port for both, as strict as the contract.

``settle_seconds``, ``takes_twice`` and ``keeps_ids`` are what is not known for certain of the real
one: how long a sent draft still looks like one, whether a second ``send`` of it is taken, and
whether an immutable id outlives the sending. ``drops`` are headers that get lost on delivery.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html import escape
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from leadgen_project.sandbox.loopback import Reply, Request
from leadgen_project.sandbox.vendors.mail_stand_in import (
    MailCall,
    MailFault,
    MailStandIn,
)
from leadgen_project.sandbox.vendors.microsoft_mailbox import (
    FOLDERS,
    BadMailError,
    ExchangeMailbox,
    Item,
    as_resource,
    check_recipients,
    mail_of_json,
    mail_of_mime,
    properties_of,
)
from leadgen_project.sandbox.vendors.stand_in import reply_json
from leadgen_project.sandbox.vendors.token_desk import RefusedError, TokenDesk, Tokens

CLIENT_ID, CLIENT_SECRET = "11111111-2222-3333-4444-555555555555", "microsoft-sandbox-secret"
SOMEBODY = "sales@sandbox.example"
GRAPH = "https://graph.microsoft.com/"
MOST_BYTES = 900_000  # of one request; the real 4 MB are more than the loopback server takes
_LOGIN = re.compile(
    r"^/(?P<tenant>[\w.-]+)/(?:oauth2/)?v2\.0/(?P<what>authorize|token|adminconsent)$"
)
_MESSAGE = re.compile(r"^/me/messages/(?P<id>[^/]+)(?P<rest>/send|/\$value)?$")
_FOLDER = re.compile(r"^/me/mailFolders(?:/|\(')(?P<folder>\w+)(?:'\))?/messages(?P<rest>/delta)?$")
_WITH_PROPERTY = re.compile(
    r"singleValueExtendedProperties/any\(\s*ep\s*:\s*ep/id eq '(?P<id>[^']+)'"
    r" and ep/value eq '(?P<value>[^']*)'\s*\)", re.IGNORECASE,
)  # fmt: skip
_AADSTS = {
    "expired": (70008, "The provided authorization code or refresh token has expired."),
    "replaced": (70008, "The refresh token has expired or was replaced."),
    "revoked": (50173, "The provided grant has expired due to it being revoked."),
    "used": (54005, "OAuth2 Authorization code was already redeemed."),
    "verifier": (501481, "The Code_Verifier does not match the code_challenge supplied."),
    "redirect": (50011, "The redirect URI specified in the request does not match."),
    "client": (700016, "Application was not found in the directory."),
    "secret": (7000215, "Invalid client secret provided."),
    "none": (7000218, "The request body must contain client_secret."),
    "parameter": (900144, "The request body must contain a parameter that is missing."),
    "challenge": (9002325, "Proof Key for Code Exchange is required."),
}  # fmt: skip


@dataclass(slots=True)
class MicrosoftStandIn(MailStandIn):
    """``signs_in``: the address that signs in; empty: the one the link hints at, or somebody.

    ``asks_first`` shows a page with a button, as people see it. ``consent`` may be an OAuth error.
    ``sticks``: every mail is taken and none goes out.
    """

    signs_in: str = ""
    asks_first: bool = False
    consent: str = ""
    takes_twice: bool = False
    sticks: bool = False
    keeps_ids: bool = True
    drops: set[str] = field(default_factory=set)
    desk: TokenDesk = field(default_factory=lambda: TokenDesk(CLIENT_ID, CLIENT_SECRET))
    mailboxes: dict[str, ExchangeMailbox] = field(default_factory=dict, init=False)
    _requests: Any = field(default_factory=lambda: count(1), init=False)

    # --- what a test asks ---------------------------------------------------------------------
    def open(self, address: str, *, name: str = "") -> ExchangeMailbox:
        """The mailbox of ``address``, made if there is none."""
        return self.mailboxes.setdefault(address.lower(), ExchangeMailbox(address, name))

    @property
    def environment(self) -> dict[str, str]:
        """The settings that lead the product to it."""
        return {"MICROSOFT_LOGIN_BASE_URL": self.url, "GRAPH_BASE_URL": self.url,
                "MICROSOFT_CLIENT_ID": self.desk.client_id,
                "MICROSOFT_CLIENT_SECRET": self.desk.client_secret}  # fmt: skip

    def tokens(
        self, address: str, *, scope: str = "offline_access User.Read Mail.Send Mail.ReadWrite"
    ) -> Tokens:
        """Tokens as if the mailbox's owner had just consented to ``scope``."""
        self.open(address)
        return self.desk.grant(address.lower(), scope)

    def deliver(self, address: str, wire: bytes, *, folder: str = "inbox") -> Item:
        """Put a mail into a mailbox, as it comes from outside."""
        with self._lock:
            return self.open(address).add(folder, wire)

    # --- routing ------------------------------------------------------------------------------
    def _kind(self, request: Request) -> str:
        path, method = _graph_path(request), request.method
        if (login := _LOGIN.match(request.path)) is not None:
            return "token" if login["what"] == "token" else "page"
        if path == "/me/sendMail" or path.endswith("/send"):
            return "send"
        kinds = {"POST": "draft", "PATCH": "mark", "DELETE": "drop"}
        return kinds.get(method, "look")

    def _mailbox_of(self, request: Request) -> str:
        found = self.desk.holder(_bearer(request))
        return found[0] if found else ""

    def _expire(self, request: Request) -> None:
        self.desk.expire(_bearer(request))

    def _answer(self, request: Request, call: MailCall, fault: MailFault | None) -> Reply:
        login = _LOGIN.match(request.path)
        if login is not None:
            match login["what"]:
                case "authorize":
                    return self._authorize(request)
                case "adminconsent":
                    return self._admin_consent(request, login["tenant"])
            return self._token(request)
        try:
            return self._graph(request, fault)
        except BadMailError as exc:
            return self._error(exc.status, exc.code, exc.message)

    def _trouble(self, status: int) -> Reply:
        if status == 401:
            return self._error(401, "InvalidAuthenticationToken", "Access token has expired.")
        code, text = {
            429: ("ApplicationThrottled", "Application is over its MailboxConcurrency limit."),
            503: ("ErrorServerBusy", "The server cannot service this request right now."),
            504: ("UnknownError", ""),
        }.get(status, ("UnknownError", ""))
        waits = ((("Retry-After", self.retry_after),) if status in {429, 503} and self.retry_after
                 else ())  # fmt: skip
        return self._error(status, code, text, headers=waits)

    def _error(
        self, status: int, code: str, text: str, *, headers: tuple[tuple[str, str], ...] = ()
    ) -> Reply:
        number = f"sandbox-{next(self._requests):08}"
        inner = {"date": "2026-11-22T00:00:00", "request-id": number, "client-request-id": number}
        return reply_json({"error": {"code": code, "message": text, "innerError": inner}}, status,
                          headers=(("request-id", number), *headers))  # fmt: skip

    # --- sign-in ------------------------------------------------------------------------------
    def _authorize(self, request: Request) -> Reply:
        query = request.query
        try:
            asked = self.desk.check(query)
        except RefusedError as exc:
            number, text = _AADSTS[exc.reason]
            page = f"<!doctype html><title>Sandbox sign-in</title><p>AADSTS{number}: {escape(text)}"
            return Reply(400, page.encode())
        if self.consent:
            back = {"error": self.consent, "error_description": "AADSTS65004: User declined.",
                    "state": query.get("state", "")}  # fmt: skip
            return _redirect(asked.redirect_uri, back)
        account = self.signs_in or query.get("login_hint") or SOMEBODY
        if self.asks_first and "yes" not in query:
            return Reply(200, _sign_in_page(request.target, account).encode())
        self.open(account)
        code = self.desk.code(asked, account=account.lower())
        back = {"code": code, "state": query.get("state", ""), "session_state": "sandbox"}
        return _redirect(asked.redirect_uri, back)

    def _admin_consent(self, request: Request, tenant: str) -> Reply:
        query = request.query
        if query.get("client_id") != self.desk.client_id:
            return Reply(400, b"AADSTS700016")
        back = {"admin_consent": "True", "tenant": tenant, "state": query.get("state", "")}
        return _redirect(query.get("redirect_uri", ""), back)

    def _token(self, request: Request) -> Reply:
        form = _form(request)
        if form is None:
            return self._oauth_error("invalid_request", "parameter")
        try:
            tokens = self.desk.answer(form)
        except RefusedError as exc:
            return self._oauth_error(exc.error, exc.reason)
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "scope": " ".join(each for each in tokens.scope.split() if each != "offline_access"),
            "expires_in": tokens.seconds,
            "ext_expires_in": tokens.seconds,
            "access_token": tokens.access,
        }
        if tokens.refresh:
            answer["refresh_token"] = tokens.refresh
        return reply_json(answer)

    def _oauth_error(self, error: str, reason: str) -> Reply:
        number, text = _AADSTS[reason]
        said = {"error": error, "error_description": f"AADSTS{number}: {text} Trace ID: sandbox",
                "error_codes": [number], "timestamp": "2026-11-22 00:00:00Z",
                "trace_id": "sandbox", "correlation_id": "sandbox"}  # fmt: skip
        return reply_json(said, 401 if error == "invalid_client" else 400)

    # --- Graph --------------------------------------------------------------------------------
    def _graph(self, request: Request, fault: MailFault | None) -> Reply:
        holder = self.desk.holder(_bearer(request))
        if holder is None:
            return self._trouble(401)
        box, scopes = self.open(holder[0]), {each.removeprefix(GRAPH) for each in holder[1].split()}
        if len(request.body) > MOST_BYTES:
            raise BadMailError(413, "RequestEntityTooLarge", "The request is too large.")
        path, method = _graph_path(request), request.method
        if (method, path) == ("GET", "/me"):
            return self._done({"id": box.id, "displayName": box.name, "mail": box.address,
                               "userPrincipalName": box.address})  # fmt: skip
        if (method, path) == ("POST", "/me/sendMail"):
            _need(scopes, "Mail.Send")
            return self._send_mail(request, box, fault)
        if (method, path) == ("POST", "/me/messages"):
            _need(scopes, "Mail.ReadWrite")
            return self._draft(request, box)
        if (folder := _FOLDER.match(path)) and method == "GET":
            _need(scopes, "Mail.Read", "Mail.ReadWrite")
            return self._list(request, box, folder["folder"], is_delta=bool(folder["rest"]))
        if (method, path) == ("GET", "/me/messages"):
            _need(scopes, "Mail.Read", "Mail.ReadWrite")
            return self._list(request, box, None)
        if one := _MESSAGE.match(path):
            return self._one(request, box, one, scopes=scopes, fault=fault)
        raise BadMailError(404, "ResourceNotFound", "Resource not found for the segment.")

    def _one(
        self, request: Request, box: ExchangeMailbox, one: re.Match[str], *, scopes: set[str],
        fault: MailFault | None,
    ) -> Reply:  # fmt: skip
        item = box.find(unquote(one["id"]), now=self.clock())
        match request.method, one["rest"]:
            case "POST", "/send":
                _need(scopes, "Mail.Send")
                return self._send(request, box, item, fault)
            case "GET", "/$value":
                _need(scopes, "Mail.Read", "Mail.ReadWrite")
                return Reply(200, item.wire, "text/plain", self._id_header())
            case "GET", None:
                _need(scopes, "Mail.Read", "Mail.ReadWrite")
                return self._done(_selected(request, as_resource(item, lasting=_lasting(request))))
            case "PATCH", None:
                _need(scopes, "Mail.ReadWrite")
                return self._update(request, item)
            case "DELETE", None:
                _need(scopes, "Mail.ReadWrite")
                del box.kept[item.number]
                return Reply(204, b"", "", self._id_header())
        raise BadMailError(405, "Request_BadRequest", "The method is not allowed here.")

    def _mail_in(self, request: Request, box: ExchangeMailbox) -> tuple[bytes, dict[str, str], str]:
        kind = request.headers.get("content-type", "").partition(";")[0]
        if kind == "text/plain":
            return *mail_of_mime(request.body, owner=box.address), "mime"
        if kind != "application/json":
            raise BadMailError(415, "RequestBodyRead", "The content type is not supported.")
        given = _json(request)
        if _graph_path(request) == "/me/sendMail":
            if not isinstance(given, dict) or set(given) - {"message", "saveToSentItems"}:
                raise BadMailError(400, "RequestBodyRead", "message is expected.")
            given = given.get("message")
        return *mail_of_json(given, owner=box), "json"

    def _send_mail(self, request: Request, box: ExchangeMailbox, fault: MailFault | None) -> Reply:
        wire, properties, way = self._mail_in(request, box)
        check_recipients(wire)
        item = box.add("drafts", wire, is_draft=True)
        item.properties.update(properties)
        self._leave(box, item, way=way, fault=fault)
        return Reply(202, b"", "", self._id_header())

    def _draft(self, request: Request, box: ExchangeMailbox) -> Reply:
        wire, properties, _way = self._mail_in(request, box)
        item = box.add("drafts", wire, is_draft=True)
        item.properties.update(properties)
        return self._done(as_resource(item, lasting=_lasting(request)), 201)

    def _update(self, request: Request, item: Item) -> Reply:
        given = _json(request)
        strange = set(given) - {"singleValueExtendedProperties", "internetMessageId", "isRead"}
        if strange or (not item.is_draft and set(given) - {"isRead"}):
            raise BadMailError(400, "ErrorInvalidPropertySet", "It cannot be changed.")
        item.properties.update(properties_of(given.get("singleValueExtendedProperties", [])))
        if "internetMessageId" in given:
            item.with_header("Message-ID", given["internetMessageId"])
        item.is_read = given.get("isRead", item.is_read)
        return self._done(as_resource(item, lasting=_lasting(request)))

    def _send(
        self, request: Request, box: ExchangeMailbox, item: Item, fault: MailFault | None
    ) -> Reply:
        if request.body:
            raise BadMailError(400, "RequestBodyRead", "No body is expected.")
        check_recipients(item.wire)
        if not item.is_draft or (item.leaves_at is not None and not self.takes_twice):
            raise BadMailError(400, "ErrorItemNotDraft", "The message is not a draft.")
        self._leave(box, item, way="draft", fault=fault)
        return Reply(202, b"", "", self._id_header())

    def _leave(
        self, box: ExchangeMailbox, item: Item, *, way: str, fault: MailFault | None
    ) -> None:
        if fault is MailFault.STUCK or self.sticks:
            item.is_stuck = True
        item.keeps_id = self.keeps_ids
        item.leaves_at = self.clock() + self.settle_seconds
        if item.is_stuck:
            return
        self._accept(box.address, item.wire, way=way, fault=fault)
        if fault is MailFault.TWICE:  # it stands in Sent Items twice as well
            box.add("sentitems", item.wire).properties.update(item.properties)
        for recipient in self.mails[-1].recipients:
            if recipient.lower() in self.mailboxes:
                self.open(recipient).add("inbox", self._as_delivered(item))

    def _as_delivered(self, item: Item) -> bytes:
        mail = item.mail
        for name in self.drops:
            del mail[name]
        return mail.as_bytes()

    # --- reading ------------------------------------------------------------------------------
    def _list(
        self, request: Request, box: ExchangeMailbox, folder: str | None, *, is_delta: bool = False
    ) -> Reply:
        if folder is not None and folder.lower() not in FOLDERS:
            raise BadMailError(400, "ErrorInvalidIdMalformed", "Id is malformed.")
        query = request.query
        since, size = int(query.get("$skiptoken", query.get("$deltatoken", 0)) or 0), _top(request)
        where = folder.lower() if folder else None
        found = [item for item in box.within(where, now=self.clock()) if item.number > since
                 and _fits(item, query.get("$filter", ""))]  # fmt: skip
        if "desc" in query.get("$orderby", "") and not is_delta:
            found.reverse()
        page, more = found[:size], found[size:]
        lasting = _lasting(request)
        answer: dict[str, Any] = {
            "value": [_selected(request, as_resource(item, lasting=lasting)) for item in page]
        }
        last = page[-1].number if page else since
        here = f"{self.url}{request.path}"
        kept = {name: value for name, value in query.items() if not name.endswith("token")}
        if more:
            answer["@odata.nextLink"] = f"{here}?{_query(kept | {'$skiptoken': str(last)})}"
        elif is_delta:
            answer["@odata.deltaLink"] = f"{here}?{_query(kept | {'$deltatoken': str(last)})}"
        return self._done(answer)

    def _done(self, value: Any, status: int = 200) -> Reply:
        return reply_json(value, status, headers=self._id_header())

    def _id_header(self) -> tuple[tuple[str, str], ...]:
        return (("request-id", f"sandbox-{next(self._requests):08}"),)


def _graph_path(request: Request) -> str:
    return request.path.removeprefix("/v1.0")


def _bearer(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


def _form(request: Request) -> dict[str, str] | None:
    kind = request.headers.get("content-type", "").partition(";")[0]
    if request.method != "POST" or kind != "application/x-www-form-urlencoded":
        return None
    return dict(parse_qsl(request.body.decode("ascii", "replace")))


def _json(request: Request) -> Any:
    try:
        return json.loads(request.body)
    except ValueError:
        raise BadMailError(400, "RequestBodyRead", "The body is no JSON.") from None


def _need(scopes: set[str], *any_of: str) -> None:
    if not scopes.intersection(any_of):
        raise BadMailError(403, "ErrorAccessDenied",
                           "Access is denied. Check credentials and try again.")  # fmt: skip


def _lasting(request: Request) -> bool:
    return 'idtype="immutableid"' in request.headers.get("prefer", "").lower().replace(" ", "")


def _selected(request: Request, resource: dict[str, Any]) -> dict[str, Any]:
    wanted = request.query.get("$select", "")
    if not wanted:
        return {name: value for name, value in resource.items() if name != "internetMessageHeaders"}
    names = {"id", *wanted.split(",")}
    if names - set(resource):
        raise BadMailError(400, "RequestBroker--ParseUri", "Could not find a property.")
    return {name: value for name, value in resource.items() if name in names}


def _top(request: Request) -> int:
    value = request.query.get("$top", "10")
    if not value.isdigit() or not 1 <= int(value) <= 1000:
        raise BadMailError(400, "ErrorInvalidUrlQuery", "$top must be from 1 to 1000.")
    return int(value)


def _fits(item: Item, wanted: str) -> bool:
    """Whether the item meets ``$filter``, of which only the forms the product uses are known."""
    if not wanted:
        return True
    if found := _WITH_PROPERTY.fullmatch(wanted):
        return item.properties.get(found["id"], "").lower() == found["value"].lower()
    if found := re.fullmatch(r"internetMessageId eq '([^']*)'", wanted):
        return item.message_id == found[1]
    if found := re.fullmatch(r"createdDateTime ge (\S+) and createdDateTime lt (\S+)", wanted):
        return found[1] <= item.at.strftime("%Y-%m-%dT%H:%M:%SZ") < found[2]
    if found := re.fullmatch(r"receivedDateTime (ge|gt) (\S+)", wanted):
        return item.at.strftime("%Y-%m-%dT%H:%M:%SZ") >= found[2][:20]
    raise BadMailError(400, "ErrorInvalidUrlQueryFilter", "The query filter is not supported.")


def _query(values: dict[str, str]) -> str:
    return urlencode(values, quote_via=quote, safe="$,")


def _redirect(uri: str, values: dict[str, str]) -> Reply:
    place = f"{uri}{'&' if '?' in uri else '?'}{urlencode(values)}"
    return Reply(302, b"", headers=(("Location", place),))


def _sign_in_page(target: str, account: str) -> str:
    """What a person sees: whom they sign in as, and a button."""
    return (
        "<!doctype html><html lang=en><title>Sandbox sign-in</title>"
        "<body><h1>Microsoft sign-in (Sandbox)</h1>"
        f"<p>Made up for tests: no account of yours is asked for.</p>"
        f'<p><a id=yes href="{escape(target)}&amp;yes=1">Continue as {escape(account)}</a></p>'
    )
