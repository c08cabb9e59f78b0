"""The made-up register as data.gov.sg publishes it: 53 columns, one file or 27, plain or zipped.

Columns and values follow ``contracts/data-gov-sg.md`` (section 6) and
``contracts/register-facts.md`` (section 2).
"""

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_uppercase
from typing import Any, TextIO

from leadgen_project.sandbox.registered import (
    Registered,
    changed_in_month,
    new_per_month,
    registered,
)

MISSING = "na"
COLUMNS = (
    "uen",
    "issuance_agency_id",
    "entity_name",
    "entity_type_description",
    "business_constitution_description",
    "company_type_description",
    "paf_constitution_description",
    "entity_status_description",
    "registration_incorporation_date",
    "uen_issue_date",
    "address_type",
    "block",
    "street_name",
    "level_no",
    "unit_no",
    "building_name",
    "postal_code",
    "other_address_line1",
    "other_address_line2",
    "account_due_date",
    "annual_return_date",
    "primary_ssic_code",
    "primary_ssic_description",
    "primary_user_described_activity",
    "secondary_ssic_code",
    "secondary_ssic_description",
    "secondary_user_described_activity",
    "no_of_officers",
    *(f"former_entity_name{number}" for number in range(1, 16)),
    *(
        f"{part}_of_audit_firm{number}"
        for number in range(1, 6)
        for part in ("uen", "name")
    ),
)  # fmt: skip
LETTERS = (*ascii_uppercase, "Others")
"""The 27 files: one per first character of the current name."""


def letter_of(name: str) -> str:
    """Return which of the 27 files holds an entity of this name."""
    first = name.strip()[:1].upper()
    return first if first in ascii_uppercase and first else "Others"


def file_name(letter: str) -> str:
    return f"ACRAInformationonCorporateEntities{letter}.csv"


def row_of(entity: Registered) -> list[str]:
    """Return the published row, 53 texts, ``na`` where nothing is known."""
    date = entity.registered_on.isoformat()
    returned = entity.annual_return_on
    former = (*entity.former_names[:15], *[MISSING] * (15 - len(entity.former_names)))
    constitution = MISSING
    if entity.kind == "SP":
        constitution = "Partnership" if entity.officers > 1 else "Sole-Proprietor"
    return [
        entity.uen,
        "ACRA",
        entity.name,
        entity.entity_type,
        constitution,
        entity.company_type,
        MISSING,
        entity.status,
        date,
        date,
        "LOCAL",
        entity.block,
        entity.street,
        entity.level or MISSING,
        entity.unit if entity.level else MISSING,
        entity.building,
        entity.postal_code_published,
        MISSING,
        MISSING,
        returned.replace(year=returned.year + 1, day=28).isoformat() if returned else MISSING,
        returned.isoformat() if returned else MISSING,
        entity.primary_ssic,
        # The releases of 2026 repeat the owner's words in both columns, or have none.
        entity.activity or MISSING,
        MISSING,
        entity.secondary_ssic or MISSING,
        (entity.activity or MISSING) if entity.secondary_ssic else MISSING,
        MISSING,
        str(entity.officers),
        *former,
        *[MISSING] * 10,
    ]


def write_one(path: Path, *, seed: int = 1, count: int = 400, month: int = 0) -> int:
    """Write the whole extract into one CSV file and return how many entities it has.

    Streams; same arguments, same bytes.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = _writer(file)
        entities = 0
        for entity in registered(seed=seed, count=count, month=month):
            writer.writerow(row_of(entity))
            entities += 1
    return entities


def write_split(folder: Path, *, seed: int = 1, count: int = 400, month: int = 0) -> dict[str, int]:
    """Write the 27 files data.gov.sg publishes and return the rows of each letter.

    A renamed entity stands in another file than the month before. Every file exists, some
    with nothing but the header. Streams.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: Counter[str] = Counter()
    with ExitStack() as stack:
        writers = {}
        for letter in LETTERS:
            path = folder / file_name(letter)
            writers[letter] = _writer(
                stack.enter_context(path.open("w", encoding="utf-8", newline=""))
            )
        for entity in registered(seed=seed, count=count, month=month):
            letter = letter_of(entity.name)
            writers[letter].writerow(row_of(entity))
            rows[letter] += 1
    return {letter: rows[letter] for letter in LETTERS}


def write_zip(path: Path, *, seed: int = 1, count: int = 400, month: int = 0) -> dict[str, int]:
    """Write the 27 files into one zip and return the rows of each letter.

    Holds the whole extract in memory (about 350 bytes an entity).
    """
    files = {letter: io.StringIO(newline="") for letter in LETTERS}
    writers = {letter: _writer(file) for letter, file in files.items()}
    rows: Counter[str] = Counter()
    for entity in registered(seed=seed, count=count, month=month):
        letter = letter_of(entity.name)
        writers[letter].writerow(row_of(entity))
        rows[letter] += 1
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for letter, file in files.items():
            entry = zipfile.ZipInfo(file_name(letter), date_time=(2026, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.getvalue())
    return {letter: rows[letter] for letter in LETTERS}


def _writer(file: TextIO) -> Any:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    return writer


@dataclass(slots=True)
class ReleaseTruth:
    """What a load of release ``month`` must find in comparison with the release before.

    ``changed`` maps a UEN to the published columns that differ. ``left_live`` are those whose
    status was live and is not any more; ``moved_file`` those now in another of the 27 files.
    """

    month: int
    entities: int = 0
    live: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    new: list[str] = field(default_factory=list)
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left_live: list[str] = field(default_factory=list)
    renamed: list[str] = field(default_factory=list)
    moved_file: list[str] = field(default_factory=list)
    unchanged: int = 0


def release_truth(*, seed: int = 1, count: int = 400, month: int = 1) -> ReleaseTruth:
    """Compare a release with the one before it; for ``month`` 0 every entity is new."""
    truth = ReleaseTruth(month)
    first_new = count + new_per_month(count) * (month - 1) if month else 0
    for before in _as_of_the_month_before(seed=seed, count=count, month=month):
        is_new = before.index >= first_new
        after = before if is_new else changed_in_month(before, seed=seed, month=month)
        truth.entities += 1
        truth.live += after.is_live
        truth.statuses[after.status] += 1
        if is_new:
            truth.new.append(after.uen)
            continue
        old, new = row_of(before), row_of(after)
        columns = [name for name, a, b in zip(COLUMNS, old, new, strict=True) if a != b]
        if not columns:
            truth.unchanged += 1
            continue
        truth.changed[after.uen] = tuple(columns)
        if before.is_live and not after.is_live:
            truth.left_live.append(after.uen)
        if after.name != before.name:
            truth.renamed.append(after.uen)
        if letter_of(after.name) != letter_of(before.name):
            truth.moved_file.append(after.uen)
    return truth


def _as_of_the_month_before(*, seed: int, count: int, month: int) -> Iterator[Registered]:
    """Yield the release before ``month`` and then the newcomers of ``month``."""
    yield from registered(seed=seed, count=count, month=max(0, month - 1))
    if month:
        first_new = count + new_per_month(count) * (month - 1)
        for entity in registered(seed=seed, count=count, month=month):
            if entity.index >= first_new:
                yield entity
