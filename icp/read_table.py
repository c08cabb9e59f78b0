"""Read an uploaded CSV or XLSX file into rows of text, within limits, whatever is really in it.

The content decides, not the name. Size, depth and time are bounded before a parser sees the file.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from icp import read_workbook

MOST_BYTES = 20 * 1024 * 1024
MOST_ROWS = 200_000
MOST_COLUMNS = 100
MOST_UNPACKED_BYTES = 100 * 1024 * 1024
MOST_PARTS = 500
CHILD_SECONDS = 30
DELIMITERS = ",;\t|"
OLD_EXCEL = b"\xd0\xcf\x11\xe0"


class UnreadableFileError(ValueError):
    """The file as a whole cannot be used; the text says why and what to do."""


@dataclass(slots=True)
class Table:
    rows: list[list[str]]  # the header, if any, is the first
    broken: dict[int, str] = field(default_factory=dict)  # index of a row -> why it is unreadable
    notes: list[str] = field(default_factory=list)


def read_table(content: bytes) -> Table:
    """The rows of the file. Raises ``UnreadableFileError``; takes at most ``CHILD_SECONDS``."""
    if not content.strip():
        raise UnreadableFileError("The file is empty.")
    if len(content) > MOST_BYTES:
        raise UnreadableFileError(
            f"The file has {len(content) / 1e6:.1f} MB; {MOST_BYTES / 1e6:.0f} MB are allowed."
            " Split it."
        )
    if content.startswith(OLD_EXCEL):
        raise UnreadableFileError(
            "This is an old or locked Excel file. Save it as .xlsx without a password, or as CSV."
        )
    table = _workbook(content) if content.startswith(b"PK") else _csv(content)
    if len(table.rows) > MOST_ROWS:
        raise UnreadableFileError(f"More than {MOST_ROWS:,} rows. Split the file.")
    if not any(any(row) for row in table.rows):
        raise UnreadableFileError("The file holds no values.")
    return table


# --- CSV ----------------------------------------------------------------------------------------
def _csv(content: bytes) -> Table:
    text, notes = _decode(content)
    if "\0" in text:
        raise UnreadableFileError("This is neither CSV nor XLSX: it holds binary data.")
    table = Table(rows=[], notes=notes)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    for row, error in _each(reader):
        if error:
            table.broken[len(table.rows)] = error
        elif len(row) > MOST_COLUMNS:
            table.broken[len(table.rows)] = f"More than {MOST_COLUMNS} columns."
            row = row[:MOST_COLUMNS]  # noqa: PLW2901 -- enough to find it again
        table.rows.append(row)
        if len(table.rows) > MOST_ROWS:
            break
    return table


def _each(reader: Iterator[list[str]]) -> Iterator[tuple[list[str], str]]:
    """Rows and, where csv gives one up (a cell over 131,072 characters), the reason."""
    while True:
        try:
            yield next(reader), ""
        except StopIteration:
            return
        except csv.Error as exc:
            yield [""], f"This row cannot be read ({exc}). Is a quote not closed?"


def _decode(content: bytes) -> tuple[str, list[str]]:
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"),
                           (b"\xfe\xff", "utf-16")):  # fmt: skip
        if content.startswith(mark):
            try:
                return content.decode(encoding), []
            except UnicodeDecodeError as exc:
                raise UnreadableFileError(f"The file is damaged: {exc.reason}.") from exc
    try:
        return content.decode("utf-8"), []
    except UnicodeDecodeError:
        if b"\0" in content:
            raise UnreadableFileError(
                "This is neither CSV nor XLSX: it holds binary data."
            ) from None
        return content.decode("cp1252", errors="replace"), [
            "The file is not UTF-8; it was read as Windows-1252. Look at names with accents."
        ]


def _delimiter(text: str) -> str:
    """The one that the first line with any of them holds most often; else a comma."""
    for line in text.splitlines()[:20]:
        counts = {each: line.count(each) for each in DELIMITERS}
        if any(counts.values()):
            return max(counts, key=lambda each: counts[each])
    return ","


# --- XLSX ---------------------------------------------------------------------------------------
def _workbook(content: bytes) -> Table:
    _check_zip(content)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "upload.xlsx")
        path.write_bytes(content)
        command = [sys.executable, read_workbook.__file__, str(path), str(MOST_ROWS),
                   str(MOST_COLUMNS)]  # fmt: skip
        try:
            done = subprocess.run(  # noqa: S603 -- our own file, a path we made
                command, capture_output=True, timeout=CHILD_SECONDS, check=False, env={},
            )  # fmt: skip
        except subprocess.TimeoutExpired as exc:
            raise UnreadableFileError(
                f"Reading the workbook took longer than {CHILD_SECONDS} s. Save it as CSV."
            ) from exc
    if done.returncode != 0:
        raise UnreadableFileError(
            "The workbook cannot be read: it is damaged, or needs too much memory. Save it as CSV."
        )
    return Table(rows=[json.loads(line) for line in done.stdout.splitlines()])


def _check_zip(content: bytes) -> None:
    """Refuse bombs by what the archive says of itself, and what only looks like a workbook."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as exc:
        raise UnreadableFileError("The file looks like XLSX but is damaged.") from exc
    names = {part.filename for part in parts}
    if "[Content_Types].xml" not in names or "xl/workbook.xml" not in names:
        raise UnreadableFileError("This is an archive, not an XLSX workbook.")
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED_BYTES:
        raise UnreadableFileError(
            f"The workbook unpacks to {unpacked / 1e6:,.0f} MB in {len(parts)} parts;"
            f" {MOST_UNPACKED_BYTES / 1e6:.0f} MB and {MOST_PARTS} are allowed. Save it as CSV."
        )
