"""One request to a vendor and its answer: sent once, read within limits, trouble named.

What clients share. Nothing that stands in a request or an answer reaches the text of an error:
addresses, keys, queries and names of people would end in logs and ledgers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

import requests
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from tenants.permits import Charge, Halt, VendorError

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
MAX_ANSWER_BYTES = 4 * 1024 * 1024
SERVER_ERROR = 500


class ClientError(VendorError):
    """A vendor's answer, or the lack of one. ``code`` is for counting:

    unreachable, timeout, broken (cut off, no JSON), drift (not the shape the contract has), rate,
    key, credits, rejected, blocked, private, server.
    """

    def __init__(
        self,
        sentence: str,
        *,
        code: str,
        retryable: bool = False,
        charge: Charge = Charge.UNKNOWN,
        halt: Halt = Halt.NO,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(sentence, retryable=retryable, charge=charge, halt=halt,
                         retry_after=retry_after, status=status)  # fmt: skip
        self.code = code


E = TypeVar("E", bound=ClientError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``body`` is ``None`` where it is no JSON; header names in any case."""

    status: int
    headers: Mapping[str, str]
    body: Any

    def count(self, header: str) -> int | None:
        """A header's whole number; ``None`` where there is none."""
        value = self.headers.get(header, "").strip()
        return int(value) if value.isascii() and value.isdigit() else None


@dataclass(slots=True)
class Exchange:
    """Connections to one vendor; ``error`` makes its errors. Thread-safe as ``requests`` is.

    ``seconds`` are the longest silence; a whole answer may take twice that.
    """

    name: str
    base_url: str
    base_url_setting: str
    error: Callable[..., ClientError]
    seconds: float = READ_SECONDS
    _session: requests.Session = field(default_factory=requests.Session, init=False)

    def __post_init__(self) -> None:
        self._session.headers["Accept"] = "application/json"

    def send(
        self, method: str, path: str, *, headers: Mapping[str, str], body: Any = None
    ) -> Answer:
        """One request, never repeated, no redirect followed. Raises the vendor's error."""
        try:
            with self._session.request(
                method,
                self.base_url.rstrip("/") + path,
                json=body,
                headers=dict(headers),
                auth=_as_it_is,
                timeout=(min(CONNECT_SECONDS, self.seconds), self.seconds),
                allow_redirects=False,
                stream=True,
            ) as response:
                raw = self._read(response)
        except (requests.RequestException, HTTPError, OSError) as exc:
            raise self._network_error(exc) from None
        answer = Answer(response.status_code, response.headers, _json(raw))
        self._refuse_detours(answer)
        return answer

    def close(self) -> None:
        self._session.close()

    def _read(self, response: requests.Response) -> bytes:
        """The body, unless it drips or never ends."""
        until = time.monotonic() + 2 * self.seconds
        raw = bytearray()
        while chunk := response.raw.read1(65_536, decode_content=True):
            raw += chunk
            if time.monotonic() > until:
                raise requests.ReadTimeout
            if len(raw) > MAX_ANSWER_BYTES:
                raise self.error(f"{self.name} sent more than an answer can hold.", code="broken")
        return bytes(raw)

    def _network_error(self, exc: Exception) -> ClientError:
        if isinstance(exc, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema
                      | requests.exceptions.InvalidSchema):  # fmt: skip
            return self.error(
                f"The address of {self.name} is not one. See {self.base_url_setting}.",
                code="unreachable", charge=Charge.NONE,
            )  # fmt: skip
        if _never_left(exc):
            return self.error(
                f"{self.name} cannot be reached ({_kind(exc)}).",
                code="unreachable", retryable=True, charge=Charge.NONE,
            )  # fmt: skip
        if isinstance(exc, requests.ReadTimeout | ReadTimeoutError | TimeoutError):
            return self.error(
                f"{self.name} did not answer within {self.seconds:g} s. It may have charged.",
                code="timeout", retryable=True,
            )  # fmt: skip
        return self.error(
            f"{self.name}'s answer broke off ({_kind(exc)}). It may have charged.",
            code="broken", retryable=True,
        )  # fmt: skip

    def _refuse_detours(self, answer: Answer) -> None:
        """What is no answer of the vendor's service: another address, or a page for people."""
        where = f"Check {self.base_url_setting}."
        if 300 <= answer.status < 400:
            raise self.error(
                f"{self.name}'s address only leads on to another ({answer.status}). {where}",
                code="rejected", charge=Charge.NONE, status=answer.status,
            )  # fmt: skip
        if answer.body is not None:
            return
        if answer.status == 200:
            raise self.error(
                f"{self.name}'s answer cannot be read: it is no JSON. It may have charged.",
                code="broken", retryable=True, status=200,
            )  # fmt: skip
        if answer.status in (403, 429, 503):
            raise self.error(
                f"A protective layer before {self.name} turned us away ({answer.status}).",
                code="blocked", retryable=True, charge=Charge.NONE, status=answer.status,
            )  # fmt: skip


