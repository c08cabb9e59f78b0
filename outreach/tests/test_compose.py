"""The mail as it goes over the wire."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import pytest

from outreach.wording.compose import Envelope, WayOut, compose, footer, labelled
from outreach.wording.render import Rendered

WAY_OUT = WayOut("https://leadgen.example/u/abc", "mailto:out+abc@us.example?subject=unsubscribe")
RENDERED = Rendered("Grüße", "<p>Dear Mei</p>", "Dear Mei")
ENVELOPE = Envelope(
    sender="olga@us.example",
    sender_name="Olga Tan",
    recipient="mei@kaya.example",
    recipient_name="Mei",
    reply_to="",
    key="5c7d9a1e-0000-4000-8000-000000000001",
    way_out=WAY_OUT,
    sent_at=datetime(2026, 11, 24, 2, 0, tzinfo=UTC),
)


def wire(envelope: Envelope = ENVELOPE, rendered: Rendered = RENDERED):
    return message_from_bytes(compose(rendered, envelope).as_bytes(), policy=default)


def test_a_mail_has_one_recipient_both_parts_and_both_ways_out():
    mail = wire()

    assert str(mail["To"]) == "Mei <mei@kaya.example>"
    assert mail["Cc"] is None
    assert mail["Bcc"] is None
    assert mail.get_body(("plain",)).get_content().strip() == "Dear Mei"
    assert mail.get_body(("html",)).get_content().strip() == "<p>Dear Mei</p>"
    assert mail["List-Unsubscribe"] == (
        "<https://leadgen.example/u/abc>, <mailto:out+abc@us.example?subject=unsubscribe>"
    )
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Subject"] == "Grüße"


def test_the_key_is_in_the_mail_and_in_its_message_id():
    mail = wire()

    assert mail["X-Leadgen-Key"] == ENVELOPE.key
    assert mail["Message-ID"] == f"<{ENVELOPE.key}@us.example>"


def test_a_follow_up_answers_the_mail_before_it():
    mail = wire(replace(ENVELOPE, answers="<first@us.example>"))

    assert mail["In-Reply-To"] == mail["References"] == "<first@us.example>"


@pytest.mark.parametrize(
    "changes",
    [
        {"recipient": "mei@kaya.example\r\nBcc: all@x.example"},
        {"recipient": "mei@kaya.example, all@x.example"},
        {"sender_name": "Olga\r\nBcc: all@x.example"},
        {"recipient": "no address"},
        {"recipient": "mei@@kaya.example"},
        {"recipient": "@"},
        {"recipient_name": "=?utf-8?q?a=0D=0ABcc=3A_x=40y=2Ez?="},
        {"sender_name": "=?utf-8?q?x=40evil=2Eexample=2C?="},
    ],
)
def test_what_would_break_a_header_is_refused(changes):
    with pytest.raises(ValueError, match=r"\S"):
        wire(replace(ENVELOPE, **changes))


def test_no_line_is_too_long_for_smtp():
    long = Rendered("x" * 190, f"<p>{'word ' * 2000}</p>", "word " * 2000)

    raw = compose(long, ENVELOPE).as_bytes()

    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


def test_the_footer_says_why_and_how_to_leave():
    html = footer(WAY_OUT, why="Your address stands on <kaya.example>.")

    assert "&lt;kaya.example&gt;" in html
    assert 'href="https://leadgen.example/u/abc"' in html


def test_a_notice_stands_below_as_lines_of_plain_text():
    html = footer(WAY_OUT, why="Because.", notice="We hold <names>.\nYou may object.")

    assert html.endswith("<p>We hold &lt;names&gt;.<br>You may object.</p>")


def test_the_label_stands_once():
    assert labelled("Hello", needs_label=True) == "<ADV> Hello"
    assert labelled("<ADV> Hello", needs_label=True) == "<ADV> Hello"
    assert labelled("Hello", needs_label=False) == "Hello"
