"""Which pages of a site are worth the few requests a crawl has: a stated, repeatable rule.

Every link is given a role by the words of its address and its text (English, with Malay and Chinese
basics). The next page is the one with the smallest rank: roles in the order of ``ROLES``, each role
once before any has its second page, the home page's host and language first, then the shorter
path, then the address itself. The same links give the same choice.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from enrichment.web.pages import NotFetchedError
from enrichment.web.web_address import Target, parse_url, site_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from enrichment.web.parse import Document

HOME: Final = "home"
OTHER: Final = "other"
ROLES: Final = {
    "contact": r"contact|enquir|inquir|get-in-touch|reach-us|find-us|where-to-find|kontak|hubungi"
    r"|联系|联络|聯絡|聯繫|查询",
    "about": r"about|company|corporate|profile?|who-we-are|our-story|history|overview|introduction"
    r"|tentang|mengenai|latar-belakang|关于|關於|公司简介|公司簡介|公司介绍|简介",
    "team": r"team|people|management|leadership|directors?|board|founders?|staff|partners?|doctors?"
    r"|lawyers|consultants|who-s-who|pasukan|pengurusan|kakitangan|团队|團隊|管理层|管理層|领导|董事",
    "services": r"services?|products?|solutions?|what-we-do|capabilit\w+|expertise|practice-areas"
    r"|industries|portfolio|projects?|perkhidmatan|produk|penyelesaian|服务|服務|产品|產品|解决方案|业务",
    "careers": r"careers?|jobs?|vacanc\w+|join-us|work-with-us|hiring|kerjaya|jawatan"
    r"|招聘|加入我们|职位",
    "locations": r"locations?|branch(?:es)?|offices?|outlets?|stores?|showrooms?|cawangan|lokasi"
    r"|分行|分店|门店|門市|地点|地址",
    "legal": r"privacy|terms|legal|imprint|impressum|pdpa|disclaimer|data-protection|privasi|terma"
    r"|隐私|隱私|条款|條款|免责",
}
MAX_LINKS_A_PAGE: Final = 400
MAX_CANDIDATES: Final = 1_200
_ORDER: Final = {HOME: 0, **{role: at for at, role in enumerate(ROLES, 1)}, OTHER: 18}
_ROUND: Final = 10


def _role_pattern(words: str) -> str:
    """A word stands between hyphens, with "our" or "us" about it; Chinese has no gaps."""
    latin = "|".join(word for word in words.split("|") if word.isascii())
    chinese = "|".join(word for word in words.split("|") if not word.isascii())
    return (
        rf"(?<![a-z0-9])(?:our-?|meet-?(?:the-?|our-?)?|the-?)?(?:{latin})"
        rf"(?:-?us|-?info|-?page)?(?![a-z0-9])|{chinese}"
    )


#: One pattern for all roles: the first word in a text decides. Links are many, so it is run once.
_ROLE: Final = re.compile(
    "|".join(f"(?P<{role}>{_role_pattern(words)})" for role, words in ROLES.items())
)
_NOT_WORDS: Final = re.compile(r"[^a-z0-9\u0080-\U0010ffff]+")
_MAX_SLUG_WORDS: Final = 4
_MAX_TEXT_CHARS: Final = 40
_HIDDEN: Final = 8  # a menu that opens on a click is worth a look, after what everybody sees

_DIARY: Final = re.compile(
    r"/(?:blogs?|news|articles?|posts?|press|events?|tags?|category|categories|archives?|author"
    r"|insights?|stories|forums?|topics?|wiki|search|shop|cart|basket|checkout|wishlist|compare)(?:/|$)"
    r"|/(?:19|20)\d\d(?:/|$)"
)
_TRAP: Final = re.compile(
    r"calendar|/page/\d|/p/?\d+/?$|[?&](?:page|paged|p|offset|start|from|pg)=\d|[?&](?:date|month"
    r"|year|day|week|sort|order|orderby|dir|filter|print|format|replytocom|share|add-to-cart"
    r"|action|redirect|return|returnurl|next|url|goto|q|s|search|query)="
    r"|/(?:log_?-?in|log_?-?out|sign_?-?(?:in|up|out)|register|wp-login|wp-admin|wp-json|xmlrpc|feed"
    r"|rss|print|cgi-bin|(?:my-?)?account|cart|checkout|admin|trackback|embed)(?:[/.?]|$)"
)
_FILE: Final = re.compile(r"\.([a-z0-9]{1,5})$")
_PAGE_FILES: Final = frozenset(
    (
        "html", "htm", "xhtml", "shtml", "dhtml", "phtml", "php", "php3", "php5", "asp", "aspx",
        "jsp", "jspx", "do", "cfm", "cgi", "pl", "txt",
    )
)  # fmt: skip
_NOISE: Final = re.compile(
    r"(?:^|&)(?:utm_\w+|gclid|fbclid|msclkid|mc_[ce]id|_ga|ref|phpsessid|jsessionid|sid|sessionid"
    r"|session_id|aspsessionid\w*|cfid|cftoken|zenid|oscsid)=[^&]*",
    re.IGNORECASE,
)
_SESSION_IN_PATH: Final = re.compile(r";jsessionid=[^/?]*|/\(s\([a-z0-9]+\)\)", re.IGNORECASE)
_INDEX: Final = re.compile(r"/(?:index|default|home)\.[a-z]{3,5}$", re.IGNORECASE)
_LANGUAGES: Final = frozenset(
    (
        "en", "zh", "ms", "ta", "cn", "tw", "hk", "sg", "ja", "jp", "ko", "kr", "th", "vi", "id",
        "de", "fr", "es", "pt", "it", "nl", "ru", "ar", "he", "tr", "pl", "sv", "da", "no", "fi",
        "cs", "hu", "ro", "uk", "el", "hi", "bn", "my", "km", "lo", "tl",
    )
)  # fmt: skip
MAX_DEPTH: Final = 6
MAX_PATH_CHARS: Final = 250
MAX_PARAMETERS: Final = 4


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that could be fetched next."""

    target: Target
    role: str
    language: str  # of its path, "" without
    is_hidden: bool = False


