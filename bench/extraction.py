"""How well and how fast pages are read: precision, recall and milliseconds a page, against floors.

Read are the made-up web of the sandbox (its own seed), the labelled real sites and the made-up
sites beside the checkout where they are present. Floors stand in ``floors.toml``; a figure below
its floor fails. ``python -m bench.extraction --lower-floor`` writes the measured figures as floors,
which is a decision to be committed with its reason.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import phonenumbers
from lxml import html as lxml_html

from bench.floors import floors_of, keep
from bench.result import Result
from enrichment.extract import extract, phones
from enrichment.extract.technologies import MARKS
from enrichment.observation import Observation
from enrichment.site.match import CompanyFacts, Verdict, match_site
from enrichment.web.parse import Document, parse
from leadgen_project.sandbox.companies import Company, companies
from leadgen_project.sandbox.expectations import Expect
from leadgen_project.sandbox.loopback import Reply
from leadgen_project.sandbox.measure import Found, Quality
from leadgen_project.sandbox.measure import measure as measure_sandbox
from leadgen_project.sandbox.web import Web

SHARED = Path(os.environ.get("LEADGEN_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
SEED, COUNT = 20_261_121, 500
PAGES = 7  # of one site
SPEED_LIMIT = 1.0  # our time / a plain spider's on the same pages
SPEED_SITES = 60
FETCHED = ("gzip", "slow-body", "endless-body", "huge-page", "redirect-other-company")


@dataclass(slots=True)
class Score:
    """Counts of one field: found and true, found, true."""

    hits: int = 0
    found: int = 0
    true: int = 0
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def add(self, found: set[str], true: set[str], *, where: str) -> None:
        self.hits += len(found & true)
        self.found += len(found)
        self.true += len(true)
        self.missed += [f"{where}: {value}" for value in sorted(true - found)]
        self.wrong += [f"{where}: {value}" for value in sorted(found - true)]

    @property
    def precision(self) -> float:
        return self.hits / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.hits / self.true if self.true else 1.0


def measure() -> list[Result]:
    """All figures against their floors; sites that are not here are left out."""
    results = []
    for group, read in (("sandbox", _sandbox), ("sites", _labelled), ("madeup", _made_up)):
        floors = floors_of(group)
        for name, (value, count) in read().items():
            floor = floors.get(name)
            results.append(
                Result(
                    f"extraction: {group} {name}", value, floor, at_least=True, note=f"n={count}"
                )
            )
    return [*results, _speed()]


Figures = dict[str, tuple[float, int]]


def _figures(scores: dict[str, Score]) -> Figures:
    figures: Figures = {}
    for name, score in scores.items():
        figures[f"{name}_precision"] = (score.precision, score.found)
        figures[f"{name}_recall"] = (score.recall, score.true)
    return figures


# --- the sandbox: truth for everything, traps included ------------------------------------
def _sandbox() -> Figures:
    web = Web(made := list(companies(seed=SEED, count=COUNT)))
    found: dict[str, Found] = {}
    verdicts: Counter[tuple[bool, str]] = Counter()
    for company in made:
        own = company.expect is Expect.CONTACTS and company.trap not in FETCHED
        for host, is_own in ((company.host, own), (company.other_host, False)):
            if not host or (host == company.host and not own and company.trap != "other-uen"):
                continue
            documents = _pages_of(web, host)
            verdicts[is_own, match_site(_facts(company), documents).verdict] += 1
            if is_own:
                found[company.uen] = _found(extract(documents))
    quality = measure_sandbox([one for one in made if one.uen in found], found)
    return _sandbox_figures(quality, verdicts, len(found))


def _sandbox_figures(quality: Quality, verdicts: Counter[tuple[bool, str]], sites: int) -> Figures:
    figures: Figures = {}
    for name in ("role_email", "email", "phone", "person", "postal_code"):
        figures[f"{name}_recall"] = (quality.recall(name), quality.expected[name])
    for name in ("phone", "person", "postal_code"):
        figures[f"{name}_precision"] = (quality.precision(name), quality.stored[name])
    figures["sites_without_a_stranger_s_address"] = (1 - len(quality.wrong) / sites, sites)
    own = sum(count for (is_own, _), count in verdicts.items() if is_own)
    others = sum(count for (is_own, _), count in verdicts.items() if not is_own)
    figures["own_sites_matched"] = (verdicts[True, Verdict.MATCH] / own, own)
    figures["others_sites_left"] = (1 - verdicts[False, Verdict.MATCH] / others, others)
    return figures


def _pages_of(web: Web, host: str) -> list[Document]:
    site = web._site(host)
    pages = site.pages.items() if site else ()
    replies = [
        (path, page)
        for path, page in pages
        if isinstance(page, Reply) and page.status == 200 and "html" in page.content_type
    ]
    return [parse(page.body, page.content_type, f"https://{host}{path}") for path, page in replies][
        :PAGES
    ]


def _facts(company: Company) -> CompanyFacts:
    entity = company.registered
    unit = "-".join(part for part in (entity.level, entity.unit) if part)
    return CompanyFacts(
        name=company.name,
        uen=company.uen,
        former_names=tuple(entity.former_names),
        postal_code=entity.postal_code,
        unit=unit,
    )


def _found(observations: Sequence[Observation]) -> Found:
    people: dict[str, dict[str, str]] = {}
    for seen in observations:
        if seen.subject:
            people.setdefault(seen.subject, {})[seen.field] = seen.value
    return Found(
        emails=_values(observations, "emails"),
        phones=_values(observations, "phones"),
        people={(one["people"], one.get("title", "")) for one in people.values()},
        postal_codes=_values(observations, "postal_code"),
    )


def _values(observations: Sequence[Observation], name: str) -> set[str]:
    return {seen.value for seen in observations if seen.field == name}


# --- labelled real sites -----------------------------------------------------------------
def read_sites(folder: str) -> Iterator[tuple[dict, list[Document]]]:
    """Sites of ``folder`` beside the checkout with their parsed pages; none where it is not."""
    place = SHARED / "crawl" / folder
    if not place.is_dir():
        return
    archive = zipfile.ZipFile(io.BytesIO((place / "pages.zip").read_bytes()))
    for site in json.loads((place / "manifest.json").read_text())["sites"]:
        scheme = site.get("scheme", "https")
        yield (
            site,
            [
                parse(
                    archive.read(page["file"]),
                    "text/html",
                    f"{scheme}://{site['host']}{page['path']}",
                )
                for page in site["pages"]
            ],
        )


def _labelled() -> Figures:
    scores = {"phone": Score(), "email": Score()}
    for site, documents in read_sites("sites"):
        emails = {
            address.lower()
            for page in site["pages"]
            for name in ("weak_emails_mailto", "weak_emails_visible")
            for address in page.get(name, ())
        }
        observations = extract(documents)
        read = _values(observations, "emails") | _values(observations, "dpo_emails")
        # The labels were found by pattern; "order@" with the number before it glued on is one more
        # spelling of an address that was found.
        clean = {
            e for e in emails if not any(e != own and e.endswith(own) for own in emails | read)
        }
        scores["email"].add(read, clean, where=site["host"])
        labelled = [
            (page, document)
            for page, document in zip(site["pages"], documents, strict=True)
            if page.get("annotated")
        ]
        if labelled:
            true = {number for page, _ in labelled for number in _true_numbers(page)}
            seen = phones.find([document for _, document in labelled])
            scores["phone"].add({one.value for one in seen}, true, where=site["host"])
    return _figures(scores) if scores["phone"].true else {}


def _true_numbers(page: dict) -> set[str]:
    """Labels as the manifest has them, and those it could not read in the region it assumed."""
    found = set(page.get("tel_e164", ())) | set(page.get("fax_e164", ()))
    for raw in (*page.get("entities", {}).get("TEL", ()), *page.get("entities", {}).get("FAX", ())):
        for region in ("US", "GB"):
            try:
                number = phonenumbers.parse(raw, region)
            except phonenumbers.NumberParseException:
                continue
            if phonenumbers.is_valid_number(number):
                found.add(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
                break
    return found


# --- made-up sites beside the checkout ---------------------------------------------------
def _made_up() -> Figures:
    names = ("role_email", "phone", "person", "postal_code", "founded_year", "headcount", "uen")
    scores = {name: Score() for name in names}
    strangers = sites = 0
    for site, documents in read_sites("madeup"):
        truth, host = site["truth"], site["host"]
        observations = extract(documents)
        found = _found(observations)
        role = {truth["role_email"]}
        scores["role_email"].add(found.emails & role, role, where=host)
        scores["phone"].add(found.phones, set(truth["phones"]), where=host)
        people = {f"{one['name']}, {one['title']}" for one in truth["people"]}
        scores["person"].add({", ".join(one) for one in found.people}, people, where=host)
        scores["postal_code"].add(found.postal_codes, {truth["postal_code"]}, where=host)
        for name, key in (("founded_year", "founded"), ("headcount", "headcount")):
            scores[name].add(_values(observations, name), {str(truth[key])}, where=host)
        uens = _values(observations, "uen")
        scores["uen"].add(uens, {truth["uen"]} if uens else set(), where=host)
        strangers += bool(found.emails & set(truth["not_ours"]))
        sites += 1
    if not sites:
        return {}
    return {
        **_figures(scores),
        "sites_without_a_stranger_s_address": (1 - strangers / sites, sites),
    }


# --- speed -------------------------------------------------------------------------------
def _speed() -> Result:
    """Our whole reading against a plain spider's: same pages, same fields, without the care."""
    sites = _raw_pages()
    pages = sum(len(site) for site in sites)
    ours = min(_seconds(_ours, sites) for _ in range(3))
    plain = min(_seconds(_plain_spider, sites) for _ in range(3))
    note = f"{ours / pages * 1000:.1f} ms a page, {pages} pages"
    return Result("extraction: our time / a plain spider's", ours / plain, SPEED_LIMIT, note=note)


