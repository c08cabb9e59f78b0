"""PROMISES B12, F4: what goes out is what was shown, whatever stands in leads and templates.

Previews are held against the bodies in the provider's journal, with hostile strings as the data of
leads and contacts. Template languages of others are no language here: they are refused as a
template and stay words as data.
"""

from __future__ import annotations

import re
from email.message import EmailMessage

import pytest

from enrichment.models import Contact
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from outreach.models import Mailbox, Message
from outreach.preview import preview
from outreach.queue import queue_step, recipients_of
from outreach.sending.claim import claim
from outreach.sending.send import send
from outreach.tests.factories import make_campaign, make_contact, make_policy, make_version
from outreach.tests.signed_in import make_signed_in, use_microsoft
from outreach.transports.open import open_transport
from outreach.wording.render import MAX_BODY, MAX_DEPTH, RenderError, Text, clean_template, render
from tenants.clock import database_now

# What other template languages would run: Django, Jinja, Mako, ERB, Freemarker, Handlebars.
LANGUAGES = [
    "{% load log %}", "{% include '/etc/passwd' %}", "{% debug %}", "{{ settings.SECRET_KEY }}",
    "{{ request.user.password }}", "{{ lead.delete }}", "{{ first_name|safe }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ cycler.__init__.__globals__ }}",
    "{{ 7*7 }}", "{% for i in range(10**9) %}x{% endfor %}", "{# hidden #}{{ }}",
    "{{{{ first_name }}}}", "{%%}", "{{\n}}", "{{ first_name", "}}{{",
]  # fmt: skip
ONLY_WORDS = [
    "${7*7}", "#{7*7}", "<%= 7*7 %>", "${self.module.cache.util.os.system('id')}", "*|FNAME|*",
    "[[ first_name ]]", "%(first_name)s", "$first_name", "{first_name.__class__}", "{0}",
]  # fmt: skip
HOSTILE = [
    *LANGUAGES,
    *ONLY_WORDS,
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</p></body></html>",
    "\"><a href='javascript:alert(1)'>x</a>", "&lt;b&gt; &amp;amp; &#60;i&#62;",
    "Kaya\r\nBcc: all@evil.example", "Kaya\n\nNew body", "Kaya\x00\x07\x1b[31m",
    "=?utf-8?q?Bcc=3A_all=40evil=2Eexample?=", "=?utf-8?q?a=0D=0ABcc=3A_x=40y=2Ez?=",
    "陈 =?utf-8?b?YWxsQGV2aWwuZXhhbXBsZSw=?=", "陈 <x@evil.example>, y", '陈" <x@evil.example>, "y',
    "陈, x@evil.example, 陈", "陈: x@evil.example;", "é(c)é\\",
    "Kaya\u2028Bcc: x@evil.example", "a@b, c@d;",
    "\u202egnp.exe", "\u200b\u200d\ufeff", "Tan “Mei” (Kaya) <x@evil.example>", "'; DROP TABLE x",
    "=cmd|' /C calc'!A0", "+65 6123 4567", "陈美玲", "👩\u200d🚀 Zoë", "e\u0301" * 40,
    "\u0301" * 300, "x" * 900, "word " * 300, "%s%n%x", "\\r\\nBcc: x", "..", ".", "-- ",
    "From me", "a" + "\t" * 50,
]  # fmt: skip
LINKS = re.compile(r"(/u/[a-z0-9]+/|unsubscribe(?:%20| ))[\w-]{32}")


def without_links(text: str) -> str:
    """What is each recipient's own left out, and line ends made one."""
    return "\n".join(LINKS.sub(r"\1TOKEN", text).replace("\r\n", "\n").strip().split("\n"))


@pytest.fixture
def microsoft(settings):
    with MicrosoftStandIn() as stand_in:
        use_microsoft(settings, stand_in)
        yield stand_in


def header_lines(wire: bytes) -> list[str]:
    """The head of a mail, unfolded."""
    head = wire.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("ascii")
    return re.sub(r"\n[ \t]+", " ", head).split("\n")