@dataclass
class Choice:
    """The links seen so far, and what was taken of them."""

    site: str
    home_host: str = ""
    home_language: str = ""
    waiting: dict[str, Candidate] = field(default_factory=dict)  # by ``key``
    seen: set[str] = field(default_factory=set)
    taken: Counter[str] = field(default_factory=Counter)  # role -> pages
    offered: set[tuple[str, str]] = field(default_factory=set)  # menus repeat on every page

    def start(self, home: Target) -> None:
        """The crawl begins here: its domain is the site, its language the preferred one."""
        self.site = site_of(home.host)
        self.home_host = home.host
        self.home_language = _language(home)
        self.seen.add(key(home))

    def add(self, document: Document) -> None:
        """Take note of a page's frames, language versions and links."""
        for url, role in _head_links(document):
            self._offer(url, text="", role=role)
        if len(document.text) < 200:
            for frame in _frames(document):
                self._offer(frame, text="", role=HOME)
        for link in document.links[:MAX_LINKS_A_PAGE]:
            if "nofollow" not in link.rel and (link.url, link.text) not in self.offered:
                self.offered.add((link.url, link.text))
                self._offer(link.url, text=link.text, is_hidden=link.is_hidden)

    def mark_seen(self, url: str) -> None:
        """An address that is known already (redirected to, canonical) is not fetched again."""
        target = _parsed(url)
        if target is not None:
            self.seen.add(key(target))
            self.waiting.pop(key(target), None)

    def take(self) -> Candidate | None:
        """The best waiting page, removed from the list; ``None`` when nothing is left."""
        if not self.waiting:
            return None
        name = min(self.waiting, key=lambda name: self._rank(self.waiting[name]))
        candidate = self.waiting.pop(name)
        self.seen.add(name)
        return candidate

    def kept(self, role: str) -> None:
        """A page of this role was kept; its next one comes a round later."""
        self.taken[role] += 1

    def _rank(self, candidate: Candidate) -> tuple[int, bool, int, int, str]:
        turn = _ORDER[candidate.role] + _HIDDEN * candidate.is_hidden
        if candidate.role != HOME:
            turn += _ROUND * self.taken[candidate.role]
        if candidate.language == self.home_language:
            foreign = 0
        else:
            foreign = 1 if candidate.language in ("", "en") else 2
        target = candidate.target
        path = target.path.partition("?")[0]
        return turn, target.host != self.home_host, foreign, len(path), target.url

    def _offer(self, url: str, *, text: str, role: str = "", is_hidden: bool = False) -> None:
        if len(self.waiting) >= MAX_CANDIDATES:
            return
        target = _parsed(url)
        if target is None or site_of(target.host) != self.site or is_trap(target):
            return
        name = key(target)
        if name in self.seen:
            return
        role = role or role_of(target, text)
        if is_hidden and role == OTHER:
            return  # what nobody sees and nothing names may be a trap for crawlers
        found = Candidate(target, role, _language(target), is_hidden)
        known = self.waiting.get(name)
        if known is None or self._rank(found) < self._rank(known):
            self.waiting[name] = found


