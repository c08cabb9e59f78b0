"""Ask a run to stop: in its row, for whatever process carries it, and here if it is this one."""

from __future__ import annotations

import time
import uuid

from django.db import transaction

from chat.live import find_live
from chat.models import ChatRun, Thread
from chat.refusals import NotThereError
from chat.settle import settle_stale
from tenants.hand_back import hand_back

LONGEST_WAIT_SECONDS = 60.0
LOOK_SECONDS = 0.1


def cancel_run(run_id: uuid.UUID, *, how: str) -> None:
    """Ask run ``run_id`` to stop; its executor does at its next piece.

    Raises ``NotThereError`` when it is not under way. A second call changes nothing.
    """
    with transaction.atomic():
        found = ChatRun.objects.filter(pk=run_id).first()
        if found is None:
            raise NotThereError("run under way")
        settle_stale(Thread.objects.select_for_update(no_key=True).get(pk=found.thread_id))
        alive = ChatRun.objects.alive().filter(pk=run_id)
        if not alive.exists():
            raise NotThereError("run under way")
        alive.filter(cancel="").update(cancel=how)
    if live := find_live(run_id):
        live.ask_to_stop(how)


def wait_until_stopped(run_id: uuid.UUID) -> bool:
    """Whether the run stopped within a minute. Holds no connection meanwhile."""
    give_up_at = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < give_up_at:
        if not ChatRun.objects.alive().filter(pk=run_id).exists():
            return True
        hand_back()
        live = find_live(run_id)
        if live:
            live.wait(LOOK_SECONDS)
        else:
            time.sleep(LOOK_SECONDS)
    return False
