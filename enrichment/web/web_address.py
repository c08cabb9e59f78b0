"""The one URL parser of the crawler: what the guard vets is what the fetcher asks for.

Follows the WHATWG URL standard for http and https (url.spec.whatwg.org): tabs and newlines inside
are dropped, backslashes are slashes, decimal, octal, hex and short IPv4 forms are resolved,
host names go through UTS 46. Stricter where a crawler should be: user-info, other schemes and host
names with odd characters are refused, a trailing dot of the host is dropped.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote_to_bytes

import idna
import tldextract

from enrichment.web.pages import NotFetchedError, Reason

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
MAX_URL_CHARS: Final = 4_000
MAX_HOST_CHARS: Final = 253

_C0_AND_SPACE = "".join(map(chr, range(0x21)))
_TABS_AND_NEWLINES = {9: None, 10: None, 13: None}
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_PATH_SAFE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"#<>?`{}^')
_QUERY_SAFE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in "\"#<>'")
_SINGLE_DOT = {".", "%2e"}
_DOUBLE_DOT = {"..", ".%2e", "%2e.", "%2e%2e"}
# The shape of nearly every link: nothing in it needs work. Last label begins with a letter, so
# it is no IPv4 form; no dot after a slash, so there are no dot segments.
_PLAIN = re.compile(
    r"(https?)://((?:[a-z0-9_-]{1,63}\.)+[a-z][a-z0-9-]{0,62})(?::(\d{1,5}))?"
    r"((?:/(?!\.|%2[eE])[A-Za-z0-9_~,;:@&=+$!*()%.-]*)*(?:\?[A-Za-z0-9/_~,;:@&=+$!*()?%.-]*)?)"
    r"(?:#.*)?"
)
_EXTRACT = tldextract.TLDExtract(
    suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True
)


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed http or https address. ``host`` is ASCII, IPv6 without brackets."""

    scheme: str
    host: str
    port: int
    path: str  # with the query, percent-encoded, begins with "/"

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def url(self) -> str:
        return f"{self.origin}{self.path}"


def parse_url(text: str, *, base: Target | None = None) -> Target:
    """Read an address as a browser would. Raises ``NotFetchedError`` for anything we do not ask."""
    if len(text) > MAX_URL_CHARS:
        raise _bad(text, f"is longer than {MAX_URL_CHARS:,} characters")
    if (plain := _PLAIN.fullmatch(text)) and "xn--" not in plain[2]:
        return _plain_target(text, plain)
    text = text.strip(_C0_AND_SPACE).translate(_TABS_AND_NEWLINES)
    scheme = _SCHEME.match(text)
    if scheme is None:
        if base is None:
            raise _bad(text, "has no scheme")
        return _resolve(text, base=base)
    name, rest = scheme[1].lower(), text[scheme.end() :]
    if name not in DEFAULT_PORTS:
        raise NotFetchedError(Reason.SCHEME, f"Only http and https are fetched, not {name}:")
    if base is not None and name == base.scheme and not _has_authority(rest):
        return _resolve(rest, base=base)
    return _with_authority(name, rest)


def site_of(host: str) -> str:
    """The registrable domain of a host, by the Public Suffix List with its private part.

    A host without a listed suffix (an address, ``.test``) is its own site, less a leading "www.".
    The list is the one packed with tldextract; nothing is fetched.
    """
    return _site_of(host)


@lru_cache(maxsize=20_000)
def _site_of(host: str) -> str:
    if ":" in host or host.replace(".", "").isdigit():
        return host
    parts = _EXTRACT(host)
    if parts.suffix and parts.domain:
        return f"{parts.domain}.{parts.suffix}"
    return host.removeprefix("www.")


def _plain_target(text: str, plain: re.Match[str]) -> Target:
    scheme, host, port, path = plain.groups()
    if len(host) > MAX_HOST_CHARS:
        raise _bad(text, "has a host name longer than DNS allows")
    number = int(port) if port else DEFAULT_PORTS[scheme]
    if number > 65_535:
        raise _bad(text, "has an impossible port")
    return Target(scheme, host, number, path if path.startswith("/") else f"/{path}")


def _has_authority(rest: str) -> bool:
    return rest[:1] in ("/", "\\") and rest[1:2] in ("/", "\\")


def _resolve(text: str, *, base: Target) -> Target:
    if _has_authority(text):
        return _with_authority(base.scheme, text)
    path, query = _split_query(text)
    old_path, _, old_query = base.path.partition("?")
    if not path:
        path = old_path
        query = old_query if "?" not in text.partition("#")[0] and old_query else query
    elif not path.startswith("/"):
        path = f"{old_path.rpartition('/')[0]}/{path}"
    return Target(base.scheme, base.host, base.port, _path(path, query))


