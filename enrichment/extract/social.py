"""The company's own pages on social networks, from links; buttons that share a page are not it."""

import re
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from enrichment.extract.pages import listed, organizations
from enrichment.observation import Observation, Rule, best_of_each
from enrichment.web.parse import Document, absolute_url
from enrichment.words import word_set

RULE = Rule("social", 1)

_HANDLE = r"[\w.%-]{2,80}"
# network -> (host ending, path that names a page, its normal form)
NETWORKS = (
    (
        "linkedin",
        "linkedin.com",
        rf"/(company|school|showcase)/({_HANDLE})",
        "https://www.linkedin.com/{0}/{1}",
    ),
    (
        "facebook",
        "facebook.com",
        rf"/(?:pages/[^/]{{1,80}}/(\d+)|p/({_HANDLE})|({_HANDLE}))",
        "https://www.facebook.com/{0}",
    ),
    ("facebook", "fb.com", rf"/({_HANDLE})", "https://www.facebook.com/{0}"),
    ("instagram", "instagram.com", rf"/({_HANDLE})", "https://www.instagram.com/{0}"),
    ("x", "twitter.com", r"/(?:#!/)?@?(\w{2,30})", "https://x.com/{0}"),
    ("x", "x.com", r"/@?(\w{2,30})", "https://x.com/{0}"),
    (
        "youtube",
        "youtube.com",
        rf"/(?:(channel|c|user)/({_HANDLE})|(@{_HANDLE}))",
        "https://www.youtube.com/{0}/{1}",
    ),
    ("tiktok", "tiktok.com", rf"/(@{_HANDLE})", "https://www.tiktok.com/{0}"),
    ("telegram", "t.me", r"/(?!share|joinchat|\+|s/)(\w{3,40})", "https://t.me/{0}"),
    ("telegram", "telegram.me", r"/(?!share|joinchat|\+)(\w{3,40})", "https://t.me/{0}"),
    ("whatsapp", "wa.me", r"/\+?(\d{8,15})", "https://wa.me/{0}"),
    ("wechat", "weixin.qq.com", r"/r/([\w-]{3,60})", "https://weixin.qq.com/r/{0}"),
)
_COMPILED = tuple(
    (name, host, re.compile(path + r"/?(?:$|[/?#])", re.IGNORECASE), form)
    for name, host, path, form in NETWORKS
)
_HOSTS = tuple(sorted({host for _, host, _, _ in NETWORKS}))
_NOT_PAGES = word_set(
    "share sharer sharer.php share.php intent home hashtag search login signup help about "
    "legal policies privacy terms explore p reel reels stories watch embed plugins dialog tr "
    "groups events marketplace profile.php people photo photo.php i status widgets tweet "
    "sharearticle pages results playlist feed wix wordpress wordpressdotcom shopify "
    "squarespace weebly godaddy elementor webflow tr.php flx l.php wixcom badges public "
    "business ads settings notifications messages download developers jobs posts accounts"
)


def find(documents: Sequence[Document]) -> list[Observation]:
    """Observations ``social`` with one normal spelling of the address of the page."""
    found: list[Observation] = []
    for document in documents:
        for url, text, confidence in _addresses(document):
            page = own_page(url)
            if page:
                network, address = page
                found.append(
                    RULE.observe(
                        document,
                        field="social",
                        value=address,
                        raw=url,
                        quote=text or url,
                        how=network,
                        confidence=confidence,
                    )
                )
    return best_of_each(found)


def _addresses(document: Document) -> list[tuple[str, str, float]]:
    found = [
        (link.url, link.text, 0.85)
        for link in document.links
        if not link.is_hidden and any(host in link.url for host in _HOSTS)
    ]
    for node in organizations(document):
        urls = [url for url in listed(node.get("sameAs")) if isinstance(url, str)]
        found.extend((absolute_url(url, document.url), url, 0.95) for url in urls)
    return found


def own_page(url: str) -> tuple[str, str] | None:
    """Network and normal address when ``url`` names a page of somebody, else ``None``."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    host = (parts.hostname or "").lower()
    for network, ending, path, form in _COMPILED:
        if host != ending and not host.endswith("." + ending):
            continue
        if host.split(".")[0] in ("developers", "business", "help", "about", "blog", "support"):
            return None
        match = path.match(unquote(parts.path) or "/")
        if match is None:
            return None
        pieces = [piece for piece in match.groups() if piece]
        if any(piece.lower() in _NOT_PAGES for piece in pieces):
            return None
        return network, _spelled(form, pieces)
    return None


def _spelled(form: str, pieces: list[str]) -> str:
    if "{1}" in form and len(pieces) == 1:
        form = form.replace("/{1}", "")
    return form.format(*pieces)
