"""Fixtures for the tests of processes."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadgen_project.postgres_place import find_server
from tenants.rest import events


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory that every account can enter; pytest's own is closed to all but us.

    Databases started below it, one or two levels deep, are ended with it.
    """
    directory = Path(tempfile.mkdtemp(prefix="leadgen-test-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    for home in [*directory.glob("*/postgres"), *directory.glob("*/*/postgres")]:
        server = find_server(home.parent)
        if server is not None:
            server.send_signal(signal.SIGQUIT)  # at once: nobody will read them again
            server.wait(30)
    shutil.rmtree(directory)


@pytest.fixture(autouse=True)
def _short_streams(monkeypatch):
    """Streams of this process end soon: walks over all addresses read each answer to its end."""
    monkeypatch.setattr(events, "LONGEST_SECONDS", 0.05)
    monkeypatch.setattr(events, "LOOK_EVERY_SECONDS", 0.01)
