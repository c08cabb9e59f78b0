"""The mail queue with minutes for hours: leases and looks after a mail end within seconds."""

from __future__ import annotations

from datetime import timedelta

from django.apps import AppConfig

LEASE = timedelta(seconds=8)
LOOKS = tuple(timedelta(seconds=each) for each in (3, 5, 7, 9))
LOST_AFTER = timedelta(seconds=4)
CLIENT_SECONDS = 2.0  # below the lease, as outside


class HastyConfig(AppConfig):
    name = "leadgen_project.tests"
    label = "hasty"

    def ready(self) -> None:
        from outreach.clients import ask
        from outreach.sending import claim, deliver, reconcile, send, settle

        for module in (settle, send, reconcile):
            module.LOOKS = LOOKS
        for module in (claim, reconcile):
            module.LEASE = LEASE
        deliver.LOST_AFTER = LOST_AFTER
        ask.Deadline.__init__.__defaults__ = (CLIENT_SECONDS,)
