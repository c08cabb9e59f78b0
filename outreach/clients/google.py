"""The Gmail API, the mail calls: sending, and finding again.

Contract: bearer token; POST messages/send with ``{"raw": ...}``, the mail in URL-safe base64 (the
ordinary one is refused), answers 200 with an id. A 200 does not mean within the daily limit: that
is enforced minutes later, by a bounce. ``q=rfc822msgid:`` finds a mail by its Message-ID.
Sources: developers.google.com/gmail/api/guides/handle-errors, contracts/gmail.md.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from outreach.clients.ask import Answer, Deadline, Line

ME = "/gmail/v1/users/me"


@dataclass(frozen=True, slots=True)
class GmailClient:
    """One mailbox. ``token`` gives an access token; named a refused one, it gives another."""

    line: Line
    token: Callable[..., str]

    def send(self, mail: EmailMessage, *, deadline: Deadline) -> Answer:
        raw = base64.urlsafe_b64encode(mail.as_bytes(policy=SMTP)).decode()
        return self._call("POST", f"{ME}/messages/send", deadline=deadline, body={"raw": raw})

    def with_message_id(self, message_id: str, *, label: str, deadline: Deadline) -> Answer:
        """Ids of messages under ``label`` (SENT, INBOX, SPAM); spam is searched too."""
        params = {"q": f"rfc822msgid:{message_id.strip('<>')}", "labelIds": label,
                  "maxResults": "5", "includeSpamTrash": "true"}  # fmt: skip
        return self._call("GET", f"{ME}/messages", deadline=deadline, params=params)

    def headers_of(self, message: str, *, deadline: Deadline) -> Answer:
        return self._call("GET", f"{ME}/messages/{message}", deadline=deadline,
                          params={"format": "metadata"})  # fmt: skip

    def get(
        self, path: str, *, deadline: Deadline, params: Mapping[str, str] | None = None
    ) -> Answer:
        """Read anything below the mailbox, e.g. ``/history``."""
        return self._call("GET", f"{ME}{path}", deadline=deadline, params=params)

    def close(self) -> None:
        self.line.close()

    def _call(
        self, method: str, path: str, *, deadline: Deadline,
        params: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None,
    ) -> Answer:  # fmt: skip
        """Ask, and once more with a new token after a 401: that one was certainly not done."""
        token = self.token()
        for attempt in (1, 2):
            answer = self.line.ask(method, path, deadline=deadline, params=params, body=body,
                                   headers={"Authorization": f"Bearer {token}"})  # fmt: skip
            if answer.status != 401 or attempt == 2:
                break
            token = self.token(refused=token)
        return answer
