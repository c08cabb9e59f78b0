"""A made-up directory of 30 businesses on three pages, with all that real ones go wrong in.

The list's last page leads back to its first; entries lack a phone, have two, write their address in
pieces or words, share a picture, stand behind a CAPTCHA, are gone, or are another site's.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from html import escape
from typing import Any

from leadgen_project.sandbox.loopback import Reply, Request

HOST = "directory.sg.test"
OTHER_HOST = "elsewhere.sg.test"
CITY = "singapore"
COUNT, A_PAGE = 30, 10
NO_PHONE, TWO_PHONES, SPLIT, WORDED = 3, 7, 11, 12
SAME_IMAGE = (14, 22)
CAPTCHA, DEAD, REDIRECTED, FOREIGN = 18, 25, 27, 29
#: What an operator would write to have it read.
OPTIONS: dict[str, Any] = {
    "list_url": "http://" + HOST + "/list/{city}?page=1",
    "city_map": {"singapore": CITY},
    "item": "li.entry",
    "item_link": "a.more@href",
    "next": "a.next@href",
    "max_pages": 10,
    "detail": {"title": "h1", "body": ".post", "posted_at": "time@datetime", "phone": ".tel all",
               "email": "a.mail@href", "website": "a.site@href", "image": ".photos img@src",
               "postcode": ".postcode"},
    "body_scan": True,
    "captcha": ".g-recaptcha",
    "phone_region": "SG",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expected:
    """What a careful reader finds of one entry. ``refusal``: the code when nothing is to be had."""

    number: int
    name: str
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    refusal: str = ""


def options_at(address: str) -> dict[str, Any]:
    """``OPTIONS`` for the site served at ``address`` (``127.0.0.1:8000``)."""
    return {**OPTIONS, "list_url": OPTIONS["list_url"].replace(HOST, address)}


def expected() -> list[Expected]:
    """The truth, in the order of the list."""
    refusals = {CAPTCHA: "captcha", DEAD: "dead_link", REDIRECTED: "other_host",
                FOREIGN: "other_host"}  # fmt: skip
    return [
        Expected(number, name_of(number), refusal=refusals[number]) if number in refusals
        else Expected(number, name_of(number), _phones(number), (_email(number),))
        for number in range(1, COUNT + 1)
    ]  # fmt: skip


def name_of(number: int) -> str:
    return f"Sandbox Atelier {number:02d}"


def answer(request: Request) -> Reply:
    """The site, as an ``Answer`` for ``LoopbackServer``."""
    parts = request.path.strip("/").split("/")
    match parts:
        case ["robots.txt"]:
            return Reply(200, b"User-agent: *\nDisallow: /admin/\n", "text/plain")
        case ["list", city] if city == CITY:
            return _list_page(request)
        case ["entry", number] if number.isdigit() and 1 <= int(number) <= COUNT:
            return _entry_page(int(number))
        case ["image", name]:
            return Reply(200, picture(int(name.partition(".")[0])), "image/png")
    return _page("Not found", "<p>Sandbox: there is no such page.</p>", status=404)


def _list_page(request: Request) -> Reply:
    page = int(request.query.get("page", "1"))
    first = (page - 1) * A_PAGE + 1
    numbers = range(first, min(first + A_PAGE, COUNT + 1))
    items = "".join(
        f'<li class="entry"><h2>{name_of(number)}</h2>'
        f'<a class="more" href="{_href(number)}">More</a></li>'
        for number in numbers
    )
    following = page % (COUNT // A_PAGE) + 1  # the last leads back to the first
    pager = f'<a class="next" href="/list/{CITY}?page={following}">Next</a>'
    return _page(f"Directory, page {page}", f"<ul>{items}</ul>{pager}")


def _href(number: int) -> str:
    return f"http://{OTHER_HOST}/entry/{number}" if number == FOREIGN else f"/entry/{number}"


def _entry_page(number: int) -> Reply:
    if number == DEAD:
        return _page("Gone", "<p>Sandbox: this entry was removed.</p>", status=404)
    if number == REDIRECTED:
        place = (("Location", f"http://{OTHER_HOST}/entry/{number}"),)
        return Reply(302, b"", "text/html", place)
    if number == CAPTCHA:
        return _page(
            "One more step",
            "<p>Please confirm that you are not a robot.</p>"
            '<form><div class="g-recaptcha" data-sitekey="sandbox"></div></form>',
        )
    return _page(name_of(number), _post(number))


def _post(number: int) -> str:
    slug = _slug(number)
    phones = "".join(f'<span class="tel">{escape(_written(phone))}</span> '
                     for phone in _phones(number))  # fmt: skip
    address = _email(number)
    mail = f'<a class="mail" href="mailto:{address}">{address}</a>'
    if number == SPLIT:
        name, _, domain = address.partition("@")
        first, _, rest = domain.partition(".")
        mail = f"<p>Write to <b>{name}</b>@<i>{first}</i>.<span>{rest}</span></p>"
    if number == WORDED:
        mail = f"<p>Write to {address.replace('@', ' [at] ').replace('.', ' [dot] ')}</p>"
    picture_of = SAME_IMAGE[0] if number in SAME_IMAGE else number
    return (
        f'<h1>{name_of(number)}</h1><time datetime="2026-11-{number % 28 + 1:02d}">Posted</time>'
        f'<div class="post"><p>Sandbox: a made-up atelier for frames and prints.</p>{mail}'
        f'<p>{phones}</p><p class="postcode">{100000 + number * 111:06d}</p>'
        f'<a class="site" href="http://{slug}.sg.test/">Website</a></div>'
        f'<div class="photos"><img src="/image/{picture_of}.png"><img src="/image/99.png"></div>'
    )


def _page(title: str, body: str, *, status: int = 200) -> Reply:
    foot = "<footer>Directory of the sandbox, +65 6999 0000, desk@directory.sg.test</footer>"
    text = (f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{escape(title)}</title>"
            f"</head><body><main>{body}</main>{foot}</body></html>")  # fmt: skip
    return Reply(status, text.encode())


def _slug(number: int) -> str:
    return f"atelier-{number:02d}"


def _email(number: int) -> str:
    return f"hello@{_slug(number)}.sg.test"


def _phones(number: int) -> tuple[str, ...]:
    count = {NO_PHONE: 0, TWO_PHONES: 2}.get(number, 1)
    return tuple(f"+65673{extra}{number:04d}" for extra in range(4, 4 + count))


def _written(phone: str) -> str:
    return f"{phone[3:7]} {phone[7:]}"


def picture(number: int) -> bytes:
    """A small picture of its own for each number, as PNG."""
    size = 32
    rows = b"".join(
        b"\x00" + bytes((x * (number * 7 + 3) + y * (number * 13 + 5) + x * y) % 256
                        for x in range(size))
        for y in range(size)
    )  # fmt: skip
    head = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
