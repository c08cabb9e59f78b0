"""Sites that misbehave below the page: robots.txt, redirects, sizes, times, broken HTTP."""

import gzip
import itertools
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from functools import cache

from leadgen_project.sandbox.companies import Company
from leadgen_project.sandbox.loopback import Raw, Reply, Request
from leadgen_project.sandbox.sites import Content, Site, html, text_file

Trap = Callable[[Company, Site, float], Site]
"""Takes a company, its ordinary site and how many seconds slowness lasts."""

PIECE = b"<p>Sandbox: this page does not end.</p>\n" * 1600  # about 64 kB
ENDLESS_BYTES = 256 * 1024 * 1024
BOMB_BYTES = 64 * 1024 * 1024


def everywhere(content: Content | Callable[[Request], Content]) -> Trap:
    """Return a trap that gives one answer at every address; robots.txt is missing."""

    def build(_company: Company, _site: Site, _seconds: float) -> Site:
        return Site({"/robots.txt": text_file("not here", 404)}, otherwise=_as_answer(content))

    return build


def _as_answer(content: Content | Callable[[Request], Content]) -> Callable[[Request], Content]:
    if isinstance(content, Reply):
        return lambda _request: content
    return content  # type: ignore[return-value]


def raw(data: bytes) -> Callable[[Request], Content]:
    """Return an answer that writes ``data`` and hangs up."""
    return lambda _request: lambda connection: connection.sendall(data)


def redirect(location: str, status: int = 302) -> Reply:
    return Reply(status, b"moved (Sandbox)", "text/plain", (("Location", location),))


# -- robots.txt --------------------------------------------------------------------------


def robots(content: Content) -> Trap:
    """Return the ordinary site with another robots.txt."""

    def build(_company: Company, site: Site, _seconds: float) -> Site:
        site.pages["/robots.txt"] = content
        return site

    return build


def _robots_redirect(_company: Company, site: Site, _seconds: float) -> Site:
    site.pages["/robots.txt"] = redirect("/rules/robots.txt", 301)
    site.pages["/rules/robots.txt"] = text_file("User-agent: *\nDisallow: /admin/\n")
    return site


def _robots_some(company: Company, site: Site, _seconds: float) -> Site:
    site.pages["/robots.txt"] = text_file("User-agent: *\nDisallow: /internal\nAllow: /\n")
    secret = f"<h1>Staff only (Sandbox)</h1><p>private@{company.host} trap@{company.host}</p>"
    site.pages["/internal"] = html(secret)
    home = site.pages["/"]
    if isinstance(home, Reply):
        link = b'<a href="/internal">Contact our staff</a></nav>'
        site.pages["/"] = replace(home, body=home.body.replace(b"</nav>", link, 1))
    return site


_HUGE_ROBOTS = "User-agent: *\nDisallow: /admin/\n" + "# Sandbox filler line\n" * 28_000

# -- redirects ---------------------------------------------------------------------------


def _redirect_chain(_company: Company, site: Site, _seconds: float) -> Site:
    site.pages["/home"] = site.pages["/"]
    site.pages["/"] = redirect("/one", 301)
    site.pages["/one"] = redirect("/two", 307)
    site.pages["/two"] = redirect("/home", 308)
    return site


def _redirect_www(company: Company, site: Site, _seconds: float) -> Site:
    def first(request: Request) -> Content | None:
        if request.host.startswith("www."):
            return None
        return redirect(f"http://www.{company.host}{request.path_and_query}", 301)

    site.first = first
    return site


def _redirect_long(request: Request) -> Content:
    step = int(request.query.get("step", "0") or 0)
    return redirect(f"/next?step={step + 1}")


def _redirect_loop(request: Request) -> Content:
    return redirect("/b" if request.path == "/a" else "/a")


def _redirect_to_itself(request: Request) -> Content:
    return replace(redirect(request.path_and_query), headers=(
        ("Location", request.path_and_query),
        ("Set-Cookie", "seen=1"),
    ))  # fmt: skip


def _redirect_to_tls(request: Request) -> Content:
    return redirect(f"https://{request.host}{request.path_and_query}", 301)


def _redirect_other_company(company: Company, site: Site, seconds: float) -> Site:
    return everywhere(redirect(f"http://{company.other_host}/", 301))(company, site, seconds)


INWARD = {
    "inward-loopback": "http://127.0.0.1:8000/admin",
    "inward-metadata": "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "inward-private": "http://10.0.0.1/",
    "inward-ipv6": "http://[::1]/",
    "inward-decimal": "http://2130706433/",
    "inward-file": "file:///etc/passwd",
}


def _inward_links(_company: Company, site: Site, _seconds: float) -> Site:
    links = "".join(f'<a href="{address}">Contact</a>' for address in INWARD.values())
    links += '<a href="http://localhost/contact">About</a><a href="http://0x7f000001/">Team</a>'
    home = site.pages["/"]
    if isinstance(home, Reply):
        body = home.body.replace(b"</nav>", links.encode() + b"</nav>", 1)
        body = body.replace(b"</ul></div>", links.encode() + b"</ul></div>", 1)
        site.pages["/"] = replace(home, body=body)
    return site


# -- size and time -----------------------------------------------------------------------


def _slow_body(company: Company, site: Site, seconds: float) -> Site:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            connection.sendall(b"x")
            time.sleep(0.2)

    return everywhere(lambda _request: drip)(company, site, seconds)


