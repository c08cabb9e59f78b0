"""Which files a load reads: plain, gzip or zipped CSV, one or many, with their headers checked.

Nothing is unpacked to disk, so a name inside a zip cannot lead anywhere. What is too large is
refused before it is read, and reading stops where a packed file turns out larger than it said.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from acra.columns import ALIASES, PUBLISHED, REQUIRED

__all__ = ["MOST_BYTES", "RegisterFileError", "Source", "find_sources", "opened", "read_header"]

MOST_BYTES = 6 * 1024**3  # of all files together, unpacked; a whole release has 0.65 GB
MOST_FILES = 500
HEADER_BYTES = 64 * 1024
PACKED_RATIO = 8  # gzip does not say how large it is inside; CSV of the register packs 1 : 7
_BROKEN = (EOFError, OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)


class RegisterFileError(Exception):
    """A file cannot be loaded as a whole; says which and why. Nothing of the load was kept."""


@dataclass(frozen=True, slots=True)
class Source:
    """One CSV file, perhaps inside a zip."""

    path: str
    member: str = ""  # name inside the zip
    size: int = 0  # bytes, unpacked where that is known

    @property
    def name(self) -> str:
        return Path(self.member or self.path).name

    @property
    def is_plain(self) -> bool:
        return not self.member and not self.path.lower().endswith(".gz")


@dataclass(frozen=True, slots=True)
class Header:
    """Which column of a file holds which published one."""

    columns: int  # in the file
    places: tuple[int, ...]  # for each of PUBLISHED its place in the file, -1 where it is missing
    unknown: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    length: int = 0  # bytes before the first row

    @property
    def is_usual(self) -> bool:
        return self.places == tuple(range(self.columns))


def find_sources(paths: Iterable[str | Path]) -> list[Source]:
    """The CSV files behind ``paths``: files, zips, or folders of them; in a fixed order.

    Raises ``RegisterFileError`` for what is missing, empty, too large or no zip.
    """
    found: list[Source] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if _is_loadable(p.name))
            found += [source for p in inside for source in _sources_in(p)]
        else:
            found += _sources_in(path)
    if not found:
        raise RegisterFileError("No CSV file to load. Give .csv, .csv.gz or .zip files.")
    if len(found) > MOST_FILES:
        raise RegisterFileError(f"{len(found)} files; at most {MOST_FILES} are loaded at once.")
    total = sum(source.size for source in found)
    if total > MOST_BYTES:
        raise RegisterFileError(
            f"{total / 1024**3:.1f} GiB to load; a whole release has under 1, and more than "
            f"{MOST_BYTES / 1024**3:.0f} are refused. Is it the right file?"
        )
    return found


def _is_loadable(name: str) -> bool:
    return name.lower().endswith((".csv", ".csv.gz", ".zip")) and not name.startswith(".")


def _sources_in(path: Path) -> list[Source]:
    if not path.is_file():
        raise RegisterFileError(f"{path}: there is no such file.")
    size = path.stat().st_size
    if not size:
        raise RegisterFileError(f"{path.name} is empty.")
    if path.suffix.lower() == ".zip":
        return _sources_in_zip(path)
    if path.suffix.lower() == ".gz":
        return [Source(str(path), size=size * PACKED_RATIO)]
    return [Source(str(path), size=size)]


def _sources_in_zip(path: Path) -> list[Source]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                member
                for member in archive.infolist()
                if member.filename.lower().endswith(".csv") and "__MACOSX" not in member.filename
            ]
    except _BROKEN as exc:
        raise RegisterFileError(f"{path.name} is no readable zip file ({exc}).") from exc
    if not members:
        raise RegisterFileError(f"{path.name} holds no .csv file.")
    for member in members:
        if member.flag_bits & 1:
            raise RegisterFileError(f"{path.name}: {Path(member.filename).name} is encrypted.")
    return [Source(str(path), m.filename, m.file_size) for m in members]


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """The bytes of the CSV, unpacked as they are read; bad packing is a ``RegisterFileError``."""
    try:
        if source.member:
            with zipfile.ZipFile(source.path) as archive, archive.open(source.member) as file:
                yield cast(BinaryIO, file)
        elif source.is_plain:
            with Path(source.path).open("rb") as file:
                yield file
        else:
            with gzip.open(source.path, "rb") as file:
                yield cast(BinaryIO, file)
    except _BROKEN as exc:
        what = "ends too early" if isinstance(exc, EOFError) else f"is broken ({exc})"
        raise RegisterFileError(
            f"{source.name} {what}. Fetch it again; nothing of this load was kept."
        ) from exc


def read_header(source: Source) -> Header:
    """Find the published columns by name, whatever their order, case and company.

    Raises ``RegisterFileError`` naming the file and the column when one of ``REQUIRED`` is missing.
    """
    with opened(source) as file:
        start = file.read(HEADER_BYTES)
    line, end, _ = start.partition(b"\n")
    text = _header_text(line, source)
    if not end and len(start) == HEADER_BYTES:
        raise RegisterFileError(f"{source.name}: no line ends within the first 64 kB. Is it CSV?")
    columns = [_column(name) for name in next(csv.reader(io.StringIO(text.strip("\r"))), [])]
    if duplicate := next((c for c in columns if c in PUBLISHED and columns.count(c) > 1), ""):
        raise RegisterFileError(f"{source.name}: the column {duplicate!r} is there twice.")
    if missing := [name for name in REQUIRED if name not in columns]:
        raise RegisterFileError(
            f"{source.name}: the column {', '.join(map(repr, missing))} is missing. Found: "
            f"{', '.join(columns)[:300] or 'nothing'}. Nothing was loaded."
        )
    return Header(
        columns=len(columns),
        places=tuple(columns.index(name) if name in columns else -1 for name in PUBLISHED),
        unknown=tuple(name for name in columns if name not in PUBLISHED),
        missing=tuple(name for name in PUBLISHED if name not in columns),
        length=len(line) + len(end),
    )


def _header_text(line: bytes, source: Source) -> str:
    if line.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in line:
        raise RegisterFileError(f"{source.name} is UTF-16 or binary. Save it as CSV in UTF-8.")
    if line.lstrip(b"\xef\xbb\xbf \t\r").startswith(b"<"):
        raise RegisterFileError(f"{source.name} is a web page, not CSV. Fetch it again.")
    return line.decode("utf-8-sig", errors="replace")


def _column(name: str) -> str:
    folded = "_".join(name.replace("\ufeff", "").strip().strip('"').lower().split())
    return ALIASES.get(folded, folded)