def _raw_pages() -> list[list[tuple[bytes, str]]]:
    place = SHARED / "crawl" / "sites"
    if place.is_dir():
        archive = zipfile.ZipFile(io.BytesIO((place / "pages.zip").read_bytes()))
        manifest = json.loads((place / "manifest.json").read_text())["sites"]
        return [
            [
                (archive.read(page["file"]), f"http://{site['host']}{page['path']}")
                for page in site["pages"]
            ]
            for site in manifest
        ]
    web = Web(made := list(companies(seed=SEED, count=200, traps=())))
    hosts = [company.host for company in made if company.host][:SPEED_SITES]
    return [
        [(document.html.encode(), document.url) for document in _pages_of(web, host)]
        for host in hosts
    ]


def _seconds(read: Callable[[list[tuple[bytes, str]]], None], sites: list) -> float:
    phones.e164.cache_clear()
    began = time.process_time()
    for site in sites:
        read(site)
    return time.process_time() - began


def _ours(site: list[tuple[bytes, str]]) -> None:
    extract([parse(body, "text/html", url) for body, url in site])


_SPIDER = {
    "email": r"[\w.+-]+@[\w-]+\.[\w.-]+",
    "hidden_email": r"[\w.+-]+\s*[\[(]at[\])]\s*[\w-]+\s*(?:[\[(]dot[\])]\s*[\w-]+)+",
    "postal_code": r"(?i)(?:Singapore|S)\s*\(?(\d{6})",
    "unit": r"#\d{2,3}-\d{2,4}",
    "street": r"(?i)\d+[A-Z]?\s+(?:\w+\s+){1,4}(?:road|rd|street|st|avenue|drive|lane|way)",
    "uen": r"\b(?:\d{8}[A-Z]|\d{9}[A-Z]|[RST]\d{2}[A-Z]{2}\d{4}[A-Z])\b",
    "gst": r"(?i)GST\s*Reg[^:]*:?\s*([\w-]+)",
    "founded": r"(?i)(?:founded|established|incorporated|since)\s+(?:in\s+)?((?:19|20)\d\d)",
    "headcount": r"(?i)(?:team of|staff of|(\d+)\+? employees|employs)\s*(\d*)",
    "hiring": r"(?i)we(?:'re| are) hiring|join our team|career opportunities|vacanc(?:y|ies)",
    "notice": r"(?i)no(?:t)? [^.]{0,60}(?:unsolicited|marketing e?-?mails?|spam)",
    "person": r"([A-Z][a-z]+(?:\s[A-Z][a-z]+){1,3})\s*[,\n-]\s*((?:\w+ ){0,3}(?:Director|Manager))",
}
_SPIDER_RULES = {name: re.compile(rule) for name, rule in _SPIDER.items()}
_TESTED = [re.compile(re.escape(mark)) for mark in MARKS]


