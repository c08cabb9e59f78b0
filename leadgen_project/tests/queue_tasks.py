"""Tasks for the tests of the workers, which run them in processes of their own."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tenants.stopping import is_stopping


def nap(journal: str, name: str, seconds: float) -> None:
    """Write down that it began and that it ended; ``name`` tells one call from another."""
    _write(journal, f"began {name}")
    time.sleep(seconds)
    _write(journal, f"ended {name}")


def nap_until_stop(journal: str, name: str) -> None:
    _write(journal, f"began {name}")
    while not is_stopping():
        time.sleep(0.05)
    _write(journal, f"ended {name}")


def eat_memory(journal: str, name: str) -> None:
    """More than any worker may have."""
    _write(journal, f"began {name}")
    try:
        bytearray(8 * 1024**3)
    except MemoryError:
        _write(journal, f"ended {name} by MemoryError")


def _write(journal: str, line: str) -> None:
    with Path(journal).open("a") as file:
        file.write(f"{line} {os.getpid()}\n")
