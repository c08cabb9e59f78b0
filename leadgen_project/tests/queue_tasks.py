"""Tasks for the tests of the workers, which run them in processes of their own."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.db import transaction

from icp.models import Lead
from tenants.context import connection
from tenants.stopping import is_stopping
from tenants.tasks import tenant_task


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


@tenant_task
def mark(*, number: int, expected: str, way: str) -> None:
    """Leave a lead that says which tenant it is meant for, and leave the task in a bad ``way``."""
    if way == "thread without a tenant":
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_leave_mark, f"stray {number}", expected).result()
    _leave_mark(f"{number}", expected)
    if way == "error":
        raise ValueError(number)
    if way == "broken transaction":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column")
    if way == "other tenant":
        connection.set_schema("beta" if expected == "acme" else "acme")
    if way == "cut off":
        connection.connection.close()
    if way == "too long":
        signal.alarm(1)  # the queue's own limit, early
        time.sleep(30)


def _leave_mark(reference: str, expected: str) -> None:
    Lead.objects.create(source_ref=reference, name=expected)
