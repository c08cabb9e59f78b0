"""Ids whose text sorts by the time they were made: clients of the chat compare them so."""

from __future__ import annotations

import secrets
import threading
import time
import uuid

_lock = threading.Lock()
_last = 0


def new_id() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562, section 5.7), later than any other of this process.

    The twelve bits after the milliseconds hold parts of one (method 3 there), which move on by one
    when the clock has not.
    """
    global _last  # noqa: PLW0603 -- one clock per process
    with _lock:
        nanoseconds = time.time_ns()
        _last = max(_last + 1, (nanoseconds // 10**6 << 12) + nanoseconds % 10**6 * 4096 // 10**6)
        moment = _last
    value = (moment >> 12 & 0xFFFF_FFFF_FFFF) << 80 | 7 << 76 | (moment & 0xFFF) << 64
    return uuid.UUID(int=value | 0b10 << 62 | secrets.randbits(62))
