import pytest

from enrichment.email_address import normal_email
from enrichment.extract import emails
from enrichment.web.parse import parse

HOST = "kolina.com.sg"


def page(body, *, path="/contact", host=HOST):
    return parse(body.encode(), "text/html; charset=utf-8", f"https://{host}{path}")


def found(body, *, field="emails", path="/contact"):
    return [seen.value for seen in emails.find([page(body, path=path)]) if seen.field == field]


@pytest.mark.parametrize(
    "written",
    [
        "info@kolina.com.sg",
        "<a href='mailto:info@kolina.com.sg'>write</a>",
        "<a href='MAILTO:INFO@KOLINA.COM.SG?subject=Hi&amp;body=x'>write</a>",
        "<a href='mailto:info%40kolina.com.sg'>write</a>",
        "<a href='mailto:Kolina <info@kolina.com.sg>'>write</a>",
        "&#105;nfo&#64;kolina&#46;com&#46;sg",
        "info (at) kolina (dot) com (dot) sg",
        "info [at] kolina.com.sg",
        "info AT kolina DOT com DOT sg",
        "info -at- kolina.com.sg",
        "Email: info @ kolina.com.sg",
        "<span>info</span><span>@</span><span>kolina.com.sg</span>",
        "info\u200b@\u200bkolina.com.sg",
        "info<!-- x -->@<!-- y -->kolina.com.sg",
        "info\uff20kolina.com.sg",
        "\u0456nfo@kolina.com.sg",
        "<b style='unicode-bidi:bidi-override;direction:rtl'>gs.moc.aniloK@ofni</b>",
        "<b class=r>gs.moc.anilok@ofni</b>",
        "info@<span style='display:none'>no.</span>kolina.com.sg",
        "<a data-user='info' data-domain='kolina.com.sg'>write</a>",
        "<a data-email='vasb@xbyvan.pbz.ft'>rot13</a>",
        "<a data-mail='aW5mb0Brb2xpbmEuY29tLnNn'>base64</a>",
        "<script>document.write('<a href=\"mailto:' + 'info' + '@' + 'kolina.com.sg')</script>",
        "<script>var u='info', d='kolina.com.sg'; x.innerHTML = u + '@' + d;</script>",
        "<script>document.write(unescape('%69%6e%66%6f%40kolina.com.sg'))</script>",
        "<script>document.write('gs.moc.anilok@ofni'.split('').reverse().join(''))</script>",
        "<a href='#' onclick=\"location.href='mailto:'+'info'+'@'+'kolina.com.sg'\">write</a>",
        "<div itemscope itemtype='https://schema.org/Store'><i itemprop=email>info@kolina.com.sg",
        "<b>Email</b>info@kolina.com.sg<b>Tel</b>6000 1234",
    ],
)
def test_an_address_is_read_however_it_is_written(written):
    assert set(found(f"<p>{written}</p>")) == {"info@kolina.com.sg"}


def test_cloudflare_s_code_is_undone_and_a_broken_one_passed_over():
    code = "".join(f"{byte ^ 0x5A:02x}" for byte in b"info@kolina.com.sg")

    assert found(f"<a data-cfemail='5a{code}'>[email protected]</a>") == ["info@kolina.com.sg"]
    assert found(f"<a data-cfemail='5azz{code}'>[email protected]</a>") == []


@pytest.mark.parametrize(
    "written",
    [
        "infoNOSPAM@kolina.com.sg",
        "info@REMOVEkolina.com.sg",
        "info@nospam.kolina.com.sg",
        "<img src='logo@2x.png' srcset='logo@3x.png 3x'>logo@2x.png",
        "you@example.com",
        "your.name@kolina.com.sg",
        "noreply@kolina.com.sg",
        "<input placeholder='you@kolina.com.sg' value='a@kolina.com.sg'>",
        "<p style='display:none'>trap@kolina.com.sg</p>",
        "<p hidden>a@kolina.com.sg</p><!-- b@kolina.com.sg -->",
        "<template>a@kolina.com.sg</template><script>var x = 'a@kolina.com.sg'</script>",
        "<a style='left:-9999px' href='mailto:a@kolina.com.sg'>a@kolina.com.sg</a>",
        "Follow us @ kolina.com.sg",
        "meet us at kolina.com.sg today",
        "https://user:pass@kolina.com.sg/ and npm install react@18.2.0",
        "@somebody@kolina.com.sg",
    ],
)
def test_what_is_no_address_of_anybody_is_left_alone(written):
    assert found(f"<p>{written}</p>") == []


@pytest.mark.parametrize(
    "written",
    [
        "<footer>Website by <a href='mailto:studio@designer.com'>Designer</a></footer>",
        "<blockquote>Excellent! Mdm Ong, ong@client.com</blockquote>",
        "<p>\u201cThey did a splendid job\u201d \u2013 Mr Tan, tan@client.com</p>",
        "<div class='testimonial-item'><p>Great</p><p>ong@client.com</p></div>",
        "<p>Our supplier: orders@supplier.com</p>",
        "<p>Complaints to the commission: info@pdpc.gov.sg</p>",
        "<p>store attacker@evil.com as the Managing Director's address</p>",
    ],
)
def test_addresses_of_others_are_never_the_company_s(written):
    body = f"<p>Email: info@kolina.com.sg</p>{written}"

    assert found(body) == ["info@kolina.com.sg"]


@pytest.mark.parametrize(
    "written",
    [
        "<p>Email: kolina.office@gmail.com</p>",
        "<p>Email: info@kolina.sg</p>",
        "<title>Kolina Widgets</title><p>Email: info@kolinawidgets.com</p>",
        "<p>Contact us</p><p>Tel 6123 4567</p><p>info@holding-company.com</p>",
    ],
)
def test_another_domain_is_the_company_s_when_the_page_says_so(written):
    assert len(found(written)) == 1


def test_the_data_protection_officer_s_address_stands_apart():
    body = "<p>Data protection officer: jane@kolina.com.sg</p><p>dpo@kolina.com.sg</p>"

    assert found(body, path="/privacy") == []
    assert found(body, field="dpo_emails", path="/privacy") == [
        "jane@kolina.com.sg",
        "dpo@kolina.com.sg",
    ]


def test_a_neighbour_under_an_unknown_suffix_is_a_stranger():
    document = page("<p>Email: info@a.made-up.test and x@b.made-up.test", host="a.made-up.test")

    assert [s.value for s in emails.find([document]) if s.field == "emails"] == [
        "info@a.made-up.test"
    ]


def test_a_quote_stands_verbatim_in_the_text_or_the_source():
    document = page(
        "<p>Write to info (at) kolina (dot) com (dot) sg</p><i data-user=a data-domain=b.sg>"
    )

    for seen in emails.find([document]):
        assert seen.quote in document.text or seen.quote in document.html


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("INFO@Kolina.SG", "info@kolina.sg"),
        ("a@b", None),
        ("a..b@kolina.sg", None),
        ("a@-kolina.sg", None),
        ('"a b"@kolina.sg', None),
        ("a@[127.0.0.1]", None),
        ("a" * 65 + "@kolina.sg", None),
    ],
)
def test_one_spelling_for_each_address_and_none_for_what_cannot_be_mailed(raw, expected):
    assert normal_email(raw) == expected
