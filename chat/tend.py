"""What the chat needs done from time to time: runs nobody carries settled, old rows let go."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models.functions import Now

from chat.models import ChatRun, RunEvent, Thread
from chat.settle import STALE_AFTER, look_for_stale

EVENTS_KEPT = timedelta(hours=1)  # after the run, for clients that come back
MOST_THREADS = 500  # deleted at once


def tend_chat(*, now: datetime) -> int:
    """Settle what died and let go of old events, in the current tenant; the runs settled.

    Two statements when there is nothing to do. Called every minute, by any process.
    """
    stale = ChatRun.objects.alive().filter(heartbeat_at__lt=Now() - STALE_AFTER)
    settled = sum(map(look_for_stale, sorted(set(stale.values_list("thread", flat=True)))))
    over = ChatRun.objects.exclude(status__in=ChatRun.ALIVE)
    RunEvent.objects.filter(run__in=over.filter(updated_at__lt=now - EVENTS_KEPT)).delete()
    return settled


def purge_threads(*, keep_days: int, now: datetime) -> int:
    """Delete threads nobody has touched for ``keep_days`` days; a second call finds none."""
    old = Thread.objects.filter(updated_at__lt=now - timedelta(days=keep_days))
    resting = old.exclude(status=Thread.Status.BUSY).order_by("pk")
    gone = 0
    while ids := list(resting.values_list("pk", flat=True)[:MOST_THREADS]):
        Thread.objects.filter(pk__in=ids).delete()
        gone += len(ids)
    return gone
