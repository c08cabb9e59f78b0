"""A stand-in for data.gov.sg that serves a folder of the 27 register files.

Built from ``contracts/data-gov-sg.md``: catalog (section 3), whole files (section 4), rows
(section 5), limits (section 2) and every switch of section 7. One port plays all three hosts;
``catalog_url``, ``download_url`` and ``ckan_url`` are the three base addresses a client takes.

    with DataGovSg(folder) as service:
        download(service.download_url)
        service.settings.fail_next = 3      # settings may change while it runs
        assert service.count("initiate") == 27
"""

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from leadgen_project.sandbox.chance import dice
from leadgen_project.sandbox.data_gov_sg_settings import Call, DataGovSgSettings, Endpoint, Tier
from leadgen_project.sandbox.loopback import LoopbackServer, Raw, Reply, Request
from leadgen_project.sandbox.register import LETTERS, file_name
from leadgen_project.sandbox.register_files import Rows, published, read_rows, send_file

COLLECTION = "2"
COLLECTION_NAME = "ACRA Information on Corporate Entities"

_LIMITED = {"initiate": "download", "poll": "download", "search": "search"}
_LIMITS: dict[str, dict[Tier, int]] = {
    "download": {"none": 2, "development": 4, "production": 10},
    "search": {"none": 4, "development": 8, "production": 20},
}
_TOO_MANY = {
    "code": 24,
    "name": "TOO_MANY_REQUESTS",
    "data": None,
    "errorMsg": "Rate limit exceeded. Please try again in 10 seconds and sign up for an API key for"
    " higher rate limits. View https://guide.data.gov.sg/developer-guide/api-overview/"
    "api-rate-limits for more details.",
}
_CATALOG, _DOWNLOAD = "/v2/public/api", "/v1/public/api"


@dataclass(slots=True)
class _Link:
    letter: str
    selection: bytes
    expires_at: float


