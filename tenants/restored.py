"""Notice that the database is an older one than was worked with: restored from a backup.

What was done outside since the backup (mail sent) the restored rows do not know, and would do it
again. Two signs: the server is another one, or has been promoted or restored to a moment; or this
machine has seen the installation's mark, which counts minutes, higher than it stands now.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass

from django.conf import settings
from django.db import transaction

from tenants.context import connection, in_public
from tenants.models import Installation

logger = logging.getLogger(__name__)

FILE = "database_mark.json"  # in the data directory, which is no part of a database's backup
_SERVER = """
SELECT system_identifier || ' on timeline ' || timeline_id
FROM pg_control_system(), pg_control_checkpoint()
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """Which installation, and how many minutes it has counted."""

    installation: str
    number: int


def why_older() -> str:
    """A sentence if the database is an older one; empty if all is as it was. Four statements."""
    with in_public():
        known = _known()
        if known.server != _server():
            return "The database runs on another server than before, or was restored there."
        if _seen(known) > known.mark:
            return "The database was restored to an earlier moment."
    return ""


def accept() -> None:
    """Take the database as it is now for the right one."""
    with in_public(), transaction.atomic():
        known = Installation.objects.select_for_update().get(pk=_known().pk)
        known.server, known.mark = _server(), max(known.mark, _seen(known))
        known.save()


def count_minute() -> None:
    """Move the mark on, here and in this machine's file. Never after ``why_older`` has said one."""
    with in_public(), transaction.atomic():
        known = Installation.objects.select_for_update().get(pk=_known().pk)
        known.mark += 1
        known.save(update_fields=["mark"])
    path = settings.DATA_DIR / FILE
    draft = path.with_suffix(".part")
    try:
        draft.write_text(json.dumps(asdict(Mark(str(known.key), known.mark))))
        draft.replace(path)
    except OSError as exc:  # then a restore is noticed by the server alone
        logger.warning("the database's mark is not noted in %s: %s", path, exc)


def _known() -> Installation:
    return Installation.objects.get_or_create(pk=1, defaults={"server": _server()})[0]


def _server() -> str:
    with connection.cursor() as cursor:
        cursor.execute(_SERVER)
        return str(cursor.fetchone()[0])


def _seen(known: Installation) -> int:
    """The highest mark of this very installation that was noted on this machine."""
    try:
        noted = Mark(**json.loads((settings.DATA_DIR / FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return 0
    return noted.number if noted.installation == str(known.key) else 0
