"""Read a mailbox through the Gmail API: what was added to the inbox, and each mail as raw text.

Contract: GET /history?startHistoryId= answers additions and the newest ``historyId``; 404 when that
start is too old, after about a week. GET /messages/{id}?format=raw is the mail as it came, in
URL-safe base64; labels stay as they are (developers.google.com/gmail/api, "Synchronize clients").
The cursor is the history's number and the ids that are left of what it named.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from outreach.clients.ask import Deadline
from outreach.clients.google import GmailClient
from outreach.inbox.asked import TOO_BIG, ask, head_of, or_none
from outreach.inbox.interface import MOST_FETCHED, SECONDS, Arrival, Cursor, InboxError

NAME = "Google"
AT_ONCE = 100
MOST_PAGES = 20
MOST_IDS = AT_ONCE * MOST_PAGES


class GmailInbox:
    """One mailbox; ``client`` brings its token."""

    def __init__(self, client: GmailClient, *, seconds: float = SECONDS) -> None:
        self._client, self._seconds = client, seconds

    def arrivals(self, cursor: Cursor, *, since: datetime) -> Iterator[Arrival]:
        """See ``Inbox``."""
        deadline = Deadline(self._seconds)
        history, left = cursor.get("history"), list(cursor.get("left", []))
        if history and not left:
            history, left = self._added(str(history), deadline=deadline)
        if not history:
            history, left = self._all(since, deadline=deadline)
        while left:
            if deadline.seconds <= 0:
                return
            one, left = left[0], left[1:]
            if (found := self._mail(one, deadline=deadline)) is not None:
                at = {"history": history, "left": left}
                yield Arrival(found[0][:MOST_FETCHED], at, found[1])

    def _added(self, start: str, *, deadline: Deadline) -> tuple[str, list[str]]:
        """The newest number and what was added since ``start``; "" when that is too old."""
        params = {"startHistoryId": start, "labelId": "INBOX", "historyTypes": "messageAdded",
                  "maxResults": str(AT_ONCE)}  # fmt: skip
        newest, ids = start, []
        for _ in range(MOST_PAGES):
            page = self._json("/history", params, deadline=deadline)
            if page is None:
                return "", []
            newest = str(page.get("historyId", newest))
            for change in _rows(page, "history"):
                ids += [_id(each.get("message")) for each in _rows(change, "messagesAdded")]
            if not page.get("nextPageToken"):
                break
            params["pageToken"] = str(page["nextPageToken"])
        return newest, [each for each in dict.fromkeys(ids) if each]

    def _all(self, since: datetime, *, deadline: Deadline) -> tuple[str, list[str]]:
        """Everything in the inbox from ``since`` on, oldest first, and the number it holds for."""
        profile = self._json("/profile", {}, deadline=deadline) or {}
        history = str(profile.get("historyId", ""))
        if not history:
            raise InboxError(f"{NAME} does not say how far the mailbox has come.")
        params = {"labelIds": "INBOX", "q": f"after:{int(since.timestamp())}",
                  "maxResults": str(AT_ONCE)}  # fmt: skip
        ids: list[str] = []
        for _ in range(MOST_PAGES):
            page = self._json("/messages", params, deadline=deadline) or {}
            ids += [_id(each) for each in _rows(page, "messages")]
            if not page.get("nextPageToken"):
                break
            params["pageToken"] = str(page["nextPageToken"])
        return history, [each for each in reversed(ids) if each][-MOST_IDS:]

    def _mail(self, one: str, *, deadline: Deadline) -> tuple[bytes, int] | None:
        """A mail's text and size; its head and first words where the whole cannot be had."""
        place = f"/messages/{one}"
        whole = or_none(
            lambda: ask(
                lambda: self._client.get(place, deadline=deadline, params={"format": "raw"}),
                name=NAME,
            )
        )
        raw = _decoded(whole.json.get("raw")) if whole is not None else None
        if raw is not None:
            return raw, len(raw)
        head = self._json(place, {"format": "metadata"}, deadline=deadline)
        if head is None:
            return None
        payload = head.get("payload")
        headers = payload.get("headers") if isinstance(payload, dict) else None
        return head_of(headers, head.get("snippet")), TOO_BIG

    def _json(
        self, path: str, params: dict[str, str], *, deadline: Deadline
    ) -> dict[str, Any] | None:
        answer = ask(lambda: self._client.get(path, deadline=deadline, params=params), name=NAME)
        return None if answer is None else answer.json


def _rows(page: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = page.get(name)
    return [each for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []


def _id(row: object) -> str:
    """A message's id, if it is one: it becomes part of an address."""
    found = row.get("id") if isinstance(row, dict) else None
    return found if isinstance(found, str) and found.isalnum() and found.isascii() else ""


def _decoded(raw: object) -> bytes | None:
    if not isinstance(raw, str):
        return None
    try:
        return base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))
    except (binascii.Error, ValueError):
        return None
