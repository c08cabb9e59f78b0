"""TLS: a bad certificate never yields a page marked as read over TLS."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime, timedelta

import pytest

from enrichment.tests.certificates import Authority
from enrichment.tests.web import Names, Web, fetcher, html, policy
from enrichment.web.crawl import crawl_site
from enrichment.web.gate import InProcessGate
from enrichment.web.pages import NotFetchedError, Reason
from enrichment.web.web_address import parse_url

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
PAGES = {"/": html("Acme", "/contact"), "/contact": html("Contact")}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


def get(web, authority, *, trusted=True):
    agent = fetcher(policy(web), ca_file=str(authority.file) if trusted else None)
    return agent.fetch(parse_url(web.url(scheme="https")), now=NOW)


def test_a_good_certificate_is_recorded_and_the_address_is_still_pinned(authority):
    with Web(PAGES, tls=authority.server("acme.example")) as web:
        page = get(web, authority)

    assert (page.over_tls, page.body) == (True, PAGES["/"].body)
    assert web.journal[0].host == "acme.example"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(
    "fault", ["unknown authority", "expired", "other name", "self-signed", "old"]
)
def test_a_bad_certificate_gives_no_page(authority, fault):
    context = {
        "unknown authority": lambda: authority.server("acme.example"),
        "expired": lambda: authority.server("acme.example", ends=timedelta(days=-1)),
        "other name": lambda: authority.server("other.example"),
        "self-signed": lambda: authority.server("acme.example", is_self_signed=True),
        "old": lambda: authority.server("acme.example"),
    }[fault]()
    if fault == "old":
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    with Web(PAGES, tls=context) as web, pytest.raises(NotFetchedError) as refused:
        get(web, authority, trusted=fault != "unknown authority")

    assert refused.value.reason is Reason.TLS_FAILED
    assert web.journal == []


def test_a_server_that_speaks_no_tls_gives_no_page(authority):
    with Web(PAGES) as web, pytest.raises(NotFetchedError) as refused:
        get(web, authority)

    assert refused.value.reason in (Reason.TLS_FAILED, Reason.CONNECT_FAILED)


def test_a_handshake_that_never_ends_is_left_in_time(authority):

    with socket.create_server(("127.0.0.1", 0)) as mute:
        web = Web({})
        web.port = mute.getsockname()[1]
        agent = fetcher(policy(web, read_seconds=0.3, connect_seconds=0.3, total_seconds=0.6))
        began = time.monotonic()
        with pytest.raises(NotFetchedError) as refused:
            agent.fetch(parse_url(web.url(scheme="https")), now=NOW)
        web._server.server_close()

    assert refused.value.reason is Reason.TIMEOUT
    assert time.monotonic() - began < 60


def test_after_a_bad_certificate_http_is_read_and_recorded_as_such(authority):
    """One port that answers neither https nor a good certificate: the way in is http."""
    with Web(PAGES) as web:
        limits = policy(web)
        agent = fetcher(limits, names=Names({}))
        result = crawl_site(
            f"acme.example:{web.port}",
            policy=limits,
            fetcher=agent,
            gate=InProcessGate(),
            now=lambda: NOW,
        )

    assert [page.fetched.over_tls for page in result.pages] == [False, False]
    assert result.over_tls is False
    assert result.skipped[0].reason in (Reason.TLS_FAILED, Reason.CONNECT_FAILED)
    assert result.skipped[0].url.startswith("https://")


def test_https_is_preferred(authority):
    with Web(PAGES, tls=authority.server("acme.example")) as web:
        limits = policy(web)
        result = crawl_site(
            f"acme.example:{web.port}",
            policy=limits,
            fetcher=fetcher(limits, ca_file=str(authority.file)),
            gate=InProcessGate(),
            now=lambda: NOW,
        )

    assert result.over_tls
    assert len(result.pages) == 2
    assert web.connections == 1
