"""Fetch one address once, on ``requests``, reading nothing beyond a limit.

The address comes from ``urls.parse_url`` and is not parsed again on the way; the connection goes
to an address the guard has vetted; certificates are checked; environment proxies and .netrc play no
part. Redirects are not followed here: that is the crawl's work, because each hop has its own
robots.txt, its own gap and its own vetting.
"""

from __future__ import annotations

import http.client
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from enrichment.web.body import ACCEPT_ENCODING, CHUNK_BYTES, Body, read_body
from enrichment.web.connections import direct_pools, proxied_pools, time_limit, tls_context
from enrichment.web.guard import Guard, Resolver
from enrichment.web.pages import CrawlPolicy, FetchedPage, NotFetchedError, Reason
from enrichment.web.web_address import Target

MAX_HEADER_BYTES: Final = 64 * 1024
MAX_REFUSAL_BYTES: Final = 256 * 1024  # of an error page: enough to know a wall by
HOSTS_KEPT_ALIVE: Final = 64
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class How:
    """How one address is asked for.

    ``pages_only`` refuses what is no html, xhtml or plain text (error pages lose their body
    instead). At most ``max_bytes`` after decompression, the policy's limit by default. ``headers``
    come on top of those every request has.
    """

    pages_only: bool = True
    max_bytes: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


A_PAGE: Final = How()


class PinnedAdapter(HTTPAdapter):
    """A requests adapter whose connections come from our own pools.

    A request carries its parsed ``target`` and the ``pool`` found for it; neither host nor path is
    read from the URL's text.
    """

    def __init__(self, pools: urllib3.PoolManager, *, is_proxied: bool) -> None:
        super().__init__(max_retries=0)
        self._pools = pools
        self._is_proxied = is_proxied

    def pool_for(self, target: Target) -> urllib3.HTTPConnectionPool:
        return self._pools.connection_from_host(target.host, target.port, target.scheme)

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *_: Any, **__: Any
    ) -> urllib3.HTTPConnectionPool:
        return request.pool  # type: ignore[attr-defined]

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing to set: the pools' TLS context verifies, whatever a caller passes."""

    def request_url(self, request: requests.PreparedRequest, _proxies: Any) -> str:
        target: Target = request.target  # type: ignore[attr-defined]
        return target.url if self._is_proxied and target.scheme == "http" else target.path

    def build_response(
        self, req: requests.PreparedRequest, resp: urllib3.BaseHTTPResponse
    ) -> requests.Response:
        """Status and stream only: no copies of headers, no cookie jar."""
        response = requests.Response()
        response.status_code = resp.status
        response.raw = resp
        response.request = req
        return response

    def close(self) -> None:
        self._pools.clear()


class Fetcher:
    """Fetches for one process; threads may share it. Connections are kept alive per host.

    ``resolver`` and ``ca_file`` (more trusted certificates) serve tests and closed networks.
    """

    def __init__(
        self, policy: CrawlPolicy, *, resolver: Resolver | None = None, ca_file: str | None = None
    ) -> None:
        self._policy = policy
        self._guard = Guard(
            resolver=resolver,
            allow_private=policy.allow_private,
            via_proxy=policy.proxy is not None,
        )
        self._headers = CaseInsensitiveDict(
            {
                "User-Agent": policy.user_agent,
                "Accept": "text/html,application/xhtml+xml,text/plain;q=0.8,*/*;q=0.1",
                "Accept-Language": "en,en-SG;q=0.9,*;q=0.5",
                "Accept-Encoding": ACCEPT_ENCODING,
            }
        )
        tls = tls_context(ca_file=ca_file)
        pools = (
            direct_pools(
                self._guard,
                connect_seconds=policy.connect_seconds,
                tls=tls,
                hosts=HOSTS_KEPT_ALIVE,
            )
            if policy.proxy is None
            else proxied_pools(
                policy.proxy,
                headers=_proxy_headers(policy.proxy),
                connect_seconds=policy.connect_seconds,
                tls=tls,
                hosts=HOSTS_KEPT_ALIVE,
            )
        )
        self._adapter = PinnedAdapter(pools, is_proxied=policy.proxy is not None)

    def close(self) -> None:
        """Drop all connections."""
        self._adapter.close()

    def vet(self, target: Target) -> None:
        """Raise ``NotFetchedError`` for an address that is not asked; costs one DNS look-up."""
        self._guard.vet(target)

    def fetch(
        self,
        target: Target,
        *,
        now: datetime,
        seconds: float | None = None,
        cookies: Mapping[str, str] | None = None,
        how: How = A_PAGE,
    ) -> FetchedPage:
        """Ask once and read the answer, redirects and error pages included.

        At most ``seconds`` in all, the policy's limit by default. Raises ``NotFetchedError``; one
        request goes out, or two if the server had just closed a kept connection.
        """
        self._guard.vet(target)
        policy = self._policy
        total = min(policy.total_seconds, seconds if seconds is not None else policy.total_seconds)
        with time_limit(total_seconds=total, read_seconds=policy.read_seconds):
            try:
                response = self._send(target, cookies=cookies, more=how.headers)
                return self._read(target, response, now=now, how=how)
            except (requests.RequestException, urllib3.exceptions.HTTPError) as exc:
                raise _named(exc, target) from exc
            except (TimeoutError, OSError, http.client.HTTPException, ValueError) as exc:
                # ValueError: chunk sizes and status lines that http.client cannot read
                raise _named(exc, target) from exc

    def _send(
        self, target: Target, *, cookies: Mapping[str, str] | None, more: Mapping[str, str]
    ) -> requests.Response:
        request = requests.PreparedRequest()
        request.method = "GET"
        request.url = target.url
        request.headers = self._headers
        if cookies:
            value = "; ".join(f"{name}={value}" for name, value in cookies.items())
            more = {**more, "Cookie": value}
        if more:
            request.headers = CaseInsensitiveDict({**self._headers, **more})
        request.target = target  # type: ignore[attr-defined]
        pool = request.pool = self._adapter.pool_for(target)  # type: ignore[attr-defined]
        opened = pool.num_connections
        try:
            return self._adapter.send(request, stream=True)
        except requests.ConnectionError as exc:
            # A kept connection that the server closed while we were writing: not the site's fault.
            if pool.num_connections != opened or not _was_dropped(exc):
                raise
            return self._adapter.send(request, stream=True)

    def _read(
        self,
        target: Target,
        response: requests.Response,
        *,
        now: datetime,
        how: How,
    ) -> FetchedPage:
        raw = response.raw
        most = how.max_bytes or self._policy.max_body_bytes
        body = Body(b"", is_cut=True, is_drained=False)
        try:
            headers = _headers(raw.headers)
            if response.status_code in REDIRECTS:
                body = _drain(raw)
            elif response.status_code < 300:
                body = read_body(raw, headers=headers, max_bytes=most, pages_only=how.pages_only)
            else:
                body = _read_refusal(raw, headers=headers, max_bytes=most)
        finally:
            # Only an answer read to its end leaves a connection that may be used again.
            raw.release_conn() if body.is_drained else raw.close()
        return FetchedPage(
            url=target.url,
            final_url=target.url,
            status=response.status_code,
            headers=headers,
            body=body.data,
            is_cut=body.is_cut,
            fetched_at=now,
            over_tls=target.scheme == "https",
        )


