import time

import pytest

from enrichment.web.encoding import decide_encoding
from enrichment.web.parse import parse

URL = "https://www.made-up.example/about/us.html"


def page(body, *, content_type="text/html", url=URL):
    return parse(body if isinstance(body, bytes) else body.encode(), content_type, url)


def test_text_is_what_a_visitor_reads_one_block_a_line():
    document = page(
        "<title>T</title><h1>Made <b>Up</b></h1><script>var x = 1</script><p>One<br>Two</p>"
        "<noscript>no</noscript><template>no</template><p hidden>no</p>"
        "<div style='display: none'>no</div><footer>end\u200b</footer>"
    )

    assert document.text == "Made Up\nOne\nTwo\nend"
    assert document.title == "T"


def test_a_page_without_a_body_tag_is_read():
    assert page("<title>T</title><footer>Made Up Pte. Ltd.</footer>").text == "Made Up Pte. Ltd."


def test_a_word_hidden_by_the_page_s_own_style_sheet_is_not_read():
    document = page("<style>.x{display:none}</style><p>info<span class=x>NOSPAM</span>@a.example")

    assert document.text == "info@a.example"


def test_text_written_backwards_is_turned_round():
    document = page("<p><span style='unicode-bidi:bidi-override;direction:rtl'>gs.a@ofni</span>")

    assert document.text == "info@a.sg"


def test_links_are_absolute_and_honour_base():
    document = page(
        "<base href='/shop/'><a href='a.html#x' rel='NoFollow'>A</a><a href='mailto:a@b.example'>"
        "m</a><a href='//other.example/'>O</a><a href='http://[bad'>B</a>"
        "<div hidden><a href=h>H</a></div>"
    )

    assert [(link.url, link.rel, link.is_hidden) for link in document.links] == [
        ("https://www.made-up.example/shop/a.html", "nofollow", False),
        ("https://other.example/", "", False),
        ("https://www.made-up.example/shop/h", "", True),
    ]


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"\xef\xbb\xbf<p>x", "text/html; charset=gbk", "utf-8"),
        (b"\xff\xfe<\x00p\x00", "", "utf-16le"),
        (b"<p>caf\xe9", "text/html; charset=ISO-8859-1", "windows-1252"),
        (b"<meta charset=Shift_JIS><p>", "", "shift_jis"),
        (b'<meta http-equiv=content-type content="text/html; charset=gb2312">', "", "gbk"),
        (b"<!-- <meta charset=gbk> --><meta charset=koi8-r>", "", "koi8-r"),
        (b"<meta charset=utf-16>", "", "utf-8"),
        (b"<p>plain", "", "windows-1252"),
        ("<p>caf\xe9".encode(), "", "utf-8"),
        ("<meta charset=iso-8859-1><p>caf\xe9".encode(), "", "utf-8"),
        (b"<meta charset=rot13><meta charset=utf-7><p>", "", "windows-1252"),
    ],
)
def test_encoding_is_decided_as_browsers_do(body, content_type, expected):
    assert decide_encoding(body, content_type) == expected


def test_jsonld_is_read_with_comments_trailing_commas_and_graphs():
    document = page(
        """<script type="application/ld+json"><!-- {"@graph": [{"@type": "Organization",
        "name": "Made Up",},]} --></script><script type="application/ld+json">{broken</script>"""
    )

    assert document.jsonld[1] == {"@type": "Organization", "name": "Made Up"}


def test_microdata_has_the_shape_of_jsonld():
    document = page(
        "<div itemscope itemtype='https://schema.org/LocalBusiness'><b itemprop=name>Made Up</b>"
        "<p itemprop=address itemscope itemtype='https://schema.org/PostalAddress'>"
        "<i itemprop=postalCode>408965</i></p><meta itemprop=email content=a@b.example></div>"
    )

    assert document.microdata == [
        {
            "@type": "LocalBusiness",
            "name": ["Made Up"],
            "address": [{"@type": "PostalAddress", "postalCode": ["408965"]}],
            "email": ["a@b.example"],
        }
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"<div>" * 400_000,
        b"<a " + b" ".join(b"a%d=1" % number for number in range(200_000)) + b">x",
        b'<a "' * 500_000,
        b"<" * 2_000_000,
        b"<!--" * 500_000,
        b"<style>" + b"@media x{" * 200_000 + b"none",
        b"<table><tr><td>" * 130_000,
        b"\x00" * 1_000_000,
        b"<script type=application/ld+json>" + b"[" * 300_000,
    ],
)
def test_hostile_bytes_cost_a_bounded_time_and_raise_nothing(body):
    started = time.thread_time()
    document = page(body)
    assert isinstance(document.text + document.title + document.lang, str)
    assert isinstance((document.links, document.meta, document.canonical), tuple)
    assert len(document.jsonld) + len(document.microdata) < 1000

    assert time.thread_time() - started < 30


@pytest.mark.parametrize("body", [b"", b"%PDF-1.7", b"\x89PNG\r\n"])
def test_a_body_without_markup_has_no_text_and_no_links(body):
    document = page(body)

    assert (document.text, document.links, document.title) == ("", [], "")


def test_plain_text_keeps_its_lines():
    assert page("one\ntwo", content_type="text/plain").text == "one\ntwo"
