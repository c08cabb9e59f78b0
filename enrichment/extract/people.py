"""People of the company with their titles, as the company's own pages present them.

A person is believed when a name and a title stand side by side: in structured data, in two lines
under each other (cards, tables), or in one line ("Name, Title", "Title: Name"). Words of clients
(quotations, reviews) and authors of articles are passed over.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from enrichment.domains import same_owner
from enrichment.email_address import is_trap, normal_email
from enrichment.extract import pages, phones
from enrichment.extract.titles import (
    HEAD,
    MAX_TITLE,
    clean_name,
    is_title,
    mailbox_names,
    person_key,
)
from enrichment.extract.written_emails import find_written
from enrichment.observation import MAX_QUOTE, Lines, Observation, Rule, best_of_each
from enrichment.web.parse import Document
from enrichment.web.reading import Block, Region

RULE = Rule("people", 1)
MAX_PEOPLE = 60  # of one page
MAX_TITLES = 400  # lines of one page that are looked at
MAX_CARD = 1_200  # characters of an element that can be one person's card

_SEPARATOR = re.compile(r"\s{0,2}(?:,\s|\s[-\u2013\u2014|]\s|[|:\u2022]\s?|\s?\()")
_PREFIX = re.compile(
    r"^(?:contact(?:\s(?:person|us))?|attn|attention|person in charge|pic|represented by|led by"
    r"|presented by|by)\s{0,2}[:\-\u2013]\s{0,2}",
    re.IGNORECASE,
)
# What may stand behind a name or a title in the same line: address, number, their labels.
_REACH = re.compile(
    r"\s{0,3}[|,;(-]?\s{0,3}(?:[\w.+-]{1,64}@|\(?\+?\d[\d ()-]{6,}"
    r"|\b(?:e-?mail|tel|phone|mobile|hp|did|[mte])\b\s?[:.]).*$",
    re.IGNORECASE,
)
_ARTICLES = re.compile(r"/(?:blog|news|article|post|press|event|insight|media|case)s?(?:/|-|$)")
_IN_SENTENCE = re.compile(
    r"\b(?:[Oo]ur|[Tt]he|[Cc]ompany|its|by)?\s?((?:[Cc]o-?)?[Ff]ounder(?:\s(?:and|&)\s(?:CEO"
    r"|[A-Z]\w+\s?[A-Z]?\w*))?"
    r"|[Mm]anaging [Dd]irector|CEO|Chief Executive Officer|[Pp]roprietor|[Gg]eneral [Mm]anager),?\s"
    r"((?:(?:Mr|Ms|Mrs|Mdm|Dr|Er|Ar)\.?\s)?[A-Z][a-z'-]+(?:\s[A-Z][a-z'-]+){1,3})\b"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A name and a title found together, with the words they stand in and their card."""

    name: str
    title: str
    quote: str
    how: str
    confidence: float
    elements: tuple[Any, ...] = ()


def find(documents: Sequence[Document]) -> list[Observation]:
    """``people`` and ``title`` with the person as ``subject``; e-mail and telephone of
    the same card as ``emails`` and ``phones`` of that subject.
    """
    found: list[Observation] = []
    for document in documents:
        if document.root is None:
            continue
        found.extend(_structured(document))
        if not _ARTICLES.search(document.path):
            for pair in _pairs(document)[:MAX_PEOPLE]:
                found.extend(_observations(document, pair))
    return best_of_each(found)


