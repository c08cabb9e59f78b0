"""The product's settings, with ``poison`` installed."""

from leadgen_project.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "leadgen_project.tests.poison.PoisonConfig"]  # noqa: F405
