"""data.gov.sg: which files the register has, and the files themselves.

Contract: ``collections/{id}/metadata`` lists the datasets, unordered; the letter of a file stands
in its name between ``('`` and ``')``. ``initiate-download`` and ``poll-download`` (GET, 200 or 201)
give a signed address, at once or after some polls; the file lies on another host, which must not
see the key. Limits are per 10 seconds, answered with 429 and no ``Retry-After``; a wrong key is
served at the keyless limit. Source: the platform's guide and captured answers.
"""

from __future__ import annotations

import json
import logging
import random
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

__all__ = ["Collection", "DataGovSg", "DataGovSgError", "Dataset", "ExpiredAddressError"]

logger = logging.getLogger(__name__)

CATALOG_URL = "https://api-production.data.gov.sg/v2/public/api"
DOWNLOAD_URL = "https://api-open.data.gov.sg/v1/public/api"
CKAN_URL = "https://data.gov.sg"
TIMEOUT_SECONDS = (10, 60)  # connect, between two pieces
WINDOW_SECONDS = 10.0
CALLS_KEYLESS, CALLS_WITH_KEY = 2, 4  # initiate and poll, per window; with a development key
WAITS_ON_429 = 3
ATTEMPTS = 4
BACKOFF_SECONDS = 2.0
POLLS = 60
POLL_SECONDS = 2.0
MOST_FILE_BYTES = 2 * 1024**3
PIECE_BYTES = 256 * 1024
LETTER = re.compile(r"\('([A-Za-z0-9]{1,20})'\)\s*$")  # becomes a file's name


class DataGovSgError(Exception):
    """The service did not give what was asked; says what, and whether asking later may help."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


class ExpiredAddressError(DataGovSgError):
    """The signed address is no longer good; ask for a new one."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One of the files of a collection."""

    id: str
    name: str
    updated_at: datetime | None

    @property
    def letter(self) -> str:
        """``A`` .. ``Z`` or ``Others``; the id where the name does not say."""
        found = LETTER.search(self.name)
        return found[1] if found else re.sub(r"[^A-Za-z0-9_]", "", self.id)[:40]


@dataclass(frozen=True, slots=True)
class Collection:
    id: str
    name: str
    updated_at: datetime | None
    datasets: tuple[Dataset, ...]


