"""One request to a mail provider and its answer: asked once, within limits, never repeated.

A repeat would be a second mail. Nothing of a request or an answer reaches the text of an error:
tokens, addresses and letters would end in logs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import requests
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 80.0  # of one method of a transport, which promises 90 s
MOST_ANSWER_BYTES = 8 * 1024 * 1024


class NoAnswerError(Exception):
    """There is no answer. ``never_left``: the request certainly did not reach the provider."""

    def __init__(self, sentence: str, *, never_left: bool) -> None:
        super().__init__(sentence)
        self.never_left = never_left


@dataclass(frozen=True)
class Answer:
    """What came back; header names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @cached_property
    def json(self) -> dict[str, Any]:
        """The object of the body; an empty one for anything else."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


class Deadline:
    """How long one method may still take, over all its requests."""

    def __init__(self, seconds: float = TOTAL_SECONDS) -> None:
        self._until = time.monotonic() + seconds

    @property
    def seconds(self) -> float:
        return max(self._until - time.monotonic(), 0.0)


@dataclass(slots=True)
class Line:
    """Connections to one provider. ``read_seconds``: the longest silence."""

    name: str
    base_url: str
    read_seconds: float
    _session: requests.Session = field(default_factory=requests.Session, init=False, repr=False)

    def ask(
        self,
        method: str,
        path: str,
        *,
        deadline: Deadline,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: bytes | Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask once; redirects are answers like others. Raises ``NoAnswerError``.

        ``body`` as bytes goes as it is, a mapping as JSON; ``form`` is form-encoded.
        """
        patience = min(self.read_seconds, deadline.seconds)
        if patience <= 0:
            raise NoAnswerError(f"{self.name} was too slow before this.", never_left=True)
        try:
            with self._session.request(
                method,
                self.base_url.rstrip("/") + path,
                headers=dict(headers or {}),
                params=dict(params or {}),
                data=form if form is not None else (body if isinstance(body, bytes) else None),
                json=None if isinstance(body, bytes) else body,
                auth=_as_it_is,
                timeout=(min(CONNECT_SECONDS, patience), patience),
                allow_redirects=False,
                stream=True,
            ) as response:
                return Answer(response.status_code, response.headers,
                              self._read(response, until=time.monotonic() + patience))  # fmt: skip
        except (requests.RequestException, HTTPError, OSError) as exc:
            # ``from None``: their texts quote addresses, and some headers.
            raise self._no_answer(exc) from None

    def close(self) -> None:
        self._session.close()

    def _read(self, response: requests.Response, *, until: float) -> bytes:
        """The body, unless it drips or never ends."""
        raw = bytearray()
        while chunk := response.raw.read1(65_536, decode_content=True):
            raw += chunk
            if time.monotonic() > until or len(raw) > MOST_ANSWER_BYTES:
                raise NoAnswerError(f"{self.name}'s answer does not end.", never_left=False)
        return bytes(raw)

    def _no_answer(self, exc: Exception) -> NoAnswerError:
        kind = type(exc).__name__
        if _never_left(exc):
            return NoAnswerError(f"{self.name} cannot be reached ({kind}).", never_left=True)
        if isinstance(exc, requests.Timeout | TimeoutError):
            return NoAnswerError(
                f"{self.name} did not answer within {self.read_seconds:g} s.", never_left=False
            )
        return NoAnswerError(f"{self.name}'s answer broke off ({kind}).", never_left=False)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from putting a password of ~/.netrc in place of our header."""
    return request


def _never_left(exc: Exception) -> bool:
    """Whether no connection came about, or the address is none; only then is nothing under way."""
    if isinstance(exc, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema
                  | requests.exceptions.InvalidSchema | requests.ConnectTimeout):  # fmt: skip
        return True
    reason = getattr(exc.args[0], "reason", None) if exc.args else None
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)