def _plain_spider(site: list[tuple[bytes, str]]) -> None:
    """What one writes first for the same fields: text nodes by XPath, one expression a field over
    the text, absolute links, JSON-LD, libphonenumber's matcher, a search for each technology."""
    for body, url in site:
        root = lxml_html.fromstring(body, base_url=url)
        root.make_links_absolute(url)
        links = [str(href) for href in root.xpath("//a/@href")]
        [link for link in links if re.search(r"facebook|linkedin|instagram|twitter|youtube", link)]
        text = " ".join(root.xpath("//body//text()[not(ancestor::script or ancestor::style)]"))
        for rule in _SPIDER_RULES.values():
            rule.findall(text)
        for script in root.xpath("//script/text()"):
            _SPIDER_RULES["email"].findall(script)
        list(phonenumbers.PhoneNumberMatcher(text, "US"))
        source = body.decode("utf-8", "replace").lower()
        [mark for mark in _TESTED if mark.search(source)]
        for script in root.xpath("//script[@type='application/ld+json']/text()"):
            try:
                json.loads(script)
            except ValueError:
                continue


def lower_floors() -> None:
    """Write the measured figures as floors, rounded down to a thousandth."""
    groups = {"sandbox": _sandbox, "sites": _labelled, "madeup": _made_up}
    keep({group: {name: value for name, (value, _) in read().items()}
          for group, read in groups.items()})  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:] == ["--lower-floor"]:
        lower_floors()
        sys.exit(0)
    measured = measure()
    sys.stdout.write("".join(f"{result.line()}\n" for result in measured))
    sys.exit(0 if all(result.holds for result in measured) else 1)