class DataGovSg:
    """A polite client. Not for threads: the pacing is per object."""

    def __init__(
        self,
        *,
        base_url: str = "",
        api_key: str = "",
        calls_per_window: int | None = None,
        window_seconds: float = WINDOW_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``base_url`` stands for all three hosts (a stand-in, a mirror); empty: the real ones.

        ``calls_per_window`` of 0 paces nothing; by default the documented limit of the key is kept.
        """
        base = base_url.rstrip("/")
        self._catalog = f"{base}/v2/public/api" if base else CATALOG_URL
        self._download = f"{base}/v1/public/api" if base else DOWNLOAD_URL
        self._ckan = base or CKAN_URL
        self._key = {"x-api-key": api_key} if api_key else {}
        default = CALLS_WITH_KEY if api_key else CALLS_KEYLESS
        calls = default if calls_per_window is None else calls_per_window
        self._pace = _Pace(calls, seconds=window_seconds, sleep=sleep)
        self._sleep = sleep
        self._session = requests.Session()

    def collection(self, collection_id: str) -> Collection:
        """The collection with its datasets. One call."""
        data = self._json(
            f"{self._catalog}/collections/{collection_id}/metadata",
            params={"withDatasetMetadata": "true"},
        )
        about = _part(data, "collectionMetadata")
        datasets = data.get("datasetMetadata")
        if not isinstance(datasets, list) or not datasets:
            raise DataGovSgError(f"Collection {collection_id} lists no datasets.")
        return Collection(
            id=collection_id,
            name=str(about.get("name", "")),
            updated_at=_time(about.get("lastUpdatedAt")),
            datasets=tuple(map(_dataset, datasets)),
        )

    def dataset(self, dataset_id: str) -> Dataset:
        """One dataset. One call."""
        return _dataset(self._json(f"{self._catalog}/datasets/{dataset_id}/metadata"))

    def address(self, dataset_id: str) -> str:
        """A signed address of the dataset's file; it expires. One to ``POLLS`` + 1 calls."""
        base = f"{self._download}/datasets/{dataset_id}"
        self._pace.wait()
        url = self._json(f"{base}/initiate-download").get("url")
        for _ in range(POLLS):
            if isinstance(url, str) and url:
                return url
            self._pace.wait() if self._pace.is_on else self._sleep(0)
            url = self._json(f"{base}/poll-download").get("url")
            if not url and self._pace.is_on:
                self._sleep(POLL_SECONDS)
        raise DataGovSgError(f"{dataset_id}: not ready after {POLLS} polls.")

    def save(self, url: str, path: Path) -> int:
        """Fetch the file behind a signed address to ``path``; return its bytes.

        The file appears whole or not at all. Raises ``ExpiredAddressError`` on 403, and
        ``DataGovSgError`` for a cut body, a web page instead of CSV, or anything else.
        """
        part = path.with_suffix(".part")
        try:
            with self._session.get(url, stream=True, timeout=TIMEOUT_SECONDS) as response:
                if response.status_code == requests.codes.forbidden:
                    raise ExpiredAddressError("The signed address has expired.")
                if response.status_code != requests.codes.ok:
                    raise DataGovSgError(f"The file's host answered {response.status_code}.")
                size = _write(response, part)
                expected = response.headers.get("Content-Length", "")
        except requests.RequestException as exc:
            # ``from None``: the text of requests holds the signed address
            raise DataGovSgError(f"The download broke off ({type(exc).__name__}).") from None
        if (
            "Content-Encoding" not in response.headers
            and expected.isdigit()
            and size != int(expected)
        ):
            raise DataGovSgError(f"The download was cut: {size} of {expected} bytes.")
        part.replace(path)
        return size

    def rows(
        self, dataset_id: str, *, page_size: int, filters: dict[str, str] | None = None
    ) -> Iterator[dict[str, str]]:
        """All rows that fit, page by page. For single companies; files are far cheaper for all.

        Stops by ``total`` and at an empty page: the address of a next page is always given.
        """
        offset = 0
        while True:
            params: dict[str, str | int] = {
                "resource_id": dataset_id, "limit": page_size, "offset": offset, "sort": "_id",
            }  # fmt: skip
            if filters:
                params["filters"] = json.dumps(filters)
            self._pace.wait()
            body = self._get(f"{self._ckan}/api/action/datastore_search", params=params)
            result = body.get("result")
            if not body.get("success") or not isinstance(result, dict):
                raise DataGovSgError(f"{dataset_id}: the search failed: {_reason(body)}")
            records = result.get("records") or []
            yield from records
            offset += len(records)
            if not records or offset >= int(result.get("total", 0)):
                return

    def _json(self, url: str, *, params: dict[str, str | int] | None = None) -> dict[str, Any]:
        body = self._get(url, params=params)
        data = body.get("data")
        if not isinstance(data, dict):
            raise DataGovSgError(f"{_short(url)}: {_reason(body)}")
        return data

    def _get(self, url: str, *, params: dict[str, str | int] | None = None) -> dict[str, Any]:
        """A JSON object. Waits on 429, tries again on 5xx, silence and web pages; then raises."""
        refused = failed = 0
        while True:
            try:
                response = self._session.get(
                    url, params=params, headers=self._key, timeout=TIMEOUT_SECONDS
                )
            except requests.RequestException as exc:
                problem = f"no answer ({type(exc).__name__})"
            else:
                if response.status_code == requests.codes.too_many_requests:
                    refused += 1
                    if refused > WAITS_ON_429:
                        raise DataGovSgError(
                            f"{_short(url)}: too many calls, {refused} times on end."
                        )
                    self._sleep(WINDOW_SECONDS + random.random())  # noqa: S311 -- jitter
                    continue
                body = _object(response)
                if response.ok and body is not None:
                    return body
                problem = f"answered {response.status_code} {_reason(body or {})}".strip()
                if response.status_code < requests.codes.server_error and not response.ok:
                    raise DataGovSgError(f"{_short(url)} {problem}", retryable=False)
            failed += 1
            if failed >= ATTEMPTS:
                raise DataGovSgError(f"{_short(url)}: {problem}, {failed} times.")
            self._sleep(BACKOFF_SECONDS * 2 ** (failed - 1))


class _Pace:
    """At most ``calls`` in any window of ``seconds``; 0 = no limit."""

    def __init__(self, calls: int, *, seconds: float, sleep: Callable[[float], None]) -> None:
        self._seconds, self._sleep = seconds, sleep
        self._times: deque[float] = deque(maxlen=calls or None)
        self.is_on = calls > 0

    def wait(self) -> None:
        if not self.is_on:
            return
        if len(self._times) == self._times.maxlen:
            left = self._times[0] + self._seconds - time.monotonic()
            if left > 0:
                self._sleep(left)
        self._times.append(time.monotonic())


def _write(response: requests.Response, part: Path) -> int:
    size = 0
    with part.open("wb") as file:
        for piece in response.iter_content(PIECE_BYTES):
            if not size and piece.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
                raise DataGovSgError("A web page came instead of the file.")
            size += file.write(piece)
            if size > MOST_FILE_BYTES:
                raise DataGovSgError(f"The file is larger than {MOST_FILE_BYTES:,} bytes.")
    return size


def _dataset(fields: dict[str, Any]) -> Dataset:
    return Dataset(
        id=str(fields.get("datasetId", "")),
        name=str(fields.get("name", "")),
        updated_at=_time(fields.get("lastUpdatedAt")),
    )


def _object(response: requests.Response) -> dict[str, Any] | None:
    try:
        body = response.json()
    except requests.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _part(data: dict[str, Any], name: str) -> dict[str, Any]:
    part = data.get(name)
    if not isinstance(part, dict):
        raise DataGovSgError(f"The answer has no {name}.")
    return part


def _reason(body: dict[str, Any]) -> str:
    return str(body.get("errorMsg") or body.get("errMsg") or body.get("error") or "")[:200]


def _short(url: str) -> str:
    return url.partition("/public/api/")[2] or url.rpartition("/")[2]


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
