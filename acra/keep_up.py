"""Look for a newer release by itself, every ``INTERVAL`` hours."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django_q.tasks import async_task

from acra.models import RegisterImport
from tenants.context import in_public


def next_look() -> datetime | None:
    """When the service is looked at next; None where the register never came from there.

    A register made of files, or made up, is not replaced unasked: the first pull is a person's.
    """
    with in_public():
        looks = RegisterImport.objects.filter(dataset=settings.RESOURCE_ID)
        if not looks.filter(status=RegisterImport.Status.FINISHED).exists():
            return None
        last = looks.order_by("-started_at").values_list("started_at", flat=True)[0]
    return last + timedelta(hours=settings.REGISTER_INTERVAL_HOURS)


def is_due(*, now: datetime) -> bool:
    """Whether the last look, whatever came of it, is so long ago."""
    due = next_look()
    return due is not None and due <= now


def call_if_due(*, now: datetime) -> bool:
    """Queue a look if one is due; the task asks again, so one queued twice looks once."""
    if not is_due(now=now):
        return False
    async_task(
        "acra.tasks.look_for_release",
        q_options={"task_name": "look for a newer register", "ack_failure": True},
    )
    return True
