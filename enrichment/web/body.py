"""Read a response body within limits: bytes, time, decompression, and only if it is a page.

Nothing here believes a header: a body is cut at the cap whatever Content-Length says, a stream that
unpacks to hundreds of times its size is refused, and the first bytes decide about what no
content type, or a wrong one, announces.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

import urllib3
from urllib3.exceptions import ProtocolError

from enrichment.web.pages import NotFetchedError, Reason

try:
    import brotli
except ImportError:  # optional: without it "br" is not offered to servers
    brotli = None

CHUNK_BYTES: Final = 65_536
PACKED_CHUNK_BYTES: Final = 4_096  # small, so that a bomb shows by what little of it was read
MAX_RATIO: Final = 200  # of real pages the most repetitive tables reach about 60
RATIO_FROM_BYTES: Final = 512 * 1024

_PAGE_TYPES: Final = frozenset(
    {"text/html", "application/xhtml+xml", "text/plain", "application/xml", "text/xml", ""}
)
#: Announced for pages by servers that know no better; the first bytes decide.
_VAGUE_TYPES: Final = frozenset({"application/octet-stream", "unknown/unknown", "text/text"})
#: Only what may hold no zero byte in its first kilobyte; the others are known by that.
_BINARY_STARTS: Final = (
    b"%PDF-", b"PK\x03\x04", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"\x1f\x8b", b"Rar!",
    b"7z\xbc\xaf", b"wOFF", b"wOF2",
)  # fmt: skip
_UNICODE_MARKS: Final = (b"\xfe\xff", b"\xff\xfe")
_HTML_SIGNS: Final = (b"<!doctype html", b"<html", b"<head", b"<body", b"<title", b"<meta")
#: No brotli before 1.2 can bound its output: one kilobyte of it may unpack to gigabytes.
HAS_BROTLI: Final = brotli is not None and hasattr(brotli.Decompressor, "can_accept_more_data")
ACCEPT_ENCODING: Final = "gzip, deflate, br" if HAS_BROTLI else "gzip, deflate"


class Body(NamedTuple):
    """What was read."""

    data: bytes
    is_cut: bool
    is_drained: bool  # the connection is at the end of this answer and may be used again


class _Unpacker(Protocol):
    @property
    def is_whole(self) -> bool:
        """The stream has come to its proper end."""

    def feed(self, data: bytes, room: int) -> bytes:
        """Unpack up to about ``room`` bytes; what has no room is lost."""


def read_body(
    raw: urllib3.BaseHTTPResponse, *, headers: Mapping[str, str], max_bytes: int, pages_only: bool
) -> Body:
    """Read at most ``max_bytes`` after content decoding.

    Raises ``NotFetchedError``: BOMB, BAD_ENCODING, and with ``pages_only`` NOT_A_PAGE as soon as
    content type or first bytes say so, without reading on. Time limits come from the socket.
    """
    if pages_only:
        refuse_other_types(headers.get("content-type", ""))
    unpack = _unpacker(headers.get("content-encoding", ""))
    step = PACKED_CHUNK_BYTES if unpack else CHUNK_BYTES
    parts: list[bytes] = []
    size = packed = 0
    while True:
        try:
            chunk = raw.read(step, decode_content=False)
        except ProtocolError:  # cut off, or shorter than announced: browsers show what there is
            if not size:
                raise
            return Body(b"".join(parts), is_cut=True, is_drained=False)
        if not chunk:
            break
        packed += len(chunk)
        data = unpack.feed(chunk, max_bytes + 1 - size) if unpack else chunk
        if pages_only and not size and data:
            refuse_binary(data, content_type=headers.get("content-type", ""))
        size += len(data)
        parts.append(data)
        if unpack and size > RATIO_FROM_BYTES and size > MAX_RATIO * packed:
            raise NotFetchedError(
                Reason.BOMB, f"{packed:,} bytes unpack to more than {MAX_RATIO} times their size"
            )
        if size > max_bytes or packed > max_bytes:
            return Body(b"".join(parts)[:max_bytes], is_cut=True, is_drained=False)
    is_cut = unpack is not None and not unpack.is_whole
    return Body(parts[0] if len(parts) == 1 else b"".join(parts), is_cut=is_cut, is_drained=True)


def refuse_other_types(content_type: str) -> None:
    """Let html, xhtml, plain text, and what may be one of them pass."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _PAGE_TYPES and kind not in _VAGUE_TYPES:
        raise NotFetchedError(Reason.NOT_A_PAGE, f"The answer is {kind[:60]!r}, not a web page")


