"""Outlast a database that is gone for a while (restarted, failed over, cut off), or a full disk."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

import psycopg
from django.db import InterfaceError, OperationalError, connection

from tenants.context import current_schema
from tenants.room import is_full, what_is_full
from tenants.stopping import is_stopping

T = TypeVar("T")

logger = logging.getLogger(__name__)

# The last is what setting the tenant of a server-side cursor raises, past Django's wrapping.
LOST = (OperationalError, InterfaceError, psycopg.OperationalError)
PATIENCE_SECONDS = 300.0  # below the queue's limit for a task
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
TELL_EVERY_SECONDS = 30.0


def is_outage(error: BaseException) -> bool:
    """Whether ``error`` is no fault of the work in hand, which may succeed when done again."""
    return isinstance(error, LOST) or (isinstance(error, OSError) and is_full(error))


def outlast(action: Callable[[], T], *, patience_seconds: float = PATIENCE_SECONDS) -> T:
    """Do ``action``; when the database or the room on disk is lost in the middle, do it again.

    The action must bear being done twice: the loss may come after a commit. Raises the last error
    when the trouble lasts for ``patience_seconds`` or the worker is to stop. Not inside a
    transaction, which the loss has ended.
    """
    give_up_at = time.monotonic() + patience_seconds
    tell_at = 0.0
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return action()
        except (*LOST, OSError) as exc:
            now = time.monotonic()
            if (
                not is_outage(exc)
                or connection.in_atomic_block
                or is_stopping()
                or now > give_up_at
            ):
                raise
            connection.close()
            if now > tell_at:
                tell_at = now + TELL_EVERY_SECONDS
                logger.warning("%s: %s", current_schema(), _words(exc))
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _words(error: BaseException) -> str:
    if is_full(error):
        return f"{what_is_full(error)} Make room; the work then goes on by itself."
    return f"the database is away, waiting: {str(error).partition(chr(10))[0]}"
