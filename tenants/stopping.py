"""Whether this process has been asked to stop. Long work asks between two pieces."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

STOP_FILE_VARIABLE = "LEADGEN_STOP_FILE"  # of a worker: set by the supervisor, which makes the file


def _is_worker_stopping() -> bool:
    path = os.environ.get(STOP_FILE_VARIABLE)
    return path is not None and Path(path).exists()


_asks: Callable[[], bool] = _is_worker_stopping


def watch(asks: Callable[[], bool]) -> None:
    """Let ``asks`` say it from now on: a web server knows itself when its process is to end."""
    global _asks  # noqa: PLW0603 -- one a process
    _asks = asks


def is_stopping() -> bool:
    """True when the process was told to end: finish the piece in hand, give the rest back.

    A worker is killed about 20 seconds later, a web process after 15. Costs some microseconds.
    """
    return _asks()
