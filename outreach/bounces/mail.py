"""One incoming mail, read within bounds. Whoever wrote it may have meant harm; nothing here fails.

What is too big, too deep or in no known charset is cut or replaced, and ``notes`` says so. Headers
are read with the old, forgiving policy: the strict one raises on what strangers send.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.header import decode_header
from email.message import Message as Part
from email.parser import BytesHeaderParser
from email.utils import getaddresses

from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning

MOST_BYTES = 512 * 1024  # of a mail; what a report needs stands in its first parts
MOST_PARTS = 50
MOST_DEPTH = 40  # "Content-Type: multipart" or rfc822 in a mail's bytes; a person's has under ten
MOST_TEXT = 64 * 1024  # characters of the body
LONGEST_HEADER = 4000
MOST_IDS = 50  # of References

_NESTING = re.compile(rb"(?im)^content-type:\s*(?:multipart/|message/)")
_ID = re.compile(r"<[^<>\s]{3,300}>")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Mail:
    """An incoming mail as far as it was read. ``root`` is for those who look for single parts."""

    root: Part
    text: str  # what a person would read, without HTML
    notes: tuple[str, ...] = ()  # sentences: what was cut or could not be read

    def header(self, name: str) -> str:
        """The header in one line, decoded; empty when there is none."""
        return plain_header(self.root.get(name))

    @property
    def subject(self) -> str:
        return self.header("Subject")

    @property
    def message_id(self) -> str:
        found = _ID.search(self.header("Message-ID"))
        return found.group() if found else ""

    @property
    def sender(self) -> str:
        """The address in ``From``, small letters; empty when there is none."""
        return address_in(self.header("From"))

    @property
    def answers(self) -> tuple[str, ...]:
        """Message-IDs it refers to, nearest first."""
        said = f"{self.header('In-Reply-To')} {self.header('References')}"
        ids = _ID.findall(said)[:MOST_IDS]
        return tuple(dict.fromkeys([*ids[:1], *reversed(ids)]))


def read_mail(raw: bytes, *, size: int | None = None) -> Mail:
    """Read ``raw``, of which a reader may have fetched only the beginning (``size``: the whole).

    Never raises. Bounded in time and memory by the constants above, whatever the mail holds.
    """
    notes = []
    whole = max(size or 0, len(raw))
    if whole > MOST_BYTES:
        raw = raw[:MOST_BYTES]
        notes.append(f"Only the first {MOST_BYTES // 1024} kB of {whole // 1024} kB were read.")
    if len(_NESTING.findall(raw)) > MOST_DEPTH:
        notes.append("It is nested too deeply; only its head and raw text were read.")
        return Mail(_flat(raw), "", tuple(notes))
    try:
        root = message_from_bytes(raw, policy=policy.compat32)
    except (RecursionError, ValueError, LookupError, TypeError, AttributeError) as exc:
        notes.append(f"Its structure could not be read ({type(exc).__name__}).")
        return Mail(_flat(raw), "", tuple(notes))
    return Mail(root, _body(root, notes)[:MOST_TEXT], tuple(notes))


def parts_of(root: Part) -> list[Part]:
    """The first parts in the order they stand, containers included."""
    found = []
    for part in root.walk():
        found.append(part)
        if len(found) >= MOST_PARTS:
            break
    return found


def text_of(part: Part, notes: list[str] | None = None) -> str:
    """The words of one part. An unknown charset is read as UTF-8, with marks for what is none."""
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, AssertionError):
        return ""
    if not isinstance(payload, bytes):
        return ""
    payload = payload[: MOST_TEXT * 4]
    charset = (part.get_param("charset") or "utf-8") if part.get("Content-Type") else "utf-8"
    name = charset[2] if isinstance(charset, tuple) else str(charset)
    try:
        text = payload.decode(name, "replace")
    except (LookupError, ValueError):
        text = payload.decode("utf-8", "replace")
        if notes is not None:
            notes.append(f"Its charset {name[:40]!r} is unknown; it was read as UTF-8.")
    return _CONTROLS.sub(" ", text.replace("\r\n", "\n"))[:MOST_TEXT]


def without_html(markup: str) -> str:
    """The words of a page, without scripts and styles."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        soup = BeautifulSoup(markup[:MOST_TEXT], "lxml")
    for hidden in soup(["script", "style", "head", "template"]):
        hidden.decompose()
    for broken in soup(["br", "p", "div", "tr", "li", "blockquote", "hr"]):
        broken.insert_before("\n")
    return re.sub(r"\n\s*\n+", "\n\n", soup.get_text()).strip()


def plain_header(value: object) -> str:
    """A header's value in one line of printable text; what cannot be decoded stays as it is."""
    text = re.sub(r"\s+", " ", str(value or "")[:LONGEST_HEADER])
    try:
        pieces = decode_header(text)
        text = "".join(_piece(piece, charset) for piece, charset in pieces)
    except (ValueError, LookupError, UnicodeError):
        pass  # an encoded word that is none: shown as it came
    return re.sub(r"\s+", " ", _CONTROLS.sub(" ", text)).strip()


def address_in(value: str) -> str:
    """The first address of a header, small letters; empty when there is none."""
    for _, address in getaddresses([value[:LONGEST_HEADER]]):
        if address.count("@") == 1 and " " not in address and len(address) <= 320:
            return address.lower()
    return ""


def _piece(piece: bytes | str, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    try:
        return piece.decode(charset or "ascii", "replace")
    except LookupError:
        return piece.decode("utf-8", "replace")


def _flat(raw: bytes) -> Part:
    """The mail's head alone, for what is no mail inside."""
    head = raw.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0]
    root = BytesHeaderParser(policy=policy.compat32).parsebytes(head[: 64 * 1024])
    root.set_payload("")
    return root


def _body(root: Part, notes: list[str]) -> str:
    """The words of the first part that has any, plain text before HTML."""
    html = ""
    for part in parts_of(root):
        if part.is_multipart() or part.get_filename():
            continue
        kind = part.get_content_type()
        # A multipart whose boundary never comes is its own text.
        if kind == "text/plain" or part.get_content_maintype() == "multipart":
            text = text_of(part, notes).strip()
            if text:
                return text
        elif kind == "text/html" and not html:
            html = text_of(part, notes)
    return without_html(html) if html else ""
