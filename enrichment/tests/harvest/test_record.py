"""The neutral record survives being kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from enrichment.harvest.record import Record, RecordError

RECORD = Record(
    source="overpass", source_id="node/1", source_url="https://www.openstreetmap.org/node/1",
    retrieved_at=datetime(2026, 11, 22, 8, tzinfo=UTC), name="Salon «Öy»", category="hairdresser",
    phones=("+358 9 1", "09 2"), lat=60.1, lon=24.9, raw='{"id": 1}',
)  # fmt: skip


def test_a_record_read_back_from_its_json_is_equal():
    kept = json.loads(json.dumps(RECORD.as_json()))

    assert Record.from_json(kept, raw=RECORD.raw) == RECORD


def test_the_untouched_object_stands_beside_the_json_and_not_in_it():
    assert "raw" not in RECORD.as_json()


def test_names_of_a_later_release_are_passed_by():
    kept = {**RECORD.as_json(), "moons": 2}

    assert Record.from_json(kept, raw=RECORD.raw) == RECORD


@pytest.mark.parametrize("missing", ["name", "source_id", "retrieved_at"])
def test_a_record_without_a_needed_field_is_refused(missing):
    kept = RECORD.as_json()
    del kept[missing]

    with pytest.raises(RecordError):
        Record.from_json(kept)
