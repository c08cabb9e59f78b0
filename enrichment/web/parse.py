"""One fetched page, read once: tree, text, links, and what it says to machines."""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

from lxml import etree
from lxml import html as lxml_html

from enrichment.web import reading, structured
from enrichment.web.encoding import decode
from enrichment.web.host_of import host_of
from enrichment.web.reading import Block, Reading, squeeze

MAX_BODY = 3_000_000  # bytes of a page that are read; the rest is cut
MAX_LINKS = 5_000
MAX_URL = 2_000
LONG_PAGE = 65_536  # from here on tags are counted before the parser sees them
LONG_TAG = 16_384
MAX_TAG_TOKENS = 1_000

# A tag as HTML's own tokenizer sees it; raw text and comments first, so that they do not count.
# Possessive throughout: each character is looked at once.
_TOKEN = re.compile(
    r"<!--(?:[^-]++|-(?!->))*+(?:-->)?+"
    r"|<(?P<raw>script|style|title|textarea|xmp)\b(?:[^<]++|<(?!/(?P=raw)))*+"
    r"|<[a-z][^\s/>]*+(?:[\s/]++|[^\s/>][^\s/>=]*+"
    r"(?:\s*+=\s*+(?:\"[^\"]*+\"?+|'[^']*+'?+|[^\s>\"'][^\s>]*+)?+)?+)*+>?",
    re.IGNORECASE,
)
# Most links need no joining (0.1 ms each): a path from the root, or a whole address.
_PLAIN_HREF = re.compile(
    r"(?:https?://[a-z0-9][a-z0-9.-]*[a-z0-9](?::\d{1,5})?)?/(?!/)[A-Za-z0-9/_~%;=&@:,.+!*$()?-]*(?<!\?)"
)
_TAG_NAME = re.compile(r"<[a-zA-Z][\w-]{0,60}")
_MARKUP = re.compile(
    r"<(?:!doctype|html|head|body|div|p|a|table|meta|title|script)\b", re.IGNORECASE
)
_NOT_PAGES = ("image/", "audio/", "video/", "font/", "application/pdf", "application/zip")


@dataclass(frozen=True, slots=True)
class Link:
    """One anchor of a page. ``url`` is absolute http(s) without fragment; ``rel`` in lower case."""

    url: str
    text: str
    rel: str
    is_hidden: bool = False


class Document:
    """A page after parsing. Everything is worked out once, on first use, and never raises.

    ``root`` is ``None`` for a body that holds no markup or text (an image, nothing at all).
    """

    def __init__(self, *, url: str, sha256: str, html: str, encoding: str, root: Any) -> None:
        self.url = url
        self.sha256 = sha256  # of the body as given, hexadecimal
        self.html = html
        self.encoding = encoding  # WHATWG name
        self.root = root

    def lighten(self) -> None:
        """Forget the tree and the source, which nobody needs any more; address and text stay."""
        kept = Reading(self.text, (), (), ())
        self.root, self.html = None, ""
        for name in ("lowered", "links", "jsonld", "microdata"):
            self.__dict__.pop(name, None)
        self.__dict__["reading"] = kept

    @cached_property
    def host(self) -> str:
        """Host name in lower case, without port and leading ``www.``."""
        return host_of(self.url)

    @cached_property
    def path(self) -> str:
        return urlsplit(self.url).path.lower()

    @cached_property
    def reading(self) -> Reading:
        if self.root is None:
            return Reading("", (), (), ())
        return reading.read(self.root)

    @property
    def text(self) -> str:
        """Visible text in reading order, one block a line."""
        return self.reading.text

    @cached_property
    def lowered(self) -> str:
        """The text in lower case, for a quick look whether a rule is worth its expression."""
        return self.text.lower()

    @property
    def blocks(self) -> tuple[Block, ...]:
        return self.reading.blocks

    @cached_property
    def title(self) -> str:
        if self.root is None:
            return ""
        for element in self.root.iter("title"):
            parent = element.getparent()
            if parent is not None and parent.tag not in ("svg", "symbol", "g"):
                return squeeze("".join(element.itertext()))[:500]
        return ""

    @cached_property
    def lang(self) -> str:
        """Language the page declares, lower case (``en``, ``zh-sg``), or ``""``."""
        if self.root is None:
            return ""
        declared = self.root.get("lang") or self.root.get(
            "{http://www.w3.org/XML/1998/namespace}lang"
        )
        declared = declared or self.meta.get("content-language") or self.meta.get("og:locale") or ""
        found = re.match(r"[a-zA-Z]{2,3}(?:[-_][a-zA-Z]{2,4})?", declared.strip())
        return found.group(0).lower().replace("_", "-") if found else ""

    @cached_property
    def base(self) -> str:
        if self.root is not None:
            for element in self.root.iter("base"):
                href = element.get("href")
                if href:
                    return absolute_url(href, self.url) or self.url
        return self.url

    @cached_property
    def canonical(self) -> str:
        """The page's own ``rel=canonical`` address, or ``""``."""
        if self.root is None:
            return ""
        for element in self.root.iter("link"):
            if "canonical" in element.get("rel", "").lower().split():
                return absolute_url(element.get("href", ""), self.base)
        return ""

    @cached_property
    def links(self) -> list[Link]:
        """Anchors in page order, hidden ones last, at most 5,000. Duplicates are kept."""
        found: list[Link] = []
        for anchor in self.reading.anchors:
            self._add_link(found, anchor, is_hidden=False)
        for element in self.reading.hidden:
            for anchor in element.iter("a", "area"):
                self._add_link(found, anchor, is_hidden=True)
        return found[:MAX_LINKS]

    def _add_link(self, found: list[Link], anchor: Any, *, is_hidden: bool) -> None:
        href = anchor.get("href")
        if not href or len(found) >= MAX_LINKS:
            return
        url = absolute_url(href, self.base)
        if url:
            rel = anchor.get("rel", "").lower()
            found.append(Link(url, anchor_text(anchor), rel, is_hidden))

    @cached_property
    def meta(self) -> dict[str, str]:
        """``name``, ``property`` or ``http-equiv`` in lower case -> content; the first counts."""
        found: dict[str, str] = {}
        if self.root is None:
            return found
        for element in self.root.iter("meta"):
            name = element.get("name") or element.get("property") or element.get("http-equiv")
            content = element.get("content")
            if name and content:
                found.setdefault(name.strip().lower()[:100], squeeze(content)[:2000])
        return found

    @cached_property
    def jsonld(self) -> list[structured.Node]:
        if self.root is None or "ld+json" not in self.html:
            return []
        return structured.read_jsonld(self.root)

    @cached_property
    def microdata(self) -> list[structured.Node]:
        if self.root is None or "itemscope" not in self.html:
            return []
        return structured.read_microdata(self.root)