def assign_mailboxes(found: Sequence[Observation]) -> list[Observation]:
    """E-mail observations with the person whose name is the local part as their subject.

    Only where exactly one person of the site fits: ``siti.lee@`` is Siti Lee, ``mei@`` is nobody
    when two people are called Mei.
    """
    taken = {seen.value for seen in found if seen.field == "emails" and seen.subject}
    names = {seen.subject: mailbox_names(seen.value) for seen in found if seen.field == "people"}
    if not names:
        return []
    assigned = []
    for seen in found:
        if seen.field != "emails" or seen.subject or seen.value in taken:
            continue
        local = seen.value.partition("@")[0]
        fitting = [key for key in sorted(names) if local in names[key]]
        if len(fitting) == 1:
            assigned.append(
                Observation(
                    field="emails",
                    value=seen.value,
                    raw=seen.raw,
                    url=seen.url,
                    page_sha256=seen.page_sha256,
                    quote=seen.quote,
                    method="people.mailbox_name",
                    version=RULE.version,
                    confidence=round(seen.confidence * 0.9, 2),
                    subject=fitting[0],
                )
            )
    return best_of_each(assigned)


def _observations(document: Document, pair: Pair) -> Iterator[Observation]:
    key = person_key(pair.name)
    for field, value in (("people", pair.name), ("title", pair.title)):
        yield RULE.observe(
            document,
            field=field,
            value=value,
            quote=pair.quote,
            how=pair.how,
            confidence=pair.confidence,
            subject=key,
        )
    card = _card(pair)
    if card is not None:
        yield from _reachable_by(document, card, key)


def _card(pair: Pair) -> Any:
    """The smallest element that holds both name and title, when it is one person's."""
    if not pair.elements:
        return None
    first, last = pair.elements[0], pair.elements[-1]
    if first is last:
        card = first if first.tag not in ("td", "body") else first.getparent()
    else:
        above = set(first.iterancestors())
        card = next((node for node in last.iterancestors() if node in above), None)
    if card is None or card.tag in ("body", "html", "main", "tbody", "table", "ul"):
        return None
    text = "".join(card.itertext())
    if len(text) > MAX_CARD or len(set(HEAD.findall(text))) > 3:
        return None
    return card


def _reachable_by(document: Document, card: Any, key: str) -> Iterator[Observation]:
    addresses: list[tuple[str, str]] = []
    numbers: list[tuple[str, str]] = []
    for anchor in card.iter("a"):
        href = (anchor.get("href") or "").strip()
        target = unquote(href.partition(":")[2]).partition("?")[0]
        if href[:7].lower() == "mailto:":
            addresses.append((target, href))
        elif href[:4].lower() == "tel:":
            numbers.append((target, href))
    text = "\n".join(part for part in card.itertext() if part.strip())
    suffix = document.host.rpartition(".")[2]
    written = find_written(text, own_suffix=suffix)
    addresses.extend((found.address, text[found.start : found.end]) for found in written)
    mails = {
        address: raw
        for raw_address, raw in addresses
        if (address := normal_email(raw_address)) and not is_trap(raw_address)
    }
    own = [address for address in mails if same_owner(address.rpartition("@")[2], document.host)]
    if len(own) == 1:
        yield RULE.observe(
            document,
            field="emails",
            value=own[0],
            raw=mails[own[0]],
            how="card",
            confidence=0.9,
            subject=key,
        )
    seen_numbers = {phones.e164(raw, region="SG") for raw, _ in numbers} - {None}
    if len(seen_numbers) == 1:
        number, kind = next(pair for pair in seen_numbers if pair)
        yield RULE.observe(
            document,
            field=phones.PHONES,
            value=number,
            raw=numbers[0][1],
            how=f"card.{phones.kind_of(kind)}",
            confidence=0.85,
            subject=key,
        )


def _structured(document: Document) -> Iterator[Observation]:
    for node in pages.people(document):
        name = clean_name(pages.first_text(node.get("name")))
        title = pages.first_text(node.get("jobTitle"))
        if not name or not title:
            continue
        key = person_key(name)
        values = {"people": name, "title": title[:MAX_TITLE]}
        email = normal_email(pages.first_text(node.get("email")).removeprefix("mailto:"))
        if email:
            values["emails"] = email
        for field, value in values.items():
            yield RULE.observe(
                document, field=field, value=value, how="structured", confidence=0.95, subject=key
            )