def _with_authority(scheme: str, rest: str) -> Target:
    rest = rest.lstrip("/\\")
    end = next((at for at, char in enumerate(rest) if char in "/\\?#"), len(rest))
    authority, tail = rest[:end], rest[end:]
    if "@" in authority:
        raise NotFetchedError(Reason.USER_INFO, "An address with a user name in it is not fetched")
    host, port = _split_port(authority)
    return Target(
        scheme,
        _host(host),
        DEFAULT_PORTS[scheme] if port is None else port,
        _path(*_split_query(tail)),
    )


def _split_query(tail: str) -> tuple[str, str]:
    path, _, query = tail.partition("#")[0].partition("?")
    return path.replace("\\", "/"), query


def _split_port(authority: str) -> tuple[str, int | None]:
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        return authority, None
    if not port:
        return host, None
    digits = port.lstrip("0") or "0"
    if not (port.isascii() and port.isdigit() and len(digits) <= 5 and int(digits) <= 65_535):
        raise _bad(authority, "has an impossible port")
    return host, int(digits)


def _path(path: str, query: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:] if path.startswith("/") else path.split("/")
    for segment in segments:
        lowered = segment.lower()
        if lowered in _DOUBLE_DOT:
            del kept[-1:]
        elif lowered not in _SINGLE_DOT:
            kept.append(quote(segment, safe=_PATH_SAFE, errors="replace"))
    if segments[-1].lower() in _DOUBLE_DOT | _SINGLE_DOT:
        kept.append("")
    joined = "/" + "/".join(kept)
    if query:
        joined += "?" + quote(query, safe=_QUERY_SAFE, errors="replace")
    return joined


def _host(text: str) -> str:
    if not text:
        raise _bad(text, "has no host")
    if text.startswith("["):
        return _ipv6(text)
    if len(text) > 3 * MAX_HOST_CHARS:
        raise _bad(text, "has a host name longer than DNS allows")
    host = _to_ascii(text).removesuffix(".")
    if len(host) > MAX_HOST_CHARS or not _HOST.fullmatch(host):
        raise _bad(text, "has a host name that cannot be one")
    if _ends_in_a_number(host):
        return _ipv4(host)
    return host


def _to_ascii(text: str) -> str:
    try:
        decoded = unquote_to_bytes(text).decode("utf-8")
    except UnicodeError:
        raise _bad(text, "has a host name that is not text") from None
    try:
        mapped = idna.uts46_remap(decoded, std3_rules=False, transitional=False)
        if mapped.isascii() and "xn--" not in mapped:
            return mapped.lower()
        return idna.encode(mapped, std3_rules=False).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise _bad(text, "has an international host name that cannot be one") from None


def _ipv6(text: str) -> str:
    if not text.endswith("]") or "%" in text:
        raise _bad(text, "has a broken IPv6 address")
    try:
        address = ipaddress.IPv6Address(text[1:-1])
    except ValueError:
        raise _bad(text, "has a broken IPv6 address") from None
    if address.ipv4_mapped is not None:  # Python 3.13 writes these with dots, 3.11 does not
        number = int(address.ipv4_mapped)
        return f"::ffff:{number >> 16:x}:{number & 0xFFFF:x}"
    return str(address)


def _ends_in_a_number(host: str) -> bool:
    last = host.rpartition(".")[2]
    return last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last) is not None


def _ipv4(host: str) -> str:
    """The WHATWG IPv4 parser: one to four parts, each decimal, octal (0..) or hex (0x..)."""
    parts = host.split(".")
    try:
        numbers = [_ipv4_number(part) for part in parts]
    except ValueError:
        raise _bad(host, "has a broken IPv4 address") from None
    *front, last = numbers
    if len(numbers) > 4 or any(n > 255 for n in front) or last >= 256 ** (5 - len(numbers)):
        raise _bad(host, "has a broken IPv4 address")
    value = last + sum(n * 256 ** (3 - at) for at, n in enumerate(front))
    return str(ipaddress.IPv4Address(value))


def _ipv4_number(part: str) -> int:
    if part.startswith("0x"):
        return int(part, 16) if part[2:] else 0
    if len(part) > 1 and part.startswith("0"):
        return int(part, 8)
    return int(part)


def _bad(text: str, what: str) -> NotFetchedError:
    return NotFetchedError(Reason.BAD_URL, f"The address {text[:80]!r} {what}")
