"""The rows of a move that were not taken."""

from __future__ import annotations

from collections.abc import Iterator

from icp.models import Move, MovedRow


def refused_of(move: Move) -> Iterator[tuple[str, str, str]]:
    """Table, original and reasons of each, in the order of the files; a few thousand at a time."""
    rows = MovedRow.objects.filter(move=move, outcome=MovedRow.Outcome.REFUSED)
    wanted = rows.order_by("file", "table", "position")
    yield from wanted.values_list("table", "original", "reasons").iterator(chunk_size=2000)
