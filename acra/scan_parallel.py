"""Read and type with all processor cores: another process works, this one gets the rows.

One process with a thread per core, because the library it types with takes 40 MB of each process,
and lets other threads work meanwhile. A process of its own (``python -m acra.scan_parallel``),
whose memory is given back at the end. Questions go to it as JSON lines, answers come back as
frames: kind (1 byte), length (4), content.
"""

from __future__ import annotations

import gc
import json
import os
import struct
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields, replace
from datetime import date
from pathlib import Path
from threading import Lock
from typing import IO, TYPE_CHECKING, Any, Self, cast

from acra.normalise import Normaliser
from acra.sources import Header, RegisterFileError, Source, opened
from acra.tally import Tally, Task

if TYPE_CHECKING:
    from acra.type_rows import SeenUens

__all__ = ["PARALLEL_FROM", "scan_all", "split", "type_all"]

PARALLEL_FROM = 24 * 1024**2  # bytes; below it starting processes costs more than it brings
PART_BYTES = 48 * 1024**2
FEW_LINES = 5_000  # typed before the other process would have begun
MOST_THREADS = 2  # more would wait for the server, and each takes 40 MB
PIPE_BYTES = 1024**2  # several blocks; with 64 kB the processes would wait for each other
_FRAME = struct.Struct(">cI")
_ROWS, _DONE, _FAILED = b"R", b"D", b"F"
_HERE = Path(__file__).resolve().parent.parent
_COUNTS = [one.name for one in fields(Tally)]
_OUT = Lock()


def scan_all(tasks: Sequence[Task], tally: Tally) -> Iterator[bytes]:
    """Like ``scan`` for many tasks; blocks come in any order. Stops its processes when left early.

    Small work is done here. Raises ``RegisterFileError`` for the first file that is unusable.
    """
    size = sum((task.end or task.source.size) - task.start for task in tasks)
    if size < PARALLEL_FROM or _threads() < 2:
        yield from _scan_here(tasks, tally)
    else:
        with _Elsewhere() as elsewhere:
            elsewhere.ask(*map(asdict, tasks))
            yield from elsewhere.answers(len(tasks), tally)
            elsewhere.ask({"repeated": True})
            yield from elsewhere.answers(1, tally)


def _scan_here(tasks: Iterable[Task], tally: Tally) -> Iterator[bytes]:
    from acra.scan import scan  # noqa: PLC0415 -- brings 40 MB that few processes need
    from acra.type_rows import SeenUens  # noqa: PLC0415 -- the same

    seen = SeenUens()
    for task in tasks:
        yield from scan(task, tally, seen=seen)
    tally.repeated += seen.repeated()


