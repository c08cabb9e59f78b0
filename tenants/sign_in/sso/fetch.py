"""Ask a provider: one JSON answer, bounded in size and time, from an address that may be asked.

A tenant's owner writes the provider's address, so it is a stranger's: https only, public addresses
only, no redirects. Loopback and plain http are for development and for ``OIDC_ALLOW_PRIVATE``.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from django.conf import settings

LIMIT_BYTES = 256 * 1024  # the largest key set seen is Microsoft's, about 20 kB
PATIENCE_SECONDS = 2.5


class ProviderError(Exception):
    """The provider cannot be asked, or its answer cannot be used. The text is for an operator."""


def fetch_json(
    url: str,
    *,
    form: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    patience: float = PATIENCE_SECONDS,
) -> dict[str, Any]:
    """The JSON object at ``url``; with ``form`` it is posted. Raises ``ProviderError``.

    Waits at most ``patience`` seconds in all, name look-up and a dripping body included: the work
    is done in a thread that is left behind when it takes longer.
    """
    found: list[dict[str, Any] | Exception] = []

    def ask() -> None:
        try:
            found.append(_ask(url, form=form, headers=headers or {}, patience=patience))
        except (ProviderError, urllib3.exceptions.HTTPError, OSError) as exc:
            found.append(exc)

    thread = threading.Thread(target=ask, daemon=True, name="ask-provider")
    thread.start()
    thread.join(patience)
    place = urlsplit(url).hostname
    if not found:
        raise ProviderError(f"{place} did not answer within {patience:g} seconds.")
    answer = found[0]
    if isinstance(answer, ProviderError):
        raise answer
    if isinstance(answer, Exception):
        raise ProviderError(f"{place} could not be reached ({type(answer).__name__}).") from None
    return answer


def check_address(url: str) -> None:
    """Raise ``ProviderError`` unless ``url`` may be asked. Looks no name up."""
    parts = _split(url)
    if parts.scheme == "https" or _is_allowed(parts):
        return
    raise ProviderError(f"{url[:200]!r} must start with https://.")


def _ask(
    url: str, *, form: dict[str, str] | None, headers: dict[str, str], patience: float
) -> dict[str, Any]:
    check_address(url)
    parts = _split(url)
    host = parts.hostname or ""
    address = _vetted_address(parts)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    timeout = urllib3.Timeout(connect=patience, read=patience)
    options: dict[str, Any] = {"timeout": timeout, "retries": False, "maxsize": 1}
    if parts.scheme == "https":
        pool: Any = urllib3.HTTPSConnectionPool(
            address, port, server_hostname=host, assert_hostname=host, **options
        )
    else:
        pool = urllib3.HTTPConnectionPool(address, port, **options)
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    sent = {"Host": parts.netloc, "Accept": "application/json", "User-Agent": "leadgen", **headers}
    if form is not None:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        answer = pool.request(
            "POST" if form is not None else "GET",
            target,
            headers=sent,
            body=None if form is None else urlencode(form),
            redirect=False,
            preload_content=False,
        )
        body = _body(answer, until=time.monotonic() + patience)
    finally:
        pool.close()
    return _read(body, status=answer.status, place=host)


def _body(answer: urllib3.BaseHTTPResponse, *, until: float) -> bytes:
    """What is sent until the limit or the deadline, so that a dripping answer holds no thread."""
    body = b""
    while len(body) <= LIMIT_BYTES and (piece := answer.read1(65_536, decode_content=True)):
        body += piece
        if time.monotonic() > until:
            raise ProviderError("The provider's answer took too long.")
    return body


def _read(body: bytes, *, status: int, place: str) -> dict[str, Any]:
    if len(body) > LIMIT_BYTES:
        raise ProviderError(f"{place} answered more than {LIMIT_BYTES // 1024} kB.")
    if status != 200:
        raise ProviderError(f"{place} answered {status}{_said(body)}.")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise ProviderError(f"{place} answered something that is no JSON.") from None
    if not isinstance(answer, dict):
        raise ProviderError(f"{place} answered JSON that is no object.")
    return answer


def _said(body: bytes) -> str:
    """The error word of an OAuth answer, which holds no secret."""
    try:
        word = json.loads(body).get("error")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return f" ({word[:60]})" if isinstance(word, str) and word.isprintable() else ""


def _split(url: str) -> Any:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 -- raises for a port that is no number
    except ValueError:
        raise ProviderError(f"{url[:200]!r} is no address.") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username is not None:
        raise ProviderError(f"{url[:200]!r} is no address of a provider.")
    return parts


def _is_allowed(parts: Any) -> bool:
    """Whether the operator of the deployment has vouched for a private address or plain http."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if f"{parts.hostname}:{port}" in settings.OIDC_ALLOW_PRIVATE:
        return True
    own = urlsplit(settings.OIDC_ISSUER) if settings.OIDC_ISSUER else None
    if own and own.hostname == parts.hostname and own.port == parts.port:
        return True
    return bool(settings.DEBUG) and parts.hostname in {"localhost", "127.0.0.1", "::1"}


def _vetted_address(parts: Any) -> str:
    """An address of the host that may be asked; connecting to it leaves no second look-up."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ProviderError(f"There is no host {parts.hostname}.") from None
    addresses = [str(entry[4][0]) for entry in found]
    if _is_allowed(parts):
        return addresses[0]
    for address in addresses:
        if not _is_public(address):
            raise ProviderError(f"{parts.hostname} is on a private network.")
    return addresses[0]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (mapped is None or mapped.is_global)