def _silent(company: Company, site: Site, seconds: float) -> Site:
    def wait(_connection: socket.socket) -> None:
        time.sleep(seconds)

    return everywhere(lambda _request: wait)(company, site, seconds)


def _endless_body(company: Company, site: Site, seconds: float) -> Site:
    def pour(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>")
        end = time.monotonic() + seconds
        for _ in range(ENDLESS_BYTES // len(PIECE)):
            if time.monotonic() > end:
                return
            connection.sendall(PIECE)

    return everywhere(lambda _request: pour)(company, site, seconds)


@cache
def bomb() -> bytes:
    """Return 64 MB of spaces as 64 kB of gzip."""
    return gzip.compress(b" " * BOMB_BYTES, compresslevel=9, mtime=0)


def _gzip_bomb(_request: Request) -> Content:
    return Reply(200, bomb(), headers=(("Content-Encoding", "gzip"),))


def _gzip(_company: Company, site: Site, _seconds: float) -> Site:
    for path, content in site.pages.items():
        if isinstance(content, Reply):
            packed = gzip.compress(content.body, mtime=0)
            site.pages[path] = replace(
                content, body=packed, headers=(("Content-Encoding", "gzip"),)
            )
    return site


_MANY_HEADERS = Reply(
    200, b"<p>Sandbox</p>", headers=tuple((f"X-Sandbox-{n}", "y" * 60) for n in range(2500))
)

# -- broken ------------------------------------------------------------------------------


def _length_too_long(request: Request) -> Content:
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 90000\r\n\r\n"
    return raw((head + f"<p>Sandbox {request.path}").encode())(request)


def _length_too_short(_company: Company, site: Site, _seconds: float) -> Site:
    home = site.pages["/"]
    if isinstance(home, Reply):
        true, told = f"Content-Length: {len(home.body)}", f"Content-Length: {len(home.body) - 40}"
        data = home.wire().replace(true.encode(), told.encode(), 1)
        site.pages["/"] = _written(data)
    return site


def _written(data: bytes) -> Raw:
    return lambda connection: connection.sendall(data)


_BROKEN_CHUNKS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\n<html\r\nzz\r\n>Sandbox"
)

# -- limits ------------------------------------------------------------------------------


def _refuses_at_first(refusal: Callable[[], Reply]) -> Trap:
    def build(_company: Company, site: Site, _seconds: float) -> Site:
        calls = itertools.count()

        def first(request: Request) -> Content | None:
            if request.path == "/robots.txt" or next(calls) >= 1:
                return None
            return refusal()

        site.first = first
        return site

    return build


def _too_many() -> Reply:
    return Reply(429, b"too many (Sandbox)", "text/plain", (("Retry-After", "1"),))


def _unavailable() -> Reply:
    later = formatdate(time.time() + 2, usegmt=True)
    return Reply(503, b"maintenance (Sandbox)", "text/plain", (("Retry-After", later),))


def _status(status: int) -> Trap:
    return everywhere(html(f"<h1>{status}</h1><p>Sandbox</p>", status))


TRAPS: dict[str, Trap] = {
    "robots-all": robots(text_file("User-agent: *\nDisallow: /\n")),
    "robots-some": _robots_some,
    "robots-delay": robots(text_file("User-agent: *\nCrawl-delay: 2\nDisallow: /admin/\n")),
    "robots-404": robots(text_file("no rules", 404)),
    "robots-500": robots(text_file("broken", 500)),
    "robots-redirect": _robots_redirect,
    "robots-huge": robots(text_file(_HUGE_ROBOTS)),
    "robots-html": robots(html("<!doctype html><h1>Welcome</h1><p>Disallow: nothing</p>")),
    "robots-others-only": robots(
        text_file("User-agent: GPTBot\nDisallow: /\n\nUser-agent: *\nDisallow:\n")
    ),
    "redirect-chain": _redirect_chain,
    "redirect-www": _redirect_www,
    "redirect-long": everywhere(_redirect_long),
    "redirect-loop": everywhere(_redirect_loop),
    "redirect-to-itself": everywhere(_redirect_to_itself),
    "redirect-to-tls": everywhere(_redirect_to_tls),
    "redirect-nowhere": everywhere(redirect("http://no-such-host-sandbox.test/")),
    "redirect-other-company": _redirect_other_company,
    **{name: everywhere(redirect(address)) for name, address in INWARD.items()},
    "inward-links": _inward_links,
    "slow-body": _slow_body,
    "silent": _silent,
    "endless-body": _endless_body,
    "gzip-bomb": everywhere(_gzip_bomb),
    "gzip": _gzip,
    "many-headers": everywhere(_MANY_HEADERS),
    "length-too-long": everywhere(_length_too_long),
    "length-too-short": _length_too_short,
    "broken-chunks": everywhere(raw(_BROKEN_CHUNKS)),
    "hangs-up": everywhere(raw(b"")),
    "no-http": everywhere(raw(b"SSH-2.0-Sandbox\r\n")),
    "odd-status": _status(999),
    "all-404": _status(404),
    "forbidden": _status(403),
    "gone": _status(410),
    "server-error": _status(500),
    "too-many-then-fine": _refuses_at_first(_too_many),
    "too-many-forever": everywhere(
        Reply(429, b"too many (Sandbox)", "text/plain", (("Retry-After", "3600"),))
    ),
    "unavailable-then-fine": _refuses_at_first(_unavailable),
}
