"""What is wrong with a text before anybody gets it: errors block it, warnings are advice. Pure.

Lengths are what mail programs show and filters dislike, not law; what the law asks for (who writes,
a way out, an honest subject) are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from lxml import html as lxml_html

from outreach.wording.render import VARIABLE, Text, as_text, variables_of

SUBJECT_SHOWN = 60  # characters most programs show of a subject
WORDS_ADVISED = 200
LINKS_ADVISED, IMAGES_ADVISED = 3, 1
# Spam Control Act, Second Schedule 3: a subject must not mislead; the first mail answers nobody.
_FALSE_REPLY = re.compile(r"^\s*(re|fwd?|aw|wg)\s*:", re.IGNORECASE)
_SHOUTING = re.compile(r"[A-Z]{3,}")
_LONE = re.compile(r"(?<!\{)\{\s*([A-Za-z]\w{0,39})\s*\}(?!\})")
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
LEAD_VARIABLES = {  # what lead data holds; see outreach.wording.lead_data
    "first_name", "last_name", "name", "title", "email", "phone", "business_name", "company",
    "city", "website", "website_url", "category", "services", "services_rendered", "industry",
    "uen", "district", "sender_name", "sender_email",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Remark:
    """``blocks``: the text cannot be used until it is changed."""

    blocks: bool
    code: str
    sentence: str


def lint(text: Text, *, is_first: bool = True) -> list[Remark]:
    """Remarks on a text, errors first. ``is_first``: nobody has written to the recipient before."""
    remarks = [*_subject(text, is_first=is_first), *_body(text), *_variables(text)]
    return sorted(remarks, key=lambda remark: not remark.blocks)


def faults(text: Text, *, is_first: bool = True) -> tuple[str, ...]:
    """What keeps a text from being sent, in sentences. Kept for texts it was lately asked about."""
    fallbacks = tuple(sorted(text.fallbacks.items()))
    return _faults(text.subject, text.body_html, fallbacks, text.signature_html, is_first)


@lru_cache(maxsize=64)
def _faults(
    subject: str, body: str, fallbacks: tuple[tuple[str, str], ...], signature: str, is_first: bool
) -> tuple[str, ...]:
    remarks = lint(Text(subject, body, dict(fallbacks), signature), is_first=is_first)
    return tuple(remark.sentence for remark in remarks if remark.blocks)


def _error(code: str, sentence: str) -> Remark:
    return Remark(True, code, sentence)


def _advice(code: str, sentence: str) -> Remark:
    return Remark(False, code, sentence)


def _subject(text: Text, *, is_first: bool) -> Iterator[Remark]:
    plain = VARIABLE.sub("", text.subject).strip()
    if not text.subject.strip():
        yield _error("no_subject", "Write a subject.")
    if is_first and _FALSE_REPLY.match(text.subject):
        yield _error(
            "false_reply",
            "The subject looks like an answer or a forward, and this is the first mail: that"
            " misleads, and the law forbids it.",
        )
    if len(text.subject) > SUBJECT_SHOWN:
        yield _advice(
            "long_subject",
            f"The subject has {len(text.subject)} characters; most programs show {SUBJECT_SHOWN}.",
        )
    if _SHOUTING.search(plain) and plain.upper() == plain:
        yield _advice("shouting", "The subject is all capitals; filters mind that.")


def _body(text: Text) -> Iterator[Remark]:
    words = len(as_text(text.body_html).split())
    if not words:
        yield _error("no_body", "Write a text.")
        return
    if not as_text(text.signature_html):
        yield _error(
            "no_signature",
            "Choose a signature: who writes, with a postal address and a working contact, has to"
            " stand in every mail.",
        )
    tree = lxml_html.fragment_fromstring(text.body_html, create_parent="div")
    links, images = tree.findall(".//a"), tree.findall(".//img")
    if words > WORDS_ADVISED:
        yield _advice(
            "long", f"{words} words; mails of {WORDS_ADVISED} or fewer are read more often."
        )
    if len(links) > LINKS_ADVISED:
        yield _advice("many_links", f"{len(links)} links; filters mind more than {LINKS_ADVISED}.")
    if len(images) > IMAGES_ADVISED:
        yield _advice(
            "many_images", f"{len(images)} images; many programs hide them and filters mind them."
        )
    if any(not image.get("alt") for image in images):
        yield _advice(
            "no_alt", "An image has no description: whoever does not see it reads nothing there."
        )


def lone_variables(text: Text) -> list[str]:
    """Variables a lead has that stand in single braces, as written: they would be sent so."""
    found = _LONE.findall(f"{text.subject}\n{as_text(text.body_html)}")
    return [name for name in dict.fromkeys(found)
            if _CAPITAL.sub("_", name).lower() in LEAD_VARIABLES]  # fmt: skip


def _variables(text: Text) -> Iterator[Remark]:
    if lone := lone_variables(text):
        yield _error(
            "single_braces",
            f"{', '.join(f'{{{name}}}' for name in lone)} would be sent as it stands: a variable"
            " has two braces, {{ name }}.",
        )
    names = [name for name in variables_of(text) if not text.fallbacks.get(name)]
    unknown = [name for name in names if name not in LEAD_VARIABLES]
    without = [name for name in names if name in LEAD_VARIABLES]
    if unknown:
        yield _error(
            "unknown_variable",
            f"No lead has {', '.join(unknown)}; known: {', '.join(sorted(LEAD_VARIABLES))}.",
        )
    if without:
        yield _advice(
            "no_fallback",
            f"Without a fallback for {', '.join(without)}, mails to leads that lack it are held.",
        )