class DataGovSg:
    """The running stand-in; a context manager. Also usable as part of a larger server."""

    def __init__(
        self, folder: Path, *, settings: DataGovSgSettings | None = None, port: int = 0
    ) -> None:
        self.folder = folder
        self.settings = settings or DataGovSgSettings()
        self.calls: list[Call] = []
        self._server = LoopbackServer(self.answer, port)
        self._base_url = ""
        self._lock = threading.Lock()
        self._polls: Counter[tuple[str, bytes]] = Counter()
        self._links: dict[str, _Link] = {}
        self._admitted: dict[tuple[str, str], list[float]] = {}
        self._files_sent = 0
        self._rows: dict[Path, Rows] = {}

    # -- life ----------------------------------------------------------------------------

    def __enter__(self) -> "DataGovSg":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        return self._base_url or self._server.url

    def served_at(self, url: str) -> None:
        """Tell the stand-in under which address a larger server offers it."""
        self._base_url = url

    @property
    def catalog_url(self) -> str:
        return self.url + _CATALOG

    @property
    def download_url(self) -> str:
        return self.url + _DOWNLOAD

    @property
    def ckan_url(self) -> str:
        return self.url

    # -- what a test asks ----------------------------------------------------------------

    def count(self, endpoint: Endpoint, *, letter: str | None = None) -> int:
        """Return how many calls an endpoint had, refused ones included."""
        return sum(
            call.endpoint == endpoint and (letter is None or call.letter == letter)
            for call in tuple(self.calls)
        )

    def most_in_window(self, *endpoints: Endpoint, seconds: float = 1.0) -> int:
        """Return the largest number of calls within any ``seconds`` on end."""
        times = sorted(call.at for call in tuple(self.calls) if call.endpoint in endpoints)
        most = start = 0
        for end, at in enumerate(times):
            while at - times[start] >= seconds:
                start += 1
            most = max(most, end - start + 1)
        return most

    def keys_sent_to_files(self) -> int:
        """Return how often the API key went to the signed address, where it may not go."""
        return sum(call.had_key for call in tuple(self.calls) if call.endpoint == "file")

    def dataset_id(self, letter: str) -> str:
        """Return the id of a file's dataset, as the catalog gives it."""
        changed = "/new" if letter in self.settings.changed_id_letters else ""
        text = f"sandbox/{COLLECTION}/{letter}{changed}"
        return "d_" + hashlib.sha256(text.encode()).hexdigest()[:32]

    def release(self, folder: Path, *, last_updated_at: str) -> None:
        """Publish another release: the folder and the date change at once."""
        with self._lock:
            self.folder = folder
            self.settings.last_updated_at = last_updated_at
            self._polls.clear()

    # -- answering -----------------------------------------------------------------------

    def knows(self, path: str) -> bool:
        """Say whether a path belongs to this stand-in."""
        return path.startswith((_CATALOG, _DOWNLOAD, "/api/action/", "/files/"))

    def answer(self, request: Request) -> Reply | bytes | Raw:
        """Answer one request. An ``Answer`` for ``LoopbackServer``."""
        endpoint, act, argument = self._route(request.path)
        letter = self._letter_called(endpoint, argument, request)
        spoiled = self._trouble(endpoint) or self._refusal(endpoint, request)
        answer = act(request, argument) if spoiled is None else spoiled
        status = answer.status if isinstance(answer, Reply) else 200
        had_key = "x-api-key" in request.headers
        self.calls.append(Call(endpoint, time.monotonic(), letter, had_key, status))
        return answer

    def _route(
        self, path: str
    ) -> tuple[Endpoint, Callable[[Request, str], Reply | bytes | Raw], str]:
        parts = path.strip("/").split("/")
        match parts:
            case ["v2", "public", "api", "collections"]:
                return "catalog", self._collections, ""
            case ["v2", "public", "api", "collections", number, "metadata"]:
                return "collection", self._collection, number
            case ["v2", "public", "api", "datasets"]:
                return "catalog", self._datasets, ""
            case ["v2", "public", "api", "datasets", dataset, "metadata"]:
                return "catalog", self._dataset, dataset
            case ["v2", "public", "api", "datasets", dataset, "list-rows"]:
                return "rows", self._list_rows, dataset
            case ["v1", "public", "api", "datasets", dataset, "initiate-download"]:
                return "initiate", self._initiate, dataset
            case ["v1", "public", "api", "datasets", dataset, "poll-download"]:
                return "poll", self._poll, dataset
            case ["files", token]:
                return "file", self._file, token
            case ["api", "action", "datastore_search"]:
                return "search", self._search, ""
        return "unknown", self._no_such_address, ""

    def _letter_called(self, endpoint: Endpoint, argument: str, request: Request) -> str:
        if endpoint == "file":
            link = self._links.get(argument)
            return link.letter if link else ""
        if endpoint == "search":
            argument = request.query.get("resource_id", "")
        return self._letter_of(argument) or ""

    def _letter_of(self, dataset: str) -> str | None:
        return next(
            (letter for letter in LETTERS if dataset and self.dataset_id(letter) == dataset), None
        )

    def _trouble(self, endpoint: Endpoint) -> Reply | Raw | None:
        s = self.settings
        if endpoint in s.hang_endpoints and self._once_less("hang_next"):
            return _hang(s.hang_seconds)
        if endpoint in s.fail_endpoints and self._once_less("fail_next"):
            return Reply(s.fail_status, b"upstream trouble (Sandbox)", "text/plain")
        if endpoint in s.html_endpoints and self._once_less("html_next"):
            return Reply(200, b"<!doctype html><title>Sandbox</title><h1>Something broke</h1>")
        return None

    def _once_less(self, what: Literal["hang_next", "fail_next", "html_next", "cut_next"]) -> bool:
        with self._lock:
            left = getattr(self.settings, what)
            if left:
                setattr(self.settings, what, left - 1)
            return bool(left)

    def _refusal(self, endpoint: Endpoint, request: Request) -> Reply | None:
        """Return the 429 of a caller over the limit; it has no Retry-After, as captured."""
        group = _LIMITED.get(endpoint)
        if not self.settings.enforce_limits or group is None:
            return None
        key = request.headers.get("x-api-key", "")
        # A wrong key is served at the keyless limit, never refused.
        tier = self.settings.tiers.get(key, "none")
        who = key if tier != "none" else ""
        now = time.monotonic()
        with self._lock:
            times = self._admitted.setdefault((group, who), [])
            times[:] = [at for at in times if now - at < self.settings.window_seconds]
            if len(times) >= _LIMITS[group][tier]:
                return _json(_TOO_MANY, 429)
            times.append(now)
        return None

    # -- catalog -------------------------------------------------------------------------

    def _letters(self) -> list[str]:
        """Return the letters offered, in no useful order, as the real list has them."""
        letters = [letter for letter in LETTERS if letter not in self.settings.missing_letters]
        dice("datasets", self.settings.order_seed).shuffle(letters)
        return letters

    def _metadata(self, letter: str) -> dict[str, Any]:
        labelled = letter not in self.settings.unlabelled_letters
        path = self.folder / file_name(letter)
        return {
            "datasetId": self.dataset_id(letter),
            "name": COLLECTION_NAME + (f" ('{letter}')" if labelled else ""),
            "description": "Sandbox: made-up entities only",
            "format": "CSV",
            "status": "active",
            "createdAt": "2024-01-15T10:00:00+08:00",
            "lastUpdatedAt": self.settings.last_updated_at,
            "managedBy": "Sandbox",
            "collectionIds": [COLLECTION],
            "datasetSize": path.stat().st_size if path.exists() else 0,
        }

    def _collection_metadata(self) -> dict[str, Any]:
        return {
            "collectionId": COLLECTION,
            "name": COLLECTION_NAME,
            "description": "Sandbox: made-up entities only",
            "createdAt": "2024-01-15T10:00:00+08:00",
            "lastUpdatedAt": self.settings.last_updated_at,
            "frequency": "Monthly",
            "sources": ["Sandbox"],
            "managedBy": "Sandbox",
            "childDatasets": [self.dataset_id(letter) for letter in self._letters()],
        }

    def _collections(self, _request: Request, _argument: str) -> Reply:
        return _data({"collections": [self._collection_metadata()]})

    def _collection(self, request: Request, number: str) -> Reply:
        if number != COLLECTION:
            return _json({"code": 17, "name": "NOT_FOUND", "data": None, "errorMsg": number}, 404)
        data: dict[str, Any] = {"collectionMetadata": self._collection_metadata()}
        if request.query.get("withDatasetMetadata", "").lower() == "true":
            data["datasetMetadata"] = [self._metadata(letter) for letter in self._letters()]
        return _data(data)

    def _datasets(self, request: Request, _argument: str) -> Reply:
        page = request.query.get("page", "1")
        letters = self._letters() if page == "1" else []
        return _data({"datasets": [self._metadata(letter) for letter in letters], "pages": 1})

    def _dataset(self, _request: Request, dataset: str) -> Reply:
        letter = self._letter_of(dataset)
        return _data(self._metadata(letter)) if letter else self._no_such_dataset(dataset)

    # -- whole files ---------------------------------------------------------------------

    def _initiate(self, request: Request, dataset: str) -> Reply:
        letter = self._letter_of(dataset)
        if letter is None or not (self.folder / file_name(letter)).exists():
            return self._no_such_dataset(dataset)
        self._polls[dataset, request.body] = 0
        data = {"message": "Download successfully initiated. Proceed to poll for completion."}
        if self.settings.url_in_initiate:
            data["url"] = self._new_link(letter, request.body)
        code = self.settings.initiate_code
        body = {"code": code, "data": data, "errorMsg": ""}
        return _json(body, self.settings.initiate_status)

    def _poll(self, request: Request, dataset: str) -> Reply:
        letter = self._letter_of(dataset)
        if letter is None:
            return self._no_such_dataset(dataset)
        asked = (dataset, request.body)
        with self._lock:
            if asked not in self._polls:  # another selection, or never initiated
                return _data({"status": "DOWNLOAD_NOT_INITIATED"})
            self._polls[asked] += 1
            is_ready = self._polls[asked] > self.settings.polls_before_url
        if not is_ready:
            return _data({"status": "DOWNLOAD_PENDING"})
        return _data({"status": "DOWNLOAD_SUCCESS", "url": self._new_link(letter, request.body)})

    def _new_link(self, letter: str, selection: bytes) -> str:
        with self._lock:
            text = f"{letter}/{len(self._links)}"
            token = hashlib.sha256(text.encode()).hexdigest()[:40]
            life = self.settings.link_life_seconds
            self._links[token] = _Link(letter, selection, time.monotonic() + life)
        query = urlencode({"X-Amz-Expires": round(life), "X-Amz-Signature": token[:16]})
        return f"{self.url}/files/{token}?{query}"

    def _file(self, request: Request, token: str) -> Reply | Raw:
        link = self._links.get(token)
        if link is None or time.monotonic() > link.expires_at:
            body = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'
            return Reply(403, body, "application/xml")
        path = self._file_of(link.letter)
        content = published(path, selection=link.selection, headers=self.settings.headers)
        return send_file(
            content,
            wanted=request.headers.get("range", "") if self.settings.allow_ranges else "",
            chunked=self.settings.chunked,
            cut_after=self._cut_of(link.letter),
            head_only=request.method == "HEAD",
        )

    def _file_of(self, letter: str) -> Path:
        """Return the file to send now; may be of the next release in the middle of a run."""
        s = self.settings
        with self._lock:
            if s.next_folder is not None and self._files_sent >= s.swap_after_files:
                self.folder, s.next_folder = s.next_folder, None
                s.last_updated_at = s.next_last_updated_at
            self._files_sent += 1
            return self.folder / file_name(letter)

    def _cut_of(self, letter: str) -> int | None:
        s = self.settings
        if s.cut_after_bytes is None or (s.cut_letters is not None and letter not in s.cut_letters):
            return None
        if s.cut_next is not None and not self._once_less("cut_next"):
            return None
        return s.cut_after_bytes

    # -- rows ----------------------------------------------------------------------------

    def _rows_of(self, letter: str) -> Rows:
        path = self.folder / file_name(letter)
        if path not in self._rows:
            self._rows[path] = read_rows(path)
        return self._rows[path]

    def _search(self, request: Request, _argument: str) -> Reply:
        query = request.query
        letter = self._letter_of(query.get("resource_id", ""))
        if letter is None:
            return self._no_such_resource()
        try:
            asked_limit = int(query["limit"]) if "limit" in query else None
            offset = int(query.get("offset", "0"))
            filters = json.loads(query["filters"]) if query.get("filters") else {}
        except ValueError:
            return self._bad_question()
        limit = min(100 if asked_limit is None else asked_limit, self.settings.search_maximum_limit)
        rows = self._rows_of(letter)
        found = rows.search(filters=filters, words=query.get("q", ""), order=query.get("sort", ""))
        names = [name for name in query.get("fields", "").split(",") if name] or [
            *rows.columns,
            "_id",
        ]
        records = [{name: row[name] for name in names} for row in found[offset : offset + limit]]
        result: dict[str, Any] = {
            "resource_id": query["resource_id"],
            "fields": [{"type": "int4" if n == "_id" else "text", "id": n} for n in names],
            "records": records,
            "_links": _links_of(query, limit=limit, offset=offset),
            "total": len(found),
        }
        if asked_limit is not None:
            result["limit"] = limit
        if filters:
            result["filters"] = json.dumps(filters, separators=(",", ":"))
        return _json({"success": True, "result": result})

    def _list_rows(self, request: Request, dataset: str) -> Reply:
        letter = self._letter_of(dataset)
        if letter is None:
            return self._no_such_dataset(dataset)
        limit = int(request.query.get("limit", "100"))
        start = int(request.query.get("cursor", "0"))
        rows = self._rows_of(letter).search(filters={}, words="", order="")
        links = {}
        if start + limit < len(rows):
            links["next"] = urlencode({"cursor": start + limit, "limit": limit})
        name = self._metadata(letter)["name"]
        page = [dict(row) for row in rows[start : start + limit]]
        return _data(
            {
                "datasetId": dataset,
                "datasetName": name,
                "rows": page,
                "limit": limit,
                "links": links,
            }
        )

    # -- refusals ------------------------------------------------------------------------

    def _no_such_address(self, _request: Request, _argument: str) -> Reply:
        # api-open answers 403 with this text where others say 404.
        return _json({"message": "Missing Authentication Token"}, 403, "MissingAuthenticationToken")

    def _no_such_dataset(self, dataset: str) -> Reply:
        text = f"Dataset {dataset} does not exist"
        return _json({"code": 17, "name": "NOT_FOUND", "data": None, "errorMsg": text}, 404)

    def _no_such_resource(self) -> Reply:
        error = {"__type": "Not Found Error", "message": "Not found: Resource was not found."}
        return _json({"success": False, "error": error}, 404)

    def _bad_question(self) -> Reply:
        error = {"__type": "Validation Error", "message": "limit, offset or filters is malformed"}
        return _json({"success": False, "error": error}, 409)


def _json(body: object, status: int = 200, error_type: str = "") -> Reply:
    headers = (("x-amzn-ErrorType", f"{error_type}Exception"),) if error_type else ()
    return Reply(status, json.dumps(body).encode(), "application/json", headers)


def _data(data: object) -> Reply:
    return _json({"code": 0, "data": data, "errorMsg": ""})


def _hang(seconds: float) -> Raw:
    return lambda _connection: time.sleep(seconds)


def _links_of(query: dict[str, str], *, limit: int, offset: int) -> dict[str, str]:
    """Return the links as captured: ``next`` is there even behind the last page."""
    path = "/api/action/datastore_search?"
    kept = {name: value for name, value in query.items() if name != "offset"}
    return {
        "start": path + urlencode(kept),
        "next": path + urlencode({**kept, "offset": offset + limit}),
    }
