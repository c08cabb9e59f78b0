"""Whom a tenant wants to talk to: titles in order, and where a person's title stands among them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.conf import settings

from tenants.context import current_schema
from tenants.models import TenantSettings

# Two ways to write one title; what stands left is read as what stands right.
_SHORT = {
    "md": "managing director", "ceo": "chief executive officer", "coo": "chief operating officer",
    "cfo": "chief financial officer", "cto": "chief technology officer",
    "cmo": "chief marketing officer", "gm": "general manager", "vp": "vice president",
    "hr": "human resources", "bd": "business development", "cofounder": "co founder",
}  # fmt: skip
_BESIDE = re.compile(r"\b(?:assistant|secretary|pa|aide|adviser|advisor)\s+to\b|\b(?:ex|former)\b")
_WORDS = re.compile(r"[^\W_]+")


def wanted_titles(chosen: TenantSettings | None = None) -> tuple[str, ...]:
    """The current tenant's titles, the most wanted first; the deployment's where it has none."""
    if chosen is None:
        chosen = TenantSettings.objects.filter(tenant_id=current_schema()).first()
    own = chosen.preferred_titles.splitlines() if chosen else []
    titles = [title.strip() for title in own if title.strip()]
    return tuple(titles or settings.LUSHA_PREFERRED_TITLES)


def title_rank(title: str, wanted: Sequence[str]) -> int | None:
    """The place of the first of ``wanted`` that ``title`` holds as whole words; ``None``: of none.

    "Founder & MD" is a Founder and a Managing Director; who assists a director is none.
    """
    plain = _folded(title)
    if _BESIDE.search(plain):
        return None
    padded = f" {plain} "
    for place, one in enumerate(wanted):
        if (folded := _folded(one)) and f" {folded} " in padded:
            return place
    return None


def _folded(title: str) -> str:
    words = [word.casefold() for word in _WORDS.findall(title)]
    return " ".join(_SHORT.get(word, word) for word in words)
