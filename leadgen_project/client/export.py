"""``leadgen export``: the scores of a run as a file."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

import click
import requests

from leadgen_project.client.failures import ClientError, Exit
from leadgen_project.client.session import Session, command

KINDS = ("csv", "xlsx")
CHUNK_BYTES = 65_536


def add_to(group: click.Group) -> None:
    command(group)(export)


@click.option("--kind", type=click.Choice(KINDS), help="Else by the name of the file, or csv.")
@click.option("--run", type=int, help="Of this run; else of the newest finished one.")
@click.option("--shortlist", is_flag=True, help="Only what stands on the shortlist.")
@click.option("--output", "-o", default="-", metavar="FILE", help="`-`: standard output.")
def export(
    session: Session, *, kind: str | None, run: int | None, shortlist: bool, output: str
) -> None:
    """Download scores as CSV or XLSX. The download is audited.

    \b
    Examples:
      leadgen export > scores.csv
      leadgen export --shortlist -o shortlist.xlsx
      leadgen export --run 12 --kind csv -o run-12.csv
    """
    ending = Path(output).suffix.lstrip(".").lower()
    chosen = kind or (ending if ending in KINDS else "csv")
    if output == "-" and chosen == "xlsx" and sys.stdout.isatty():
        raise click.UsageError("A workbook is nothing for a terminal: add -o FILE.")
    if output == "-" and session.show.as_json:
        raise click.UsageError("--json tells about the file written: add -o FILE.")
    path = f"/export/latest_scores.{chosen}"
    with session.server.open(path, run=run, only="shortlist" if shortlist else "") as answer:
        session.server.check(answer)
        if output == "-":
            _copy(answer, sys.stdout.buffer)
            return
        size = _to_file(answer, Path(output))
    session.show.result({"file": output, "bytes": size}, f"{output}: {size:,} bytes.")


def _copy(answer: Any, target: IO[bytes]) -> int:
    size = 0
    try:
        for piece in answer.iter_content(CHUNK_BYTES):
            target.write(piece)
            size += len(piece)
    except requests.RequestException:
        raise ClientError(Exit.OUT_OF_REACH, "The connection was lost half-way.") from None
    target.flush()
    return size


def _to_file(answer: Any, path: Path) -> int:
    """Whole or not at all: a broken download leaves what was there before."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as exc:
        raise ClientError(Exit.WRONG_USAGE, f"{path} cannot be written: {exc.strerror}.") from None
    try:
        with os.fdopen(handle, "wb") as file:
            size = _copy(answer, file)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return size