def anchor_text(anchor: Any) -> str:
    """What an anchor shows, or names itself, at most 300 characters."""
    text = squeeze("".join(anchor.itertext())[:2000])
    if not text:
        images = [image.get("alt") for image in anchor.iter("img") if image.get("alt")]
        text = squeeze(anchor.get("aria-label") or anchor.get("title") or " ".join(images))
    return text[:300]


def absolute_url(href: str, base: str) -> str:
    """``href`` made absolute, without fragment; ``""`` for anything that is not http(s)."""
    href = href.strip().replace("\n", "").replace("\r", "").replace("\t", "")
    if not href or len(href) > MAX_URL or href.startswith("#"):
        return ""
    if _PLAIN_HREF.fullmatch(href) and "/." not in href:
        return f"{_origin(base)}{href}" if href.startswith("/") else href
    scheme, colon, _ = href.partition(":")
    if colon and scheme.isalpha() and scheme.lower() not in ("http", "https"):
        return ""
    try:
        url = urldefrag(urljoin(base, href.replace("\\", "/"))).url
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return ""
    return url if is_web else ""


@lru_cache(maxsize=64)
def _origin(url: str) -> str:
    return urljoin(url, "/")[:-1]


def _without_giant_tags(text: str) -> str:
    """Tags with thousands of attributes reduced to their names.

    libxml2 appends each attribute by walking all earlier ones: 200,000 took 91 s here, and no
    setting of the parser limits it.
    """

    def reduce(token: re.Match[str]) -> str:
        tag = token.group(0)
        if len(tag) < LONG_TAG or tag.startswith("<!--") or token.group("raw"):
            return tag
        if len(tag.split()) + tag.count("/") + tag.count("=") < MAX_TAG_TOKENS:
            return tag
        name = _TAG_NAME.match(tag)
        return f"{name.group(0)}>" if name else ""

    return _TOKEN.sub(reduce, text)


def _tree(text: str) -> Any:
    # huge_tree: without it libxml2 stops reading at 256 nested elements; with it, at 2,048.
    parser = lxml_html.HTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True
    )
    try:
        return lxml_html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, AssertionError):
        return None  # nothing in it that could be a tree


def parse(body: bytes, content_type: str = "", url: str = "") -> Document:
    """Read one fetched page. Never raises, whatever the bytes are.

    Time is bounded: at most ``MAX_BODY`` bytes are looked at, each a constant number of times.
    Plain text becomes a document with one block a line; images, PDFs and the like one without root.
    """
    sha256 = hashlib.sha256(body).hexdigest()
    kind = content_type.split(";", 1)[0].strip().lower()
    if kind.startswith(_NOT_PAGES) or body.startswith(
        (b"%PDF-", b"\x89PNG", b"GIF8", b"\xff\xd8\xff")
    ):
        return Document(url=url, sha256=sha256, html="", encoding="", root=None)
    text, encoding = decode(body[:MAX_BODY], content_type)
    if "\x00" in text:
        text = text.replace("\x00", "")
    if kind == "text/plain" or (not kind.endswith("html") and not _MARKUP.search(text[:50_000])):
        root = _tree("<pre></pre>")
        pre = next(root.iter("pre"))
        lines = text.splitlines()[:20_000]
        pre.text = lines[0] if lines else ""
        for line in lines[1:]:
            etree.SubElement(pre, "br").tail = line
    else:
        root = _tree(_without_giant_tags(text) if len(text) > LONG_PAGE else text)
    return Document(url=url, sha256=sha256, html=text, encoding=encoding, root=root)