def role_of(target: Target, text: str) -> str:
    """The role of a link: by its last path segment, then its text, then the rest of its path."""
    path = target.path.partition("?")[0].lower()
    if _DIARY.search(path):
        return OTHER
    *front, last = [_words(_unquoted(part)) for part in path.split("/") if part] or [""]
    said = _words(text.lower()) if len(text) <= _MAX_TEXT_CHARS else ""
    for words in (last, said, *reversed(front)):
        if words.count("-") >= _MAX_SLUG_WORDS:
            continue
        found = _ROLE.search(words)
        if found is not None:
            return found.lastgroup or OTHER
    return OTHER


def is_trap(target: Target) -> bool:
    """Addresses that lead nowhere or for ever: calendars, endless lists, sorted copies, files."""
    path, _, query = target.path.lower().partition("?")
    segments = [part for part in path.split("/") if part]
    if len(segments) > MAX_DEPTH or len(target.path) > MAX_PATH_CHARS:
        return True
    if query.count("&") >= MAX_PARAMETERS:
        return True
    if any(count > 1 for count in Counter(segments).values()):
        return True  # /a/b/a/b: a relative link on a page that answers everywhere
    kind = _FILE.search(segments[-1]) if segments else None
    if kind is not None and kind[1] not in _PAGE_FILES and not kind[1].isdigit():
        return True
    return _TRAP.search(f"{path}?{query}" if query else path) is not None


def tidy(target: Target) -> Target:
    """The same address without tracking parameters and session ids."""
    path, mark, query = target.path.partition("?")
    kept = _NOISE.sub("", query).strip("&") if query else ""
    path = _SESSION_IN_PATH.sub("", path) or "/"
    if kept == query and not (mark and not query) and path == target.path.partition("?")[0]:
        return target
    return Target(target.scheme, target.host, target.port, f"{path}?{kept}" if kept else path)


def key(target: Target) -> str:
    """What makes two addresses one page: no scheme, no www, no language, no index file."""
    path, _, query = target.path.partition("?")
    path = _INDEX.sub("/", path).rstrip("/")
    first, _, rest = path.removeprefix("/").partition("/")
    if _is_language(first):
        path = f"/{rest}" if rest else ""
    host = target.host.removeprefix("www.")
    return f"{host}:{target.port if target.port not in (80, 443) else ''}{path}?{query}".lower()


def _parsed(url: str) -> Target | None:
    try:
        return tidy(parse_url(url))
    except NotFetchedError:
        return None


def _language(target: Target) -> str:
    first = target.path[1:].partition("?")[0].partition("/")[0].lower()
    return first[:2] if _is_language(first) else ""


def _is_language(segment: str) -> bool:
    first, _, region = segment.lower().replace("_", "-").partition("-")
    return first in _LANGUAGES and len(region) in (0, 2, 4)


def _words(text: str) -> str:
    return _NOT_WORDS.sub("-", text).strip("-")


def _unquoted(segment: str) -> str:
    stem = segment.partition(".")[0] if _FILE.search(segment) else segment
    return unquote(stem).lower() if "%" in stem else stem


def _head_links(document: Document) -> Iterator[tuple[str, str]]:
    """The English version of a page in another language; other versions are left alone."""
    if document.root is None or document.lang.startswith("en") or not document.lang:
        return
    for element in document.root.iter("link"):
        language = (element.get("hreflang") or "").lower()
        if "alternate" in (element.get("rel") or "").lower() and language.startswith("en"):
            yield _absolute(element.get("href"), document), HOME
            return


def _frames(document: Document) -> Iterator[str]:
    if document.root is None:
        return
    for element in document.root.iter("frame", "iframe"):
        yield _absolute(element.get("src"), document)


def _absolute(href: Any, document: Document) -> str:
    try:
        return parse_url(href or "", base=parse_url(document.base)).url if href else ""
    except NotFetchedError:
        return ""
