"""Why a step at the CAPTCHA desk is not taken; each text is for the person who asked."""

from __future__ import annotations


class ChallengeError(Exception):
    """It is not possible now; the sentence says why."""


class HeldError(ChallengeError):
    """Somebody else has it in hand."""


class ClaimEndedError(ChallengeError):
    """The caller's own claim ran out before."""


class SettledError(ChallengeError):
    """Nobody is wanted for it any more."""


class FoundError(ValueError):
    """What was written down is no find, or may not be kept."""
