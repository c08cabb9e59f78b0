"""A fingerprint of what was observed, per field, so that a replay can name what differs."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable

from enrichment.observation import Observation


def digest(observations: Iterable[Observation]) -> dict[str, str]:
    """Field -> hash of all its observations, whatever order they were made in."""
    by_field: dict[str, list[str]] = defaultdict(list)
    for seen in observations:
        parts = [seen.subject, seen.value, seen.method, seen.version, seen.url, seen.page_sha256,
                 seen.quote, f"{seen.confidence:.2f}"]  # fmt: skip
        by_field[seen.field].append(json.dumps(parts, ensure_ascii=False))
    return {
        field: hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()[:24]
        for field, rows in sorted(by_field.items())
    }
