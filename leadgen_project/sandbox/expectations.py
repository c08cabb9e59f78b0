"""The traps of the made-up web and what an honest crawl of each must end with."""

from enum import StrEnum


class Expect(StrEnum):
    """What an honest crawl of a company ends with."""

    CONTACTS = "CONTACTS"  # the site is read and its contacts are found
    NO_CONTACTS = "NO_CONTACTS"  # the site is read, but has no address to take
    NO_SITE = "NO_SITE"  # no site of its own; anything found belongs to others
    FORBIDDEN = "FORBIDDEN"  # robots.txt or a robots meta tag forbids it
    UNREACHABLE = "UNREACHABLE"  # errors, loops, endless bodies
    OPERATOR = "OPERATOR"  # a CAPTCHA wall: queued for a person
    LOGIN = "LOGIN"  # behind a login: left alone


TRAPS: dict[str, Expect] = {
    # robots.txt (RFC 9309: an unreachable file forbids everything, a missing one nothing)
    "robots-all": Expect.FORBIDDEN,
    "robots-some": Expect.CONTACTS,
    "robots-delay": Expect.CONTACTS,
    "robots-404": Expect.CONTACTS,
    "robots-500": Expect.FORBIDDEN,
    "robots-redirect": Expect.CONTACTS,
    "robots-huge": Expect.CONTACTS,
    "robots-html": Expect.CONTACTS,
    "robots-others-only": Expect.CONTACTS,
    # redirects
    "redirect-chain": Expect.CONTACTS,
    "redirect-www": Expect.CONTACTS,
    "redirect-long": Expect.UNREACHABLE,
    "redirect-loop": Expect.UNREACHABLE,
    "redirect-to-itself": Expect.UNREACHABLE,
    "redirect-to-tls": Expect.UNREACHABLE,
    "redirect-nowhere": Expect.UNREACHABLE,
    "redirect-other-company": Expect.NO_SITE,
    "inward-loopback": Expect.UNREACHABLE,
    "inward-metadata": Expect.UNREACHABLE,
    "inward-private": Expect.UNREACHABLE,
    "inward-ipv6": Expect.UNREACHABLE,
    "inward-decimal": Expect.UNREACHABLE,
    "inward-file": Expect.UNREACHABLE,
    "inward-links": Expect.CONTACTS,
    # size and time
    "slow-body": Expect.UNREACHABLE,
    "silent": Expect.UNREACHABLE,
    "endless-body": Expect.UNREACHABLE,
    "gzip-bomb": Expect.UNREACHABLE,
    "huge-page": Expect.CONTACTS,
    "many-headers": Expect.UNREACHABLE,
    "deep-nesting": Expect.CONTACTS,
    # encodings
    "charset-gb2312": Expect.CONTACTS,
    "charset-latin-1-called-utf-8": Expect.CONTACTS,
    "charset-utf-16": Expect.CONTACTS,
    "charset-unknown": Expect.CONTACTS,
    "gzip": Expect.CONTACTS,
    # broken
    "broken-html": Expect.CONTACTS,
    "zero-bytes": Expect.CONTACTS,
    "length-too-long": Expect.UNREACHABLE,
    "length-too-short": Expect.CONTACTS,
    "broken-chunks": Expect.UNREACHABLE,
    "hangs-up": Expect.UNREACHABLE,
    "no-http": Expect.UNREACHABLE,
    "odd-status": Expect.UNREACHABLE,
    # graphs without end
    "calendar": Expect.CONTACTS,
    "session-ids": Expect.CONTACTS,
    "infinite-pages": Expect.CONTACTS,
    "soft-404": Expect.CONTACTS,
    "mirror-paths": Expect.CONTACTS,
    # statuses
    "all-404": Expect.UNREACHABLE,
    "forbidden": Expect.UNREACHABLE,
    "gone": Expect.UNREACHABLE,
    "server-error": Expect.UNREACHABLE,
    "too-many-then-fine": Expect.CONTACTS,
    "too-many-forever": Expect.UNREACHABLE,
    "unavailable-then-fine": Expect.CONTACTS,
    # walls
    "captcha-403": Expect.OPERATOR,
    "captcha-200": Expect.OPERATOR,
    "captcha-in-form": Expect.CONTACTS,
    "login": Expect.LOGIN,
    "login-link": Expect.CONTACTS,
    # odd documents
    "meta-refresh": Expect.CONTACTS,
    "frames": Expect.CONTACTS,
    "pdf": Expect.NO_CONTACTS,
    "empty": Expect.NO_CONTACTS,
    "script-only": Expect.NO_CONTACTS,
    # what stands on the page
    "honeypot": Expect.CONTACTS,
    "no-collection": Expect.CONTACTS,
    "examples-only": Expect.NO_CONTACTS,
    "other-uen": Expect.NO_SITE,
    "prompt-injection": Expect.CONTACTS,
    "script-injection": Expect.CONTACTS,
    "formulas": Expect.CONTACTS,
    "directory": Expect.CONTACTS,
    "no-index": Expect.FORBIDDEN,
}
