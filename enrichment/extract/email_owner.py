"""Whose address is it? The company's own, its data protection officer's, or somebody else's.

A page shows addresses of its web designer, of clients who praise, of suppliers and authorities.
The rule leans to "somebody else's": an address at another domain is the company's only when the
page says so by its own words or structure.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from enrichment.domains import is_example, is_free_mail, name_label, registrable, same_owner
from enrichment.web.reading import Region

OWN, OFFICER, OTHER = "emails", "dpo_emails", "other_emails"

_OFFICER_BOX = re.compile(
    r"^(?:dpo|data\.?protection(?:officer)?|dataprivacy|privacy|pdpa|gdpr|dpo[._-].*|.*[._-]dpo)$"
)
_OFFICER_WORDS = re.compile(r"data protection|\bdpo\b|privacy officer|personal data", re.IGNORECASE)
_OTHERS = re.compile(
    r"(?:site|web\s?site|page|design(?:ed)?|develop(?:ed|ment)?|built|maintained|crafted|hosted"
    r"|powered"
    r"|made|created|photo(?:s|graphy)?|illustrations?|seo|web)\s{1,3}(?:by|credits?)\b"
    r"|web\s?(?:site)?\s?(?:design(?:er)?|develop\w{0,6}|master|agency|studio)\b(?!@)"
    r"|\bcredits?\s?:"
    r"|\b(?:suppliers?|our (?:client|customer|partner|vendor|principal|distributor|agent"
    r"|landlord)s?"
    r"|clients?|customers?|testimonials?|partners?|resellers?|distributors?|sponsors?|referees?"
    r"|reviewed by|feedback from|a happy)\b"
    r"|not ours|not our\b|third[- ]part(?:y|ies)|on behalf of|our friends at|in association with"
    r"|complaints? (?:to|with) the|commission(?:er)?\b|ministry|authority|ombudsman",
    re.IGNORECASE,
)
_PRAISE = re.compile(
    r"[\u201c\"«][^\u201d\"»]{8,400}[\u201d\"»]\s{0,3}[\u2013\u2014-]"
    r"|^[\u201c\"«].{4,}"
)
_CONTACT_WORDS = re.compile(
    r"\b(?:e-?mail|contact|enquir(?:y|ies)|inquir(?:y|ies)|write to us|reach us|get in touch|tel"
    r"|telephone|phone|call us|address|fax|feedback|hotline|office|headquarters?)\b",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Place:
    """What surrounds an address on its page."""

    region: Region
    line: str  # the line it stands in
    around: str  # that line with its neighbours
    is_contact_page: bool
    from_organization: bool = False  # structured data calls it the organisation's


@dataclass(frozen=True, slots=True)
class SiteFace:
    """What a site calls itself, for comparison with the domain of an address."""

    host: str
    names: str  # letters and digits only: titles, site name, organisation names
    own_domain_used: bool = False  # some address of the site's own domain was seen
    dominant_domain: str = ""  # the one other domain its contact places use


def letters_of(text: str) -> str:
    return _LETTERS.sub("", text.lower())


def is_officer(address: str, line: str) -> bool:
    local = address.partition("@")[0]
    return bool(_OFFICER_BOX.match(local) or _OFFICER_WORDS.search(line[:200]))


def speaks_of_others(place: Place) -> bool:
    """Whether the words around say that the address is somebody else's."""
    if place.region is Region.QUOTE:
        return True
    return bool(_OTHERS.search(place.line) or _PRAISE.search(place.line))


def is_contact_place(place: Place) -> bool:
    return (
        place.from_organization
        or bool(_CONTACT_WORDS.search(place.around))
        or (place.is_contact_page and place.region is Region.BODY)
    )


def bears_the_name(domain: str, face: SiteFace) -> bool:
    """``acme.sg`` on the site of ``acme.com.sg``, or on one that is titled "Acme Pte Ltd"."""
    label = letters_of(name_label(domain))
    own = letters_of(name_label(face.host))
    if len(label) >= 3 and label == own:
        return True
    if min(len(label), len(own)) >= 5 and (label in own or own in label):
        return True
    return len(label) >= 5 and label in face.names


def owner(address: str, *, place: Place, face: SiteFace) -> tuple[str, float]:
    """The field the address belongs in and a factor (0 to 1) for the confidence."""
    domain = address.rpartition("@")[2]
    own_domain = same_owner(domain, face.host)
    if is_example(domain) and not own_domain:
        return OTHER, 0.0
    field = OFFICER if is_officer(address, place.line) else OWN
    if own_domain:
        return field, 1.0
    if speaks_of_others(place) and not place.from_organization:
        return OTHER, 1.0
    if is_free_mail(domain):
        return (field, 0.8) if is_contact_place(place) else (OTHER, 0.6)
    if bears_the_name(domain, face):
        return field, 0.9
    if domain.endswith(".gov.sg"):
        return OTHER, 1.0
    if place.from_organization:
        return field, 0.85
    if not face.own_domain_used and registrable(domain) == face.dominant_domain:
        return field, 0.7
    return OTHER, 0.9


def dominant(domains: Collection[str]) -> str:
    """The one foreign domain in a site's contact places; ``""`` when there are several rivals."""
    counts: dict[str, int] = {}
    for domain in domains:
        counts[registrable(domain)] = counts.get(registrable(domain), 0) + 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if not ranked or (len(ranked) > 1 and ranked[0][1] < 2 * ranked[1][1]):
        return ""
    return ranked[0][0]
