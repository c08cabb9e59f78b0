"""Keep who left in a file, and list the file for recall once somebody in it has opted out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import connection, transaction
from django.db.models import QuerySet

from icp.models import FileRecall, Suppression, TakenOut
from icp.recalls import see_to, standing_hashes


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
