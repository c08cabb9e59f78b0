"""The industry classification: titles by code and edition, and the way from a code to its parents.

The same five digits have meant different things (62011, 62021, 63119), so the edition stays beside
the code. Never take an industry from the register's description columns: in the releases of 2026
they hold the owner's own words.
"""

from __future__ import annotations

import csv
from typing import Any

from acra.values import SSIC_EDITION, SSIC_FILE

__all__ = ["LEVELS", "load_titles"]

LEVELS = {1: "section", 2: "division", 3: "group", 4: "class", 5: "sub-class"}


def load_titles(model: type[Any]) -> int:
    """Store the titles that ship with the app; return how many there are. A second run is harmless.

    ``model`` is ``SsicCode``, or its likeness in a migration.
    """
    with SSIC_FILE.open(encoding="utf-8", newline="") as file:
        codes = [model(edition=SSIC_EDITION, **row) for row in csv.DictReader(file)]
    model.objects.bulk_create(
        codes,
        update_conflicts=True,
        unique_fields=["edition", "code"],
        update_fields=["level", "parent", "section", "title"],
    )
    return len(codes)
