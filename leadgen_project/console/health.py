"""Is it alive? For a monitor at /health, and for the platform admin's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import Error
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django_q.models import OrmQ, Schedule

from tenants.context import in_public

# The queue's own tick is due every minute; later than this, no cluster is at work.
SILENT_AFTER = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class QueueState:
    """``waiting`` tasks are free to be taken, ``working`` ones were taken by a worker."""

    waiting: int
    working: int
    oldest_seconds: float
    overdue_seconds: float | None  # None: no schedule was made yet, so no worker has ever run

    @property
    def is_alive(self) -> bool:
        limit = SILENT_AFTER.total_seconds()
        return self.overdue_seconds is not None and self.overdue_seconds < limit

    @property
    def words(self) -> str:
        if self.overdue_seconds is None:
            return "not started"
        return "working" if self.is_alive else "silent"


def queue_state(*, now: datetime) -> QueueState:
    """Read from the queue's tables as the platform; a few milliseconds."""
    with in_public():
        free = OrmQ.objects.filter(lock__lte=now)
        oldest = free.order_by("lock").values_list("lock", flat=True).first()
        due = Schedule.objects.order_by("next_run").values_list("next_run", flat=True).first()
        return QueueState(
            waiting=free.count(),
            working=OrmQ.objects.filter(lock__gt=now).count(),
            oldest_seconds=(now - oldest).total_seconds() if oldest else 0.0,
            overdue_seconds=max((now - due).total_seconds(), 0.0) if due else None,
        )


@never_cache
def health(_request: HttpRequest) -> JsonResponse:
    """200 with the state of database and queue; 503 when either is down. Needs no sign-in.

    Says nothing about tenants. A queue nobody works counts as down: nights would not run.
    """
    try:
        state = queue_state(now=timezone.now())
    except Error as exc:
        down = {"status": "down", "database": f"down ({type(exc).__name__})", "queue": "unknown"}
        return JsonResponse(down, status=503)
    answer = {
        "status": "ok" if state.is_alive else "down",
        "database": "ok",
        "queue": {
            "state": state.words,
            "waiting": state.waiting,
            "working": state.working,
            "oldest_seconds": round(state.oldest_seconds, 1),
        },
    }
    return JsonResponse(answer, status=200 if state.is_alive else 503)
