"""Delete a thread with everything that was said in it."""

from __future__ import annotations

import uuid

from django.db import transaction

from chat.live import all_live
from chat.models import ChatRun, Thread


def delete_thread(thread_id: uuid.UUID) -> None:
    """Gone at once; a run under way loses its ground and ends. A second call finds nothing."""
    with transaction.atomic():
        # Both locks are stronger than what a run's own writes need: these wait, and then fail.
        Thread.objects.select_for_update().filter(pk=thread_id).first()
        list(ChatRun.objects.select_for_update().filter(thread=thread_id).order_by("pk"))
        Thread.objects.filter(pk=thread_id).delete()
    for live in all_live():
        if live.thread_id == thread_id:
            live.lose()
