"""Which of the pages a search found may stand on the company's own site: a stated rule.

Only where to look. Whether a site is the company's is decided by ``match``, as for any other.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from acra.names import fold_name
from enrichment.domains import is_example, is_free_mail, name_label, same_owner
from enrichment.site.match import DIRECTORIES
from enrichment.words import word_set

MOST = 3

# What searches bring up beside directories: market places, job boards, news, shops of apps,
# traders in company data (hand-made).
NOT_SITES = word_set(
    "alibaba.com aliexpress.com ebay.com ebay.com.sg etsy.com taobao.com rakuten.com pinterest.com "
    "threads.net reddit.com quora.com medium.com telegram.org t.me wa.me whatsapp.com linktr.ee "
    "eventbrite.com eventbrite.sg meetup.com vimeo.com github.com apple.com microsoft.com "
    "jobsdb.com jobscentral.com.sg fastjobs.sg glints.com nodeflair.com mycareersfuture.sg "
    "findsgjobs.com indeed.com.sg b2bhint.com emis.com volza.com exportgenius.in panjiva.com "
    "importyeti.com signalhire.com lusha.com contactout.com datanyze.com owler.com cbinsights.com "
    "craft.co leadiq.com zoominfo.com northdata.com infobel.com cylex.sg yelp.com.sg hotfrog.sg "
    "sgdirectory.com thesmartlocal.com straitstimes.com businesstimes.com.sg channelnewsasia.com "
    "todayonline.com zaobao.com.sg prnewswire.com globenewswire.com wikipedia.org wikidata.org "
    "booking.com agoda.com deliveroo.com.sg klook.com fave.co groupon.sg trustpilot.com"
)
EXCLUDED = sorted(DIRECTORIES | NOT_SITES)
_PUBLIC = (".gov.sg", ".gov", ".edu.sg", ".mil", ".int")
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page a search found; ``score`` is the search's own, 0 to 1."""

    url: str
    title: str
    score: float


@dataclass(frozen=True, slots=True)
class Place:
    """A host worth a look, and the page that led to it."""

    host: str
    page: FoundPage


def pick_hosts(
    pages: Iterable[FoundPage], *, name: str, tried: Collection[str], refused: Collection[str] = ()
) -> list[Place]:
    """At most three hosts, the likeliest first; none twice, none of ``tried`` or ``refused``.

    A host that carries the name goes first, then one that carries its first word, then by the
    search's score and order.
    """
    found: dict[str, tuple[tuple[int, float, int], Place]] = {}
    for position, page in enumerate(pages):
        host = host_of_page(page.url)
        if not host or host in found or not _may_be_own(host):
            continue
        if any(same_owner(host, other) for other in (*tried, *refused, *found)):
            continue
        order = (-_likeness(host, name), -page.score, position)
        found[host] = (order, Place(host, page))
    return [place for _, place in sorted(found.values(), key=lambda each: each[0])][:MOST]


def host_of_page(url: str) -> str:
    """The host of an http(s) address, without ``www.``; empty for anything else."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".").removeprefix("www.")
    except ValueError:
        return ""
    return host if parts.scheme in ("http", "https") and _HOST.fullmatch(host) else ""


def _may_be_own(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return False
    if host.endswith(_PUBLIC) or is_free_mail(host) or is_example(host):
        return False
    parts = host.split(".")
    return not any(".".join(parts[at:]) in _EXCLUDED_SET for at in range(len(parts)))


_EXCLUDED_SET = frozenset(EXCLUDED)


def _likeness(host: str, name: str) -> int:
    label = re.sub(r"[^a-z0-9]", "", name_label(host).lower())
    words = fold_name(name).lower().split()
    letters = "".join(words)
    if len(label) >= 4 and letters and (label in letters or letters in label):
        return 2
    return int(bool(words) and len(words[0]) >= 4 and words[0] in label)
