"""What dead clusters leave behind, where several supervisors clear it at once."""

from __future__ import annotations

import os

from leadgen_project.mourn import mourn_clusters


def test_a_directory_another_supervisor_has_half_cleared_stops_nobody_and_goes(db, tmp_path):
    left = tmp_path / "14226-left"
    left.mkdir()
    (left / "supervisor").touch()
    os.utime(left, (0, 0))  # no sign of life for long

    mourn_clusters(tmp_path)

    assert list(tmp_path.iterdir()) == []
