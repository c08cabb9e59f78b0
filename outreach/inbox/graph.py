"""Read a mailbox through Microsoft Graph: delta queries of the inbox, and each mail's MIME text.

Contract: GET /me/mailFolders/inbox/messages/delta answers pages with ``@odata.nextLink`` and at the
end ``@odata.deltaLink``; 410 when the link is too old. GET /me/messages/{id}/$value is the mail as
it came; nothing of this marks it as read (microsoft-graph-docs-contrib: message-delta.md,
delta-query-messages.md, message-get.md). The cursor is the link of the page and the ids done of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from outreach.clients.ask import Answer, Deadline
from outreach.clients.microsoft import GraphClient
from outreach.inbox.asked import TOO_BIG, ask, head_of, or_none
from outreach.inbox.interface import MOST_FETCHED, SECONDS, Arrival, Cursor

NAME = "Microsoft"
START = "/v1.0/me/mailFolders/inbox/messages/delta"
AT_ONCE = 50
MOST_PAGES = 40  # of one reading


class GraphInbox:
    """One mailbox; ``client`` brings its token."""

    def __init__(self, client: GraphClient, *, seconds: float = SECONDS) -> None:
        self._client, self._seconds = client, seconds

    def arrivals(self, cursor: Cursor, *, since: datetime) -> Iterator[Arrival]:
        """See ``Inbox``."""
        deadline = Deadline(self._seconds)
        link, done = str(cursor.get("link", "")), list(cursor.get("done", []))
        for _ in range(MOST_PAGES):
            page = self._page(link, since=since, deadline=deadline)
            if page is None:  # the link is too old: what was taken in before adds nothing
                link, done = "", []
                continue
            following = _place_of(page.json)
            new = _new_in(page.json, done)
            for one in new:
                if deadline.seconds <= 0:
                    return
                done.append(one)
                is_last = one == new[-1] and bool(following)
                at = {"link": following, "done": []} if is_last else {"link": link, "done": done}
                if (found := self._mail(one, deadline=deadline)) is not None:
                    yield Arrival(found[0][:MOST_FETCHED], at, found[1])
            if "@odata.nextLink" not in page.json or not following:
                return
            link, done = following, []

    def _page(self, link: str, *, since: datetime, deadline: Deadline) -> Answer | None:
        if link:
            path, params = link, None
        else:
            start = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            path = START
            params = {"$select": "id,receivedDateTime", "$filter": f"receivedDateTime ge {start}"}
        size = f"odata.maxpagesize={AT_ONCE}"
        return ask(
            lambda: self._client.get(path, deadline=deadline, params=params, prefer=size), name=NAME
        )

    def _mail(self, one: str, *, deadline: Deadline) -> tuple[bytes, int] | None:
        """A mail's text and size; its head and first words where the whole cannot be had."""
        place = f"/v1.0/me/messages/{quote(one, safe='')}"
        whole = or_none(
            lambda: ask(lambda: self._client.get(f"{place}/$value", deadline=deadline), name=NAME)
        )
        if whole is not None:
            return whole.body, len(whole.body)
        params = {"$select": "internetMessageHeaders,bodyPreview"}
        head = ask(lambda: self._client.get(place, deadline=deadline, params=params), name=NAME)
        if head is None:
            return None
        said = head.json
        return head_of(said.get("internetMessageHeaders"), said.get("bodyPreview")), TOO_BIG


def _new_in(page: dict[str, Any], done: list[str]) -> list[str]:
    """Ids of the page's mails that are there, not taken in yet, in the order they came."""
    rows = page.get("value")
    there = [each for each in (rows if isinstance(rows, list) else [])
             if isinstance(each, dict) and "@removed" not in each]  # fmt: skip
    there.sort(key=lambda each: str(each.get("receivedDateTime", "")))
    ids = [each["id"] for each in there if isinstance(each.get("id"), str)]
    return [each for each in ids if each not in done]


def _place_of(page: dict[str, Any]) -> str:
    """Path and query of the next page, whatever host the link names: the token goes to ours."""
    link = page.get("@odata.nextLink") or page.get("@odata.deltaLink")
    if not isinstance(link, str):
        return ""
    parts = urlsplit(link)
    is_ours = parts.path.startswith("/v1.0/me/mailFolders")
    return f"{parts.path}?{parts.query}" if is_ours and parts.query else ""
