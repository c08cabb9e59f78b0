"""E-mail addresses of a site, with whose they are."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import unescape
from typing import Any
from urllib.parse import parse_qs, unquote

from lxml import etree

from enrichment.domains import is_example, is_free_mail, same_owner
from enrichment.email_address import is_file_name, is_stand_in, is_trap, is_unattended, normal_email
from enrichment.extract import scripted_emails
from enrichment.extract.email_owner import (
    OFFICER,
    OTHER,
    Place,
    SiteFace,
    dominant,
    is_contact_place,
    letters_of,
    owner,
    speaks_of_others,
)
from enrichment.extract.pages import is_contact_page, listed, organizations
from enrichment.extract.written_emails import find_written
from enrichment.observation import Lines, Observation, Rule, best_of_each, quote_of
from enrichment.web import reading
from enrichment.web.parse import Document
from enrichment.web.reading import Region, squeeze

RULE = Rule("emails", 1)

_DATA_HINT = re.compile(r"data-[\w-]{0,20}(?:mail|user|domain|host|addr|contact|enc)")
_WITH_DATA = etree.XPath("//*[@*[starts-with(name(), 'data-')]]")
_HANDLERS = etree.XPath(
    "//@onclick | //@onmouseover | //@onfocus | //a[starts-with(@href, 'javascript:')]/@href"
)
# Looked for one by one: several times faster than one expression over the whole source.
_HANDLER_HINTS = ("onclick", "onmouseover", "onfocus", "javascript:")
_SCRIPT_HINTS = ("mailto", "@", "%40", "\\x40", "fromCharCode", "unescape", "atob(")


@dataclass(frozen=True, slots=True)
class Sighting:
    """One address on one page, before it is decided whose it is."""

    document: Document
    raw: str
    quote: str
    how: str
    confidence: float
    place: Place


def find(documents: Sequence[Document]) -> list[Observation]:
    """Observations ``emails``, ``dpo_emails`` and ``other_emails`` of the pages of one site.

    Traps, examples, file names and unattended mailboxes are left out; addresses of others are kept
    apart as ``other_emails``, never as the company's.
    """
    sightings = [
        (address, sighting)
        for document in documents
        for sighting in _sightings(document)
        if (address := _usable(sighting.raw, document))
    ]
    face = _face(documents, sightings)
    found = []
    for address, sighting in sightings:
        field, factor = owner(address, place=sighting.place, face=face)
        if factor:
            found.append(
                RULE.observe(
                    sighting.document,
                    field=field,
                    value=address,
                    raw=sighting.raw,
                    quote=sighting.quote,
                    how=sighting.how,
                    confidence=sighting.confidence * factor,
                )
            )
    return _one_owner(best_of_each(found))


def _one_owner(found: list[Observation]) -> list[Observation]:
    """An address that is the company's in one place is not a stranger's in another.

    The other way round only where the page it is the company's on says little (a free mailbox).
    """
    own = {seen.value for seen in found if seen.field != OTHER}
    officer = {seen.value for seen in found if seen.field == OFFICER}
    kept = []
    for seen in found:
        if seen.field == OTHER and seen.value in own:
            continue
        kept.append(replace(seen, field=OFFICER) if seen.value in officer else seen)
    return kept


def _usable(raw: str, document: Document) -> str | None:
    if is_trap(raw) or is_file_name(raw):
        return None
    address = normal_email(raw)
    if address is None or is_unattended(address):
        return None
    domain = address.rpartition("@")[2]
    if is_example(domain) and not same_owner(domain, document.host):
        return None
    return None if is_stand_in(address) else address


def _face(documents: Sequence[Document], sightings: list[tuple[str, Sighting]]) -> SiteFace:
    host = documents[0].host if documents else ""
    names = [document.title for document in documents]
    for document in documents:
        names.append(document.meta.get("og:site_name", ""))
        names.extend(str(node.get("name", "")) for node in organizations(document))
        names.extend(block.text[:200] for block in document.blocks if "©" in block.text)
    domains = [address.rpartition("@")[2] for address, _ in sightings]
    foreign = [
        domain
        for domain, (_, sighting) in zip(domains, sightings, strict=True)
        if not is_free_mail(domain)
        and is_contact_place(sighting.place)
        and not speaks_of_others(sighting.place)
    ]
    return SiteFace(
        host=host,
        names=letters_of(" ".join(names)),
        own_domain_used=any(same_owner(domain, host) for domain in domains),
        dominant_domain=dominant(foreign),
    )


def _sightings(document: Document) -> Iterator[Sighting]:
    if document.root is None:
        return
    html = document.html
    lines = Lines.of(document)
    suffix = document.host.rpartition(".")[2]
    if "mailto" in html or "MAILTO" in html or "ailto:" in html:
        yield from _in_anchors(document, suffix)
    yield from _in_text(document, lines, suffix)
    if "cfemail" in html or "email-protection" in html:
        for raw in scripted_emails.cloudflare_addresses(html):
            yield _unplaced(document, raw, "cloudflare", 0.9)
    if "UnCryptMailto" in html:
        for raw in scripted_emails.typo3_addresses(html):
            yield _unplaced(document, raw, "shifted", 0.85)
    if _DATA_HINT.search(html):
        yield from _in_attributes(document, suffix)
    if any(hint in html for hint in _SCRIPT_HINTS):
        yield from _in_scripts(document, suffix)
    yield from _in_structured_data(document)


def _in_anchors(document: Document, suffix: str) -> Iterator[Sighting]:
    for anchor in document.reading.anchors:
        href = (anchor.get("href") or "").strip()
        if href[:7].lower() != "mailto:":
            continue
        for raw in _addresses_of_mailto(href[7:], suffix):
            quote = quote_of(anchor, fallback=href)
            line = _line_of(anchor)
            place = Place(
                region=_region_of(anchor),
                line=line,
                around=line,
                is_contact_page=is_contact_page(document),
            )
            yield Sighting(document, raw, quote, "mailto", 0.95, _labelled(place))


def _labelled(place: Place) -> Place:
    """A link that opens a mail says as much as the word "e-mail" beside it."""
    return replace(place, around=f"{place.around} email")


def _addresses_of_mailto(target: str, suffix: str) -> Iterator[str]:
    to, _, query = target.partition("?")
    candidates = [unquote(to)]
    if not to and "to=" in query.lower():
        candidates = parse_qs(query.replace("TO=", "to=")).get("to", [])
    for candidate in candidates:
        for part in re.split(r"[,;]", candidate[:1000]):
            address = part.strip().strip("<>/").rpartition("<")[2]
            if "@" in address and " " not in address:
                yield address
            else:
                yield from (found.address for found in find_written(part, own_suffix=suffix))


def _line_of(element: Any) -> str:
    """The words of the nearest element around that says more than the element itself."""
    own = squeeze("".join(element.itertext())[:500])
    for ancestor in element.iterancestors():
        text = "".join(ancestor.itertext())
        if len(text) > 400 or ancestor.tag in ("body", "footer", "main"):
            return own
        if len(text.strip()) > len(own) + 3:
            return squeeze(text)
    return own


def _region_of(element: Any) -> Region:
    for ancestor in element.iterancestors():
        if ancestor.tag in ("blockquote", "q"):
            return Region.QUOTE
        if ancestor.tag == "footer":
            return Region.FOOTER
        label = f"{ancestor.get('class') or ''} {ancestor.get('id') or ''}".lower()
        if reading.TESTIMONY.search(label):
            return Region.QUOTE
    return Region.BODY


def _in_text(document: Document, lines: Lines, suffix: str) -> Iterator[Sighting]:
    for found in find_written(document.text, own_suffix=suffix):
        index = lines.index_at(found.start)
        block = document.blocks[index]
        near = document.blocks[max(0, index - 3) : index + 3]
        before = document.blocks[index - 1].text if index else ""
        # A line that is nothing but the address is spoken of by the line before it.
        alone = len(block.text) <= found.end - found.start + 2
        place = Place(
            region=block.region,
            line=f"{before[-120:]} {block.text}" if alone else block.text[:600],
            around=" ".join(other.text[:200] for other in near),
            is_contact_page=is_contact_page(document),
        )
        quote = lines.quote(found.start, found.end)
        yield Sighting(document, found.address, quote, found.how, found.confidence, place)


def _unplaced(document: Document, raw: str, how: str, confidence: float) -> Sighting:
    place = Place(
        region=Region.BODY, line="", around="email", is_contact_page=is_contact_page(document)
    )
    return Sighting(document, raw, raw, how, confidence, place)


def _in_attributes(document: Document, suffix: str) -> Iterator[Sighting]:
    for element in _WITH_DATA(document.root)[:2000]:
        for text in scripted_emails.attribute_strings(element):
            found = next(find_written(text, own_suffix=suffix), None)
            if found and found.how != "reversed" and len(found.address) + 12 > len(text):
                line = _line_of(element)
                place = Place(_region_of(element), line, line + " email", is_contact_page(document))
                quote = quote_of(element, fallback=text)
                yield Sighting(document, found.address, quote, "attribute", 0.8, place)
                break


def _in_scripts(document: Document, suffix: str) -> Iterator[Sighting]:
    scripts = [
        script.text
        for script in document.root.iter("script")
        if script.text and "json" not in (script.get("type") or "")
    ]
    if any(hint in document.html for hint in _HANDLER_HINTS):
        scripts.extend(str(code) for code in _HANDLERS(document.root)[:300])
    for script in scripts:
        for text in scripted_emails.scripted_strings(script):
            for found in find_written(unescape(unquote(text)), own_suffix=suffix):
                yield _unplaced(document, found.address, "script", 0.8)


def _in_structured_data(document: Document) -> Iterator[Sighting]:
    for node in organizations(document):
        for email in listed(node.get("email")):
            if isinstance(email, str) and "@" in email:
                raw = email.strip().removeprefix("mailto:").removeprefix("MAILTO:")
                place = Place(
                    Region.BODY, "", "", is_contact_page(document), from_organization=True
                )
                yield Sighting(document, raw, raw, "structured", 0.95, place)
