"""What an automatic mail reports, in our words."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message as Part
from enum import StrEnum

from outreach.bounces.bounce_words import Says


class Kind(StrEnum):
    HARD = "HARD"  # the address is of no use
    SOFT = "SOFT"  # not delivered this time, or not to us
    COMPLAINT = "COMPLAINT"
    AUTO_REPLY = "AUTO_REPLY"
    DELIVERED = "DELIVERED"  # a receipt
    OTHER = "OTHER"  # written by a person, or none of our business


@dataclass(frozen=True, slots=True)
class Refusal:
    """One recipient of a delivery report."""

    address: str
    says: Says
    status: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What an automatic mail says. ``returned``: the parts that hold the mail it is about."""

    kind: Kind
    refusals: tuple[Refusal, ...] = ()
    returned: tuple[Part, ...] = ()

    @property
    def worst(self) -> Refusal | None:
        """The refusal that decides: a dead address before all others."""
        gone = (each for each in self.refusals if each.says is Says.GONE)
        return next(gone, self.refusals[0] if self.refusals else None)
