"""Microsoft Graph, the mail calls: drafts, sending, and finding again.

Contract: bearer token; ``Prefer: IdType="ImmutableId"`` on every request, or ids change when a mail
moves to Sent Items. POST /me/messages takes JSON or base64 MIME (``text/plain``) and answers 201;
POST /me/messages/{id}/send has no body and answers 202, as does /me/sendMail: accepted, not
delivered. Custom headers in JSON begin with ``x-`` and are five at most; List-Unsubscribe goes
through the MAPI property 0x1045 there. Sources: microsoftgraph/microsoft-graph-docs-contrib
(user-post-messages.md, message-send.md, user-sendmail.md, outlook-immutable-id.md,
singlevaluelegacyextendedproperty-get.md); redaxo/core#6590 for 0x1045.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from urllib.parse import quote

from outreach.clients.ask import Answer, Deadline, Line

PREFER = {"Prefer": 'IdType="ImmutableId"'}
KEY_PROPERTY = "String {9d1c2f0a-5f0e-4c3b-8a55-6b1f4f7c1e21} Name leadgen-key"
UNSUBSCRIBE_PROPERTY = "String 0x1045"
SELECTED = "id,isDraft,internetMessageId,parentFolderId"
HEADERS = "internetMessageHeaders"
MIME, JSON = "mime", "json"


@dataclass(frozen=True, slots=True)
class GraphClient:
    """One mailbox. ``token`` gives an access token; named a refused one, it gives another."""

    line: Line
    token: Callable[..., str]

    def me(self, *, deadline: Deadline) -> Answer:
        return self._call("GET", "/v1.0/me", deadline=deadline,
                          params={"$select": "id,displayName,mail,userPrincipalName"})  # fmt: skip

    def create_draft(
        self, mail: EmailMessage, *, key: str, form: str, deadline: Deadline
    ) -> Answer:
        """201 with ``id``. In MIME the key stands in a header only; see ``mark_draft``."""
        if form == MIME:
            return self._call("POST", "/v1.0/me/messages", deadline=deadline, body=as_mime(mail),
                              headers={"Content-Type": "text/plain"})  # fmt: skip
        return self._call("POST", "/v1.0/me/messages", deadline=deadline, body=as_json(mail, key))

    def mark_draft(
        self, draft_id: str, *, key: str, message_id: str = "", deadline: Deadline
    ) -> Answer:
        """Put the key where it can be searched for; MIME has no place for that. 200.

        ``message_id``: set where Exchange did not keep the one of the MIME text.
        """
        body: dict[str, Any] = {
            "singleValueExtendedProperties": [{"id": KEY_PROPERTY, "value": key}]
        }
        if message_id:
            body["internetMessageId"] = message_id
        return self._call("PATCH", _message(draft_id), deadline=deadline, body=body)

    def send_draft(self, draft_id: str, *, deadline: Deadline) -> Answer:
        return self._call("POST", f"{_message(draft_id)}/send", deadline=deadline,
                          headers={"Content-Length": "0"})  # fmt: skip

    def send_mail(self, mail: EmailMessage, *, key: str, form: str, deadline: Deadline) -> Answer:
        if form == MIME:
            return self._call("POST", "/v1.0/me/sendMail", deadline=deadline, body=as_mime(mail),
                              headers={"Content-Type": "text/plain"})  # fmt: skip
        body = {"message": as_json(mail, key), "saveToSentItems": True}
        return self._call("POST", "/v1.0/me/sendMail", deadline=deadline, body=body)

    def message(self, message: str, *, deadline: Deadline, select: str = SELECTED) -> Answer:
        return self._call("GET", _message(message), deadline=deadline, params={"$select": select})

    def with_key(self, key: str, *, folder: str, deadline: Deadline) -> Answer:
        wanted = (f"singleValueExtendedProperties/Any(ep: ep/id eq '{KEY_PROPERTY}'"
                  f" and ep/value eq '{key}')")  # fmt: skip
        return self.list(folder, deadline=deadline, where=wanted)

    def with_message_id(
        self, message_id: str, *, folder: str, deadline: Deadline, select: str = SELECTED
    ) -> Answer:
        quoted = message_id.replace("'", "''")
        return self.list(
            folder, deadline=deadline, where=f"internetMessageId eq '{quoted}'", select=select
        )

    def list(
        self, folder: str, *, deadline: Deadline, where: str, select: str = SELECTED
    ) -> Answer:
        """Messages of a folder, or of the whole mailbox for ``""``."""
        place = f"/v1.0/me/mailFolders/{folder}/messages" if folder else "/v1.0/me/messages"
        params = {"$filter": where, "$select": select, "$top": "5"}
        return self._call("GET", place, deadline=deadline, params=params)

    def drafts(self, *, since: datetime, before: datetime, deadline: Deadline) -> Answer:
        """Up to 500 drafts made between two moments, with their headers. 200."""
        where = f"createdDateTime ge {_moment(since)} and createdDateTime lt {_moment(before)}"
        params = {"$filter": where, "$select": f"{SELECTED},{HEADERS}", "$top": "500"}
        return self._call("GET", "/v1.0/me/mailFolders/drafts/messages", deadline=deadline,
                          params=params)  # fmt: skip

    def delete(self, draft_id: str, *, deadline: Deadline) -> Answer:
        """204. Exchange puts it among the deleted."""
        return self._call("DELETE", _message(draft_id), deadline=deadline)

    def get(
        self, path: str, *, deadline: Deadline, params: Mapping[str, str] | None = None,
        prefer: str = "",
    ) -> Answer:  # fmt: skip
        """Read anything; ``path`` may carry a query of its own, as Graph's next links do."""
        asked = {"Prefer": f"{PREFER['Prefer']}, {prefer}"} if prefer else None
        return self._call("GET", path, deadline=deadline, params=params, headers=asked)

    def close(self) -> None:
        self.line.close()

    def _call(
        self, method: str, path: str, *, deadline: Deadline,
        headers: Mapping[str, str] | None = None, params: Mapping[str, str] | None = None,
        body: bytes | Mapping[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        """Ask, and once more with a new token after a 401: that one was certainly not done."""
        token = self.token()
        for attempt in (1, 2):
            sent = {**PREFER, **(headers or {}), "Authorization": f"Bearer {token}",
                    "client-request-id": str(uuid.uuid4())}  # fmt: skip
            answer = self.line.ask(method, path, deadline=deadline, headers=sent, params=params,
                                   body=body)  # fmt: skip
            if answer.status != 401 or attempt == 2:
                break
            token = self.token(refused=token)
        return answer


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _message(number: str) -> str:
    return f"/v1.0/me/messages/{quote(number, safe='')}"


def as_mime(mail: EmailMessage) -> bytes:
    """The request body of a MIME call: base64 of the mail."""
    return base64.b64encode(mail.as_bytes(policy=SMTP))


def as_json(mail: EmailMessage, key: str) -> dict[str, Any]:
    """A ``message`` resource. The text part is left out: Exchange makes one of the HTML."""
    html = mail.get_body(("html", "plain"))
    properties = [{"id": KEY_PROPERTY, "value": key}]
    if mail["List-Unsubscribe"]:
        properties.append({"id": UNSUBSCRIBE_PROPERTY, "value": str(mail["List-Unsubscribe"])})
    return {
        "subject": str(mail["Subject"]),
        "body": {"contentType": "HTML" if html and html.get_content_subtype() == "html" else "Text",
                 "content": html.get_content() if html else ""},
        "toRecipients": _people(mail["To"]),
        **({"replyTo": _people(mail["Reply-To"])} if mail["Reply-To"] else {}),
        "internetMessageId": str(mail["Message-ID"]),
        "internetMessageHeaders": [{"name": "x-leadgen-key", "value": key}],
        "singleValueExtendedProperties": properties,
    }  # fmt: skip


def _people(header: Any) -> list[dict[str, Any]]:
    return [{"emailAddress": {"address": each.addr_spec, "name": each.display_name}}
            for each in (header.addresses if header else ())]  # fmt: skip