def test_what_the_journal_holds_is_what_the_preview_showed(acme, microsoft):
    make_policy()
    mailbox = make_signed_in(microsoft)
    step = make_campaign(mailbox)
    step.template_version = version = make_version(
        subject="Tea for {{ company }}, {{ first_name }}",
        body_html="<p>Dear {{ name }}, {{ title }} of {{ company }}</p>"
                  '<p><a href="{{ website }}">{{ city }}: {{ services }}</a></p>',
        fallbacks={"first_name": "reader", "name": "reader", "title": "owner", "company": "you",
                   "website": "https://tea.example", "city": "here", "services": "all"},
    )  # fmt: skip
    step.save()
    for text in HOSTILE:
        contact = make_contact(verdict="DELIVERABLE")
        kept = text.replace("\x00", "")  # which no database keeps
        contact.name, contact.title = kept[:200], kept[::-1][:200]
        contact.save()
        contact.lead.name = kept[:300] or "x"
        contact.lead.facts = {"website": {"value": kept}, "city": {"value": kept},
                              "services": {"value": [kept, kept]}}  # fmt: skip
        contact.lead.save()
    pairs = [(each.lead, each) for each in contacts()]
    shown = {}
    words = Text(version.subject, version.body_html, version.fallbacks,
                 version.signature.body_html)  # fmt: skip
    for lead, contact in pairs:
        found = preview(words, lead=lead, contact=contact, mailbox=mailbox, now=database_now())
        assert not found.problem, lead.name
        shown[contact.email] = found

    queue_step(step, recipients_of(pairs), actor="olga", now=database_now())
    Message.objects.update(timezone="UTC", country="", is_released=True)
    send_all(mailbox)

    assert len(microsoft.mails) == len(HOSTILE)
    for taken in microsoft.mails:
        mail, [recipient] = taken.mail, taken.recipients
        expected = shown[recipient]
        assert [each.addr_spec for each in mail["To"].addresses] == [recipient]
        assert (mail["Cc"], mail["Bcc"]) == (None, None)
        assert mail["Subject"] == expected.rendered.subject
        assert body(mail, "html") == without_links(expected.rendered.body_html)
        assert body(mail, "plain") == without_links(expected.rendered.body_text)
        headers = {name: without_links(value) for name, value in expected.headers}
        for name in ("From", "To", "List-Unsubscribe", "List-Unsubscribe-Post"):
            assert closed_up(without_links(str(mail[name]))) == closed_up(headers[name])
        names = [line.partition(":")[0] for line in header_lines(taken.wire)]
        assert set(names) <= KNOWN_HEADERS
        assert len(names) == len(set(names))
        assert "<script" not in body(mail, "html")


KNOWN_HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "X-Leadgen-Key", "List-Unsubscribe",
    "List-Unsubscribe-Post", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
}  # fmt: skip


def closed_up(text: str) -> str:
    """Long names come in pieces, and readers differ in what stands between two."""
    return "".join(text.split())


def contacts() -> list[Contact]:
    return list(Contact.objects.select_related("lead").order_by("pk"))


def body(mail: EmailMessage, kind: str) -> str:
    return without_links(mail.get_body((kind,)).get_content())


def send_all(mailbox: Mailbox) -> None:
    Mailbox.objects.update(gap_seconds=0)
    transport = open_transport(mailbox)
    while message := claim(mailbox.pk):
        assert send(message, transport=transport) == "SENT"
    left = Message.objects.exclude(status="SENT").values_list("status", "code", "sentence")
    assert not list(left)


@pytest.mark.parametrize("text", LANGUAGES)
def test_another_template_language_is_refused_as_a_template(text):
    with pytest.raises(RenderError, match="variables are written"):
        clean_template(f"<p>{text}</p>")


@pytest.mark.parametrize("text", [*LANGUAGES, *ONLY_WORDS])
def test_another_template_language_stays_words_as_data(text):
    data = {"company": text, "first_name": "Quark", "name": "Quark"}

    found = render(Text("{{ company }}", "<p>{{ company }}</p>"), data)

    assert found.subject == " ".join(text.split())
    assert found.body_text == " ".join(text.split())
    assert "Quark" not in found.body_html


@pytest.mark.parametrize("text", ONLY_WORDS)
def test_signs_that_mean_something_elsewhere_go_out_as_written(text):
    found = render(Text("x", clean_template(f"<p>{text.replace('<', '&lt;')}</p>")), {})

    assert found.body_text == text


@pytest.mark.parametrize("tag", ["div", "blockquote", "ul><li", "table><tr><td"])
def test_two_hundred_levels_keep_their_words_and_more_are_refused(tag):
    levels = {"ul><li": 2, "table><tr><td": 4}.get(tag, 1)  # a table gets its body
    deep = clean_template(f"<{tag}>" * (MAX_DEPTH // levels) + "Dear {{ name }}")
    assert "Dear Mei" in render(Text("x", deep), {"name": "Mei"}).body_text

    for times in (MAX_DEPTH // levels + 1, MAX_BODY // (len(tag) + 2) - 1):
        with pytest.raises(RenderError, match="in one another"):
            clean_template(f"<{tag}>" * times + "x")


def test_a_text_is_bounded_and_half_a_character_is_no_text():
    with pytest.raises(RenderError, match="at most 100,000"):
        clean_template("x" * 1_000_000)
    assert clean_template("<p>a\ud800b</p>") == "<p>a?b</p>"
