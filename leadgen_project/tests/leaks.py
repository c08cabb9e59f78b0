"""What nothing written to the log may hold: keys, tokens, addresses, telephone numbers.

The suite looks for them in everything its processes write to their error output, where the log goes
(see ``conftest.py``). Deliberately not the expressions of ``leadgen_project.logs``, which mask.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.conf import settings

SHORTEST_SECRET = 8
# Never masked by rule, and never to be logged: what the tests' own accounts and keys look like.
KNOWN = ("sandbox-key", "trial-key", "correct horse battery")
PATTERNS = {
    "an e-mail address": re.compile(r"[\w.+-]*\w(?:@|%40)\w[\w-]*\.\w\w"),
    "a telephone number": re.compile(r"\+65[ -]?\d{4}[ -]?\d{4}"),
    "a token": re.compile(r"eyJ[\w-]{16,}\.[\w-]+|\blg_\w{8,}"),
    "a key": re.compile(r"\b(?:sk|tvly)-[\w-]{8,}"),
    "credentials": re.compile(r"(?i)\b(?:bearer|basic) +[\w.~+/=-]{12,}"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
}


def leaks_in(text: str, *, secrets: Iterable[str] = ()) -> list[str]:
    """What ``text`` should not hold, each with the line it stands in; nothing when it is clean."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        kinds = [kind for kind, pattern in PATTERNS.items() if pattern.search(line)]
        kinds += ["a secret" for each in {*_secrets(), *secrets} if each in line]
        found += [f"{kind} in line {number}: {line[:300]}" for kind in kinds]
    return found


def _secrets() -> set[str]:
    given = [*KNOWN, settings.SECRET_KEY, settings.OIDC_CLIENT_SECRET, *settings.FIELD_KEYS,
             *settings.VENDOR_KEYS.values()]  # fmt: skip
    return {each for each in given if each and len(each) >= SHORTEST_SECRET}
