"""Whether this worker has been asked to stop. Long tasks ask between two pieces of work."""

from __future__ import annotations

import os
from pathlib import Path

STOP_FILE_VARIABLE = "LEADGEN_STOP_FILE"  # set by the supervisor, which makes the file


def is_stopping() -> bool:
    """True when the worker was told to end: finish the piece in hand, give the rest back.

    About 20 seconds later it is killed. Always false outside a worker. Costs some microseconds.
    """
    path = os.environ.get(STOP_FILE_VARIABLE)
    return path is not None and Path(path).exists()
