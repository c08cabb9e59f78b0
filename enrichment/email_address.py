"""The form of an e-mail address: one spelling for each, and none for what cannot be mailed."""

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from enrichment.words import word_set

MAX_LENGTH = 254  # RFC 5321, 4.5.3.1.3 minus the angle brackets

_FILES = word_set(
    "png jpg jpeg gif svg webp avif ico bmp tif tiff css js mjs map json xml pdf doc docx xls "
    "xlsx ppt zip mp3 mp4 webm mov woff woff2 ttf eot php html htm asp aspx"
)
# Words people put into an address so that machines fail, and mailboxes set up as traps.
_TRAP = re.compile(
    r"no[-_.]?spam|anti[-_.]?spam|spam[-_.]?(?:trap|free|bait|me[-_.]?not)|stop[-_.]?spam"
    r"|de[-_.]?spam"
    r"|remove[-_.]?(?:this|me|to|caps|spam|before)|(?:^|[-_.@])remove(?:[-_.@]|$)|delete[-_.]?this"
    r"|honey[-_.]?pot|no[-_.]?junk|not[-_.]?for[-_.]?mail|do[-_.]?not[-_.]?(?:e?mail|use|send"
    r"|contact)"
    r"|(?:^|[-_.@])invalid(?:[-_.@]|$)|(?:^|[-_.])trap(?:[-_.@]|$)",
    re.IGNORECASE,
)
_SHOUTED = re.compile(r"(?<![A-Z])(?:REMOVE|NOSPAM|SPAM|DELETE|TRAP|INVALID)(?![A-Z])")
_UNATTENDED = re.compile(
    r"^(?:no|do[-_.]?not)[-_.]?reply|^(?:mailer-daemon|bounces?|unsubscribe|postmaster|abuse|remove"
    r"|hostmaster|noc|root|nobody|null|devnull)$",
    re.IGNORECASE,
)
_STAND_INS = word_set(
    "you your yourname your.name your-name youremail your.email your-email name username user "
    "someone somebody johndoe john.doe jane.doe janedoe firstname.lastname first.last email "
    "youraddress me@ xxx xxxx"
)


@lru_cache(maxsize=8192)
def normal_email(raw: str) -> str | None:
    """The address in lower case, or ``None`` when no mail could be sent to it.

    Syntax by email-validator without DNS; names reserved for tests are let through, because whether
    a domain exists is the verifier's question. Quoted local parts and literals are refused.
    """
    raw = raw.strip().strip(".,;:<>()[]\"'")
    if len(raw) > MAX_LENGTH or "@" not in raw:
        return None
    try:
        checked = validate_email(
            raw, check_deliverability=False, test_environment=True, strict=True
        )
    except EmailNotValidError:
        return None
    return checked.normalized.lower()


def is_trap(raw: str) -> bool:
    """Whether the address was written to fail: NOSPAM, REMOVE-THIS, honeypots. ``raw`` as seen."""
    return bool(_TRAP.search(raw) or (not raw.isupper() and _SHOUTED.search(raw)))


def is_file_name(address: str) -> bool:
    """``logo@2x.png`` has the shape of an address."""
    return address.rsplit(".", 1)[-1].lower() in _FILES


def is_unattended(address: str) -> bool:
    """Nobody reads it: no-reply, bounce and unsubscribe mailboxes."""
    return bool(_UNATTENDED.search(address.partition("@")[0]))


def is_stand_in(address: str) -> bool:
    """``your.name@``: what forms and themes show as an example."""
    return address.partition("@")[0].lower() in _STAND_INS