def split(task: Task) -> list[Task]:
    """Parts of a large plain file, cut where two whole plain rows meet; else the task itself."""
    size = task.source.size
    if not task.source.is_plain or size < PARALLEL_FROM:
        return [task]
    parts = max(size // PART_BYTES, os.cpu_count() or 1)
    with opened(task.source) as file:
        cuts = [_cut(file, size * number // parts, task.header) for number in range(1, parts)]
    starts = sorted({0, *(cut for cut in cuts if cut)})
    ends = [*starts[1:], size]
    return [replace(task, start=a, end=b) for a, b in zip(starts, ends, strict=True)]


def _cut(file: IO[bytes], near: int, header: Header) -> int:
    """A byte soon after ``near`` where a row starts for certain; 0 when none is found."""
    file.seek(near)
    file.readline(1 << 17)
    commas = header.columns - 1
    plain_before = False
    for _ in range(200):
        position = file.tell()
        line = file.readline(1 << 17)
        plain = b'"' not in line and line.count(b",") == commas
        if plain and plain_before:
            return position
        plain_before = plain
    return 0


def type_all(
    blocks: Iterable[list[str]], tally: Tally, *, count: int, today: date
) -> Iterator[bytes]:
    """The rows of ``acra.normalise.TYPED`` for ``count`` packed lines in all; a few are typed here.

    One block is asked for after the other, so that memory holds one.
    """
    if count <= FEW_LINES:
        normaliser = Normaliser(today=today)
        yield from (
            "".join(f"{row}\n" for row in normaliser.rows(lines)).encode() for lines in blocks
        )
        tally.add_warnings(*normaliser.take_warnings())
        return
    with _Elsewhere() as elsewhere:
        for lines in blocks:
            elsewhere.ask({"lines": lines, "today": today.isoformat()})
            yield from elsewhere.answers(1, tally)


class _Elsewhere:
    """The other process, which ends with the block that uses it."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "acra.scan_parallel"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pipesize=PIPE_BYTES,
            cwd=_HERE,
            env={**os.environ, "POLARS_MAX_THREADS": str(_threads())},
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        with suppress(BrokenPipeError):
            self._process.communicate()

    def ask(self, *questions: dict[str, Any]) -> None:
        stream = cast(IO[bytes], self._process.stdin)
        with self._explained():
            stream.write(b"".join(json.dumps(one).encode() + b"\n" for one in questions))
            stream.flush()

    def answers(self, count: int, tally: Tally) -> Iterator[bytes]:
        """The rows for ``count`` questions; what was counted goes to ``tally``."""
        stream = cast(IO[bytes], self._process.stdout)
        while count:
            with self._explained():
                kind, length = _FRAME.unpack(_exactly(stream, _FRAME.size))
                content = _exactly(stream, length)
            if kind == _ROWS:
                yield content
            elif kind == _FAILED:
                raise RegisterFileError(content.decode())
            else:
                tally.add(_tally(content))
                count -= 1

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (BrokenPipeError, EOFError):
            code = self._process.wait()
            raise RegisterFileError(
                f"The process that reads files ended early (exit code {code})."
            ) from None


def _threads() -> int:
    return min(os.cpu_count() or 1, MOST_THREADS)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    content = stream.read(count)
    if len(content) != count:
        raise EOFError
    return content


def _tally(content: bytes) -> Tally:
    counts = json.loads(content)
    for name in ("files", "rejected", "warnings"):
        counts[name] = Counter(counts[name])
    return Tally(**counts)


def _task(task: dict[str, Any]) -> Task:
    header: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in task["header"].items()
    }
    return Task(**{**task, "source": Source(**task["source"]), "header": Header(**header)})


def main() -> None:
    """Work off the questions on standard input, some at once."""
    from acra.type_rows import SeenUens  # noqa: PLC0415 -- brings 40 MB that few processes need

    gc.disable()  # rows are no cycles, and looking for some costs a tenth of the time
    seen = SeenUens()
    with ThreadPoolExecutor(_threads()) as pool:
        for line in sys.stdin.buffer:
            work = pool.submit(_work, json.loads(line), seen)
            work.add_done_callback(_end_if_it_failed)


def _end_if_it_failed(work: Future[None]) -> None:
    """An error nobody foresaw ends the process, or the other one would wait for the answer."""
    if error := work.exception():
        traceback.print_exception(error)
        sys.stderr.flush()
        os._exit(1)


def _work(question: dict[str, Any], seen: SeenUens) -> None:
    tally = Tally()
    try:
        for block in _rows_for(question, tally, seen):
            _answer(_ROWS, block)
    except RegisterFileError as exc:
        _answer(_FAILED, str(exc).encode())
    else:
        _answer(_DONE, json.dumps({name: getattr(tally, name) for name in _COUNTS}).encode())


def _rows_for(question: dict[str, Any], tally: Tally, seen: SeenUens) -> Iterator[bytes]:
    """Of the three questions: for rows of lines, for repeated UENs, for the rows of a task."""
    from acra.scan import scan  # noqa: PLC0415 -- brings 40 MB that few processes need

    if "lines" in question:
        yield _typed_here(question["lines"], tally, today=question["today"])
    elif "repeated" in question:
        tally.repeated += seen.repeated()
    else:
        yield from scan(_task(question), tally, seen=seen)


def _typed_here(lines: list[str], tally: Tally, *, today: str) -> bytes:
    import polars as pl  # noqa: PLC0415 -- brings 40 MB that few processes need

    from acra.type_rows import RowTyper  # noqa: PLC0415 -- the same

    typer = RowTyper(today=date.fromisoformat(today))
    block, _ = typer.typed(pl.Series(lines))
    tally.add_warnings(*typer.take_warnings())
    return block


def _answer(kind: bytes, content: bytes) -> None:
    with _OUT:
        sys.stdout.buffer.write(_FRAME.pack(kind, len(content)))
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
