"""What the status labels of the register mean: live, at risk, ending, ceased, or not known to us.

36 labels were seen in the releases of 2026 (register facts, section 2). The families in brackets
are open-ended and spelt in changing case. "Live" is two labels: companies are ``Live Company``,
businesses and partnerships ``Live``. A label that is not listed is never guessed at: it is kept,
counted by each load, and shown.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["StatusClass", "status_class"]


class StatusClass(StrEnum):
    """What follows from a label. ``RegisteredCompany.StatusClass`` adds words for the console."""

    LIVE = "LIVE"
    AT_RISK = "AT_RISK"
    PENDING = "PENDING"
    CEASED = "CEASED"
    UNKNOWN = "UNKNOWN"


EXACT = {
    "LIVE COMPANY": StatusClass.LIVE,
    "LIVE": StatusClass.LIVE,
    "LIVE (RECEIVER OR RECEIVER AND MANAGER APPOINTED)": StatusClass.AT_RISK,
    "GAZETTED TO BE STRUCK OFF": StatusClass.PENDING,
    "CANCELLATION IN PROGRESS": StatusClass.PENDING,
    "SUSPENDED": StatusClass.PENDING,
    "TO BE CEASED": StatusClass.PENDING,
    "UNDER JUDICIAL MANAGEMENT": StatusClass.PENDING,
    "TERMINATED": StatusClass.CEASED,
    "AMALGAMATED": StatusClass.CEASED,  # goes on under another UEN, as does the next
    "CONVERTED TO LLP": StatusClass.CEASED,
    "REGISTRATION EXPIRED AND HAS NOT BEEN RENEWED": StatusClass.CEASED,
}
# The word itself, or the word and something in brackets or behind a dash.
FAMILIES = {
    "IN LIQUIDATION": StatusClass.PENDING,
    "STRUCK OFF": StatusClass.CEASED,
    "CANCELLED": StatusClass.CEASED,
    "CEASED REGISTRATION": StatusClass.CEASED,
    "DISSOLVED": StatusClass.CEASED,
    "REMOVED": StatusClass.CEASED,
    "REVOKED": StatusClass.CEASED,
}


def status_class(label: str) -> StatusClass:
    """The class of a label in any case; ``UNKNOWN`` for what no list names, ``na`` included."""
    folded = " ".join(label.upper().split())
    if folded in EXACT:
        return EXACT[folded]
    for word, found in FAMILIES.items():
        if folded == word or folded.startswith((f"{word} (", f"{word} -")):
            return found
    return StatusClass.UNKNOWN
