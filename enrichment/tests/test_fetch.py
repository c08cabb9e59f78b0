"""Fetching one address: what is read, what is refused, and that every exchange ends."""

from __future__ import annotations

import gzip
import threading
import time
import tracemalloc
import zlib
from datetime import UTC, datetime

import brotli
import pytest

from enrichment.tests.web import AGENT, Names, Reply, Web, fetcher, html, policy, redirect, silent
from enrichment.web.pages import NotFetchedError, Reason
from enrichment.web.web_address import parse_url

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
PAGE = b"<html><title>Acme</title>" + b"<p>We make things." * 200


def get(web, path="/", *, limits=None, **kwargs):
    agent = fetcher(limits or policy(web))
    try:
        return agent.fetch(parse_url(web.url(path)), now=NOW, **kwargs)
    finally:
        agent.close()


def refusal(web, path="/", **kwargs):
    with pytest.raises(NotFetchedError) as refused:
        get(web, path, **kwargs)
    return refused.value.reason


def packed(encoding, data):
    return Reply(data, headers={"Content-Type": "text/html", "Content-Encoding": encoding})


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def test_a_page_comes_home_as_it_was_sent():
    with Web({"/": html("Acme")}) as web:
        page = get(web)

    assert (page.url, page.final_url, page.status) == (web.url(), web.url(), 200)
    assert page.body == html("Acme").body
    assert (page.is_cut, page.over_tls, page.hops, page.fetched_at) == (False, False, (), NOW)
    assert page.headers["content-type"] == "text/html"
    assert len(page.sha256) == 64
    assert web.journal[0].agent == AGENT


def test_repeated_headers_are_joined():
    def answer(handler):
        handler.wfile.write(
            b"HTTP/1.1 200 OK\r\nX-Robots-Tag: noindex\r\nX-Robots-Tag: nofollow\r\n"
            b"Content-Type: text/html\r\nContent-Length: 1\r\n\r\nx"
        )

    with Web({"/": answer}) as web:
        assert get(web).headers["x-robots-tag"] == "noindex, nofollow"


def test_a_redirect_is_reported_and_not_followed():
    with Web({"/": redirect("/next"), "/next": html("Next")}) as web:
        page = get(web)

    assert (page.status, page.headers["location"]) == (302, "/next")
    assert web.paths() == ["/"]


def test_a_connection_is_used_again_also_after_redirects():
    with Web({"/": redirect("/next"), "/next": html("Next")}) as web:
        agent = fetcher(policy(web))
        for path in ("/", "/next", "/", "/next"):
            agent.fetch(parse_url(web.url(path)), now=NOW)

    assert web.connections == 1


def test_a_kept_connection_that_was_closed_meanwhile_is_opened_again():
    def answer_and_hang_up(handler):
        handler.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\nx"
        )

    with Web({"/": answer_and_hang_up}) as web:
        agent = fetcher(policy(web))
        pages = [agent.fetch(parse_url(web.url()), now=NOW) for _ in range(3)]

    assert [page.body for page in pages] == [b"x"] * 3


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("gzip", gzip.compress(PAGE)),
        ("x-gzip", gzip.compress(PAGE[:300]) + gzip.compress(PAGE[300:])),
        ("deflate", zlib.compress(PAGE)),
        ("deflate", raw_deflate(PAGE)),
        ("br", brotli.compress(PAGE)),
        ("identity", PAGE),
        ("gzip", PAGE),
        ("gzip", gzip.compress(PAGE) + b"rubbish"),
    ],
    ids=["gzip", "two members", "zlib", "raw deflate", "br", "identity", "untrue", "rubbish after"],
)
def test_content_coding_is_undone(encoding, data):
    with Web({"/": packed(encoding, data)}) as web:
        assert get(web).body == PAGE


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("gzip", gzip.compress(PAGE)[:10] + b"\xff" * 40),
        ("br", b"\xff" * 50),
        ("gzip, gzip", gzip.compress(gzip.compress(PAGE))),
        ("zstd", b"(\xb5/\xfd"),
        ("made-up", PAGE),
    ],
    ids=["broken gzip", "broken br", "twice", "zstd", "made-up"],
)
def test_broken_and_unknown_coding_is_refused(encoding, data):
    with Web({"/": packed(encoding, data)}) as web:
        assert refusal(web) is Reason.BAD_ENCODING


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("br", brotli.compress)])
def test_a_packed_body_that_ends_early_is_kept_as_cut(encoding, pack):
    whole = b"".join(b"<p>%d</p>" % number for number in range(9_000))

    with Web({"/": packed(encoding, pack(whole)[:-2000])}) as web:
        page = get(web)

    assert page.is_cut
    assert whole.startswith(page.body)
    assert len(page.body) > 1000


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_bomb_is_refused_without_unpacking_it(encoding):
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}[encoding]
    bomb = packed(encoding, pack(b"<p>" + b"\x20" * 60_000_000))

    with Web({"/": bomb}) as web:
        tracemalloc.start()
        reason = refusal(web)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert reason is Reason.BOMB
    assert peak < 12_000_000