def refuse_binary(data: bytes, *, content_type: str) -> None:
    """Refuse what the first bytes show to be no text, whatever it was announced as."""
    head = data[:1024]
    if head.startswith(_UNICODE_MARKS) or "utf-16" in content_type.lower():
        return
    if head.startswith(_BINARY_STARTS) or b"\x00" in head:
        raise NotFetchedError(Reason.NOT_A_PAGE, "The answer's first bytes are not text")
    kind = content_type.partition(";")[0].strip().lower()
    signs = (b"<html",) if kind.endswith("/xml") else _HTML_SIGNS
    if (kind in _VAGUE_TYPES or kind.endswith("/xml")) and not any(
        sign in head.lower() for sign in signs
    ):
        raise NotFetchedError(Reason.NOT_A_PAGE, f"The answer is {kind[:60]!r}, not a web page")


def _unpacker(encoding: str) -> _Unpacker | None:
    names = [name.strip().lower() for name in encoding.split(",")]
    names = [name for name in names if name not in ("", "identity", "none")]
    if not names:
        return None
    if len(names) > 1:
        raise NotFetchedError(Reason.BAD_ENCODING, f"Packed more than once: {encoding[:60]!r}")
    if names[0] in ("gzip", "x-gzip"):
        return _Zlib(wrapped=31)
    if names[0] == "deflate":
        return _Zlib(wrapped=15)
    if names[0] == "br" and HAS_BROTLI:
        return _Brotli()
    raise NotFetchedError(Reason.BAD_ENCODING, f"Packed as {encoding[:60]!r}, which is not read")


class _Zlib:
    """gzip (several members), zlib, and raw deflate, which servers send as "deflate" too.

    A body that is not packed at all in spite of its header is passed through: servers behind
    careless proxies do that, and browsers' users never see such a site.
    """

    def __init__(self, *, wrapped: int) -> None:
        self._wrapped = wrapped
        self._stream = zlib.decompressobj(wrapped)
        self._is_first = True
        self._is_plain = False

    @property
    def is_whole(self) -> bool:
        return self._is_first or self._is_plain or self._stream.eof

    def feed(self, data: bytes, room: int) -> bytes:
        if self._is_first:
            self._is_first = False
            self._choose(data)
        if self._is_plain:
            return data
        out: list[bytes] = []
        try:
            while data and room > 0:
                if self._stream.eof:
                    if self._wrapped != 31 or not data.startswith(b"\x1f\x8b"):
                        break  # trailing rubbish: what every reader ignores
                    self._stream = zlib.decompressobj(self._wrapped)
                piece = self._stream.decompress(data, room)
                out.append(piece)
                room -= len(piece)
                data = self._stream.unconsumed_tail or self._stream.unused_data
        except zlib.error as exc:
            raise NotFetchedError(Reason.BAD_ENCODING, f"Broken compression: {exc}") from exc
        return b"".join(out)

    def _choose(self, data: bytes) -> None:
        if self._wrapped == 31:
            self._is_plain = not data.startswith(b"\x1f")
            return
        try:
            zlib.decompressobj(15).decompress(data, 1)
        except zlib.error:
            self._stream = zlib.decompressobj(-15)


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    @property
    def is_whole(self) -> bool:
        return bool(self._stream.is_finished())

    def feed(self, data: bytes, room: int) -> bytes:
        out: list[bytes] = []
        try:
            while room > 0:
                piece = self._stream.process(data, output_buffer_limit=room)
                data = b""
                out.append(piece)
                room -= len(piece)
                if self._stream.can_accept_more_data() or not piece:
                    break
        except brotli.error as exc:
            raise NotFetchedError(Reason.BAD_ENCODING, f"Broken compression: {exc}") from exc
        return b"".join(out)
