"""Workers say in the database that they live, so that every machine can see it within seconds.

A supervisor speaks for its cluster, and only while the cluster itself shows that it turns: a row
means that tasks are taken. Written past the queue, where a sign would wait behind long tasks.
"""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta

from leadgen_project.schedule import mend_schedule
from tenants.clock import database_now
from tenants.models import Heartbeat

BEAT_SECONDS = 10
SILENT_AFTER = timedelta(seconds=3 * BEAT_SECONDS)
FORGOTTEN_AFTER = timedelta(days=1)


def beat() -> None:
    """In a supervisor: its cluster lives, now. Also keeps the queue's own tick from going astray.

    Raises ``DatabaseError``.
    """
    now = database_now()
    Heartbeat.objects.update_or_create(worker=_name(), defaults={"seen_at": now})
    Heartbeat.objects.filter(seen_at__lt=now - FORGOTTEN_AFTER).delete()
    mend_schedule(now=now)


def end() -> None:
    """In a supervisor that was told to stop: nobody need wonder about its silence."""
    Heartbeat.objects.filter(worker=_name()).delete()


def last_seen() -> datetime | None:
    """When any worker last showed that it lives; ``None`` when none is known."""
    return Heartbeat.objects.order_by("-seen_at").values_list("seen_at", flat=True).first()


def _name() -> str:
    return f"{socket.gethostname()[:80]}:{os.getpid()}"
