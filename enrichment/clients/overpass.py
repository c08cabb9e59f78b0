"""The Overpass API: queries of OpenStreetMap, asked one at a time and when a slot is free.

Contract: ``GET {base}/status`` is plain text and says whether a slot is free; ``POST
{base}/interpreter`` with form field ``data`` answers JSON. A query that ran out of time or memory
answers 200 with few elements and a ``remark``: a failure, not an empty city. 400 comes as an HTML
page, 429 means all slots taken, 504 too busy; neither has a documented Retry-After, but a proxy
before the server may send one. Sources: overpy 0.7 and overpass 0.8.2 (failures,
status text), dev.overpass-api.de/overpass-doc/en/preface/commons.html (limits).
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

import requests

from enrichment.web.redirects import seconds_of

TIMEOUT_SECONDS: Final = (5, 90)  # connect, read; the queries themselves ask for 60
MAX_BYTES: Final = 64 * 1024 * 1024
BUSY_SECONDS: Final = 60.0  # where the server does not say how long
LONGEST_WAIT_SECONDS: Final = 3_600.0
_FREE = re.compile(r"^(\d+) slots? available now", re.MULTILINE)
_AFTER = re.compile(r"^Slot available after: .*, in (-?\d+) seconds", re.MULTILINE)
_FAULT = re.compile(r"<strong[^>]*>Error</strong>:\s*([^<]{1,300})")


class OverpassError(Exception):
    """The question was not answered. ``retry_after``: seconds; None when asking again is useless.

    ``is_too_much``: the query ran out of time or memory; a smaller one may pass. ``pause``: the
    server said that it wants no question from anybody of us for so many seconds.
    """

    def __init__(
        self, sentence: str, *, retry_after: float | None, is_too_much: bool = False,
        pause: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(sentence)
        self.retry_after = retry_after
        self.is_too_much = is_too_much
        self.pause = pause


_BUSY: Final = {429: "all its slots are taken", 503: "it is not to be had", 504: "it is too busy"}


def _busy(response: requests.Response) -> OverpassError:
    pause = seconds_of(response.headers.get("Retry-After", ""), now=datetime.now(UTC)) or 0.0
    status = response.status_code
    return OverpassError(f"Overpass answered {status}: {_BUSY[status]}.",
                         retry_after=max(BUSY_SECONDS, pause), pause=pause)  # fmt: skip


class OverpassClient:
    """Asks one Overpass server. ``user_agent`` names the application and a contact."""

    def __init__(self, base_url: str, *, user_agent: str) -> None:
        base = base_url.rstrip("/").removesuffix("/interpreter")
        self._base = base if base.endswith("/api") else f"{base}/api"
        self._headers = {"User-Agent": user_agent}

    def wait_seconds(self) -> float:
        """Seconds until a slot is free; 0 when one is, or when the server does not say."""
        response = self._ask("GET", "status")
        if response.status_code in _BUSY:
            raise _busy(response)
        text = response.content[:20_000].decode("utf-8", "replace")
        free = _FREE.search(text)
        if free and int(free[1]) >= 1:
            return 0.0
        after = _AFTER.search(text)
        return min(max(float(after[1]), 1.0), LONGEST_WAIT_SECONDS) if after else 0.0

    def query(self, question: str) -> dict[str, Any]:
        """The answer to ``question`` (Overpass QL). Raises ``OverpassError``; never half a city."""
        response = self._ask("POST", "interpreter", data={"data": question})
        if response.status_code in _BUSY:
            raise _busy(response)
        if response.status_code == 400:
            said = _FAULT.search(response.text[:20_000])
            words = said[1].strip() if said else "without saying what is wrong"
            raise OverpassError(f"Overpass refused the query: {words}", retry_after=None)
        if response.status_code != 200:
            is_theirs = response.status_code >= 500
            raise OverpassError(
                f"Overpass answered {response.status_code}.",
                retry_after=BUSY_SECONDS if is_theirs else None,
            )
        return self._read(response)

    def _read(self, response: requests.Response) -> dict[str, Any]:
        try:
            answer = json.loads(response.content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or not isinstance(answer.get("elements"), list):
            raise OverpassError(
                "Overpass gave an answer that is cut off or no JSON.", retry_after=BUSY_SECONDS
            )
        remark = str(answer.get("remark") or "")
        if remark.startswith("runtime error"):
            raise OverpassError(
                f"Overpass broke the query off: {remark[:200]}",
                retry_after=BUSY_SECONDS, is_too_much=True,
            )  # fmt: skip
        return answer

    def _ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """One request, its body read up to the cap."""
        try:
            with requests.Session() as session:
                session.trust_env = False
                response = session.request(
                    method, f"{self._base}/{path}", headers=self._headers,
                    timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True, **more,
                )  # fmt: skip
                kept = bytearray()
                for chunk in response.iter_content(65_536):
                    kept += chunk
                    if len(kept) > MAX_BYTES:
                        raise OverpassError(
                            f"Overpass sent more than {MAX_BYTES:,} bytes.", retry_after=None,
                            is_too_much=True,
                        )  # fmt: skip
                response._content = bytes(kept)  # noqa: SLF001 -- as requests' own read does
                return response
        except requests.RequestException as exc:
            # ``from None``: requests puts the address in its text.
            raise OverpassError(
                f"Overpass did not answer ({type(exc).__name__}).", retry_after=BUSY_SECONDS
            ) from None
