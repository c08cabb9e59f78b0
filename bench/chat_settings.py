"""The product's settings with one address more: the bare streaming view of ``bench.chat``."""

from leadgen_project.settings import *  # noqa: F403 -- all of them

ROOT_URLCONF = "bench.chat"
