"""Export files that hold somebody, and who has fetched what they stood in."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

from icp.taken_out import files_with as files_with_hashes
from leadgen_project.persons.identify import Person
from scoring.exports import export_run
from scoring.models import LeadScore
from tenants.context import current_schema
from tenants.lifecycle.archive import folder_of
from tenants.models import AuditEvent, PipelineRun

CHUNK = 1 << 20
OVERLAP = 400  # longer than any address, so that none hides between two chunks


def files_with(person: Person) -> list[Path]:
    """The tenant's files that mention the person; workbooks are looked into."""
    pattern = person.at_work()
    root = folder_of(current_schema())
    if pattern is None or not root.exists():
        return []
    return [path for path in sorted(root.rglob("*"))
            if path.is_file() and not path.is_symlink() and _holds(path, pattern)]  # fmt: skip


def clean_files(person: Person) -> int:
    """Remove the files that hold the person and write exports anew, without them.

    A file that belongs to no run is removed for good. Returns how many were removed.
    """
    found = files_with(person)
    runs = {int(match[1]) for path in found if (match := re.search(r"/run-(\d+)/", str(path)))}
    for path in found:
        path.unlink()
    for run in PipelineRun.objects.filter(pk__in=runs, status=PipelineRun.Status.FINISHED):
        export_run(run)
    return len(found)


def who_fetched(person: Person) -> list[dict[str, Any]]:
    """Who has taken out what holds the person, the first one first.

    Found by the keyed hashes kept of each file. Of downloads of scores that have none, those of a
    run in which a company of theirs stood.
    """
    return sorted([*_scores_fetched(person), *_lists_taken_out(person)], key=lambda one: one["at"])


def _scores_fetched(person: Person) -> list[dict[str, Any]]:
    runs = LeadScore.objects.filter(lead__in=list(person.leads)).values_list("run_id", flat=True)
    named = {str(run) for run in PipelineRun.objects.filter(pk__gte=min(runs, default=0))}
    if not runs:
        return []
    events = AuditEvent.objects.filter(action="scoring.export", subject__in=named)
    events = events.exclude(after__noted=True)
    return [
        {"at": event.at.isoformat(), "by": event.actor, "list": event.subject,
         **(event.after or {})}
        for event in events
    ]  # fmt: skip


def _lists_taken_out(person: Person) -> list[dict[str, Any]]:
    files = files_with_hashes(value for _, value in person.hashes)
    return [
        {"at": file.at.isoformat(), "by": file.actor, "list": file.title, "file": file.file_name,
         "only": file.filter or "all", "sha256": file.sha256}
        for file in files.defer("keys")
    ]  # fmt: skip


def _holds(path: Path, pattern: re.Pattern[str]) -> bool:
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            sheets = [name for name in book.namelist() if name.endswith(".xml")]
            return any(pattern.search(book.read(name).decode(errors="replace")) for name in sheets)
    before = ""
    with path.open("rb") as source:
        while chunk := source.read(CHUNK):
            text = before + chunk.decode(errors="replace")
            if pattern.search(text):
                return True
            before = text[-OVERLAP:]
    return False
