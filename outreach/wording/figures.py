"""How wordings did, honestly: counts, a range the true share lies in, or "too few to tell". Pure
but for the two statements that count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from django.db.models import Count, Q

from outreach.models import EmailTemplate, Message, MessageEvent

TOO_FEW = 30  # mails; below, a single answer moves the share by more than three points
_Z = 1.96  # 95 % of the time the range holds the true share
Kind = MessageEvent.Kind


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, and between which shares the truth lies (0 to 1, Wilson, 95 %)."""

    count: int
    of: int

    @property
    def is_telling(self) -> bool:
        return self.of >= TOO_FEW

    @property
    def range(self) -> tuple[float, float]:
        return wilson(self.count, self.of)

    @property
    def words(self) -> str:
        """``12 of 80: 8.7 to 24.4 %``, or why no share is given."""
        if not self.of:
            return "none sent yet"
        if not self.is_telling:
            return f"{self.count} of {self.of}: too few to tell"
        low, high = self.range
        return f"{self.count} of {self.of}: {100 * low:.1f} to {100 * high:.1f} %"


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of one wording's mails. ``label`` A is the version's own."""

    version: int
    label: str
    sent: int
    answered: Share
    opted_out: Share
    bounced: Share


def figures_of(template: EmailTemplate) -> list[Figures]:
    """One line for each wording that was sent, newest version first. One statement."""

    def had(*kinds: str) -> Count:
        return Count("pk", filter=Q(events__kind__in=kinds), distinct=True)

    sent = Message.objects.filter(
        template_version__template=template, status=Message.Status.SENT
    ).values("template_version__version", "variation__label")
    rows = sent.annotate(
        number=Count("pk", distinct=True),
        answered=had(Kind.REPLIED),
        opted_out=had(Kind.UNSUBSCRIBED, Kind.COMPLAINED),
        bounced=had(Kind.BOUNCED),
    ).order_by("-template_version__version", "variation__label")
    return sorted(
        (
            Figures(
                row["template_version__version"], row["variation__label"] or "A", row["number"],
                Share(row["answered"], row["number"]), Share(row["opted_out"], row["number"]),
                Share(row["bounced"], row["number"]),
            )
            for row in rows
        ),
        key=lambda each: (-each.version, each.label),
    )  # fmt: skip


def verdict_on(figures: Sequence[Figures]) -> str:
    """Which wording of the newest version brings more answers, if that can be told at all."""
    newest = [each for each in figures if each.version == figures[0].version] if figures else []
    if len(newest) < 2:
        return ""
    if not all(each.answered.is_telling for each in newest):
        return f"Too few mails to compare: each wording needs at least {TOO_FEW}."
    best = max(newest, key=lambda each: each.answered.range[0])
    others = [each for each in newest if each is not best]
    if all(best.answered.range[0] > each.answered.range[1] for each in others):
        return f"{best.label} brings more answers than the others."
    return "No difference can be told yet: the ranges overlap."


def wilson(count: int, of: int) -> tuple[float, float]:
    """The range of shares that fit ``count`` of ``of``; (0, 1) when nothing was counted."""
    if not of:
        return 0.0, 1.0
    share, square = count / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    reach = _Z * sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)
