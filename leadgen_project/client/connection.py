"""Talk to the server: JSON in and out, sentences for what goes wrong, second tries where safe.

Reading is tried again; so is a POST, with the ``Idempotency-Key`` of the first try, which the
server does once. Nothing else is sent twice. No text made here holds a token.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import requests

from leadgen_project.client.failures import ClientError, Exit, LostError
from leadgen_project.client.profiles import Profile

TIMEOUT_SECONDS = (10, 60)  # connect, read
TRIES = 4
WAITS_SECONDS = (0.5, 1.0, 2.0)
LONGEST_WAIT_SECONDS = 60.0
AGENT = "leadgen-client/1"
PASSING = (502, 503, 504)  # a server that is being restarted, or whose database is away


class Bearer(requests.auth.AuthBase):
    """Sends the token with each call, and shows it to nobody. Also keeps ``.netrc`` out of it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def __repr__(self) -> str:
        return "Bearer(***)"


class Server:
    """One server, as one person in one tenant."""

    def __init__(self, profile: Profile, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.address = profile.server
        self._sleep = sleep
        self._session = requests.Session()
        self._session.auth = Bearer(profile.token)
        self._session.headers.update({"User-Agent": AGENT, "Accept": "application/json"})
        if profile.tenant:
            self._session.headers["X-Tenant-ID"] = profile.tenant

    def get(self, path: str, **query: Any) -> Any:
        """The answer to a question. Raises ``ClientError``."""
        return self._patiently(lambda: self._json(self._send("GET", path, params=_given(query))))

    def get_if_changed(self, path: str, *, etag: str) -> tuple[Any, str]:
        """The answer and its mark; None while it is what had the mark ``etag``. Tried once."""
        answer = self._send("GET", path, headers={"If-None-Match": etag} if etag else {})
        if answer.status_code == 304:
            return None, etag
        return self._json(answer), answer.headers.get("ETag", "")

    def pages(self, path: str, *, most: int, **query: Any) -> Iterator[dict[str, Any]]:
        """Up to ``most`` rows of a list, page by page."""
        page = self.get(path, limit=min(most, 100), **query)
        while True:
            yield from page["results"][:most]
            most -= len(page["results"])
            if most <= 0 or not page["next"]:
                return
            page = self.get(self._own(page["next"]))

    def post(self, path: str, body: Any = None, *, key: str = "", once: bool = True) -> Any:
        """Do something, once. ``once=False``: for the few calls that know no idempotency key."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())} if once else {}

        def call() -> Any:
            return self._json(self._send("POST", path, json=body or {}, headers=headers))

        return self._patiently(call) if once else call()

    def put(self, path: str, body: Any) -> Any:
        """Change something; tried once."""
        return self._json(self._send("PUT", path, json=body))

    def open(self, path: str, *, headers: dict[str, str] | None = None, **query: Any) -> Any:
        """An answer to be read piece by piece, whatever its status; the caller closes it."""
        return self._send("GET", path, params=_given(query), headers=headers or {}, stream=True)

    def check(self, answer: requests.Response) -> None:
        """Raise what a refused ``open`` means."""
        if answer.status_code >= 300:
            raise self._trouble(answer)

    # --- inside --------------------------------------------------------------------------------
    def _patiently(self, call: Callable[[], Any]) -> Any:
        for wait in WAITS_SECONDS[: TRIES - 1]:
            try:
                return call()
            except LostError as exc:
                self._sleep(min(exc.detail.get("wait", wait), LONGEST_WAIT_SECONDS))
        return call()

    def _send(self, method: str, path: str, **how: Any) -> requests.Response:
        host = urlsplit(self.address).netloc
        try:
            return self._session.request(
                method, self.address + path, timeout=TIMEOUT_SECONDS, allow_redirects=False, **how
            )
        except requests.exceptions.SSLError:
            raise ClientError(
                Exit.OUT_OF_REACH, f"{host} has no certificate this machine trusts."
            ) from None
        except requests.exceptions.Timeout:
            raise LostError(f"{host} did not answer in time.") from None
        except requests.exceptions.ConnectionError:
            raise LostError(f"{host} cannot be reached.") from None
        except requests.RequestException as exc:
            raise ClientError(
                Exit.OUT_OF_REACH, f"{host} cannot be asked ({type(exc).__name__})."
            ) from None

    def _json(self, answer: requests.Response) -> Any:
        if answer.status_code >= 300:
            raise self._trouble(answer)
        if answer.status_code == 204:
            return None
        try:
            return answer.json()
        except ValueError:
            raise ClientError(Exit.OUT_OF_REACH, f"{self._who} is no leadgen server.") from None

    def _trouble(self, answer: requests.Response) -> ClientError:
        status, detail = answer.status_code, _problem(answer)
        said = _sentence(detail)
        if status == 401:
            return ClientError(
                Exit.NOT_SIGNED_IN, f"{said or 'Not signed in.'} Run: leadgen login", detail=detail
            )
        if status == 429:
            wait = answer.headers.get("Retry-After", "")
            detail["wait"] = float(wait) if wait.isdigit() else WAITS_SECONDS[-1]
            return LostError(said or f"{self._who} is asked too often.", detail=detail)
        if status in PASSING:
            return LostError(said or f"{self._who} is not ready (HTTP {status}).", detail=detail)
        if status >= 500:
            return ClientError(
                Exit.OUT_OF_REACH, f"{self._who} failed (HTTP {status}). {said}".strip(),
                detail=detail,
            )  # fmt: skip
        if status < 400:
            return ClientError(
                Exit.OUT_OF_REACH, f"{self._who} sends us elsewhere; log in at that address."
            )
        return ClientError(Exit.REFUSED, said or f"HTTP {status}", detail=detail)

    @property
    def _who(self) -> str:
        return urlsplit(self.address).netloc

    def _own(self, address: str) -> str:
        """Path and query of the next page: the token goes to no other server than ours."""
        parts = urlsplit(address)
        return f"{parts.path}?{parts.query}"


def _given(query: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value not in (None, "", (), [])}


def _problem(answer: requests.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except (ValueError, requests.RequestException):
        return {}
    return found if isinstance(found, dict) else {}


def _sentence(problem: dict[str, Any]) -> str:
    """What the server said, the fields at fault included."""
    errors = problem.get("errors") or []
    named = [f"{each['field']}: {each['message']}" if each.get("field") else each["message"]
             for each in errors]  # fmt: skip
    return " ".join(named) or str(problem.get("detail") or problem.get("error_description") or "")
