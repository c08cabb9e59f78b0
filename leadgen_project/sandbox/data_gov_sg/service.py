"""The running stand-in: routes calls, counts them, spoils some and refuses too many."""

import time
from pathlib import Path
from threading import Lock

from leadgen_project.sandbox.data_gov_sg import answers, catalog, rows
from leadgen_project.sandbox.data_gov_sg.downloads import Downloads
from leadgen_project.sandbox.data_gov_sg.release import Release
from leadgen_project.sandbox.data_gov_sg.settings import Call, DataGovSgSettings, Endpoint, Tier
from leadgen_project.sandbox.loopback import LoopbackServer, Raw, Reply, Request

_LIMITED = {"initiate": "download", "poll": "download", "search": "search"}
_LIMITS: dict[str, dict[Tier, int]] = {
    "download": {"none": 2, "development": 4, "production": 10},
    "search": {"none": 4, "development": 8, "production": 20},
}
_CATALOG, _DOWNLOAD = "/v2/public/api", "/v1/public/api"


class DataGovSg:
    """The running stand-in; a context manager. Also usable as part of a larger server."""

    def __init__(
        self, folder: Path, *, settings: DataGovSgSettings | None = None, port: int = 0
    ) -> None:
        self.settings = settings or DataGovSgSettings()
        self.calls: list[Call] = []
        self._release = Release(folder, self.settings)
        self._downloads = Downloads(self._release, base_url=lambda: self.url)
        self._server = LoopbackServer(self.answer, port)
        self._base_url = ""
        self._admitted: dict[tuple[str, str], list[float]] = {}
        self._lock = Lock()

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

    @property
    def folder(self) -> Path:
        """The folder of the files now published."""
        return self._release.folder

    def release(self, folder: Path, *, last_updated_at: str) -> None:
        """Publish another release: the folder and the date change at once."""
        self._release.replace(folder, last_updated_at=last_updated_at)
        self._downloads.forget()

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
        return self._release.dataset_id(letter)

    # -- answering -----------------------------------------------------------------------

    def knows(self, path: str) -> bool:
        """Say whether a path belongs to this stand-in."""
        return path.startswith((_CATALOG, _DOWNLOAD, "/api/action/", "/files/"))

    def answer(self, request: Request) -> Reply | Raw:
        """Answer one request. An ``Answer`` for ``LoopbackServer``."""
        endpoint, argument = _route(request.path)
        letter = self._letter(endpoint, argument, request)
        spoiled = self._trouble(endpoint) or self._refusal(endpoint, request)
        answer = self._serve(endpoint, request, argument) if spoiled is None else spoiled
        status = answer.status if isinstance(answer, Reply) else 200
        had_key = "x-api-key" in request.headers
        self.calls.append(Call(endpoint, time.monotonic(), letter, had_key, status))
        return answer

    def _serve(self, endpoint: Endpoint, request: Request, argument: str) -> Reply | Raw:
        match endpoint:
            case "collection":
                return catalog.collection(self._release, request, argument)
            case "catalog" if argument:
                return catalog.dataset(self._release, argument)
            case "catalog" if request.path.endswith("/datasets"):
                return catalog.datasets(self._release, request)
            case "catalog":
                return catalog.collections(self._release)
            case "initiate":
                return self._downloads.initiate(request, argument)
            case "poll":
                return self._downloads.poll(request, argument)
            case "file":
                return self._downloads.file(request, argument)
            case "search":
                return rows.search(self._release, request)
            case "rows":
                return rows.list_rows(self._release, request, argument)
            case "unknown":
                return answers.no_such_address()

    def _letter(self, endpoint: Endpoint, argument: str, request: Request) -> str:
        if endpoint == "file":
            return self._downloads.find_letter(argument) or ""
        dataset = request.query.get("resource_id", "") if endpoint == "search" else argument
        return self._release.find_letter(dataset) or ""

    def _trouble(self, endpoint: Endpoint) -> Reply | Raw | None:
        s = self.settings
        if endpoint in s.hang_endpoints and s.spend("hang_next"):
            return lambda _connection: time.sleep(s.hang_seconds)
        if endpoint in s.fail_endpoints and s.spend("fail_next"):
            return Reply(s.fail_status, b"upstream trouble (Sandbox)", "text/plain")
        if endpoint in s.html_endpoints and s.spend("html_next"):
            return Reply(200, b"<!doctype html><title>Sandbox</title><h1>Something broke</h1>")
        return None

    def _refusal(self, endpoint: Endpoint, request: Request) -> Reply | None:
        """Return the 429 of a caller over the limit, in a sliding window."""
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
                return answers.too_many()
            times.append(now)
        return None


def _route(path: str) -> tuple[Endpoint, str]:
    """Return which endpoint a path means and the id or token in it."""
    match path.strip("/").split("/"):
        case ["v2", "public", "api", "collections" | "datasets"]:
            return "catalog", ""
        case ["v2", "public", "api", "collections", number, "metadata"]:
            return "collection", number
        case ["v2", "public", "api", "datasets", dataset, "metadata"]:
            return "catalog", dataset
        case ["v2", "public", "api", "datasets", dataset, "list-rows"]:
            return "rows", dataset
        case ["v1", "public", "api", "datasets", dataset, "initiate-download"]:
            return "initiate", dataset
        case ["v1", "public", "api", "datasets", dataset, "poll-download"]:
            return "poll", dataset
        case ["files", token]:
            return "file", token
        case ["api", "action", "datastore_search"]:
            return "search", ""
    return "unknown", ""
