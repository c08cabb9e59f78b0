"""What kind of page a document is, and which organisations its structured data speaks of."""

import re
from collections.abc import Iterator
from typing import Any

from enrichment.web.parse import Document
from enrichment.web.structured import Node

_CONTACT = re.compile(
    r"contact|kontakt|enquir|inquir|get-?in-?touch|reach-?us|find-?us|locat|impressum"
    r"|where",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"about|who-?we|our-?(?:story|company|profile)|company|profile"
    r"|corporate",
    re.IGNORECASE,
)
_OTHERS = re.compile(
    r"/(?:our-?)?(?:clients?|customers?|testimonials?|reviews?|references?|partners?|case-?stud\w+"
    r"|sponsors?|suppliers?|links|resources|directory|members)(?:/|\.|$|-)",
    re.IGNORECASE,
)
_LEGAL = re.compile(r"privacy|pdpa|terms|cookie|disclaimer|legal|polic", re.IGNORECASE)
_ORGANIZATION = re.compile(
    r"Organi[sz]ation|Business|Corporation|Store|Restaurant|Company|Dentist|Physician|Clinic|Agency"
    r"|Service$|Contractor|Hotel|Lodging|School|Salon|Dealer|Shop|Electrician|Plumber|Attorney|NGO"
    r"|Bakery|Cafe|Gym|Notary|Locksmith|Library|Office",
    re.IGNORECASE,
)
_NOT_ORGANIZATION = re.compile(
    r"Review|Rating|Event|Article|Product|Offer|Breadcrumb", re.IGNORECASE
)


def is_contact_page(document: Document) -> bool:
    return bool(_CONTACT.search(document.path) or _CONTACT.search(document.title[:60]))


def is_about_page(document: Document) -> bool:
    return bool(_ABOUT.search(document.path))


def is_page_of_others(document: Document) -> bool:
    """Whether the page is about clients, partners or references: their data stand there."""
    return bool(_OTHERS.search(document.path))


def is_legal_page(document: Document) -> bool:
    return bool(_LEGAL.search(document.path))


def types_of(node: Node) -> list[str]:
    kinds = node.get("@type") or []
    return [str(kind) for kind in (kinds if isinstance(kinds, list) else [kinds])]


def organizations(document: Document) -> Iterator[Node]:
    """Top-level nodes that describe an organisation, JSON-LD first."""
    for node in (*document.jsonld, *document.microdata):
        if any(_ORGANIZATION.search(kind) for kind in types_of(node)) and not any(
            _NOT_ORGANIZATION.search(kind) for kind in types_of(node)
        ):
            yield node


def people(document: Document) -> Iterator[Node]:
    """Nodes that describe a person, those inside organisations (founder, employee) included."""
    for node in (*document.jsonld, *document.microdata):
        if "Person" in types_of(node):
            yield node
    for node in organizations(document):
        for role in ("founder", "founders", "employee", "employees", "member"):
            for person in listed(node.get(role)):
                if isinstance(person, dict) and person.get("name"):
                    yield person


def listed(value: Any) -> list[Any]:
    """The value as a list: schema.org lets every property stand once or many times."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def first_text(value: Any) -> str:
    """The first text in a property, ``""`` when there is none."""
    for item in listed(value):
        if isinstance(item, (str, int, float)) and not isinstance(item, bool):
            return " ".join(str(item).split())[:500]
    return ""
