"""Outlast a database that is gone for a while: restarted, failed over, or cut off."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg
from django.db import InterfaceError, OperationalError, connection

from tenants.stopping import is_stopping

T = TypeVar("T")

logger = logging.getLogger(__name__)

# The last is what setting the tenant of a server-side cursor raises, past Django's wrapping.
LOST = (OperationalError, InterfaceError, psycopg.OperationalError)
PATIENCE_SECONDS = 300.0  # below the queue's limit for a task
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


def outlast(action: Callable[[], T], *, patience_seconds: float = PATIENCE_SECONDS) -> T:
    """Do ``action``; when the database is lost in the middle, wait for it and do it again.

    The action must bear being done twice: the loss may come after a commit. Raises the last error
    when the database stays away for ``patience_seconds`` or the worker is to stop. Not inside a
    transaction, which the loss has ended.
    """
    give_up_at = time.monotonic() + patience_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return action()
        except LOST as exc:
            if connection.in_atomic_block or is_stopping() or time.monotonic() > give_up_at:
                raise
            logger.warning("the database is away, waiting: %s", str(exc).partition("\n")[0])
            connection.close()
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
