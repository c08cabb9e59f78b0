"""Is this the company's own site? Points for and against, each with the words it stands on.

To take another company's site for the lead's is the worst error a night can make: its contacts
would be wrong, and wronged. So only strong agreement is a match, every contradiction weighs more
than an agreement, and what is left is unsure, which is not used.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from acra.names import fold_name, fold_words
from enrichment.domains import name_label
from enrichment.extract import addresses, phones, registrations
from enrichment.extract.pages import first_text, organizations
from enrichment.observation import MAX_QUOTE, Observation
from enrichment.site.legal_names import (
    ANY_LEGAL_NAME,
    Name,
    form_of,
    goes_on_before,
    without_leading_words,
)
from enrichment.web.parse import Document
from enrichment.web.reading import Block
from enrichment.words import word_set

THRESHOLD = 70  # points from which a site is the company's
HOPELESS = 20  # below: not worth an operator's look
DIRECTORY_UENS = 3  # so many different numbers on one site are a list of companies

PROOF, UEN_IN_LIST = 100, 20
LEGAL_NAME_OWN, LEGAL_NAME, FORMER_NAME = 45, 30, 20
TITLE_IS_NAME, TITLE_HAS_NAME = 15, 5
ADDRESS_AND_UNIT, ADDRESS_AND_STREET, POSTAL_ONLY = 40, 25, 12
DOMAIN_IS_NAME, DOMAIN_HAS_NAME = 25, 10
KNOWN_PHONE = 35
OTHER_UEN, OTHER_LEGAL_NAME, OTHER_FORM, NOT_A_SITE = -100, -50, -40, -100

# Places where many companies have a page, and registers about companies (hand-made).
DIRECTORIES = word_set(
    "facebook.com instagram.com linkedin.com twitter.com x.com youtube.com tiktok.com "
    "wikipedia.org "
    "google.com business.site carousell.sg carousell.com shopee.sg shopee.com lazada.sg "
    "amazon.sg amazon.com qoo10.sg yellowpages.com.sg streetdirectory.com sgpbusiness.com "
    "recordowl.com opencorporates.com companieslist.co dnb.com zoominfo.com crunchbase.com "
    "bizfile.gov.sg acra.gov.sg singaporebusinessdirectory.com thegrid.ai glassdoor.com "
    "glassdoor.sg indeed.com jobstreet.com.sg jobstreet.com mycareersfuture.gov.sg tripadvisor.com "
    "foodpanda.sg grab.com burpple.com chope.co hungrygowhere.com timesbusinessdirectory.com "
    "kompass.com rocketreach.co apollo.io tracxn.com pitchbook.com bloomberg.com reuters.com "
    "sg-companies.com sgcompanies.com companyhouse.sg ltddir.com yelp.com foursquare.com "
    "waze.com propertyguru.com.sg 99.co sgcarmart.com insing.com expat.com clutch.co"
)
_PARKED = re.compile(
    r"(?:domain(?: name)?|website)\s(?:is|may be|could be)\s(?:now\s)?(?:for sale|available for)"
    r"|buy this domain|purchase this domain|domain (?:is )?parked|parked (?:free|domain|page)"
    r"|this domain (?:has )?expired|hugedomains|sedoparking|afternic|dan\.com|bodis"
    r"|is for sale\b.{0,80}(?:offer|domain)|make an offer.{0,80}domain",
    re.IGNORECASE | re.DOTALL,
)
PARKED_TEXT = 3_000  # characters; a page with more to say is not parked

_COPYRIGHT = re.compile(r"©|\bcopyright\b|\(c\)\s{0,2}(?:19|20)\d\d", re.IGNORECASE)


class Verdict(StrEnum):
    MATCH = "MATCH"
    UNSURE = "UNSURE"
    NO = "NO"


@dataclass(frozen=True, slots=True)
class CompanyFacts:
    """What the register (or an operator) knows of the company. Empty where it does not."""

    name: str
    uen: str = ""
    former_names: tuple[str, ...] = ()
    postal_code: str = ""
    street: str = ""
    unit: str = ""  # "05-12": level and unit
    phones: tuple[str, ...] = ()  # E.164
    is_trade_name: bool = False  # of a listing: the owner's legal name may be any other


@dataclass(frozen=True, slots=True)
class MatchLine:
    """One reason with its points (negative: against) and the words behind it."""

    reason: str
    points: int
    quote: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class SiteMatch:
    """The verdict; ``score`` is the sum of the lines, cut to 0..100."""

    score: int
    verdict: Verdict
    lines: tuple[MatchLine, ...]

    @property
    def is_refuted(self) -> bool:
        """Whether the site says by itself that it is somebody else's, or no company's."""
        return any(line.points <= OTHER_LEGAL_NAME for line in self.lines)


def match_site(
    company: CompanyFacts,
    documents: Sequence[Document],
    *,
    threshold: int = THRESHOLD,
) -> SiteMatch:
    """Compare the pages of one site with the company. Pure; milliseconds a page.

    ``MATCH`` needs ``threshold`` points, or proof by registration number; ``NO`` is a site that
    says whose it is, or one without any agreement.
    """
    if not any(document.text for document in documents):
        return SiteMatch(0, Verdict.NO, (MatchLine("the site shows no text", 0),))
    lines = tuple(_Comparison(company, documents).lines())
    score = max(0, min(100, sum(line.points for line in lines)))
    proven = any(line.points >= PROOF for line in lines)
    refuted = SiteMatch(score, Verdict.NO, lines).is_refuted
    if any(line.points <= NOT_A_SITE for line in lines):
        verdict = Verdict.NO
    elif proven or (score >= threshold and not refuted):
        verdict = Verdict.MATCH
    elif refuted or score < HOPELESS:
        verdict = Verdict.NO
    else:
        verdict = Verdict.UNSURE
    return SiteMatch(score, verdict, lines)


class _Comparison:
    def __init__(self, company: CompanyFacts, documents: Sequence[Document]) -> None:
        self.company = company
        self.documents = [document for document in documents if document.text]
        self.name = Name(company.name)
        self.former = [Name(name) for name in company.former_names]
        self.home = self.documents[0]

    def lines(self) -> Iterator[MatchLine]:
        if line := self.not_a_site():
            yield line
            return
        yield from self.numbers()
        yield from self.names()
        yield from self.address()
        yield from self.domain()
        yield from self.phones()

    def not_a_site(self) -> MatchLine | None:
        host = self.home.host
        if any(host == name or host.endswith("." + name) for name in DIRECTORIES):
            return MatchLine("a directory or market place, not a company's site", NOT_A_SITE, host)
        if len(self.home.text) <= PARKED_TEXT:
            place = _PARKED.search(f"{self.home.title}\n{self.home.text}")
            if place:
                return MatchLine(
                    "the domain is for sale or parked",
                    NOT_A_SITE,
                    place.group(0)[:MAX_QUOTE],
                    self.home.url,
                )
        return None

    def numbers(self) -> Iterator[MatchLine]:
        found = [
            seen
            for seen in registrations.find(self.documents)
            if seen.field == "uen" or (seen.field == "gst_number" and seen.value)
        ]
        uens = {seen.value for seen in found if seen.field == "uen"}
        own = [seen for seen in found if _plain(seen.value) == self.company.uen]
        if own and self.company.uen:
            points = UEN_IN_LIST if len(uens) >= DIRECTORY_UENS else PROOF
            yield _line(f"the site shows {self.company.uen}", points, own[0])
            return
        foreign = [seen for seen in found if seen.field == "uen" and seen.confidence >= 0.9]
        if foreign and self.company.uen:
            first = foreign[0]
            yield _line(f"the site shows another number, {first.value}", OTHER_UEN, first)

    def names(self) -> Iterator[MatchLine]:
        line = self.legal_name(self.name, own=LEGAL_NAME_OWN, anywhere=LEGAL_NAME, what="name")
        if line is None:
            for former in self.former:
                line = self.legal_name(
                    former, own=FORMER_NAME, anywhere=FORMER_NAME, what="former name"
                )
                if line:
                    break
        if line:
            yield line
        yield from self.title()
        if not self.company.is_trade_name and (line is None or line.points < LEGAL_NAME_OWN):
            yield from self.other_name()

    def legal_name(self, name: Name, *, own: int, anywhere: int, what: str) -> MatchLine | None:
        if not name.base:
            return None
        best: MatchLine | None = None
        for document in self.documents:
            for text, is_own in _places(document):
                place = name.pattern.search(text)
                if place is None or goes_on_before(text[: place.start()]):
                    continue
                quote = text[max(0, place.start() - 60) : place.end() + 60]
                if is_own:
                    return MatchLine(
                        f"its legal {what} is the site's own", own, quote, document.url
                    )
                best = best or MatchLine(
                    f"its legal {what} stands on the site", anywhere, quote, document.url
                )
        return best

    def title(self) -> Iterator[MatchLine]:
        best: MatchLine | None = None
        bases = {name.base for name in (self.name, *self.former) if name.base}
        for document in self.documents:
            site_name = document.meta.get("og:site_name", "")
            for title in (document.title, site_name, *_headings(document)):
                folded = fold_words(title)
                segments = {
                    fold_name(part) for part in re.split(r"\s[-\u2013\u2014|:•·]\s|[|»]", title)
                }
                if segments & bases:
                    yield MatchLine("the title is its name", TITLE_IS_NAME, title, document.url)
                    return
                if best is None and any(f" {base} " in f" {folded} " for base in bases):
                    best = MatchLine(
                        "its name stands in the title", TITLE_HAS_NAME, title, document.url
                    )
        if best:
            yield best

    def other_name(self) -> Iterator[MatchLine]:
        """Another company's legal name where a site names its owner."""
        bases = {name.letters for name in (self.name, *self.former)}
        for document in self.documents:
            for text, is_own in _places(document):
                if not is_own:
                    continue
                for found in ANY_LEGAL_NAME.finditer(text[:600]):
                    name = without_leading_words(found.group(0))
                    letters = fold_name(name).replace(" ", "").lower()
                    if not letters:
                        continue
                    quote = text[:MAX_QUOTE]
                    if letters not in bases:
                        yield MatchLine(
                            f"the site names its owner: {name}",
                            OTHER_LEGAL_NAME,
                            quote,
                            document.url,
                        )
                        return
                    form = form_of(found.group(2))
                    if self.name.form and form not in ("", self.name.form, "LTD"):
                        yield MatchLine(
                            f"same name, other legal form: {name}", OTHER_FORM, quote, document.url
                        )
                        return

    def address(self) -> Iterator[MatchLine]:
        if not re.fullmatch(r"\d{6}", self.company.postal_code):
            return
        found = addresses.find(self.documents)
        codes = [
            seen
            for seen in found
            if seen.field == "postal_code" and seen.value == self.company.postal_code
        ]
        if not codes:
            return
        unit = _plain_unit(self.company.unit)
        if unit and any(seen.field == "unit" and _plain_unit(seen.value) == unit for seen in found):
            yield _line("its address and unit", ADDRESS_AND_UNIT, codes[0])
        elif (
            not (unit and any(seen.field == "unit" for seen in found))
            and self.company.street
            and any(
                seen.field == "street" and fold_words(self.company.street) in fold_words(seen.value)
                for seen in found
            )
        ):
            yield _line("its address and street", ADDRESS_AND_STREET, codes[0])
        else:
            # A quarter of the companies sit in a few dozen buildings: weak alone.
            yield _line("its postal code", POSTAL_ONLY, codes[0])

    def domain(self) -> Iterator[MatchLine]:
        label = re.sub(r"[^a-z0-9]", "", name_label(self.home.host).lower())
        for name in (self.name, *self.former):
            if len(name.letters) >= 4 and label in (name.letters, name.letters + "sg"):
                yield MatchLine("the domain is its name", DOMAIN_IS_NAME, self.home.host)
                return
            if min(len(label), len(name.letters)) >= 6 and (
                name.letters in label or label in name.letters
            ):
                yield MatchLine("the domain holds its name", DOMAIN_HAS_NAME, self.home.host)
                return

    def phones(self) -> Iterator[MatchLine]:
        if self.company.phones:
            for seen in phones.find(self.documents):
                if seen.value in self.company.phones:
                    yield _line("its telephone number", KNOWN_PHONE, seen)
                    return


def _line(reason: str, points: int, seen: Observation) -> MatchLine:
    return MatchLine(reason, points, seen.quote, seen.url)


def _plain(number: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", number.upper())


def _plain_unit(unit: str) -> str:
    """``#05-12`` and ``5-12`` are the same door."""
    parts = re.findall(r"[0-9A-Z]+", unit.upper())
    return "-".join(part.lstrip("0") or "0" for part in parts)


def _headings(document: Document) -> list[str]:
    return [block.text for block in document.blocks if block.tag == "h1"][:3]


def _places(document: Document) -> Iterator[tuple[str, bool]]:
    """Texts to look in, with whether such a text names the site's owner."""
    for node in organizations(document):
        for name in ("legalName", "name"):
            if text := first_text(node.get(name)):
                yield text, True
    yield document.title, True
    for block in document.blocks:
        yield block.text, _names_owner(block)


def _names_owner(block: Block) -> bool:
    return len(block.text) <= 400 and bool(_COPYRIGHT.search(block.text))
