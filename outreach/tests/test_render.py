"""What one person reads: filled in, cleaned, and never more than was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.wording.render import RenderError, Text, as_text, clean_template, render, value_of

LEAD = {"first_name": "Mei", "businessName": "Kaya & Co", "services": ["Toast", "Tea"]}


def test_a_text_is_filled_with_a_leads_values():
    text = Text("{{first_name}}, a word", "<p>Dear {{ first_name }} of {{ business_name }}</p>")

    found = render(text, LEAD)

    assert found.subject == "Mei, a word"
    assert found.body_html == "<p>Dear Mei of Kaya &amp; Co</p>"
    assert found.body_text == "Dear Mei of Kaya & Co"
    assert found.unresolved == ()


def test_a_fallback_stands_in_and_without_one_the_variable_is_named():
    text = Text("Hello", "<p>{{ title }} {{ city }}</p>", fallbacks={"city": "Singapore"})

    found = render(text, LEAD)

    assert found.body_text == "Singapore"
    assert found.unresolved == ("title",)


def test_variables_of_the_signature_count():
    assert render(Text("x", "y", signature_html="<p>{{ sender }}</p>"), {}).unresolved == (
        "sender",
    )


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ({"city": "  Toa\r\nPayoh\x00 "}, "Toa Payoh"),
        ({"city": 7}, "7"),
        ({"city": True}, ""),
        ({"city": {"a": 1}}, ""),
        ({"city": None}, ""),
        ({"city": ["a", "", "b\nc"]}, "a, b c"),
        ({"city": "x" * 900}, "x" * 500),
    ],
)
def test_a_value_is_one_short_line(data, value):
    assert value_of(data, "city") == value


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '"><a href="javascript:alert(1)">x</a>',
        "{{ other }}",
        "{% include 'x' %}",
        "a\r\nBcc: everybody@example.com",
    ],
)
def test_hostile_data_stays_text(hostile):
    found = render(Text("{{ name }}", "<p>{{ name }}</p>"), {"name": hostile, "other": "secret"})

    assert "<script" not in found.body_html
    assert "<img" not in found.body_html
    assert "<a" not in found.body_html
    assert "secret" not in found.body_html
    assert "\n" not in found.subject
    assert "\r" not in found.subject


def test_a_link_takes_no_scheme_that_runs():
    text = Text("x", '<a href="{{ website }}">site</a>')

    assert "javascript" not in render(text, {"website": "javascript:alert(1)"}).body_html
    assert 'href="https://a.example"' in render(text, {"website": "https://a.example"}).body_html


def test_a_template_keeps_its_variables_and_loses_what_mail_does_not_need():
    html = (
        '<p onclick="x()" style="color:red">Dear {{first_name}}</p><script>x</script>'
        '<a href="{{ website }}">here</a><form><input></form>'
    )

    assert clean_template(html) == ('<p>Dear {{ first_name }}</p><a href="{{ website }}">here</a>')


@pytest.mark.parametrize("broken", ["{{ First }}", "{{ name", "name }}", "{% if x %}", "{{ a.b }}"])
def test_what_looks_like_a_variable_and_is_none_is_refused(broken):
    with pytest.raises(RenderError, match="variables are written"):
        clean_template(f"<p>{broken}</p>")


def test_a_text_part_has_paragraphs_lists_and_addresses():
    html = (
        "<h2>News</h2><p>One<br>two</p><ul><li>Tea</li><li>Toast</li></ul>"
        '<p><a href="https://a.example/x">Read</a> <a href="mailto:a@b.example">a@b.example</a></p>'
    )

    assert as_text(html) == (
        "News\n\nOne\ntwo\n\n- Tea\n\n- Toast\n\nRead <https://a.example/x> a@b.example"
    )


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_data_breaks_out_of_its_place(name, city):
    text = Text("{{ name }}", "<p>{{ name }}</p><p>{{ city }}</p>")

    found = render(text, {"name": name, "city": city})

    assert found.body_html.count("<p>") == 2
    assert found.body_html.replace("<p>", "").replace("</p>", "").count("<") == 0
    assert found.subject.isprintable()
