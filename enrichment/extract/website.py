"""How a site is kept, in signs anybody can check: what pages it has, how much it says, how recent.

One observation for the whole site, ``website_signs``: words parted by "; ". What the signs are
worth is decided where the day is known (``enrichment.site.website_score``).
"""

import re
from collections.abc import Iterator, Sequence

from enrichment.extract.pages import is_about_page, is_contact_page
from enrichment.observation import Observation, Rule
from enrichment.web.parse import Document

RULE = Rule("website", 1)
FIELD = "website_signs"
MOST_WORDS = 100_000  # counted

_COPYRIGHT = re.compile(
    r"(?:\u00a9|\(c\)|copyright)[^\n]{0,40}?(?:19|20)\d\d(?:\s?[-\u2013]\s?((?:19|20)\d\d))?",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_PLACEHOLDER = re.compile(
    r"lorem ipsum|under construction|coming soon|sample page|hello world!|website is being"
    r"|domain (?:is )?for sale|parked (?:free|domain)|just another wordpress site",
    re.IGNORECASE,
)


def find(documents: Sequence[Document]) -> list[Observation]:
    """The site's signs, on its first page; nothing for a site without markup."""
    pages = [document for document in documents if document.root is not None]
    if not pages:
        return []
    home = pages[0]
    signs = list(_signs(pages))
    quote = _copyright(pages) or home.title or home.text.partition("\n")[0] or signs[0]
    return [
        RULE.observe(
            home, field=FIELD, value="; ".join(signs), quote=quote, how="signs", confidence=1.0
        )
    ]


def _signs(pages: Sequence[Document]) -> Iterator[str]:
    home = pages[0]
    yield f"{len(pages)} page{'' if len(pages) == 1 else 's'}"
    yield f"{sum(page.text.count(' ') + 1 for page in pages if page.text)} words"
    if all(page.url.startswith("https:") for page in pages):
        yield "https"
    if any(is_contact_page(page) for page in pages):
        yield "contact page"
    if any(is_about_page(page) for page in pages):
        yield "about page"
    if home.title:
        yield "title"
    if len(home.meta.get("description", "")) >= 30:
        yield "description"
    if "viewport" in home.meta:
        yield "fits telephones"
    if home.lang:
        yield f"language {home.lang}"
    if any(page.jsonld or page.microdata for page in pages):
        yield "structured data"
    if years := _YEAR.findall(_copyright(pages)):
        yield f"copyright {max(years)}"
    if any(_PLACEHOLDER.search(page.text[:MOST_WORDS]) for page in pages):
        yield "placeholder text"


def _copyright(pages: Sequence[Document]) -> str:
    """The words of the newest copyright notice, as they stand."""
    found = [place.group() for page in pages for place in _COPYRIGHT.finditer(page.text)]
    return max(found, key=lambda words: max(_YEAR.findall(words)), default="")
