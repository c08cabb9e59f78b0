"""The URL parser: one reading of an address, for the guard and the fetcher alike."""

from __future__ import annotations

import time

import pytest
from urllib3.util import parse_url as library_reading

from enrichment.web.pages import NotFetchedError, Reason
from enrichment.web.web_address import parse_url, site_of

BASE = parse_url("http://acme.example/a/b?c=1")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("http://ACME.example", "http://acme.example/"),
        ("https://acme.example:443/x", "https://acme.example/x"),
        ("http://acme.example:8080", "http://acme.example:8080/"),
        ("  http://acme.example/ \n", "http://acme.example/"),
        ("ht\ntp://ac\tme.example/", "http://acme.example/"),
        ("http:\\\\acme.example\\x", "http://acme.example/x"),
        ("http:acme.example", "http://acme.example/"),
        ("http://///acme.example/", "http://acme.example/"),
        ("http://acme.example./", "http://acme.example/"),
        ("http://acme.example/a/./b/../c", "http://acme.example/a/c"),
        ("http://acme.example/a/%2e%2E/c", "http://acme.example/c"),
        ("http://acme.example/a b?c d#e", "http://acme.example/a%20b?c%20d"),
        ("http://acme.example/\u8054\u7cfb", "http://acme.example/%E8%81%94%E7%B3%BB"),
        ("http://b\u00fccher.example/", "http://xn--bcher-kva.example/"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://0177.0.0.01/", "http://127.0.0.1/"),
        ("http://127.1/", "http://127.0.0.1/"),
        ("http://127.0.0.1./", "http://127.0.0.1/"),
        ("http://%31%32%37.0.0.1/", "http://127.0.0.1/"),
        ("http://\uff11\uff12\uff17\u30020\u30020\u30021/", "http://127.0.0.1/"),
        ("http://[::FFFF:127.0.0.1]/", "http://[::ffff:7f00:1]/"),
        ("http://[0:0::1]:80/", "http://[::1]/"),
    ],
)
def test_an_address_is_read_as_a_browser_reads_it(written, read):
    assert parse_url(written).url == read


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("ftp://acme.example/", Reason.SCHEME),
        ("file:///etc/passwd", Reason.SCHEME),
        ("javascript:alert(1)", Reason.SCHEME),
        ("http://user@acme.example/", Reason.USER_INFO),
        ("http://acme.example:80@127.0.0.1/", Reason.USER_INFO),
        ("http://127.0.0.1\\@acme.example/", None),
        ("//acme.example/", Reason.BAD_URL),
        ("http://", Reason.BAD_URL),
        ("http://acme.example:99999/", Reason.BAD_URL),
        ("http://acme.example:8a/", Reason.BAD_URL),
        ("http://1.2.3.4.5/", Reason.BAD_URL),
        ("http://0x100.1.1.1/", Reason.BAD_URL),
        ("http://256.1.1.1/", Reason.BAD_URL),
        ("http://[::1%25eth0]/", Reason.BAD_URL),
        ("http://[::1", Reason.BAD_URL),
        ("http://a..b/", Reason.BAD_URL),
        ("http://a b/", Reason.BAD_URL),
        ("http://a%00b/", Reason.BAD_URL),
        (f"http://{'a' * 64}.example/", Reason.BAD_URL),
        (f"http://acme.example/{'a' * 5000}", Reason.BAD_URL),
    ],
)
def test_what_is_not_fetched_is_refused_with_its_reason(written, reason):
    if reason is None:
        # What looks like a user name before a backslash is the host, as in every browser.
        assert parse_url(written).host == "127.0.0.1"
        return

    with pytest.raises(NotFetchedError) as refused:
        parse_url(written)

    assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("x", "http://acme.example/a/x"),
        ("../x", "http://acme.example/x"),
        ("/x", "http://acme.example/x"),
        ("?y", "http://acme.example/a/b?y"),
        ("#z", "http://acme.example/a/b?c=1"),
        ("", "http://acme.example/a/b?c=1"),
        ("//other.example", "http://other.example/"),
        ("\\\\other.example", "http://other.example/"),
        ("http:x", "http://acme.example/a/x"),
        ("https:x", "https://x/"),
    ],
)
def test_a_relative_address_is_joined_to_its_page(written, read):
    assert parse_url(written, base=BASE).url == read


def test_the_library_underneath_reads_the_same_host():
    odd = ["http://acme.example\\@x/", "http:\\\\a.example/", "http://0x7f.1/", "http://[::1]/"]

    for written in odd:
        target = parse_url(written)
        assert (library_reading(target.url).host or "").strip("[]") == target.host


def test_hostile_text_takes_no_time_and_raises_nothing_else():
    began = time.monotonic()

    for text in ("http://" + "%" * 3000, "http://" + "." * 3000, "\x00" * 3000, "a:" * 1500,
                 "http://" + "\u00fc" * 3000, "http://x/" + "../" * 1000, "http://[" + ":" * 900,
                 "http://\ud800.example/\ud800"):  # fmt: skip
        try:
            parse_url(text)
        except NotFetchedError:
            continue

    assert time.monotonic() - began < 60


def test_the_registrable_domain_is_the_site():
    hosts = ["www.acme.com.sg", "shop.acme.com.sg", "acme.github.io", "a.made-up.test", "127.0.0.1"]

    assert [site_of(host) for host in hosts] == [
        "acme.com.sg", "acme.com.sg", "acme.github.io", "a.made-up.test", "127.0.0.1",
    ]  # fmt: skip
