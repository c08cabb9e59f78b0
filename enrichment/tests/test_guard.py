"""The guard: nothing inside is ever touched, by whatever name or form."""

from __future__ import annotations

import pytest

from enrichment.tests.web import Names
from enrichment.web.guard import Guard, inside_reason, read_exceptions
from enrichment.web.pages import NotFetchedError, Reason
from enrichment.web.web_address import parse_url

INSIDE = """
    0.0.0.0 10.1.2.3 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.255 168.63.129.16
    169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1
    198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
    :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe
    64:ff9b:1::1 2002:7f00:1:: 2002:a00:1::1 2001:0:4136:e378:8000:63bf:80ff:fffe 2001:db8::1
    fe80::1 fec0::1 fc00::1 fd00:ec2::254 ff02::1 100::1 3fff::1 5f00::1
    2a00:1450:4001:800:0:5efe:127.0.0.1 2001:10::1 2001:20::1
"""
PUBLIC = """
    8.8.8.8 172.32.0.1 100.128.0.1 ::ffff:8.8.8.8 64:ff9b::808:808 2606:4700::1111
    2002:808:808::1 2a00:1450:4001:800::200e
"""


@pytest.mark.parametrize("address", INSIDE.split())
def test_an_inside_address_is_known_in_every_form(address):
    assert inside_reason(address) != ""


@pytest.mark.parametrize("address", PUBLIC.split())
def test_a_public_address_passes(address):
    assert inside_reason(address) == ""


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1/", Reason.PRIVATE_ADDRESS),
        ("http://0x7f000001/", Reason.PRIVATE_ADDRESS),
        ("http://[::ffff:169.254.169.254]/", Reason.PRIVATE_ADDRESS),
        ("http://localhost/", Reason.LOCAL_NAME),
        ("http://metadata.google.internal/", Reason.LOCAL_NAME),
        ("http://printer.local/", Reason.LOCAL_NAME),
        ("http://intranet/", Reason.LOCAL_NAME),
        ("http://acme.example:22/", Reason.PORT),
        ("http://acme.example:8080/", Reason.PORT),
        ("http://inside.example/", Reason.PRIVATE_ADDRESS),
        ("http://mixed.example/", Reason.PRIVATE_ADDRESS),
        ("http://gone.example/", Reason.NO_ADDRESS),
    ],
)
def test_a_target_is_refused_with_its_reason(url, reason):
    names = Names(
        {
            "inside.example": ["10.0.0.1"],
            "mixed.example": ["93.184.216.34", "::ffff:127.0.0.1"],
            "gone.example": [],
        },
        default="93.184.216.34",
    )

    with pytest.raises(NotFetchedError) as refused:
        Guard(resolver=names).vet(parse_url(url))

    assert refused.value.reason is reason


def test_an_exception_is_for_one_host_and_one_port():
    names = Names({}, default="127.0.0.1")
    guard = Guard(resolver=names, allow_private=frozenset({("sandbox.example", 8080)}))

    assert guard.vet(parse_url("http://sandbox.example:8080/")) == ("127.0.0.1",)
    for url in ("http://sandbox.example/", "http://other.example:8080/", "http://127.0.0.1:8080/"):
        with pytest.raises(NotFetchedError):
            guard.vet(parse_url(url))


def test_a_name_is_resolved_once_for_all_pages_of_a_crawl():
    names = Names({"rebind.example": [["93.184.216.34"], ["127.0.0.1"]]})
    guard = Guard(resolver=names)

    answers = [guard.vet(parse_url(f"http://rebind.example/{page}")) for page in range(3)]

    assert answers == [("93.184.216.34",)] * 3
    assert names.asked == ["rebind.example"]


def test_through_a_proxy_an_unknown_name_passes_and_an_inside_one_does_not():
    names = Names({"unknown.example": [], "inside.example": ["192.168.0.1"]})
    guard = Guard(resolver=names, via_proxy=True)

    assert guard.vet(parse_url("http://unknown.example/")) == ()
    for url in ("http://inside.example/", "http://127.0.0.1/", "http://localhost/"):
        with pytest.raises(NotFetchedError):
            guard.vet(parse_url(url))


def test_exceptions_are_read_as_addresses_are():
    words = ["Sandbox.example:8080", "127.0.0.1:80", "[::1]:8443"]

    assert read_exceptions(words) == {("sandbox.example", 8080), ("127.0.0.1", 80), ("::1", 8443)}


@pytest.mark.parametrize("word", ["sandbox.example", "a b:80", "sandbox.example:x", ":80"])
def test_an_exception_that_is_none_is_named(word):
    with pytest.raises(ValueError, match="CRAWL_ALLOW_PRIVATE"):
        read_exceptions([word])
