"""robots.txt: which group is ours, which path is meant, which answer means what."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from enrichment.web.pages import Reason
from enrichment.web.robots import (
    ALLOW_ALL,
    RobotsCache,
    deny_all,
    page_rules,
    read_robots,
    rules_for_status,
)
from enrichment.web.web_address import parse_url

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def allows(text, path, agent="leadgen"):
    rules = read_robots(text.encode(), agent=agent)
    return rules.allows(parse_url(f"https://acme.example{path}"))


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("", "/x", True),
        ("User-agent: *\nDisallow: /", "/x", False),
        ("User-agent: *\nDisallow:", "/x", True),
        ("user-AGENT: *\ndisALLOW: /x", "/x/y", False),
        ("User-agent: *\nDisallow: /X", "/x", True),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", True),
        ("User-agent: *\nAllow: /a\nDisallow: /a", "/a", True),
        ("User-agent: *\nDisallow: /*.php$", "/a/x.php", False),
        ("User-agent: *\nDisallow: /*.php$", "/a/x.php?y", True),
        ("User-agent: *\nDisallow: /a*z", "/abcz/d", False),
        ("User-agent: *\nDisallow: /caf%C3%A9", "/caf\u00e9", False),
        ("User-agent: *\nDisallow: /caf\u00e9", "/caf%c3%a9", False),
        ("User-agent: *\nDisallow: /a # not /b", "/b", True),
        ("\ufeffUser-agent: *\nDisallow: /", "/x", False),
        ("User-agent: *\r\nDisallow: /\r\n", "/x", False),
        ("User-agent: *\rDisallow: /\r", "/x", False),
        ("Disallow: /", "/x", True),
        ("User-agent: other\nDisallow: /", "/x", True),
        ("User-agent: leadgen\nDisallow: /\n\nUser-agent: *\nAllow: /", "/x", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: LeadGen\nAllow: /", "/x", True),
        ("User-agent: leadgen/2.0\nDisallow: /", "/x", False),
        ("User-agent: lead\nDisallow: /", "/x", True),
        ("User-agent: leadgenerator\nDisallow: /", "/x", True),
        ("User-agent: a\nUser-agent: leadgen\nDisallow: /", "/x", False),
        ("User-agent: leadgen\nDisallow: /a\n\nUser-agent: leadgen\nDisallow: /b", "/a", False),
        ("User-agent: leadgen\nSitemap: /s.xml\nDisallow: /", "/x", False),
        ("User-agent: leadgen\nDisallow: /x\nUser-agent: *\nDisallow: /", "/y", True),
        ("<html><body>Not found</body></html>", "/x", True),
        ("\x00\x01\x02", "/x", True),
    ],
)
def test_the_rules_of_rfc_9309_hold(text, path, expected):
    assert allows(text, path) is expected


def test_only_the_first_half_megabyte_counts():
    filler = "# filler\n" * 58_000

    assert allows(f"{filler}User-agent: *\nDisallow: /", "/x") is True
    assert allows(f"User-agent: *\nDisallow: /\n{filler}", "/x") is False


@pytest.mark.parametrize(
    "body",
    [
        b"User-agent: *\n" + b"".join(b"Disallow: /%d*a*b$\n" % n for n in range(15_000)),
        b"".join(b"User-agent: a%d\n" % n for n in range(9_000)) + b"Disallow: /x*\n" * 9_000,
        b"".join(b"User-agent: %s\n" % (b"*" * n) for n in range(500)) + b"Disallow: /\n" * 9_000,
        b"user-agent" + b" " * 500_000,
        b"User-agent: *\nDisallow: /" + b"*a" * 240_000,
    ],
    ids=["rules", "agents", "stars", "blanks", "wildcards"],
)
def test_a_hostile_file_does_not_take_minutes(body):
    began = time.monotonic()

    read_robots(body, agent="leadgen").allows(parse_url("https://acme.example/" + "a" * 2000))

    assert time.monotonic() - began < 60  # Protego alone: minutes


@pytest.mark.parametrize(
    ("status", "allowed"),
    [(200, False), (204, True), (400, True), (401, True), (403, True), (404, True), (410, True),
     (429, False), (500, False), (503, False), (304, False), (999, False)],
)  # fmt: skip
def test_the_status_decides_before_the_body(status, allowed):
    body = b"User-agent: *\nDisallow: /" if status == 200 else b""

    rules = rules_for_status(status, body, host="acme.example", agent="leadgen")

    assert rules.allows(parse_url("https://acme.example/x")) is allowed
    assert (rules.refusal is Reason.ROBOTS_UNREACHABLE) is (not allowed and status != 200)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("5", 5.0), ("0.5", 0.5), ("3600", 30.0), ("-1", 0.0), ("nan", 0.0), ("inf", 0.0), ("x", 0.0)],
)
def test_a_crawl_delay_is_kept_up_to_half_a_minute(said, seconds):
    rules = read_robots(f"User-agent: *\nCrawl-delay: {said}".encode(), agent="leadgen")

    assert rules.crawl_delay == seconds


def test_rules_are_believed_for_a_day_and_refusals_not_at_all():
    cache = RobotsCache()
    cache.put("https://a.example", ALLOW_ALL, now=NOW)
    cache.put("https://b.example", deny_all("down"), now=NOW)

    assert cache.get("https://a.example", now=NOW + timedelta(hours=23)) is ALLOW_ALL
    assert cache.get("https://a.example", now=NOW + timedelta(hours=24)) is None
    assert cache.get("https://b.example", now=NOW) is None


@pytest.mark.parametrize(
    ("header", "meta", "noindex", "nofollow"),
    [
        ("", {}, False, False),
        ("noindex", {}, True, False),
        ("NOINDEX, NOFOLLOW", {}, True, True),
        ("none", {}, True, True),
        ("googlebot: noindex", {}, False, False),
        ("leadgen: noindex, nofollow", {}, True, True),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST, noindex", {}, True, False),
        ("max-snippet:-1", {}, False, False),
        ("", {"robots": "NoFollow"}, False, True),
        ("", {"robots": "none"}, True, True),
        ("", {"leadgen": "noindex"}, True, False),
        ("", {"googlebot": "noindex"}, False, False),
        ("", {"robots": "index, follow"}, False, False),
    ],
)
def test_a_page_says_itself_whether_it_may_be_kept(header, meta, noindex, nofollow):
    rules = page_rules({"x-robots-tag": header}, meta, agent="LeadGen")

    assert (rules.noindex, rules.nofollow) == (noindex, nofollow)


def test_a_reservation_of_text_and_data_mining_is_seen():
    assert page_rules({"tdm-reservation": "1"}, {}, agent="leadgen").tdm_reserved
    assert page_rules({}, {"tdm-reservation": "1"}, agent="leadgen").tdm_reserved
    assert not page_rules({"tdm-reservation": "0"}, {}, agent="leadgen").tdm_reserved
