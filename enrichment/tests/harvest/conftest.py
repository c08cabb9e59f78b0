"""Fixtures of all tests of harvests."""

from enrichment.tests.harvest.rig import overpass, site, taken

__all__ = ["overpass", "site", "taken"]
