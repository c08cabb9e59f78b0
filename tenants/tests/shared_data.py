"""Where the real rows and pages lie that some tests use. They are not part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.conf import settings


def shared_data() -> Path:
    """The folder, or skip: ``LEADGEN_SHARED_DATA``, else ``shared/data`` beside the checkout."""
    path = Path(os.environ.get("LEADGEN_SHARED_DATA", settings.BASE_DIR.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"the real rows and pages are not here ({path})")
    return path