def _pairs(document: Document) -> list[Pair]:
    """Names with titles in page order."""
    text = document.text
    lines = Lines.of(document)
    with_title = sorted({lines.index_at(place.start()) for place in _heads(text)})
    found: list[Pair] = []
    titles: list[int] = []
    for index in with_title[:MAX_TITLES]:
        block = document.blocks[index]
        if block.region is Region.QUOTE or len(block.text) > 600:
            continue
        in_line = _in_one_line(block)
        if in_line:
            found.append(in_line)
        elif is_title(_REACH.sub("", block.text)):
            titles.append(index)
        else:
            found.extend(_in_sentence(block))
    found.extend(_in_two_lines(document, titles))
    return found


def _heads(text: str) -> Iterator[re.Match[str]]:
    yield from HEAD.finditer(text)
    yield from _SHOUTED_HEAD.finditer(text)


_SHOUTED_HEAD = re.compile(
    r"\b(?:DIRECTOR|MANAGER|FOUNDER|PARTNER|CHAIRMAN|PRESIDENT|EXECUTIVE|HEAD OF|OFFICER|OWNER"
    r"|PRINCIPAL|ENGINEER|CONSULTANT|SUPERVISOR|COORDINATOR|ACCOUNTANT|SURGEON|SECRETARY)\b"
)


def _in_one_line(block: Block) -> Pair | None:
    text = _REACH.sub("", _PREFIX.sub("", block.text))
    if len(text) > MAX_TITLE + 60:
        return None
    for separator in _SEPARATOR.finditer(text):
        left, right = text[: separator.start()].strip(), text[separator.end() :].strip(" ).")
        name, title = clean_name(left), _title_start(right)
        if name is None or not title:
            name, title = clean_name(right), left if is_title(left) else ""
        if name and title:
            return Pair(name, title, block.text[:MAX_QUOTE], "line", 0.85, (block.element,))
    return None


def _title_start(text: str) -> str:
    """The title at the start of ``text``, before an address, a number or a company's name."""
    for candidate in (text, *_shorter(text)):
        if is_title(candidate):
            return candidate
    return ""


def _shorter(text: str) -> Iterator[str]:
    for separator in reversed(list(_SEPARATOR.finditer(text))):
        yield text[: separator.start()].strip(" ).,")


def _in_two_lines(document: Document, titles: list[int]) -> list[Pair]:
    """Lines under each other. Which comes first, name or title, is decided per run of such lines:
    a list that begins with a name goes name by name to its end."""
    blocks = document.blocks
    names: dict[int, str] = {}
    titled = set(titles)
    for index in titles:
        for near in (index - 1, index + 1):
            if 0 <= near < len(blocks) and near not in titled and near not in names:
                if blocks[near].region is Region.QUOTE:
                    continue
                name = clean_name(_REACH.sub("", blocks[near].text))
                if name:
                    names[near] = name
    found = []
    for run in _runs(sorted({*titled, *names})):
        step = 1 if run[0] in names else -1
        for index in run:
            if index in names and index + step in titled:
                title = blocks[index + step]
                first, last = sorted((index, index + step))
                quote = f"{blocks[first].text}\n{blocks[last].text}"
                found.append(
                    Pair(
                        names[index],
                        _REACH.sub("", title.text),
                        quote[:MAX_QUOTE],
                        "lines",
                        0.9,
                        (blocks[index].element, title.element),
                    )
                )
    return found


def _runs(indexes: list[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for index in indexes:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _in_sentence(block: Block) -> Iterator[Pair]:
    for place in _IN_SENTENCE.finditer(block.text):
        name = clean_name(place.group(2))
        if name:
            title = place.group(1)
            title = title if title.isupper() else title.title()
            start = max(0, place.start() - 60)
            quote = block.text[start : start + MAX_QUOTE]
            yield Pair(name, title, quote, "sentence", 0.65)
