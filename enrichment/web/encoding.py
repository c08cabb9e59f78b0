"""Which characters the bytes of a page mean.

The order is the one browsers use (WHATWG HTML, "determining the character encoding"): byte order
mark, HTTP header, a declaration in the first kilobytes, then a guess. Two deviations, because we
want the text and not the rendering: a single-byte declaration over bytes that are valid UTF-8
with multi-byte characters is wrong (one byte in a million reads as both by chance), and so is
``utf-8`` declared over bytes that hold no valid multi-byte character at all.
"""

import codecs
import re
from functools import lru_cache

from bs4.dammit import UnicodeDammit

PRESCAN_BYTES = 4096  # browsers stop at 1024; some generators put a long licence comment first
GUESS_BYTES = 8192  # a detector on the whole page costs tenths of a second

# WHATWG Encoding Standard: labels whose Python codec of the same name is too narrow.
WIDER = {
    "ascii": "windows-1252",
    "us-ascii": "windows-1252",
    "iso-8859-1": "windows-1252",
    "latin-1": "windows-1252",
    "latin1": "windows-1252",
    "l1": "windows-1252",
    "iso8859-1": "windows-1252",
    "iso-8859-9": "windows-1254",
    "latin5": "windows-1254",
    "iso-8859-11": "windows-874",
    "tis-620": "windows-874",
    "gb2312": "gbk",
    "gb_2312-80": "gbk",
    "x-gbk": "gbk",
    "chinese": "gbk",
    "utf8": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "x-sjis": "shift_jis",
    "sjis": "shift_jis",
    "shift-jis": "shift_jis",
    "windows-31j": "shift_jis",
    "ks_c_5601-1987": "euc-kr",
    "ksc5601": "euc-kr",
    "korean": "euc-kr",
    "x-euc-jp": "euc-jp",
    "big5-hkscs": "big5",
    "cn-big5": "big5",
    "x-x-big5": "big5",
    "cp1252": "windows-1252",
    "x-cp1252": "windows-1252",
    "unicode": "utf-16le",
    "utf-16": "utf-16le",
    "iso-10646-ucs-2": "utf-16le",
}
CODEC = {  # our (WHATWG) name -> the Python codec that decodes a superset of it
    "windows-874": "cp874",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "big5": "big5hkscs",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}
# Labels that let bytes mean something else than they look like; browsers refuse them too.
REFUSED = {"utf-7", "hz-gb-2312", "hz", "iso-2022-kr", "iso-2022-cn", "utf-32", "idna", "punycode"}

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16le"),
    (codecs.BOM_UTF16_BE, "utf-16be"),
)
_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w:.+-]{1,40})", re.IGNORECASE)
_PRESCAN = re.compile(
    rb"<!--.*?-->|<(meta|/?[a-z])((?:[^<>\"']|\"[^\"]*\"|'[^']*'){0,2000})>?",
    re.IGNORECASE | re.DOTALL,
)
_META_ATTRIBUTE = re.compile(
    rb"([^\s=/>\"']{1,40})\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.DOTALL
)
_XML_DECLARATION = re.compile(rb"^\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w:.+-]{1,40})[\"']")
_MULTI_BYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)


@lru_cache(maxsize=256)
def canonical_name(label: str) -> str | None:
    """The WHATWG-like name for a label found in the wild, None when nobody knows it."""
    label = label.strip().lower()
    label = WIDER.get(label, label)
    if label in REFUSED:
        return None
    try:
        info = codecs.lookup(CODEC.get(label, label))
    except (LookupError, ValueError):
        return None
    if not getattr(info, "_is_text_encoding", True):
        return None  # rot13, base64 and the like are codecs for Python, not for pages
    if label in CODEC or label.startswith(("windows-", "iso-8859-", "koi8-", "utf-", "euc-")):
        return label
    name = info.name.lower().replace("_", "-")
    name = re.sub(r"^cp(125\d)$", r"windows-\1", name)
    name = re.sub(r"^iso8859-", "iso-8859-", name)
    return WIDER.get(name, name)


def _from_header(content_type: str) -> str | None:
    found = _HEADER_CHARSET.search(content_type[:500])
    return canonical_name(found.group(1)) if found else None


def _from_declaration(body: bytes) -> str | None:
    head = body[:PRESCAN_BYTES]
    declared = _XML_DECLARATION.match(head)
    if declared:
        name = canonical_name(declared.group(1).decode("ascii"))
        if name:
            return name
    for tag in _PRESCAN.finditer(head):
        if tag.group(1) is None or tag.group(1).lower() != b"meta":
            continue
        name = _from_meta(tag.group(2))
        if name:
            # A page that could be read this far is not UTF-16, whatever it says (WHATWG).
            return "utf-8" if name.startswith("utf-16") else name
    return None


def _from_meta(attributes: bytes) -> str | None:
    values: dict[bytes, bytes] = {}
    for match in _META_ATTRIBUTE.finditer(attributes):
        value = match.group(2) or match.group(3) or match.group(4) or b""
        values.setdefault(match.group(1).lower(), value)
    if b"charset" in values:
        return canonical_name(values[b"charset"].decode("ascii", "replace"))
    if values.get(b"http-equiv", b"").strip().lower() == b"content-type":
        return _from_header(values.get(b"content", b"").decode("ascii", "replace"))
    return None


def _guess(body: bytes) -> str:
    if body.isascii():
        return "windows-1252"
    # Cut at a space: a character split in two would look like another encoding.
    sample = body[:GUESS_BYTES]
    if len(body) > GUESS_BYTES:
        sample = sample[: max(sample.rfind(b" "), GUESS_BYTES - 200)]
    guessed = UnicodeDammit(sample, is_html=True).original_encoding
    return (canonical_name(guessed) if guessed else None) or "windows-1252"


def decide_encoding(body: bytes, content_type: str = "") -> str:
    """The encoding of a page by its WHATWG name (``utf-8``, ``windows-1252``, ``shift_jis``)."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return name
    declared = _from_header(content_type) or _from_declaration(body)
    if declared and not declared.startswith(("utf-8", "windows-125", "iso-8859-")):
        return declared
    if body.isascii():
        return declared or "windows-1252"
    if _MULTI_BYTE.search(body) and _is_utf8(body):
        return "utf-8"
    if declared == "utf-8":
        return declared if _MULTI_BYTE.search(body) else _guess(body)
    return declared or _guess(body)


def _is_utf8(body: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(body)  # a cut last character is no error
    except UnicodeDecodeError:
        return False
    return True


def decode(body: bytes, content_type: str = "") -> tuple[str, str]:
    """The text of a page and the encoding it was read in. Never raises; bad bytes become U+FFFD."""
    name = decide_encoding(body, content_type)
    text = body.decode(CODEC.get(name, name), "replace")
    return text.removeprefix("\ufeff"), name
