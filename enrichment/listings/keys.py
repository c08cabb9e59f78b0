"""By what one business is known again: the values two leads may share, and what sharing is worth.

A number, address or host that more than ``SHARED_BY`` leads have says nothing about any of them: a
mall's switchboard, a chain's site. Two that share one at different places may be branches, which a
person has to tell. Free-mail hosts and market places are nobody's own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from acra.names import fold_name
from enrichment.listings.profile import is_kindred

SHARED_BY: Final = 3  # leads
CERTAIN: Final = 70  # points from which two are one business without asking a person
QUESTION: Final = 60  # the most that two at different places come to: branches of a chain
NEAR_DEGREES: Final = 0.003  # some 300 m: sources put one business at different corners of a block


class Kind(StrEnum):
    UEN = "uen"
    URL = "url"
    EMAIL = "email"
    PHONE = "phone"
    PLACE = "place"  # same name at the same postal code
    DOMAIN = "domain"
    IMAGE = "image"


# Our judgement, not measured. A picture may be a stock photograph, a site a landlord's: alone they
# are a question for a person, and with a like name they are enough.
POINTS: Final = {Kind.UEN: 100, Kind.URL: 100, Kind.EMAIL: 80, Kind.PHONE: 75, Kind.PLACE: 75,
                 Kind.DOMAIN: 45, Kind.IMAGE: 45}  # fmt: skip
SAME_NAME, LIKE_NAME = 30, 25
OTHER_UEN: Final = -60  # two companies of one owner share much
WORDS: Final = {
    Kind.UEN: "same UEN", Kind.URL: "same page", Kind.EMAIL: "same e-mail address",
    Kind.PHONE: "same telephone number", Kind.PLACE: "same name at the same postal code",
    Kind.DOMAIN: "same web site", Kind.IMAGE: "same picture",
}  # fmt: skip
SURE_ANYWHERE: Final = frozenset({Kind.UEN, Kind.URL})  # wherever the two stand
TELLING: Final = frozenset({Kind.EMAIL, Kind.PHONE, Kind.DOMAIN, Kind.IMAGE})  # if few share it


class Hit(NamedTuple):
    """A known lead that has a value the other has."""

    lead: int
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Party:
    """What is compared beside the shared values."""

    name: str
    uen: str = ""
    postcodes: frozenset[str] = frozenset()  # as ``profile.place_key`` has them
    points: tuple[tuple[float, float], ...] = ()  # latitude, longitude

    def is_elsewhere(self, other: Party) -> bool:
        """Whether the two stand at different places; unknown is not different."""
        if self.postcodes & other.postcodes or any(
            abs(one[0] - two[0]) < NEAR_DEGREES and abs(one[1] - two[1]) < NEAR_DEGREES
            for one in self.points for two in other.points
        ):  # fmt: skip
            return False
        return bool((self.postcodes and other.postcodes) or (self.points and other.points))

    @property
    def name_key(self) -> str:
        return fold_name(self.name)


@dataclass(slots=True)
class Likeness:
    """How much one lead is like another, and why: {kind, value} each."""

    lead: int
    score: int = 0
    reasons: list[dict[str, str]] = field(default_factory=list)

    @property
    def is_certain(self) -> bool:
        return self.score >= CERTAIN


def weigh(one: Party, hits: Iterable[Hit], *, parties: dict[int, Party]) -> list[Likeness]:
    """What ``one`` shares with each of ``parties``, the most alike first, then the oldest lead.

    ``hits`` is told as found: values too many leads share are passed over here.
    """
    hits = list(dict.fromkeys(hits))
    crowded = set(crowded_in(hits))
    by_lead: dict[int, list[Hit]] = defaultdict(list)
    for hit in hits:
        if (hit.kind, hit.value) not in crowded:
            by_lead[hit.lead].append(hit)
    found = [likeness(one, parties[lead], lead, mine) for lead, mine in by_lead.items()]
    return sorted((each for each in found if each.score > 0),
                  key=lambda each: (-each.score, each.lead))  # fmt: skip


def crowded_in(hits: Iterable[Hit]) -> dict[tuple[str, str], int]:
    """Kind and value of what too many leads share to be known by it, and how many they are."""
    shared = Counter((hit.kind, hit.value) for hit in dict.fromkeys(hits))
    return {key: count for key, count in shared.items()
            if key[0] in TELLING and count > SHARED_BY}  # fmt: skip


def likeness(one: Party, other: Party, lead: int, hits: Sequence[Hit]) -> Likeness:
    """The points of the kinds shared, each once, and of the names; 0 to 100."""
    kinds = {Kind(hit.kind) for hit in hits}
    if Kind.PLACE in kinds and one.name_key != other.name_key:
        kinds.remove(Kind.PLACE)
    reasons = [{"kind": hit.kind, "value": hit.value} for hit in sorted(hits) if hit.kind in kinds]
    if not reasons:
        return Likeness(lead)
    score = sum(POINTS[kind] for kind in kinds)
    if one.name_key and one.name_key == other.name_key:
        score += SAME_NAME
        reasons.append({"kind": "name", "value": other.name})
    elif is_kindred(one.name_key, other.name_key):
        score += LIKE_NAME
        reasons.append({"kind": "name", "value": other.name})
    if one.uen and other.uen and one.uen != other.uen:
        score += OTHER_UEN
        reasons.append({"kind": "other_uen", "value": f"{one.uen}, {other.uen}"})
    if score > QUESTION and not kinds & SURE_ANYWHERE and one.is_elsewhere(other):
        score = QUESTION
        reasons.append({"kind": "elsewhere", "value": ""})
    return Likeness(lead, max(0, min(100, score)), reasons)
