"""The product's settings, on a machine whose clock is wrong by LEADGEN_TEST_SKEW_SECONDS."""

import os
from datetime import timedelta

from django.utils import timezone

_right_now = timezone.now
_skew = timedelta(seconds=float(os.environ["LEADGEN_TEST_SKEW_SECONDS"]))
timezone.now = lambda: _right_now() + _skew  # before any model takes it for a default

from leadgen_project.settings import *  # noqa: E402, F403 -- the clock comes first
