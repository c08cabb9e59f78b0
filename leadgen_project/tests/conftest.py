"""Fixtures for the tests of processes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadgen_project import embedded_postgres


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory that every account can enter; pytest's own is closed to all but us.

    Databases started below it, one or two levels deep, are stopped at the end.
    """
    directory = Path(f"/tmp/leadgen-test-{os.getpid()}")
    directory.mkdir(mode=0o755)
    yield directory
    for home in [*directory.glob("*/postgres"), *directory.glob("*/*/postgres")]:
        embedded_postgres.stop(home.parent)
    shutil.rmtree(directory)
