"""What the scheduler may start for the register. It belongs to the platform, not to a tenant."""

from __future__ import annotations

import logging

from django.utils import timezone

from acra.clients.data_gov_sg import DataGovSgError
from acra.download import fetch_register
from acra.keep_up import is_due
from acra.load import LoadInProgressError, LoadRefusedError
from acra.sources import RegisterFileError
from tenants.context import in_public

__all__ = ["look_for_release", "refresh_register"]

logger = logging.getLogger(__name__)


def refresh_register(*, actor: str = "schedule", force: bool = False) -> None:
    """Pull the register if the publisher has something new. May run twice: one load at a time.

    Expected failures are kept as a failed load, which the console shows, and logged.
    """
    with in_public():
        try:
            done = fetch_register(now=timezone.now(), actor=actor, force=force)
        except LoadInProgressError as exc:
            logger.info("%s", exc)
        except (DataGovSgError, RegisterFileError, LoadRefusedError, OSError):
            logger.exception("the register was not refreshed")
        else:
            if done.load is None:
                logger.info("the register has nothing newer than %s", done.published_at)


def look_for_release() -> None:
    """What the scheduler queues: pull, unless somebody has looked since. May run twice."""
    if is_due(now=timezone.now()):
        refresh_register()
