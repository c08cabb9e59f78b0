"""Fixtures for the tests of processes."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadgen_project.postgres_place import find_server


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory that every account can enter; pytest's own is closed to all but us.

    Databases started below it, one or two levels deep, are ended with it.
    """
    directory = Path(f"/tmp/leadgen-test-{os.getpid()}")
    directory.mkdir(mode=0o755)
    yield directory
    for home in [*directory.glob("*/postgres"), *directory.glob("*/*/postgres")]:
        server = find_server(home.parent)
        if server is not None:
            server.send_signal(signal.SIGQUIT)  # at once: nobody will read them again
            server.wait(30)
    shutil.rmtree(directory)
