"""Which pages are taken: a fixed rule, and no traps."""

from __future__ import annotations

import random

import pytest

from enrichment.web.choose import Choice, is_trap, key, role_of, tidy
from enrichment.web.parse import parse
from enrichment.web.web_address import parse_url

SITE = "https://acme.example"


def page(*links, head="", lang="en", path="/"):
    anchors = "".join(f'<a href="{url}">{text}</a>' for url, text in links)
    source = f"<html lang={lang}><head>{head}</head><body>{anchors}</body></html>"
    return parse(source.encode(), "text/html; charset=utf-8", f"{SITE}{path}")


def taken(*documents, count=20):
    choice = Choice(site="")
    choice.start(parse_url(documents[0].url))
    for document in documents:
        choice.add(document)
    paths = []
    while len(paths) < count and (candidate := choice.take()) is not None:
        choice.kept(candidate.role)
        paths.append(candidate.target.path)
    return paths


@pytest.mark.parametrize(
    ("path", "text", "role"),
    [
        ("/contact-us/", "", "contact"),
        ("/ContactUs.aspx", "", "contact"),
        ("/index.php?id=7", "Contact", "contact"),
        ("/reach-us.html", "", "contact"),
        ("/hubungi-kami", "", "contact"),
        ("/p7", "\u8054\u7cfb\u6211\u4eec", "contact"),
        ("/%E8%81%94%E7%B3%BB", "", "contact"),
        ("/about", "", "about"),
        ("/aboutus.html", "", "about"),
        ("/x", "Company Profile", "about"),
        ("/tentang-kami", "", "about"),
        ("/about/our-team", "", "team"),
        ("/ourpeople", "", "team"),
        ("/x", "Board of Directors", "team"),
        ("/services/plumbing", "", "services"),
        ("/our-products", "", "services"),
        ("/careers", "", "careers"),
        ("/x", "Kerjaya", "careers"),
        ("/our-offices", "", "locations"),
        ("/privacy-policy", "", "legal"),
        ("/blog/contact-lenses", "", "other"),
        ("/2024/05/about-our-move", "", "other"),
        ("/how-we-helped-a-client-contact-its-customers", "", "other"),
        ("/gallery", "", "other"),
        ("/contactless-cards", "", "other"),
    ],
)
def test_a_link_has_the_role_its_words_say(path, text, role):
    assert role_of(parse_url(f"{SITE}{path}"), text) == role


def test_every_role_comes_once_before_any_comes_twice():
    home = page(
        ("/privacy", "Privacy"), ("/services/a", "A"), ("/services", "Services"),
        ("/gallery", "Gallery"), ("/team", "Team"), ("/contact", "Contact"),
        ("/contact/penang", "Penang"), ("/about", "About"), ("/careers", "Jobs"),
    )  # fmt: skip

    assert taken(home) == [
        "/contact", "/about", "/team", "/services", "/careers", "/privacy",
        "/contact/penang", "/services/a", "/gallery",
    ]  # fmt: skip


def test_the_order_of_the_links_plays_no_part():
    links = [(f"/{name}", name) for name in ("contact", "about", "x", "team", "y", "b", "services")]
    orders = [random.Random(seed).sample(links, len(links)) for seed in range(8)]

    assert len({tuple(taken(page(*order))) for order in orders}) == 1


def test_other_sites_and_nofollow_are_left_alone_and_subdomains_come_late():
    source = (
        b'<a href="https://other.com.sg/team">Team</a><a href="https://shop.acme.com.sg/x">X</a>'
        b'<a href="https://shop.acme.com.sg/about">About</a><a href="/y">Y</a>'
    )
    home = parse(source, "text/html", "https://acme.com.sg/")
    nofollow = parse(b'<a rel=nofollow href="/contact">Contact</a>', "text/html", f"{SITE}/")

    assert taken(home) == ["/about", "/y", "/x"]
    assert taken(nofollow) == []


def test_one_page_in_several_languages_is_taken_once_in_that_of_the_home_page():
    links = [
        ("/zh/contact", "\u8054\u7cfb"),
        ("/en/contact", "Contact"),
        ("/ms/contact", "Hubungi"),
    ]

    assert taken(page(*links)) == ["/en/contact"]
    assert taken(page(*links, path="/zh/", lang="zh")) == ["/zh/contact"]


def test_the_english_version_of_a_foreign_home_page_comes_first():
    head = '<link rel="alternate" hreflang="en-SG" href="/english/">'
    home = page(("/contact", "\u8054\u7cfb"), head=head, lang="zh")

    assert taken(home) == ["/english/", "/contact"]


def test_the_frames_of_an_empty_page_are_read_before_anything_else():
    frames = parse(
        b'<frameset><frame src="menu.htm"><frame src="/main.htm"></frameset>',
        "text/html",
        f"{SITE}/",
    )

    assert taken(frames) == ["/main.htm", "/menu.htm"]


@pytest.mark.parametrize(
    "path",
    [
        "/calendar/2026/11", "/events?month=12&year=2031", "/news/page/7", "/list?page=3",
        "/list?offset=40", "/a/b/c/d/e/f/g", "/about/about/about/", "/x/y/x/y", "/shop?sort=price",
        "/search?q=x", "/login", "/wp-login.php", "/feed", "/file.pdf", "/photo.jpg", "/app.zip",
        "/x?a=1&b=2&c=3&d=4&e=5", f"/{'a' * 300}", "/?replytocom=7", "/?add-to-cart=9", "/account/",
    ],
)  # fmt: skip
def test_traps_are_known(path):
    assert is_trap(parse_url(f"{SITE}{path}"))


@pytest.mark.parametrize(
    "path",
    ["/", "/contact.html", "/index.php?link=contact", "/?page_id=12", "/en/about-us/", "/v2.0",
     "/index.php?option=com_content&view=article&id=5&Itemid=10", "/default.aspx?id=3"],
)  # fmt: skip
def test_ordinary_addresses_are_no_traps(path):
    assert not is_trap(parse_url(f"{SITE}{path}"))


def test_tracking_and_session_ids_fall_off():
    urls = ["/a?utm_source=x&id=5&gclid=y", "/a;jsessionid=7F?id=5", "/a?id=5&PHPSESSID=abc"]

    assert {tidy(parse_url(f"{SITE}{url}")).path for url in urls} == {"/a?id=5"}


def test_ways_of_writing_one_page_have_one_key():
    same = [
        "https://acme.example/",
        "http://www.acme.example/index.html",
        "https://acme.example/en/",
    ]

    assert len({key(parse_url(url)) for url in same}) == 1
    assert key(parse_url(f"{SITE}/a?x=1")) != key(parse_url(f"{SITE}/a?x=2"))
