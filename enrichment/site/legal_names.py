"""Legal names in running text: which forms there are, and one company's name in any spelling."""

import re
from functools import cached_property

from acra.names import fold_name
from enrichment.words import word_set

_LOCAL_FORM = r"(?:pte|private)[\W_]{0,3}(?:ltd|limited)\b"
_FORMS = (
    ("PTE LTD", re.compile(_LOCAL_FORM, re.IGNORECASE)),
    ("LLP", re.compile(r"\bL\.?L\.?P\b|limited liability partnership", re.IGNORECASE)),
    ("SDN BHD", re.compile(r"\bsdn[\W_]{0,3}bhd\b", re.IGNORECASE)),
    ("PTY LTD", re.compile(r"\bpty[\W_]{0,3}(?:ltd|limited)\b", re.IGNORECASE)),
    ("LLC", re.compile(r"\bL\.?L\.?C\b", re.IGNORECASE)),
    ("INC", re.compile(r"\binc(?:orporated)?\b", re.IGNORECASE)),
    ("GMBH", re.compile(r"\bgmbh\b", re.IGNORECASE)),
    ("VCC", re.compile(r"\bVCC\b")),
    ("CORP", re.compile(r"\bcorp(?:oration)?\b", re.IGNORECASE)),
    ("LTD", re.compile(r"(?<!pte )(?<!pte. )(?<!pty )\b(?:ltd|limited)\b", re.IGNORECASE)),
)
_SUFFIX = (
    r"(?:pte\.?[\s,]{0,2}(?:ltd|limited)|private[\s]{1,2}limited|sdn\.?\s?bhd|l\.?l\.?p|l\.?l\.?c"
    r"|inc|gmbh|pty\.?\s?ltd|corp(?:oration)?|ltd|limited|vcc)\b"
)
ANY_LEGAL_NAME = re.compile(
    rf"(?<![\w&])((?:[A-Z0-9][\w&'\u2019.()+/-]{{0,30}},?\s{{1,2}}(?:(?:and|of|the|&"
    rf"|@)\s)?){{1,8}}?)({_SUFFIX})",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"^(?:copyright|©|\(c\)|all rights reserved|by|at|the|and|about|welcome to|\W|(?:19|20)\d\d"
    r"|[-\u2013])+",
    re.IGNORECASE,
)
_BEFORE_NAME = word_set(
    "the at about by to with of from in for and or copyright reserved join contact visit choose "
    "why "
    "welcome is are was since call email meet our dear name company ltd limited llp"
)


class Name:
    """One name of the company in the forms it is looked for."""

    def __init__(self, name: str) -> None:
        self.raw = name
        self.base = fold_name(name)
        self.letters = self.base.replace(" ", "").lower()
        self.form = form_of(name)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The name with its legal form, in any spelling of both."""
        words = r"[\W_]{1,3}".join(_word(word) for word in self.base.split())
        form = next((pattern.pattern for name, pattern in _FORMS if name == self.form), _SUFFIX)
        singapore = r"(?:[\W_]{0,3}(?:\(s\)|\(singapore\)|\bsingapore\b))?"
        return re.compile(rf"(?<![\w&]){words}{singapore}[\W_]{{0,3}}(?:{form})", re.IGNORECASE)


def _word(word: str) -> str:
    if word == "AND":
        return "(?:and|&|\\+)"
    return (
        "['\u2019]?".join(re.escape(letter) for letter in word)
        if len(word) < 30
        else re.escape(word)
    )


def form_of(name: str) -> str:
    """The legal form in a name, ``""`` when it has none: ``PTE LTD``, ``LLP``, ``SDN BHD``."""
    return next((form for form, pattern in _FORMS if pattern.search(name)), "")


def goes_on_before(before: str) -> bool:
    """Whether the name is the end of a longer one: "Golden Apex" before "Pte Ltd" is not "Apex"."""
    word = re.search(r"([A-Za-z0-9&'\u2019]+)[ \u00a0]$", before)
    if word is None:
        return False
    text = word.group(1)
    return text[0].isupper() and text.lower() not in _BEFORE_NAME and not text.isdigit()


def without_leading_words(text: str) -> str:
    """A legal name as found, without the copyright sign, the year and the like before it."""
    return _LEADING.sub("", text).strip()
