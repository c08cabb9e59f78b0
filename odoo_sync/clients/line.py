"""One request to an Odoo and its answer: sent once, to a vetted address, within limits.

People of a tenant write the address, so it must not lead inside the deployment: the name is
resolved once, every answer is vetted, and the connection goes to a vetted address. Nothing of a
request or an answer reaches the text of an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from enrichment.web.connections import direct_pools, time_limit, tls_context
from enrichment.web.guard import Guard
from enrichment.web.pages import NotFetchedError, Reason
from enrichment.web.web_address import parse_url
from odoo_sync.clients.trouble import OdooError, Trouble

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0  # a load of a hundred rows is one transaction there
TOTAL_SECONDS = 90.0
MOST_ANSWER_BYTES = 32 * 1024 * 1024
_PASSING = (Reason.CONNECT_FAILED, Reason.NO_ADDRESS)


@dataclass(frozen=True, slots=True)
class Answer:
    """``body`` is ``None`` where it is no JSON: a page for people, or nothing."""

    status: int
    body: Any
    is_json: bool


class _Vetted(HTTPAdapter):
    """``requests`` over connections that reach vetted addresses only."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        self.poolmanager = direct_pools(
            self._guard, connect_seconds=CONNECT_SECONDS, tls=tls_context(), hosts=2
        )


@dataclass(slots=True)
class Line:
    """Connections to one Odoo. ``allow_private``: (host, port) the operator vouches for.

    Only those may be asked without TLS, on other ports than 443, or inside the network.
    """

    base_url: str
    allow_private: frozenset[tuple[str, int]] = frozenset()
    read_seconds: float = READ_SECONDS
    _session: requests.Session = field(default_factory=requests.Session, init=False, repr=False)

    def __post_init__(self) -> None:
        self._session.trust_env = False  # no proxy of the environment, no password of ~/.netrc
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Vetted(Guard(allow_private=self.allow_private)))

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, headers={}, body=None)

    def post(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None) -> Answer:
        """One POST of JSON, never repeated, no redirect followed. Raises ``OdooError``."""
        return self._ask("POST", path, headers=headers or {}, body=body)

    def close(self) -> None:
        self._session.close()

    def _ask(self, method: str, path: str, *, headers: Mapping[str, str], body: Any) -> Answer:
        base = check_address(self.base_url, allow_private=self.allow_private)
        try:
            with time_limit(total_seconds=TOTAL_SECONDS, read_seconds=self.read_seconds):
                response = self._session.request(
                    method, base + path, json=body, headers=dict(headers), allow_redirects=False,
                    timeout=(CONNECT_SECONDS, self.read_seconds), stream=True,
                )  # fmt: skip
                with response:
                    raw = self._read(response)
        except NotFetchedError as exc:
            raise _not_reached(exc) from None
        except (requests.RequestException, HTTPError, OSError) as exc:
            raise OdooError(
                f"Odoo did not answer, or its answer broke off ({type(exc).__name__}).",
                trouble=Trouble.AWAY, retryable=True, perhaps_done=True,
            ) from None  # fmt: skip
        return _read(response.status_code, raw)

    def _read(self, response: requests.Response) -> bytes:
        raw = bytearray()
        while chunk := response.raw.read1(65_536, decode_content=True):
            raw += chunk
            if len(raw) > MOST_ANSWER_BYTES:
                raise OdooError("Odoo's answer does not end.", trouble=Trouble.STRANGE,
                                perhaps_done=True)  # fmt: skip
        return bytes(raw)


def check_address(url: str, *, allow_private: frozenset[tuple[str, int]]) -> str:
    """``url`` without its last slash, if a key may be sent there. Raises ``OdooError``."""
    try:
        target = parse_url(url)
    except NotFetchedError:
        raise OdooError("The address of this Odoo is no web address.",
                        trouble=Trouble.PLACE) from None  # fmt: skip
    if target.scheme != "https" and (target.host, target.port) not in allow_private:
        raise OdooError(
            "The address must begin with https://, or a key would travel in the clear. For an Odoo"
            " of the house, the operator names its host:port in ODOO_ALLOW_PRIVATE.",
            trouble=Trouble.PLACE,
        )
    return target.url.partition("?")[0].rstrip("/")


def _not_reached(exc: NotFetchedError) -> OdooError:
    if exc.reason in _PASSING:
        return OdooError("Odoo cannot be reached: no connection to that address.",
                         trouble=Trouble.AWAY, retryable=True)  # fmt: skip
    return OdooError(
        "That address may not be asked: it is inside this deployment's network, or not on port"
        " 443. The operator may name its host:port in ODOO_ALLOW_PRIVATE.", trouble=Trouble.PLACE,
    )  # fmt: skip


def _read(status: int, raw: bytes) -> Answer:
    try:
        return Answer(status, json.loads(raw), is_json=True)
    except (ValueError, RecursionError):
        return Answer(status, None, is_json=False)
