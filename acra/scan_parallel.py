"""Read large files with all processor cores: other processes scan, this one gets the rows.

Processes of their own program (``python -m acra.scan_parallel``) instead of ``multiprocessing``:
the queue's workers may have no children of that kind, and a fork would share database sockets.
Tasks go to them as JSON lines, answers come back as frames: kind (1 byte), length (4), content.
"""

from __future__ import annotations

import gc
import json
import os
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import IO, Any, cast

from acra.scan import Tally, Task, scan
from acra.sources import Header, RegisterFileError, Source, opened

__all__ = ["PARALLEL_FROM", "scan_all", "split"]

PARALLEL_FROM = 24 * 1024**2  # bytes; below it starting processes costs more than it brings
PART_BYTES = 48 * 1024**2
MOST_PROCESSES = 4
PIPE_BYTES = 1024**2  # several blocks; with 64 kB the processes would wait for each other
_FRAME = struct.Struct(">cI")
_ROWS, _DONE, _FAILED = b"R", b"D", b"F"
_HERE = Path(__file__).resolve().parent.parent
_COUNTS = [one.name for one in fields(Tally)]
_Answer = tuple[bytes, bytes] | None


def scan_all(tasks: Sequence[Task], tally: Tally) -> Iterator[bytes]:
    """Like ``scan`` for many tasks; blocks come in any order. Stops its processes when left early.

    Small work is done here. Raises ``RegisterFileError`` for the first file that is unusable.
    """
    size = sum((task.end or task.source.size) - task.start for task in tasks)
    processes = min(len(tasks), os.cpu_count() or 1, MOST_PROCESSES)
    if size < PARALLEL_FROM or processes < 2:
        for task in tasks:
            yield from scan(task, tally)
        return
    yield from _Crew(tasks, processes).work(tally)


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


class _Crew:
    """Processes that take tasks until none is left, each with a thread that reads its answers."""

    def __init__(self, tasks: Sequence[Task], processes: int) -> None:
        self._tasks: Queue[Task | None] = Queue()
        for task in (*tasks, *[None] * processes):
            self._tasks.put(task)
        self._answers: Queue[_Answer] = Queue(maxsize=2 * processes)
        self._stopped = Event()
        self._processes = [_start() for _ in range(processes)]

    def work(self, tally: Tally) -> Iterator[bytes]:
        threads = [Thread(target=self._serve, args=(p,), daemon=True) for p in self._processes]
        for thread in threads:
            thread.start()
        try:
            running = len(threads)
            while running:
                answer = self._answers.get()
                if answer is None:
                    running -= 1
                    continue
                kind, content = answer
                if kind == _ROWS:
                    yield content
                elif kind == _DONE:
                    tally.add(_tally(content))
                else:
                    raise RegisterFileError(content.decode())
        finally:
            self._stop(threads)

    def _serve(self, process: subprocess.Popen[bytes]) -> None:
        try:
            while (task := self._tasks.get()) is not None and not self._stopped.is_set():
                for answer in _ask(process, task):
                    self._answers.put(answer)
        except (OSError, EOFError):
            reason = f"A process that reads files ended early (exit code {process.poll()})."
            self._answers.put((_FAILED, reason.encode()))
        self._answers.put(None)

    def _stop(self, threads: list[Thread]) -> None:
        self._stopped.set()
        for process in self._processes:
            process.kill()
        while any(thread.is_alive() for thread in threads):
            while not self._answers.empty():
                self._answers.get()
            for thread in threads:
                thread.join(0.01)
        for process in self._processes:
            process.communicate()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "acra.scan_parallel"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pipesize=PIPE_BYTES,
        cwd=_HERE,
    )


def _ask(process: subprocess.Popen[bytes], task: Task) -> Iterator[tuple[bytes, bytes]]:
    questions, answers = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
    questions.write(json.dumps(asdict(task)).encode() + b"\n")
    questions.flush()
    kind = _ROWS
    while kind == _ROWS:
        kind, length = _FRAME.unpack(_exactly(answers, _FRAME.size))
        yield kind, _exactly(answers, length)


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


def _task(line: bytes) -> Task:
    task = json.loads(line)
    header: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in task["header"].items()
    }
    return Task(**{**task, "source": Source(**task["source"]), "header": Header(**header)})


def main() -> None:
    """Work off tasks until standard input ends."""
    out = sys.stdout.buffer
    gc.disable()  # rows are no cycles, and looking for some costs a tenth of the time

    def answer(kind: bytes, content: bytes) -> None:
        out.write(_FRAME.pack(kind, len(content)))
        out.write(content)
        out.flush()

    for line in sys.stdin.buffer:
        tally = Tally()
        try:
            for block in scan(_task(line), tally):
                answer(_ROWS, block)
        except RegisterFileError as exc:
            answer(_FAILED, str(exc).encode())
        else:
            answer(_DONE, json.dumps({name: getattr(tally, name) for name in _COUNTS}).encode())


if __name__ == "__main__":
    main()
