"""What is wrong with a text before anybody gets it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from outreach.wording.lint import lint
from outreach.wording.render import Text

GOOD = Text("Tea for {{ business_name }}", "<p>Short.</p>", {"business_name": "you"}, "<p>Us</p>")


@pytest.mark.parametrize(
    ("changes", "code", "blocks"),
    [
        ({"subject": " "}, "no_subject", True),
        ({"subject": "Re: our talk"}, "false_reply", True),
        ({"body_html": "<p> </p>"}, "no_body", True),
        ({"signature_html": ""}, "no_signature", True),
        ({"subject": "{{ shoe_size }}"}, "unknown_variable", True),
        ({"subject": "Tea for {businessName}"}, "single_braces", True),
        ({"body_html": "<p>Dear { first_name },</p>"}, "single_braces", True),
        ({"fallbacks": {}}, "no_fallback", False),
        ({"subject": "x" * 61}, "long_subject", False),
        ({"subject": "BUY TEA"}, "shouting", False),
        ({"body_html": "<p>word</p>" * 201}, "long", False),
        ({"body_html": '<a href="https://a.example">x</a>' * 4}, "many_links", False),
        ({"body_html": '<img src="https://a.example" alt="a">' * 2 + "x"}, "many_images", False),
        ({"body_html": '<img src="https://a.example">x'}, "no_alt", False),
    ],
)
def test_remarks_on_a_text(changes, code, blocks):
    remarks = lint(replace(GOOD, **changes))

    assert (code, blocks) in [(remark.code, remark.blocks) for remark in remarks]
    assert [remark.blocks for remark in remarks] == sorted(
        (remark.blocks for remark in remarks), reverse=True
    )


def test_braces_around_what_is_no_variable_are_a_persons_own_business():
    assert lint(replace(GOOD, body_html="<p>Dear {friend}, {{ business_name }} {1} {}</p>")) == []


def test_a_good_text_gets_no_remark_and_a_follow_up_may_answer():
    assert lint(GOOD) == []
    assert lint(replace(GOOD, subject="Re: Tea"), is_first=False) == []
