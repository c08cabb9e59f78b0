"""What rows were moved before under the same key: a newer state of them finds its way there."""

from __future__ import annotations

from collections.abc import Iterable

from icp.models import MovedRow
from icp.suppressions import hash_of
from leadgen_project.moving_in.rows import Place


def moved_before(keys: Iterable[str], *, table: str) -> dict[str, MovedRow]:
    """By key, the newest row that stands in ``table``. One statement."""
    rows = MovedRow.objects.filter(key_hash__in=list(keys), table=table, object_id__isnull=False)
    return {row.key_hash: row for row in rows.defer("original").order_by("pk")}


def template_key(former_id: str) -> str:
    return hash_of("TEMPLATE", former_id)


def templates_of(former_ids: Iterable[str], *, place: Place) -> dict[str, int]:
    """The former program's number of a template -> its number here.

    The one of the same move goes before those of earlier ones.
    """
    by_key = {template_key(each): each for each in former_ids if each}
    rows = MovedRow.objects.filter(
        key_hash__in=list(by_key), table="templates", object_id__isnull=False
    )
    found: dict[str, int] = {}
    ordered = sorted(rows.values_list("move_id", "pk", "key_hash", "object_id"),
                     key=lambda row: (row[0] == place.move.pk, row[1]))  # fmt: skip
    for _, _, key, pk in ordered:
        found[by_key[key]] = pk or 0
    return found
