"""Whole files: initiate, poll, and the signed address."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from urllib.parse import urlencode

from leadgen_project.sandbox.data_gov_sg.answers import (
    as_data,
    as_json,
    bad_question,
    expired,
    no_such_dataset,
)
from leadgen_project.sandbox.data_gov_sg.files import published, send_file
from leadgen_project.sandbox.data_gov_sg.release import Release
from leadgen_project.sandbox.loopback import Raw, Reply, Request


@dataclass(frozen=True, slots=True)
class _Link:
    letter: str
    selection: bytes
    expires_at: float


class Downloads:
    """Remembers what was initiated and which addresses were signed.

    A selection (JSON body) is another download of the same dataset and is polled with the same
    body.
    """

    def __init__(self, release: Release, *, base_url: Callable[[], str]) -> None:
        self._release = release
        self._base_url = base_url
        self._polls: dict[tuple[str, bytes], int] = {}
        self._links: dict[str, _Link] = {}
        self._lock = Lock()

    def forget(self) -> None:
        """Drop what was initiated, as a new release does."""
        with self._lock:
            self._polls.clear()

    def find_letter(self, token: str) -> str | None:
        link = self._links.get(token)
        return link.letter if link else None

    def initiate(self, request: Request, dataset: str) -> Reply:
        letter = self._release.find_letter(dataset)
        if letter is None or not self._release.path(letter).exists():
            return no_such_dataset(dataset)
        with self._lock:
            self._polls[dataset, request.body] = 0
        s = self._release.settings
        data = {"message": "Download successfully initiated. Proceed to poll for completion."}
        if s.url_in_initiate:
            data["url"] = self._sign(letter, request.body)
        return as_json({"code": s.initiate_code, "data": data, "errorMsg": ""}, s.initiate_status)

    def poll(self, request: Request, dataset: str) -> Reply:
        letter = self._release.find_letter(dataset)
        if letter is None:
            return no_such_dataset(dataset)
        asked = (dataset, request.body)
        with self._lock:
            if asked not in self._polls:
                return as_data({"status": "DOWNLOAD_NOT_INITIATED"})
            self._polls[asked] += 1
            is_ready = self._polls[asked] > self._release.settings.polls_before_url
        if not is_ready:
            return as_data({"status": "DOWNLOAD_PENDING"})
        return as_data({"status": "DOWNLOAD_SUCCESS", "url": self._sign(letter, request.body)})

    def _sign(self, letter: str, selection: bytes) -> str:
        life = self._release.settings.link_life_seconds
        with self._lock:
            text = f"{letter}/{len(self._links)}"
            token = hashlib.sha256(text.encode()).hexdigest()[:40]
            self._links[token] = _Link(letter, selection, time.monotonic() + life)
        query = urlencode({"X-Amz-Expires": round(life), "X-Amz-Signature": token[:16]})
        return f"{self._base_url()}/files/{token}?{query}"

    def file(self, request: Request, token: str) -> Reply | Raw:
        link = self._links.get(token)
        if link is None or time.monotonic() > link.expires_at:
            return expired()
        s = self._release.settings
        path = self._release.take_file(link.letter)
        try:
            content = published(path, selection=link.selection, headers=s.headers)
        except (ValueError, KeyError):  # the selection is no JSON or lacks a key
            return bad_question()
        return send_file(
            content,
            wanted=request.headers.get("range", "") if s.allow_ranges else "",
            chunked=s.chunked,
            cut_after=self._cut(link.letter),
            head_only=request.method == "HEAD",
        )

    def _cut(self, letter: str) -> int | None:
        s = self._release.settings
        if s.cut_letters is not None and letter not in s.cut_letters:
            return None
        if s.cut_after_bytes is None or s.cut_next is None:
            return s.cut_after_bytes
        return s.cut_after_bytes if s.spend("cut_next") else None