def _read_refusal(
    raw: urllib3.BaseHTTPResponse, *, headers: Mapping[str, str], max_bytes: int
) -> Body:
    """The text of an error page, which may be a wall; nothing of it if it is no page."""
    try:
        return read_body(
            raw, headers=headers, max_bytes=min(max_bytes, MAX_REFUSAL_BYTES), pages_only=True
        )
    except NotFetchedError:
        return Body(b"", is_cut=True, is_drained=False)


def _drain(raw: urllib3.BaseHTTPResponse) -> Body:
    """Read a redirect's short text away, so that the connection can be used again."""
    short = raw.read(CHUNK_BYTES, decode_content=False)
    return Body(b"", is_cut=False, is_drained=len(short) < CHUNK_BYTES)


def _headers(raw: Mapping[str, str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    size = 0
    for name, value in raw.items():
        size += len(name) + len(value)
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    if size > MAX_HEADER_BYTES:
        raise NotFetchedError(
            Reason.HEADERS_TOO_BIG, f"The answer's headers are longer than {MAX_HEADER_BYTES:,}"
        )
    return headers


def _was_dropped(exc: BaseException) -> bool:
    return any(isinstance(link, ConnectionError) for link in _chain(exc))


def _chain(exc: BaseException) -> list[BaseException]:
    """The exception, and those inside it: requests and urllib3 hide the cause in ``args``."""
    found: list[BaseException] = []
    waiting: list[Any] = [exc]
    while waiting and len(found) < 12:
        link = waiting.pop(0)
        if isinstance(link, BaseException) and link not in found:
            found.append(link)
            waiting += [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
    return found


def _named(exc: Exception, target: Target) -> NotFetchedError:
    """Our name and sentence for what the libraries raise."""
    chain = _chain(exc)
    for link in chain:
        if isinstance(link, NotFetchedError):
            return link
    if any(isinstance(link, urllib3.exceptions.SSLError) for link in chain):
        what = next((link for link in chain if isinstance(link, OSError)), exc)
        return NotFetchedError(
            Reason.TLS_FAILED, f"{target.host}: no trusted TLS connection ({_short(what)})"
        )
    if any(
        isinstance(link, (TimeoutError, urllib3.exceptions.TimeoutError, requests.Timeout))
        for link in chain
    ):
        return NotFetchedError(Reason.TIMEOUT, f"{target.host} did not answer in time")
    if any(
        isinstance(link, (urllib3.exceptions.ProxyError, requests.exceptions.ProxyError))
        for link in chain
    ):
        return NotFetchedError(
            Reason.CONNECT_FAILED, f"The proxy did not connect to {target.netloc} ({_short(exc)})"
        )
    return NotFetchedError(
        Reason.BAD_RESPONSE, f"{target.host} gave no valid HTTP answer ({_short(exc)})"
    )


def _short(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {exc}"[:200]


def _proxy_headers(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if not parts.username:
        return {}
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {b64encode(login).decode('ascii')}"}
