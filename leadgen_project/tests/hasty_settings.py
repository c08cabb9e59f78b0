"""The product's settings, with ``hasty`` installed."""

from leadgen_project.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "leadgen_project.tests.hasty.HastyConfig"]  # noqa: F405
