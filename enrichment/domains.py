"""Which part of a host name is the company's own, and whose names are nobody's in particular."""

from functools import lru_cache

import tldextract

from enrichment.words import word_set

# The list bundled with the package: no request at run time.
_split = tldextract.TLDExtract(suffix_list_urls=(), include_psl_private_domains=True)

# Providers where anybody may have a mailbox (hand-made, the large ones and Singapore's own).
FREE_MAIL = word_set(
    "gmail.com googlemail.com yahoo.com yahoo.com.sg yahoo.co.uk ymail.com rocketmail.com "
    "hotmail.com hotmail.sg hotmail.co.uk live.com live.com.sg outlook.com outlook.sg msn.com "
    "icloud.com me.com mac.com aol.com gmx.com gmx.net gmx.de web.de mail.com proton.me "
    "protonmail.com pm.me zoho.com yandex.com yandex.ru mail.ru qq.com 163.com 126.com "
    "sina.com foxmail.com naver.com hanmail.net singnet.com.sg pacific.net.sg starhub.net.sg "
    "starhub.com.sg cyberway.com.sg magix.com.sg comcast.net att.net sbcglobal.net "
    "verizon.net bellsouth.net cox.net earthlink.net btinternet.com btconnect.com sky.com "
    "talktalk.net virginmedia.com rogers.com shaw.ca telus.net sympatico.ca bigpond.com "
    "optusnet.com.au rediffmail.com tutanota.com fastmail.com hushmail.com inbox.com juno.com "
    "rediff.com freemail.example"
)
# Names used in documentation and in the templates of themes: never anybody's address.
EXAMPLES = word_set(
    "example.com example.org example.net example.edu domain.com domain.tld domain.net "
    "domain.co yourdomain.com yourdomain.com.sg yourcompany.com yourcompany.com.sg "
    "yoursite.com yourwebsite.com yourbusiness.com yourstore.com mysite.com mydomain.com "
    "mycompany.com mywebsite.com website.com company.com company.com.sg companyname.com "
    "email.com mail.tld site.com test.com sample.com samplemail.com somewhere.com address.com "
    "emailaddress.com sitename.com businessname.com placeholder.com demo.com demolink.org "
    "example.sg lorem.com ipsum.com foo.com bar.com wixpress.com sentry.io "
    "sentry.wixpress.com sentry-next.wixpress.com godaddy.com.invalid 2x.png email.tld "
    "xyz.com abc.com"
)


@lru_cache(maxsize=4096)
def registrable(host: str) -> str:
    """The name somebody registered (``acme.com.sg``), or the host itself where no rule is known."""
    return _split(host).top_domain_under_public_suffix or host


@lru_cache(maxsize=4096)
def has_public_suffix(host: str) -> bool:
    """Whether the host ends in a suffix of the public list and has a name before it."""
    parts = _split(host)
    return bool(parts.suffix and parts.domain)


@lru_cache(maxsize=4096)
def name_label(host: str) -> str:
    """The label that carries the name: ``acme`` of ``www.acme.com.sg``."""
    parts = _split(host)
    if parts.suffix:
        return parts.domain
    return host.removeprefix("www.").split(".", 1)[0]


@lru_cache(maxsize=4096)
def same_owner(one: str, other: str) -> bool:
    """Whether two host names belong together: one holds the other, or both one registered name.

    Where the suffix is not in the public list (a test network), neighbours count as strangers.
    """
    one, other = one.lower().removeprefix("www."), other.lower().removeprefix("www.")
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    if longer.endswith("." + shorter):
        return has_public_suffix(shorter) or "." in shorter
    return has_public_suffix(one) and registrable(one) == registrable(other)


def is_free_mail(domain: str) -> bool:
    return domain in FREE_MAIL


def is_example(domain: str) -> bool:
    """Documentation names, by list, by RFC 2606, and by the words themes put there."""
    return domain in EXAMPLES or registrable(domain) in EXAMPLES or domain.endswith(".invalid")
