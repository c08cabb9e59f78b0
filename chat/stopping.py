"""Whether this web process is being stopped: runs get some seconds to end, then they are ended."""

from __future__ import annotations

import time

from chat.live import all_live
from tenants.stopping import is_stopping

GRACE_SECONDS = 8.0  # well within what a server waits for its requests
_LAST_SECONDS = 3.0  # for what was ended to be written down

_since = 0.0


def must_end() -> bool:
    """Whether a run has to end now."""
    global _since  # noqa: PLW0603 -- one a process
    if not is_stopping():
        return False
    _since = _since or time.monotonic()
    return time.monotonic() - _since > GRACE_SECONDS


def wait_for_runs() -> None:
    """Before the process ends: give its runs the time they have."""
    give_up_at = time.monotonic() + GRACE_SECONDS + _LAST_SECONDS
    while all_live() and time.monotonic() < give_up_at:
        time.sleep(0.05)