def test_a_long_page_is_cut_at_the_cap():
    with Web({"/": html("Long", text="x" * 300_000)}) as web:
        page = get(web, limits=policy(web, max_body_bytes=100_000))

    assert (len(page.body), page.is_cut) == (100_000, True)


def test_an_endless_body_is_cut_at_the_cap():
    def drone(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n")
        handler.wfile.write(b"Transfer-Encoding: chunked\r\n\r\n")
        while True:
            handler.wfile.write(b"1000\r\n" + b"a" * 4096 + b"\r\n")

    with Web({"/": drone}) as web:
        page = get(web, limits=policy(web, max_body_bytes=200_000))

    assert (len(page.body), page.is_cut) == (200_000, True)


def drip(head, byte, *, every=0.05):
    def answer(handler):
        handler.wfile.write(head)
        for _ in range(4000):
            handler.wfile.write(byte)
            handler.wfile.flush()
            time.sleep(every)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        drip(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", b"a"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 900\r\n\r\n", b"a"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        drip(b"HTTP/1.1 200 OK\r\n", b"X-Y: z\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nX-Long: ", b"z"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        drip(b"", b"H"),
    ],
    ids=["body", "sized body", "chunks", "headers", "header", "continue", "status"],
)
def test_a_dripping_server_is_left_in_time(answer):
    with Web({"/": answer}) as web:
        limits = policy(web, read_seconds=0.5, total_seconds=0.8)
        began = time.monotonic()
        reason = refusal(web, limits=limits)

    assert reason in (Reason.TIMEOUT, Reason.BAD_RESPONSE)
    assert time.monotonic() - began < 60  # of 200


def test_a_silent_server_is_left_after_the_read_time():
    with Web({"/": silent}) as web:
        began = time.monotonic()
        reason = refusal(web, limits=policy(web, read_seconds=0.3))

    assert reason is Reason.TIMEOUT
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    "head",
    [
        b"rubbish\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n",
        b"\x16\x03\x01",
        b"",
    ],
)
def test_an_answer_that_is_no_http_is_named(head):
    with Web({"/": lambda handler: handler.wfile.write(head)}) as web:
        assert refusal(web) is Reason.BAD_RESPONSE


def test_a_body_shorter_than_announced_is_kept_as_cut():
    def answer(handler):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 90000\r\n\r\n"
        handler.wfile.write(head + PAGE)

    with Web({"/": answer}) as web:
        page = get(web)

    assert (page.body, page.is_cut) == (PAGE, True)


def test_a_body_longer_than_announced_does_not_spoil_the_next_answer():
    def answer(handler):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n"
        handler.wfile.write(head + b"<html>HTTP/1.1 200 OK\r\n\r\nevil")

    with Web({"/": answer, "/next": html("Next")}) as web:
        agent = fetcher(policy(web))
        first = agent.fetch(parse_url(web.url()), now=NOW)
        second = agent.fetch(parse_url(web.url("/next")), now=NOW)

    assert (first.body, second.body) == (b"<html>", html("Next").body)


def test_too_many_and_too_long_headers_are_refused():
    def many(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 500 + b"\r\n")

    def long(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"X: " + b"a" * 9000 + b"\r\n") * 9 + b"\r\n")

    with Web({"/many": many, "/long": long}) as web:
        assert refusal(web, "/many") is Reason.BAD_RESPONSE
        assert refusal(web, "/long") is Reason.HEADERS_TOO_BIG


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("application/pdf", b"%PDF-1.7"),
        ("image/png", b"\x89PNG"),
        ("application/json", b"{}"),
        ("text/css", b"a{}"),
        ("text/html", b"%PDF-1.7 something"),
        ("text/html", b"\x00\x01\x02\x03"),
        ("text/plain", b"PK\x03\x04zip"),
        ("application/octet-stream", b"just bytes"),
        ("text/xml", b"<?xml version='1.0'?><rss><title>x</title></rss>"),
        ("", b"\x7fELF\x00\x00"),
    ],
)
def test_what_is_no_page_is_refused(kind, data):
    with Web({"/": Reply(data, headers={"Content-Type": kind})}) as web:
        assert refusal(web) is Reason.NOT_A_PAGE


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("text/html; charset=utf-8", b"<p>hello"),
        ("application/xhtml+xml", b"<html xmlns='x'/>"),
        ("text/plain", b"Acme, 1 Raffles Place"),
        ("application/octet-stream", b"<!DOCTYPE html><html>"),
        ("", b"<html>"),
        ("text/html", "\ufeff<html>caf\u00e9".encode("utf-16")),
    ],
)
def test_html_xhtml_and_plain_text_go_on(kind, data):
    with Web({"/": Reply(data, headers={"Content-Type": kind})}) as web:
        assert get(web).body == data


