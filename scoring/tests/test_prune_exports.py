"""Files of old nights go, those of the last ones stay."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from scoring.exports import KEPT_NIGHTS, prune_exports
from tenants.context import in_tenant

NOW = timezone.now()


@pytest.fixture
def nights(acme, settings, tmp_path):
    """Makes a tenant's folder of night ``number``, so many days old."""
    settings.MEDIA_ROOT = tmp_path

    def make(number: int, *, days: int, tenant: str = "acme") -> Path:
        folder = tmp_path / tenant / "exports" / f"run-{number:06}"
        folder.mkdir(parents=True)
        (folder / "shortlist.csv").write_text("rank\n")
        at = (NOW - timedelta(days=days)).timestamp()
        os.utime(folder, (at, at))
        return folder

    return make


def test_files_older_than_pages_are_kept_go_with_their_folder(nights):
    old = [nights(number, days=200) for number in (1, 2)]
    young = [nights(number, days=10) for number in range(3, 3 + KEPT_NIGHTS)]

    assert prune_exports(keep_days=180, now=NOW) == 2
    assert prune_exports(keep_days=180, now=NOW) == 0

    assert not any(folder.exists() for folder in old)
    assert all(folder.exists() for folder in young)


def test_the_last_nights_stay_however_old(nights):
    old = [nights(number, days=900 - number) for number in range(1, 3 + KEPT_NIGHTS)]

    prune_exports(keep_days=90, now=NOW)

    assert [folder for folder in old if folder.exists()] == old[-KEPT_NIGHTS:]


def test_another_tenants_files_are_not_looked_at(nights):
    for number in range(1, 3 + KEPT_NIGHTS):
        nights(number, days=900, tenant="beta")

    assert prune_exports(keep_days=90, now=NOW) == 0
    with in_tenant("beta"):
        assert prune_exports(keep_days=90, now=NOW) == 2


def test_a_tenant_without_files_has_nothing_to_lose(nights):
    assert prune_exports(keep_days=90, now=NOW) == 0
