"""How the stand-in of data.gov.sg reads and sends one of the 27 files, in good form or bad."""

import csv
import io
import json
import re
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadgen_project.sandbox.loopback import Raw

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Headers:
    """Drift of the columns and of the form of a file; the default is the file as it stands."""

    added: tuple[str, ...] = ()
    dropped: frozenset[str] = frozenset()
    renamed: dict[str, str] = field(default_factory=dict)
    reversed: bool = False
    bom: bool = False
    crlf: bool = False


@dataclass(slots=True)
class Rows:
    """A dataset as datastore_search sees it: texts by column, and ``_id``."""

    columns: list[str]
    records: list[dict[str, Any]]

    def search(self, *, filters: dict[str, Any], words: str, order: str) -> list[dict[str, Any]]:
        """Return the records that fit, as CKAN does: exact filters, words anywhere, one order."""
        found = self.records
        for column, wanted in filters.items():
            values = {str(one) for one in (wanted if isinstance(wanted, list) else [wanted])}
            found = [record for record in found if str(record.get(column)) in values]
        for word in words.lower().split():
            found = [r for r in found if any(word in str(value).lower() for value in r.values())]
        if order:
            column, _, direction = order.partition(" ")
            found = sorted(
                found, key=lambda record: record.get(column, ""), reverse=direction == "desc"
            )
        return found


def read_rows(path: Path) -> Rows:
    """Read a whole file into memory (about 5 kB a row)."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        records: list[dict[str, Any]] = [
            {**row, "_id": number} for number, row in enumerate(reader, start=1)
        ]
        return Rows(list(reader.fieldnames or ()), records)


def published(path: Path, *, selection: bytes, headers: Headers) -> Path | bytes:
    """Return what a download delivers: the file itself, or bytes where something is changed.

    ``selection`` is the JSON body of initiate-download: ``columnNames`` and ``filters`` of
    type EQ, LIKE (contains) or ILIKE (contains, any case).
    """
    if not selection and headers == Headers():
        return path
    asked = json.loads(selection or b"{}")
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns = [name for name in reader.fieldnames or () if name not in headers.dropped]
        wanted = asked.get("columnNames")
        if wanted:
            columns = [name for name in columns if name in wanted]
        if headers.reversed:
            columns.reverse()
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\r\n" if headers.crlf else "\n")
        writer.writerow([headers.renamed.get(name, name) for name in columns] + [*headers.added])
        for row in reader:
            if all(_passes(row, one) for one in asked.get("filters", ())):
                writer.writerow([row[name] for name in columns] + ["na"] * len(headers.added))
    return out.getvalue().encode("utf-8-sig" if headers.bom else "utf-8")


def _passes(row: dict[str, str], one: dict[str, str]) -> bool:
    value, wanted = row.get(one["columnName"], ""), one["value"]
    match one["type"]:
        case "EQ":
            return value == wanted
        case "LIKE":
            return wanted in value
        case _:
            return wanted.lower() in value.lower()


def send_file(
    content: Path | bytes,
    *,
    wanted: str = "",
    chunked: bool = False,
    cut_after: int | None = None,
    head_only: bool = False,
) -> Raw:
    """Return the behaviour that sends a file and closes the connection.

    ``wanted`` is a Range header to honour (one range, ``bytes=N-``). With ``cut_after`` only
    so many bytes of the body leave although the whole length was announced.
    """
    size = content.stat().st_size if isinstance(content, Path) else len(content)
    start = int(found[1]) if (found := re.fullmatch(r"bytes=(\d+)-", wanted)) else 0
    start = min(start, size)
    head = ["HTTP/1.1 206 Partial Content" if start else "HTTP/1.1 200 OK"]
    head += ["Content-Type: text/csv", "Connection: close"]
    if start:
        head.append(f"Content-Range: bytes {start}-{size - 1}/{size}")
    head.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {size - start}")

    def send(connection: socket.socket) -> None:
        connection.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        if head_only:
            return
        left = size - start if cut_after is None else min(cut_after, size - start)
        with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as file:
            file.seek(start)
            while left > 0 and (piece := file.read(min(_CHUNK_BYTES, left))):
                left -= len(piece)
                connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked and cut_after is None:
            connection.sendall(b"0\r\n\r\n")

    return send
