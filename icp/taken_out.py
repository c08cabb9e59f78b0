"""Keep who left in a file, and list the file for recall once somebody in it has opted out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db import connection, transaction
from django.db.models import QuerySet

from icp.models import FileRecall, Suppression, TakenOut
from icp.recalls import see_to, standing_hashes
from icp.suppressions import hashes_of

ROWS_A_NOTE = 10_000  # of a file that is streamed; the keys of so many leads take about 10 MB


class Leaving:
    """Who leaves in one file, noted while it is written, in flat memory.

    Tell it every ``row`` that goes and the ``content`` as it goes, and ``end`` it also where the
    file broke off: what went is gone. A file of more than ``ROWS_A_NOTE`` rows has several notes,
    each naming its first row. The same content taken again by the same person is noted once.
    """

    def __init__(self, title: str, *, file_name: str, actor: str, query: str = "") -> None:
        self.rows = 0
        self._title, self._file_name = title, file_name
        self._actor, self._query = actor, query
        self._noted = 0  # rows
        self._keys: set[str] = set()
        self._notes: list[int] = []
        self._digest = hashlib.sha256()

    def row(self, pairs: Iterable[tuple[str, str]]) -> None:
        """One more row goes; ``pairs``: kind and value of what it hands out, as suppressed."""
        self.rows += 1
        self._keys.update(key for kind, value in pairs if value for key in hashes_of(kind, value))
        if self.rows - self._noted == ROWS_A_NOTE:
            self._note()

    def content(self, part: bytes) -> None:
        """The next bytes of the file; its hash counts them."""
        self._digest.update(part)

    def following(self, lines: Iterable[str]) -> Iterator[str]:
        """``lines`` as they go; whoever went is noted, also when the reader goes away half-way."""
        try:
            for line in lines:
                self.content(line.encode())
                yield line
        finally:
            self.end()

    @transaction.atomic
    def end(self) -> str:
        """Note the rest. Returns the SHA-256 of what went."""
        self._note()
        sha256 = self._digest.hexdigest()
        same = TakenOut.objects.filter(sha256=sha256, actor=self._actor, title=self._title)
        mine = TakenOut.objects.filter(pk__in=self._notes)
        if same.exists():
            mine.delete()
        else:
            mine.update(sha256=sha256)
        return sha256

    def _note(self) -> None:
        first, self._noted = self._noted, self.rows
        if not self._keys:
            return
        title = f"{self._title}, from row {first + 1:,}" if first else self._title
        made = keep(
            self._keys, title=title, file_name=self._file_name, query=self._query,
            rows=self.rows - first, sha256="", actor=self._actor,
        )  # fmt: skip
        self._notes.append(made.pk)
        self._keys.clear()


@transaction.atomic
def keep(
    keys: Iterable[str], *, title: str, file_name: str, query: str, rows: int, sha256: str,
    actor: str,
) -> TakenOut:  # fmt: skip
    """Write down that a file with those behind ``keys`` (``suppressions.hashes_of``) leaves.

    Nobody slips between: opt-outs that are being written are waited for, later ones find the row.
    """
    made = TakenOut.objects.create(
        actor=actor[:150], title=title[:200], file_name=file_name[:250], filter=query[:1000],
        rows=rows, sha256=sha256, keys=sorted(set(keys)),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE icp_suppression IN SHARE MODE")
        cursor.execute(
            "SELECT id FROM icp_suppression WHERE lifted_at IS NULL AND value_hash = ANY(%s)",
            [made.keys],
        )
        came = [pk for (pk,) in cursor.fetchall()]
    FileRecall.objects.bulk_create(FileRecall(taken_out=made, suppression_id=pk) for pk in came)
    return made


def list_for_recall(suppressions: QuerySet[Suppression]) -> int:
    """List the files that ``suppressions`` speak of; returns how many lines were added.

    For ``when_suppressed``, in the transaction that suppresses. One statement where no file holds
    people, else three for each ten thousand suppressions.
    """
    if not TakenOut.objects.exists():
        return 0
    added = 0
    for some in standing_hashes(suppressions):
        hit = TakenOut.objects.filter(keys__overlap=list(some))
        lines = [FileRecall(taken_out=file, suppression_id=some[key])
                 for file in hit for key in some.keys() & set(file.keys)]  # fmt: skip
        FileRecall.objects.bulk_create(lines, ignore_conflicts=True)
        added += len(lines)
    return added


def mark_done(recall_id: int, *, actor: str, now: datetime | None = None) -> bool:
    """Whoever has the file was told; False when somebody has said so before."""
    return see_to(FileRecall, recall_id, action="icp.file.recalled", actor=actor, now=now)


def files_with(hashes: Iterable[str]) -> QuerySet[TakenOut]:
    """Files in which anybody behind ``hashes`` left, the first one first."""
    return TakenOut.objects.filter(keys__overlap=list(hashes)).order_by("at", "pk")
