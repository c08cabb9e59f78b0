"""A saved rule version as something that can be asked of the register."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from icp.models import IcpRule
from icp.rules import Rule, read_rule
from icp.taxonomy import SavedCodes, SsicTitles


def day_of(now: datetime) -> date:
    """The date on which a rule is read: that of the nightly zone (Singapore), not of UTC."""
    return now.astimezone(ZoneInfo(settings.TIME_ZONE_NIGHTLY)).date()


def read_version(version: IcpRule, *, now: datetime) -> Rule:
    """The rule of a saved version, its words with the codes they had when it was saved.

    Raises ``InvalidRuleError`` for a payload that was put there by other means.
    """
    taxonomy = SavedCodes(version.codes, beyond=SsicTitles())
    return read_rule(version.payload, taxonomy=taxonomy, as_of=day_of(now))
