"""A whole crawl over real sockets: order, politeness, caps, refusals, and that it always ends."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from enrichment.tests.web import AGENT, Names, Reply, Web, fetcher, html, policy, redirect, silent
from enrichment.web.crawl import crawl_site
from enrichment.web.gate import InProcessGate
from enrichment.web.pages import Outcome, Reason
from enrichment.web.robots import RobotsCache

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
SITE = {
    "/": html("Acme", "/contact", "/about", "/team", "/services", "/careers", "/privacy", "/x"),
    **{
        f"/{name}": html(name.title(), "/", text=f"All about our {name}.")
        for name in ("contact", "about", "team", "services", "careers", "privacy", "x")
    },
}
ROBOTS = {"Content-Type": "text/plain"}


def crawl(web, site=None, *, hosts=(), names=None, gate=None, robots=None, **limits):
    rules = policy(web, *hosts, **limits)
    agent = fetcher(rules, names=names)
    try:
        return crawl_site(
            site or web.url(),
            policy=rules,
            fetcher=agent,
            gate=gate or InProcessGate(),
            now=lambda: NOW,
            robots=robots,
        )
    finally:
        agent.close()


def reasons(result):
    return [skipped.reason for skipped in result.skipped]


def roles(result):
    return [page.role for page in result.pages]


def robots_txt(*lines):
    return Reply("\n".join(lines).encode(), headers=ROBOTS)


def test_robots_txt_comes_first_then_the_pages_that_say_most():
    with Web(SITE) as web:
        result = crawl(web)

    assert web.paths() == [
        "/robots.txt", "/", "/contact", "/about", "/team", "/services", "/careers",
    ]  # fmt: skip
    assert roles(result) == ["home", "contact", "about", "team", "services", "careers"]
    assert (result.outcome, result.sentence, result.requests) == (Outcome.OK, "", 7)
    assert result.home_url == web.url()
    assert result.pages[1].document.title == "Contact"
    assert {seen.agent for seen in web.journal} == {AGENT}
    assert {page.fetched.fetched_at for page in result.pages} == {NOW}


def test_the_same_site_gives_the_same_pages():
    with Web(SITE) as web:
        runs = [crawl(web) for _ in range(3)]

    chosen = [[page.fetched.sha256 for page in run.pages] for run in runs]
    assert chosen[0] == chosen[1] == chosen[2]


@pytest.mark.parametrize("cap", [1, 2, 6])
def test_never_more_than_the_page_cap_is_asked_of_a_host(cap):
    endless = {f"/{n}": html(str(n), *(f"/{m}" for m in range(40))) for n in range(40)}

    with Web({"/": html("Home", *endless), **endless}) as web:
        result = crawl(web, max_pages=cap)

    assert len(web.paths()) == 1 + cap
    assert len(result.pages) == cap


def test_failures_and_redirects_count_under_the_cap():
    pages = {"/": html("Home", *(f"/r{n}" for n in range(9)), *(f"/gone{n}" for n in range(9)))}
    pages |= {f"/r{n}": redirect(f"/r{n + 1}") for n in range(9)}

    with Web(pages) as web:
        crawl(web)

    assert len(web.paths()) == 1 + 6


def test_requests_to_a_host_keep_their_gap_and_come_one_at_a_time():
    with Web(SITE) as web:
        gate = InProcessGate()
        threads = [
            threading.Thread(target=crawl, args=(web,), kwargs={"gate": gate, "delay_seconds": 0.1})
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    seen = sorted(web.journal, key=lambda one: one.began)
    assert len(seen) == 21
    gaps = [later.began - earlier.ended for earlier, later in pairwise(seen)]
    assert min(gaps) >= 0.09  # the server's thread notes an end a little after we have read it


def test_a_crawl_delay_is_kept_from_the_first_request_on():
    with Web({**SITE, "/robots.txt": robots_txt("User-agent: *", "Crawl-delay: 0.4")}) as web:
        result = crawl(web, max_pages=3)

    # From begin to begin: the server's thread may note an end long after we have read it.
    gaps = [later.began - earlier.began for earlier, later in pairwise(web.journal)]
    assert len(result.pages) == 3
    assert min(gaps) >= 0.4


def test_a_crawl_delay_that_does_not_fit_into_the_sites_time_ends_the_crawl():
    with Web({**SITE, "/robots.txt": robots_txt("User-agent: *", "Crawl-delay: 30")}) as web:
        began = time.monotonic()
        result = crawl(web, site_seconds=20)

    assert web.paths() == ["/robots.txt"]
    assert (result.outcome, reasons(result)) == (Outcome.UNREACHABLE, [Reason.SITE_TIME])
    assert result.retryable
    assert time.monotonic() - began < 30


def test_what_robots_txt_forbids_is_never_asked():
    rules = robots_txt("User-agent: leadgen", "Disallow: /contact", "Disallow: /jump")
    pages = {**SITE, "/robots.txt": rules, "/about": redirect("/jump"), "/jump": html("Forbidden")}

    with Web(pages) as web:
        result = crawl(web)

    assert "/contact" not in web.paths()
    assert "/jump" not in web.paths()
    assert reasons(result) == [Reason.ROBOTS, Reason.ROBOTS]


def test_a_site_that_forbids_all_is_left_alone():
    with Web({**SITE, "/robots.txt": robots_txt("User-agent: *", "Disallow: /")}) as web:
        result = crawl(web)

    assert web.paths() == ["/robots.txt"]
    assert (result.outcome, result.retryable) == (Outcome.ROBOTS, False)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_robots_txt_that_cannot_be_had_forbids_all_for_tonight(status):
    with Web({**SITE, "/robots.txt": Reply(status=status)}) as web:
        result = crawl(web)

    assert web.paths() == ["/robots.txt"]
    assert (result.outcome, result.retryable) == (Outcome.ROBOTS, True)
    assert str(status) in result.sentence


def test_robots_txt_that_never_answers_forbids_all_for_tonight():
    with Web({**SITE, "/robots.txt": silent}) as web:
        result = crawl(web, read_seconds=0.2)

    assert (result.outcome, result.retryable) == (Outcome.ROBOTS, True)
    assert "/" not in web.paths()


def test_robots_txt_may_redirect_five_times_and_not_more():
    chain = {
        "/robots.txt": redirect("/r1"),
        **{f"/r{n}": redirect(f"/r{n + 1}") for n in range(1, 9)},
    }
    forbidding = robots_txt("User-agent: *", "Disallow: /")

    with Web({**SITE, **chain, "/r5": forbidding}) as web:
        assert crawl(web).outcome is Outcome.ROBOTS
    with Web({**SITE, **chain, "/r6": forbidding}) as web:
        assert crawl(web).outcome is Outcome.OK


def test_robots_txt_is_asked_once_a_day_over_many_crawls():
    with Web(SITE) as web:
        cache = RobotsCache()
        for _ in range(3):
            crawl(web, robots=cache, max_pages=1)

    assert Counter(web.paths()) == {"/robots.txt": 1, "/": 3}


def test_the_home_page_may_move_to_www_and_is_asked_its_robots_txt_there():
    with Web({}) as web:
        www = web.url(host="www.acme.example")
        web.pages = {
            ("acme.example", "/"): redirect(www),
            ("www.acme.example", "/"): html("Acme", "/contact"),
            ("www.acme.example", "/contact"): html("Contact"),
        }
        result = crawl(web, hosts=("acme.example", "www.acme.example"))

    assert web.paths("acme.example") == ["/robots.txt", "/"]
    assert web.paths("www.acme.example") == ["/robots.txt", "/", "/contact"]
    assert result.home_url == www
    assert [hop.status for hop in result.pages[0].fetched.hops] == [302]


def test_only_the_home_page_may_leave_the_domain():
    with Web({}) as web:
        away = web.url("/x", host="other.example")
        web.pages = {
            ("acme.example", "/"): html("Acme", "/contact", away),
            ("acme.example", "/contact"): redirect(away),
        }
        result = crawl(web, hosts=("acme.example", "other.example"))

    assert web.paths("other.example") == []
    assert reasons(result) == [Reason.OTHER_SITE]


def test_a_site_that_is_a_page_on_a_platform_is_none():
    with Web({"/": redirect("https://www.facebook.com/acme")}) as web:
        result = crawl(web)

    assert (result.outcome, reasons(result)) == (Outcome.EMPTY, [Reason.OTHER_SITE])


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.1:{port}/secret", "http://2130706433/", "http://localhost/", "file:///etc/passwd",
     "http://inside.example/", "http://[::ffff:127.0.0.1]/", "//user@acme.example:{port}/secret",
     "http://acme.example:22/", "gopher://acme.example/"],
)  # fmt: skip
@pytest.mark.parametrize("way", ["header", "meta", "link", "robots"])
def test_no_way_leads_inside(target, way):
    with Web({}) as web:
        target = target.format(port=web.port)
        refresh = f'<meta http-equiv="refresh" content="0; url={target}">'
        web.pages = {
            "header": {"/": redirect(target, 307)},
            "meta": {"/": html("Acme", head=refresh)},
            "link": {"/": html("Acme", target)},
            "robots": {"/": html("Acme"), "/robots.txt": redirect(target)},
        }[way]
        crawl(web, names=Names({"inside.example": ["10.0.0.5"]}))

    assert {seen.host for seen in web.journal} == {"acme.example"}
    assert set(web.paths()) <= {"/", "/robots.txt"}


@pytest.mark.parametrize(
    "pages",
    [
        {"/": redirect("/")},
        {"/": redirect("/a"), "/a": redirect("/b"), "/b": redirect("/a")},
        {"/": html("Acme", head='<meta http-equiv="refresh" content="0; url=/a">'),
         "/a": html("A", head='<meta http-equiv="refresh" content="0; url=/b">'),
         "/b": html("B", head='<meta http-equiv="refresh" content="0; url=/a">')},
        {"/": redirect("http://[broken")},
        {"/": redirect("javascript:alert(1)")},
    ],
)  # fmt: skip
def test_a_loop_or_a_broken_redirect_ends(pages):
    with Web(pages) as web:
        result = crawl(web)

    assert result.pages == ()
    assert len(web.journal) <= 7
    assert reasons(result)[-1] in (
        Reason.REDIRECT_LOOP,
        Reason.BAD_URL,
        Reason.SCHEME,
        Reason.PAGE_CAP,
    )


def test_a_redirect_that_tests_for_cookies_is_passed():
    def answer(handler):
        if "seen=1" in handler.headers.get("Cookie", ""):
            web._write(handler, html("Acme"))
        else:
            web._write(handler, redirect("/", 302, **{"Set-Cookie": "seen=1; Path=/"}))

    with Web({"/": answer}) as web:
        result = crawl(web)

    assert result.outcome is Outcome.OK


def test_a_meta_refresh_is_followed_like_a_redirect():
    start = html("Entrance", head='<meta http-equiv="refresh" content="0; URL=\'/home/\'">')

    with Web({"/": start, "/home/": html("Acme")}) as web:
        result = crawl(web)

    assert [page.document.title for page in result.pages] == ["Acme"]


def test_copies_are_kept_once():
    copy = html("Acme", "/contact", "/about", text="Same words.")
    own = html("Acme", text="Other words.", head='<link rel="canonical" href="/about">')
    pages = {"/": copy, "/contact": copy, "/about": own, "/team": own}

    with Web(pages) as web:
        result = crawl(web)

    assert roles(result) == ["home", "about"]
    assert reasons(result) == [Reason.DUPLICATE]


def test_noindex_is_not_kept_and_nofollow_not_followed():
    hidden = Reply(
        html("Contact").body, headers={"Content-Type": "text/html", "X-Robots-Tag": "none"}
    )
    pages = {
        "/": html("Acme", "/contact", "/about"),
        "/contact": hidden,
        "/about": html("About", "/team", head='<meta name="robots" content="nofollow">'),
        "/team": html("Team"),
    }
    with Web(pages) as web:
        result = crawl(web)

    assert roles(result) == ["home", "about"]
    assert reasons(result) == [Reason.NOINDEX]
    assert "/team" not in web.paths()


@pytest.mark.parametrize("status", [429, 503])
def test_a_site_that_asks_for_rest_is_left_at_once(status):
    tired = Reply(b"slow down", status=status, headers={"Retry-After": "120"})

    with Web({**SITE, "/contact": tired}) as web:
        gate = InProcessGate()
        result = crawl(web, gate=gate)
        again = crawl(web, gate=gate)

    assert web.paths() == ["/robots.txt", "/", "/contact"]
    assert (result.outcome, result.retryable, result.retry_after) == (Outcome.OK, True, 120.0)
    assert (again.outcome, reasons(again)) == (Outcome.RATE_LIMITED, [Reason.HOST_BUSY])


def test_a_wall_is_an_operators_work():
    wall = Reply(
        b"<title>Just a moment...</title><script>window._cf_chl_opt={}</script>", status=403
    )
    with Web({"/": wall}) as web:
        result = crawl(web)

    assert (result.outcome, result.retryable) == (Outcome.WALL, False)
    assert (result.wall.kind, result.wall.make) == ("CAPTCHA", "Cloudflare")


def test_a_page_of_a_million_tags_is_not_parsed():
    with Web({"/": Reply(b"<html>" + b"<b>" * 300_000), "/robots.txt": Reply(status=404)}) as web:
        began = time.monotonic()
        result = crawl(web)

    assert reasons(result) == [Reason.TOO_COMPLEX]
    assert time.monotonic() - began < 60  # parsed, it takes minutes


def test_a_site_of_slow_pages_ends_with_its_time():
    def slow(handler):
        time.sleep(0.25)
        web._write(handler, html(handler.path, *SITE))

    with Web(dict.fromkeys(SITE, slow)) as web:
        began = time.monotonic()
        result = crawl(web, site_seconds=0.8)

    assert time.monotonic() - began < 60
    assert len(result.pages) <= 3
    assert Reason.SITE_TIME in reasons(result) or Reason.TIMEOUT in reasons(result)


@pytest.mark.parametrize(
    ("site", "outcome", "reason"),
    [
        ("http://127.0.0.1/", Outcome.REFUSED, Reason.PRIVATE_ADDRESS),
        ("localhost", Outcome.REFUSED, Reason.LOCAL_NAME),
        ("ftp://acme.example", Outcome.REFUSED, Reason.SCHEME),
        ("not a host", Outcome.REFUSED, Reason.BAD_URL),
        ("", Outcome.REFUSED, Reason.BAD_URL),
        ("gone.example", Outcome.UNREACHABLE, Reason.NO_ADDRESS),
    ],
)
def test_a_site_that_cannot_be_asked_says_why(site, outcome, reason):
    with Web({}) as web:
        result = crawl(web, site or " ", names=Names({}, default=None))

    assert (result.outcome, result.skipped[-1].reason) == (outcome, reason)
    assert result.sentence != ""
    assert web.journal == []


def test_a_name_without_an_address_is_tried_with_www():
    names = Names({"acme.example": [], "www.acme.example": []})
    with Web({}) as web:
        crawl(web, "acme.example", names=names)

    assert names.asked == ["acme.example", "www.acme.example"]


def test_a_whole_crawl_goes_through_the_proxy_by_name():
    """A proxy without CONNECT: https is refused there, http is read and recorded as such."""
    pages = {f"http://acme.example{path}": reply for path, reply in SITE.items()}
    with Web(pages) as proxy:
        result = crawl(
            proxy,
            "acme.example",
            names=Names({}, default=None),
            proxy=f"http://127.0.0.1:{proxy.port}",
            allow_private=frozenset(),
        )

    assert proxy.paths()[0] == "acme.example:443"
    assert proxy.paths()[1] == "http://acme.example/robots.txt"
    assert len(result.pages) == 6
    assert not result.over_tls


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("7", 7.0), ("99999", 3600.0), ("Sat, 21 Nov 2026 01:00:30 GMT", 30.0), ("soon", None),
     ("Sat, 21 Nov 2020 01:00:30 GMT", 0.0), ("-5", None), ("9" * 400, 3600.0)],
)  # fmt: skip
def test_a_wish_for_rest_is_understood(said, seconds):
    tired = Reply(b"slow down", status=429, headers={"Retry-After": said})

    with Web({"/": tired}) as web:
        result = crawl(web)

    assert (result.outcome, result.retry_after) == (Outcome.RATE_LIMITED, seconds)


def test_long_pages_are_kept_up_to_the_sites_share():
    pages = {path: html(path, *SITE, text=path * 60_000) for path in SITE}

    with Web(pages) as web:
        result = crawl(web, max_site_bytes=1_000_000)

    assert 1 <= len(result.pages) < 6
    assert set(reasons(result)) == {Reason.TOO_COMPLEX}
