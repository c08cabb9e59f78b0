"""What the law asks of unasked mail, as data: dated, sourced, and to be confirmed by a lawyer.

Singapore's rules are the default, because a sender, a mailbox or a recipient there brings every
mail under them (Spam Control Act 2007, 2020 Rev. Ed., section 7: "Singapore link"), and what is
unknown counts as linked. As read in November 2026; nothing here is legal advice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Origin(StrEnum):
    """How we came by an address. The least trusted origin is the one that counts as unknown."""

    REPLIED = "REPLIED"  # the recipient wrote to us, or gave it in a form, card or contract
    TYPED = "TYPED"  # an operator entered it
    ADOPTED = "ADOPTED"  # a person took it over on sight of the page it stands on
    CAPTCHA = "CAPTCHA"  # a person passed the page's wall and wrote it down there
    IMPORTED = "IMPORTED"  # a list whose supplier warrants that it is lawful
    PROVIDER = "PROVIDER"  # a data provider sold it
    PAGE = "PAGE"  # the crawler read it on the company's own site
    GUESSED = "GUESSED"  # made by a pattern
    HARVESTED = "HARVESTED"  # from a listing of many


class Answer(StrEnum):
    SEND = "SEND"
    ASK = "ASK"  # an operator releases each
    NEVER = "NEVER"


ANYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Policy:
    """One cell of the table origin x country, with what it rests on."""

    answer: Answer
    because: str
    source: str
    as_of: str = "2026-11-21"


_SCA9 = "Spam Control Act s9: no mail to addresses got by harvesting software or a dictionary"
_OPEN = "Whether a crawler that reads a company's own site is such software is open: ask counsel"

# The default. A country's own row goes before ANYWHERE.
POLICY: dict[tuple[Origin, str], Policy] = {
    (Origin.REPLIED, ANYWHERE): Policy(
        Answer.SEND, "The recipient gave it by an act of his own.", "Spam Control Act s2, s5"
    ),
    (Origin.TYPED, ANYWHERE): Policy(
        Answer.SEND, "A person entered it and answers for it.", "product rule"
    ),
    (Origin.ADOPTED, ANYWHERE): Policy(
        Answer.SEND, "A person took it over on sight of its page; that is recorded.", _OPEN
    ),
    (Origin.CAPTCHA, ANYWHERE): Policy(
        Answer.ASK, "A person read it, but behind a wall that keeps collectors out.", _SCA9
    ),
    (Origin.IMPORTED, ANYWHERE): Policy(
        Answer.ASK, "Whether the list is lawful is its supplier's word.", "product rule"
    ),
    (Origin.PROVIDER, ANYWHERE): Policy(
        Answer.ASK, "A bought address is no consent.", "product rule"
    ),
    (Origin.PAGE, ANYWHERE): Policy(
        Answer.NEVER, "Nobody has adopted this address on sight of its page.", _SCA9
    ),
    (Origin.GUESSED, ANYWHERE): Policy(
        Answer.NEVER, "Addresses made by a pattern are never mailed.", _SCA9
    ),
    (Origin.HARVESTED, ANYWHERE): Policy(
        Answer.NEVER, "Addresses from harvested lists are never mailed.", _SCA9
    ),
}

# Countries where unasked mail to businesses needs a basis the tenant has to record first.
_EU_EEA_UK = """
    AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK IS LI NO GB
"""
NEEDS_BASIS: dict[str, str] = {
    **dict.fromkeys(
        _EU_EEA_UK.split(),
        "GDPR Art. 6, 14 and 21: record your legitimate-interest test, and write the notice of"
        " Art. 14, which stands in the first mail",
    ),
    "CA": "CASL: consent, or an address published without a notice against it and relevant to"
    " the recipient's role",
    "AU": "Spam Act 2003 s16, s22: consent; harvested lists are forbidden",
}
# Where the first mail tells its reader what is held of him, from where and why (GDPR, Art. 14).
NEEDS_NOTICE = frozenset(_EU_EEA_UK.split())


@dataclass(frozen=True, slots=True)
class Threshold:
    """Mail of the same or similar subject beyond this is sent "in bulk"."""

    most: int
    window: timedelta
    words: str


# Spam Control Act s6. Counted per legal sender, over all its mailboxes.
THRESHOLDS = (
    Threshold(100, timedelta(hours=24), "100 in 24 hours"),
    Threshold(1_000, timedelta(days=30), "1,000 in 30 days"),
    Threshold(10_000, timedelta(days=365), "10,000 in 365 days"),
)
LABEL = "<ADV> "  # Second Schedule: before the title of unasked commercial mail
OPT_OUT_VALID = timedelta(days=30)  # the least the Act asks; our links stay for 400 days
LINKS_STAY = timedelta(days=400)
OPT_OUT_BUSINESS_DAYS = 10  # the most the Act allows; here it acts at once


def policy_for(
    origin: Origin, country: str, *, own: dict[tuple[str, str], Answer] | None = None
) -> Policy:
    """The cell that holds: the tenant's own for the country, its own for all, then the default."""
    for cell in ((origin, country), (origin, ANYWHERE)):
        answer = (own or {}).get((cell[0].value, cell[1]))
        if answer is not None:
            return Policy(answer, "Your own policy says so.", "Mail > Policy", as_of="")
    return POLICY.get((origin, country)) or POLICY[origin, ANYWHERE]


def crossed(counts: list[int]) -> Threshold | None:
    """The first threshold that one more mail would pass; ``counts`` as in ``THRESHOLDS``."""
    for threshold, sent in zip(THRESHOLDS, counts, strict=True):
        if sent + 1 > threshold.most:
            return threshold
    return None