def test_an_error_page_keeps_its_text_for_the_wall_rules_unless_it_is_none():
    pages = {
        "/page": Reply(b"<h1>Blocked</h1>", status=403),
        "/pdf": Reply(b"%PDF", status=500, headers={"Content-Type": "application/pdf"}),
    }
    with Web(pages) as web:
        assert (get(web, "/page").status, get(web, "/page").body) == (403, b"<h1>Blocked</h1>")
        assert (get(web, "/pdf").status, get(web, "/pdf").body) == (500, b"")


def test_the_connection_goes_to_the_vetted_address_though_the_name_moves_inside():
    """The second answer of the name is an inside service: it must stay untouched."""
    with Web({"/": html("Public")}) as public:
        names = Names({"rebind.example": [["127.0.0.1"], ["127.0.0.2"]]})
        agent = fetcher(policy(public, "rebind.example"), names=names)
        page = agent.fetch(parse_url(public.url(host="rebind.example")), now=NOW)

    assert page.body == html("Public").body
    assert names.asked == ["rebind.example"]
    assert public.journal[0].host == "rebind.example"


def test_nothing_inside_is_reached_by_any_way_of_writing_it():
    with Web({"/": html("Secret")}) as inside:
        agent = fetcher(policy(inside, "allowed.example"))
        hosts = ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "localhost",
                 "127.0.0.1.", "other.example", "[::1]", "0177.1", "[64:ff9b::7f00:1]",
                 "user@127.0.0.1", "allowed.example@127.0.0.1", "127.0.0.1#@allowed.example",
                 "127.0.0.1\t"]  # fmt: skip
        for host in hosts:
            with pytest.raises(NotFetchedError):
                agent.fetch(parse_url(f"http://{host}:{inside.port}/"), now=NOW)

    assert inside.journal == []


def test_environment_proxies_are_ignored(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")

    with Web({"/": html("Acme")}) as web:
        assert get(web).status == 200


def test_a_proxy_is_asked_by_name_and_never_for_an_inside_address():
    with Web({("acme.example", "http://acme.example/"): html("Acme")}) as proxy:
        limits = policy(proxy, proxy=f"http://127.0.0.1:{proxy.port}", allow_private=frozenset())
        agent = fetcher(limits, names=Names({}, default=None))
        page = agent.fetch(parse_url("http://acme.example/"), now=NOW)
        for url in (
            "http://127.0.0.1/",
            "http://localhost/",
            "http://[::1]/",
            "http://a.example:22/",
        ):
            with pytest.raises(NotFetchedError):
                agent.fetch(parse_url(url), now=NOW)

    assert page.body == html("Acme").body
    assert proxy.paths() == ["http://acme.example/"]


def test_a_proxy_that_tunnels_nothing_counts_as_no_connection():
    with Web({}) as proxy:
        limits = policy(proxy, proxy=f"http://127.0.0.1:{proxy.port}", allow_private=frozenset())
        agent = fetcher(limits, names=Names({}, default=None))
        with pytest.raises(NotFetchedError) as refused:
            agent.fetch(parse_url("https://acme.example/"), now=NOW)

    assert refused.value.reason is Reason.CONNECT_FAILED
    assert proxy.paths() == ["acme.example:443"]


def test_sixteen_threads_share_one_fetcher():
    hosts = [f"site{number}.example" for number in range(16)]
    problems = []
    with Web({"/": Reply(PAGE)}) as web:
        agent = fetcher(policy(web, *hosts))

        def work(host):
            for _ in range(20):
                page = agent.fetch(parse_url(web.url(host=host)), now=NOW)
                if page.body != PAGE:
                    problems.append(host)

        threads = [threading.Thread(target=work, args=(host,)) for host in hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert problems == []
    assert len(web.journal) == 320
    assert web.connections == 16
