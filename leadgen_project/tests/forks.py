"""The process that forks others (``spenders``), ordered about by a test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from leadgen_project.supervise import MANAGE


@dataclass(slots=True)
class Forks:
    """Its pipes. One order at a time."""

    process: subprocess.Popen[str]

    def start(self, **order: Any) -> list[int]:
        """Give an order; the ids of the processes at work on it."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self._line())

    def wait(self) -> int:
        """Until all have ended; how many of them were killed."""
        return int(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


@contextmanager
def forking(env: dict[str, str]) -> Iterator[Forks]:
    """The process, with ``env`` for it and all it forks. Their error output is ours."""
    process = subprocess.Popen(
        [sys.executable, "-m", "leadgen_project.tests.spenders"], env=env, text=True,
        cwd=MANAGE.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Forks(process)
    finally:
        process.kill()
        process.communicate()
