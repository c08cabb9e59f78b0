"""What this process is called on the rows it holds, so that they can be freed when it is dead."""

from __future__ import annotations

import os
import socket

GROUP_VARIABLE = "LEADGEN_GROUP"  # set by the supervisor for its cluster


def process_name() -> str:
    """``<machine>:<group>:<pid>``; the group is ``-`` outside a worker. At most 100 characters."""
    return f"{os.environ.get(GROUP_VARIABLE) or group_name('-')}:{os.getpid()}"


def group_name(directory: str) -> str:
    """What the names of all processes of a cluster begin with. ``directory`` is its alone."""
    return f"{socket.gethostname()[:40]}:{directory[:40]}"