def of_status(
    status: int, *, vendor: str, error: Callable[..., E], also: str = "", is_theirs: bool = False
) -> E:
    """The error for a status the contract gives no meaning of its own.

    From 500 on, and where ``is_theirs``, the vendor's trouble; else a question of ours it refuses.
    """
    if is_theirs or status >= SERVER_ERROR:
        return error(
            f"{vendor} has trouble of its own ({status}). It may have charged.",
            code="server", retryable=True, status=status,
        )  # fmt: skip
    return error(
        f"{vendor} rejected our question ({status}). This is a defect of ours.{also}",
        code="rejected", status=status,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """A JSON object of an answer, read field by field.

    A field that is missing or of another type raises the vendor's error with the field's name,
    never its value: vendors change their answers without telling.
    """

    values: Mapping[str, Any]
    vendor: str
    error: Callable[..., ClientError]
    path: str = ""

    @classmethod
    def of(cls, body: Any, *, vendor: str, error: Callable[..., ClientError]) -> Shape:
        return cls({"answer": body}, vendor, error).object("answer")

    def text(self, name: str) -> str:
        return str(self._get(name, str))

    def number(self, name: str) -> float:
        return float(self._get(name, (int, float)))

    def whole(self, name: str) -> int:
        return int(self._get(name, int))

    def objects(self, name: str) -> list[Shape]:
        """The objects of a list; what is none of them is a drift too."""
        place = f"{self.path}{name}[]"
        return [
            Shape(self._typed(each, place, dict), self.vendor, self.error, f"{place}.")
            for each in self._get(name, list)
        ]

    def object(self, name: str) -> Shape:
        return Shape(self._get(name, dict), self.vendor, self.error, f"{self.path}{name}.")

    def text_or_null(self, name: str) -> str:
        """A field that is always there, but may be empty."""
        return "" if name in self.values and self.values[name] is None else self.text(name)

    # Fields that may be left out or null, but not be of another type.
    def text_if_any(self, name: str) -> str:
        return "" if self.values.get(name) is None else self.text(name)

    def whole_if_any(self, name: str) -> int | None:
        return None if self.values.get(name) is None else self.whole(name)

    def flag_if_any(self, name: str) -> bool:
        return False if self.values.get(name) is None else bool(self._get(name, bool))

    def objects_if_any(self, name: str) -> list[Shape]:
        return [] if self.values.get(name) is None else self.objects(name)

    def object_if_any(self, name: str) -> Shape:
        empty = Shape({}, self.vendor, self.error, f"{self.path}{name}.")
        return empty if self.values.get(name) is None else self.object(name)

    def drifted(self, name: str, what: str) -> NoReturn:
        raise self.error(
            f"{self.vendor}'s answers have changed: {name} {what}."
            " Nothing was taken from this one. Tell whoever maintains this installation.",
            code="drift",
        )

    def _get(self, name: str, kinds: type | tuple[type, ...]) -> Any:
        if name not in self.values:
            self.drifted(self.path + name, "is missing")
        return self._typed(self.values[name], self.path + name, kinds)

    def _typed(self, value: Any, place: str, kinds: type | tuple[type, ...]) -> Any:
        is_bool_for_number = isinstance(value, bool) and kinds is not bool
        if not isinstance(value, kinds) or is_bool_for_number:
            self.drifted(place, f"is {_WORDS.get(type(value), 'of another type')}")
        return value


_WORDS = {
    str: "a text", int: "a number", float: "a number", bool: "yes or no", list: "a list",
    dict: "an object", type(None): "empty",
}  # fmt: skip


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Else ``requests`` would look for another password in the user's files."""
    return request


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _never_left(exc: Exception) -> bool:
    """Whether the connection was never made, so that nothing can have been charged."""
    if isinstance(exc, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    cause = exc.args[0] if exc.args else None
    reason = getattr(cause, "reason", cause)
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _kind(exc: Exception) -> str:
    return type(exc).__name__
