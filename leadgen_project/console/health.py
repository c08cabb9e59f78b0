"""Is it alive? For a monitor at /health, and for the platform admin's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import Error
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django_q.models import OrmQ, Schedule

from leadgen_project import heartbeat
from tenants.clock import database_now
from tenants.context import in_public
from tenants.room import room_here

# The queue's own tick is due every minute; later than this, workers live but take no tasks.
SILENT_AFTER = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class QueueState:
    """``waiting`` tasks are free to be taken, ``working`` ones were taken by a worker."""

    waiting: int
    working: int
    oldest_seconds: float
    silent_seconds: float | None  # since any worker's sign of life; None: there is no worker
    overdue_seconds: float  # of the queue's own tick

    @property
    def is_alive(self) -> bool:
        """Also false when workers live but do not get round to the tick."""
        return (
            self.silent_seconds is not None
            and self.silent_seconds < heartbeat.SILENT_AFTER.total_seconds()
            and self.overdue_seconds < SILENT_AFTER.total_seconds()
        )

    @property
    def words(self) -> str:
        if self.silent_seconds is None:
            return "no worker"
        return "working" if self.is_alive else "silent"


def queue_state(*, now: datetime) -> QueueState:
    """Read from the queue's tables as the platform; a few milliseconds."""
    with in_public():
        free = OrmQ.objects.filter(lock__lte=now)
        oldest = free.order_by("lock").values_list("lock", flat=True).first()
        seen_at = heartbeat.last_seen()
        due = Schedule.objects.order_by("next_run").values_list("next_run", flat=True).first()
        return QueueState(
            waiting=free.count(),
            working=OrmQ.objects.filter(lock__gt=now).count(),
            oldest_seconds=(now - oldest).total_seconds() if oldest else 0.0,
            silent_seconds=max((now - seen_at).total_seconds(), 0.0) if seen_at else None,
            overdue_seconds=max((now - due).total_seconds(), 0.0) if due else 0.0,
        )


@never_cache
def health(_request: HttpRequest) -> JsonResponse:
    """200 with the state of database and queue; 503 when either is down. Needs no sign-in.

    Says nothing about tenants. A queue nobody works counts as down, and so does a full disk: nights
    would not run.
    """
    try:
        state = queue_state(now=database_now())
    except Error as exc:
        down = {"status": "down", "database": f"down ({type(exc).__name__})", "queue": "unknown"}
        return JsonResponse(down, status=503)
    room = room_here()
    is_fine = state.is_alive and not room.is_full
    answer = {
        "status": "ok" if is_fine else "down",
        "database": "ok",
        "disk": {
            "state": "full" if room.is_full else "short" if room.is_short else "ok",
            "free_bytes": room.free_bytes,
        },
        "queue": {
            "state": state.words,
            "waiting": state.waiting,
            "working": state.working,
            "oldest_seconds": round(state.oldest_seconds, 1),
            "silent_seconds": state.silent_seconds and round(state.silent_seconds, 1),
        },
    }
    return JsonResponse(answer, status=200 if is_fine else 503)
