"""E-mail addresses in running text, plain or written so that machines should miss them.

Works on one text with line breaks as borders. Each form is anchored at its ``@`` (or the word that
stands for it) and looks at most 64 characters to the left and 255 to the right, so the cost grows
with the number of such places only.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from enrichment.domains import has_public_suffix
from enrichment.words import word_set

MAX_LEFT, MAX_RIGHT = 64, 255
MAX_PLACES = 2_000  # of each kind in one text; a page with more is no contact page


@dataclass(frozen=True, slots=True)
class Written:
    """An address as found: the mended spelling, the place, and how it was written."""

    address: str
    start: int
    end: int
    how: str
    confidence: float


_AT = re.compile("[@\uff20\ufe6b]")
_LEFT = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+$")
_RIGHT = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,8}[A-Za-z][A-Za-z0-9-]{1,23}")
_GLUED_LABEL = re.compile(
    r"^(?:E-?mail(?:id|us)?|Mail|Contact|Enquiry|Address)(?=[a-z])|^e-?mail[:=]|^mailto[:=]"
)
_GLUED_TAIL = re.compile(r"[a-z](?=[A-Z][a-z])")
_LABEL_BEFORE = re.compile(
    r"(?:e-?mail(?:\s(?:us|me|address))?(?:\s(?:at|to))?|mail(?:\sto)?|write\sto"
    r"|contact)\s?[:\-]?\s?$",
    re.IGNORECASE,
)
_SPACED_LEFT = re.compile(r"(?:^|[\s:|,;(])([A-Za-z0-9][A-Za-z0-9._+-]{0,63})\s{1,3}$")
_SPACED_DOTS = re.compile(r"\s{0,3}((?:[A-Za-z0-9-]{1,63}\s?\.\s?){1,6}[A-Za-z]{2,24})$")
_CREDENTIALS = re.compile(r"//[^\s/]{0,60}$")
_SPACED_RIGHT = re.compile(r"\s{0,3}((?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24})(?![\w@.-])")
_NOT_NAMES = word_set(
    "us me we at find follow visit see call more shop online here now sale only available tel "
    "fax live meet located location venue held open today price prices buy qty each"
)

_DOT_WORD = (
    r"(?:\s{0,2}[\[({<]\s{0,2}(?:dot|d0t|\.|punkt|point)\s{0,2}[\])}>]\s{0,2}"
    r"|\s{1,2}(?:dot|DOT)\s{1,2}|\s\.\s|\.)"
)
_AT_WORD = (
    r"(?:\s{0,2}[\[({<|]\s{0,2}(?:at|a|@|\uff20|arroba|ät|et|AT)\s{0,2}[\])}>|]\s{0,2}"
    r"|\s{0,2}(?:_at_|-at-|\(at\)|=at=|\*at\*)\s{0,2}"
    r"|(?P<bare>\s{1,2}at\s{1,2}))"
)
_AT_PLACE = re.compile(_AT_WORD, re.IGNORECASE)
_WORD_LEFT = re.compile(
    rf"(?:[A-Za-z0-9_+-]{{1,40}}{_DOT_WORD}){{0,3}}[A-Za-z0-9_+-]{{1,40}}$", re.IGNORECASE
)
_WORD_RIGHT = re.compile(
    rf"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,62}}){_DOT_WORD}){{1,5}}[A-Za-z]{{2,24}}(?![\w@])",
    re.IGNORECASE,
)
_DOT_WORDS = re.compile(_DOT_WORD, re.IGNORECASE)
_WORDY_HINT = re.compile(
    r"[\[({<|_*=-]\s{0,2}(?:at|a|@|\uff20|arroba|ät)\s{0,2}[\])}>|_*=-]|\sat\s", re.IGNORECASE
)
_SPELLED_DOT = re.compile(r"[\[({<]\s{0,2}(?:dot|d0t|\.)\s{0,2}[\])}>]|\sdot\s", re.IGNORECASE)

# Letters of other alphabets that look like ours; used only where the rest is Latin.
_LOOK_ALIKES = {  # Cyrillic, Greek and full-width code points
    0x0430: "a",
    0x0435: "e",
    0x043E: "o",
    0x0440: "p",
    0x0441: "c",
    0x0443: "y",
    0x0445: "x",
    0x0456: "i",
    0x0458: "j",
    0x0455: "s",
    0x0501: "d",
    0x04BB: "h",
    0x04CF: "l",
    0x0261: "g",
    0x03BF: "o",
    0x03B1: "a",
    0x0475: "v",
    0xFF20: "@",
    0xFE6B: "@",
    0x2024: ".",
    0x3002: ".",
    0xFF0E: ".",
}


def find_written(text: str, *, own_suffix: str = "") -> Iterator[Written]:
    """Addresses in ``text`` by place. ``own_suffix``: a last label taken as real beside the
    public list (a site on a test network)."""
    if not text.isascii():
        text = _latin(text)
    if "@" in text:
        for at in islice(_AT.finditer(text), MAX_PLACES):
            found = _plain(text, at.start(), own_suffix=own_suffix)
            if found:
                yield found
    if _WORDY_HINT.search(text):
        for place in islice(_AT_PLACE.finditer(text), MAX_PLACES):
            found = _worded(text, place, own_suffix=own_suffix)
            if found:
                yield found


def _latin(text: str) -> str:
    """The same text, letter for letter, with full-width and look-alike letters in plain Latin."""
    if not any(mark in text for mark in "\uff20\ufe6b@"):
        return text
    return "".join(_latin_letter(letter) for letter in text)


def _latin_letter(letter: str) -> str:
    if letter < "\x80":
        return letter
    if "\uff01" <= letter <= "\uff5e":
        return unicodedata.normalize("NFKC", letter)
    return letter.translate(_LOOK_ALIKES)


def _is_real(domain: str, own_suffix: str) -> bool:
    domain = domain.lower()
    return has_public_suffix(domain) or bool(own_suffix and domain.endswith("." + own_suffix))


def _plain(text: str, at: int, *, own_suffix: str) -> Written | None:
    left_end = text.rfind("\n", 0, at) + 1
    left = _LEFT.search(text[max(left_end, at - MAX_LEFT) : at])
    if left is None:
        return _spaced(text, at, own_suffix=own_suffix)
    local = left.group(0).lstrip("./&?=-'")
    start = at - len(local)
    label = _GLUED_LABEL.match(local)
    if label and len(local) - label.end() >= 2:
        local, start = local[label.end() :], start + label.end()
    if not local or local.endswith("/") or "//" in local or text[max(0, start - 1) : start] == "@":
        return None
    if text[max(0, start - 1) : start] in (":", "/") and _CREDENTIALS.search(
        text[max(left_end, start - 70) : start]
    ):
        return None
    local = local.rsplit("/", 1)[-1].rsplit("=", 1)[-1]
    start = at - len(local)
    if not local:
        return None
    right = _RIGHT.match(text, at + 1, min(len(text), at + MAX_RIGHT))
    if right is None:
        return _backwards(text, at, local, own_suffix=own_suffix)
    domain = _real_part(right.group(0), own_suffix)
    end = at + 1 + len(domain)
    if not domain or text[end : end + 1] == "@":
        return None
    return Written(f"{local}@{domain}", start, end, "plain", 0.9)


def _real_part(domain: str, own_suffix: str) -> str:
    """The longest start of ``domain`` that can be one, cut where the next word was glued on."""
    if _is_real(domain, own_suffix):
        return domain
    head, _, last = domain.rpartition(".")
    glued = _GLUED_TAIL.search(last)
    if glued and _is_real(f"{head}.{last[: glued.end()]}", own_suffix):
        return f"{head}.{last[: glued.end()]}"
    if _is_real(head, own_suffix) and last[:1].isupper():  # "a@b.sg.Please call"
        return head
    return ""


def _backwards(text: str, at: int, left: str, *, own_suffix: str) -> Written | None:
    """``gs.moc.emca@ofni``: read from the right it has a real domain, from the left it has none."""
    right = re.compile(r"[A-Za-z0-9_+-]{2,40}").match(text, at + 1)
    domain = left[::-1]
    if right is None or not _RIGHT.fullmatch(domain) or not _is_real(domain, own_suffix):
        return None
    return Written(f"{right.group(0)[::-1]}@{domain}", at - len(left), right.end(), "reversed", 0.7)


def _spaced(text: str, at: int, *, own_suffix: str) -> Written | None:
    """``info @ acme.sg``, only behind a label or alone: "follow us @ acme.sg" is a sentence."""
    line_start = text.rfind("\n", 0, at) + 1
    left = _SPACED_LEFT.search(text[max(line_start, at - MAX_LEFT - 4) : at])
    line_end = text.find("\n", at)
    line_end = line_end if line_end >= 0 else len(text)
    limit = min(line_end, at + MAX_RIGHT)
    right = _SPACED_RIGHT.match(text, at + 1, limit) or _SPACED_DOTS.match(text, at + 1, limit)
    if left is None or right is None or left.group(1).lower() in _NOT_NAMES:
        return None
    start = max(line_start, at - MAX_LEFT - 4) + left.start(1)
    before = text[max(line_start, start - 30) : start]
    alone = not before.strip() and right.end() == line_end
    if not alone and not _LABEL_BEFORE.search(before):
        return None
    domain = right.group(1).replace(" ", "")
    if not _is_real(domain, own_suffix):
        return None
    return Written(f"{left.group(1)}@{domain}", start, right.end(), "spaced", 0.8)


def _worded(text: str, place: re.Match[str], *, own_suffix: str) -> Written | None:
    line_start = text.rfind("\n", 0, place.start()) + 1
    window = max(line_start, place.start() - MAX_LEFT * 2)
    left = _WORD_LEFT.search(text[window : place.start()])
    right = _WORD_RIGHT.match(text, place.end(), min(len(text), place.end() + MAX_RIGHT))
    if left is None or right is None:
        return None
    start = window + left.start()
    local = _DOT_WORDS.sub(".", left.group(0))
    domain = _DOT_WORDS.sub(".", right.group(0))
    if place.group("bare") is not None:
        # Words alone: "info at acme dot sg", or "e-mail: info at acme.sg". "Meet us at acme.sg" is
        # a sentence.
        spelled = bool(_SPELLED_DOT.search(right.group(0)))
        labelled = _LABEL_BEFORE.search(text[max(line_start, start - 30) : start])
        if local.lower() in _NOT_NAMES or not (spelled or labelled):
            return None
    domain = _real_part(domain, own_suffix)
    if not domain or local.lower() in _NOT_NAMES:
        return None
    return Written(f"{local}@{domain}", start, right.end(), "worded", 0.8)
