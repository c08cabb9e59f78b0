"""Templates: what is kept of what was typed, what blocks, and what figures may claim."""

from __future__ import annotations

import json

import pytest

from enrichment.tests.llm_server import language_model_at
from outreach.models import EmailTemplate, MessageEvent, Signature, TemplateVersion, Variation
from outreach.tests.factories import make_mailbox, make_message, make_version
from outreach.wording import templates
from outreach.wording.draft_variations import draft_variations
from outreach.wording.figures import Share, figures_of, verdict_on, wilson
from outreach.wording.templates import TemplateError, faults_of
from tenants.models import AuditEvent
from tenants.permits import Vendor

HOSTILE = "<script>alert(1)</script><p onclick='x()'>Hello {{ first_name }}</p><iframe src=x>"


@pytest.fixture
def signature(acme) -> Signature:
    return templates.save_signature(None, name="Olga", body="Olga Tan\n1 Road, 018956", actor="o")


def save(template=None, *, signature=None, **changes) -> TemplateVersion:
    values = {"name": "Tea", "subject": "Tea for {{ company }}", "body": "<p>Hello</p>",
              "actor": "olga", **changes}  # fmt: skip
    return templates.save_template(template, signature=signature, **values)


def test_a_changed_wording_is_a_new_version_and_the_same_one_is_not(signature):
    first = save(signature=signature)
    second = save(first.template, signature=signature, subject="More tea")
    again = save(first.template, signature=signature, subject="More tea")

    first.refresh_from_db()
    assert (first.version, second.version, again.pk) == (1, 2, second.pk)
    assert (first.subject, first.is_current) == ("Tea for {{ company }}", False)
    assert AuditEvent.objects.filter(action="outreach.template.save").count() == 2


def test_what_is_kept_is_clean_whoever_wrote_it(signature):
    version = save(signature=signature, body=HOSTILE, subject="Tea\r\nBcc: all@evil.example")

    assert "script" not in version.body_html
    assert "onclick" not in version.body_html
    assert "iframe" not in version.body_html
    assert "{{ first_name }}" in version.body_html
    assert version.subject == "Tea Bcc: all@evil.example"


def test_plain_text_becomes_paragraphs(signature):
    version = save(signature=signature, body="Dear you,\nhello\n\nfish & <chips\n\n\n\n")

    assert version.body_html == "<p>Dear you,<br>hello</p>\n<p>fish &amp; &lt;chips</p>"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "  "}, "name"),
        ({"subject": "x" * 301}, "subject"),
        ({"subject": "Hello {{ First }}"}, "subject"),
        ({"body": "<p>{% for %}</p>"}, "body"),
        ({"body": "x" * 100_001}, "body"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_field(signature, changes, field):
    with pytest.raises(TemplateError) as refused:
        save(signature=signature, **changes)

    assert refused.value.field == field
    assert not EmailTemplate.objects.exists()


def test_a_name_is_taken_once(signature):
    save(signature=signature)

    with pytest.raises(TemplateError, match="already"):
        save(signature=signature)


def test_fallbacks_of_variables_the_text_does_not_use_are_not_kept(signature):
    version = save(signature=signature, body="<p>{{ city }}</p>",
                   fallbacks={"city": "Singapore", "name": "x", "company": " "})  # fmt: skip

    assert version.fallbacks == {"city": "Singapore"}


def test_faults_are_named_and_block_use(signature):
    version = save(subject="Re: tea", body="<p>{{ colour }}</p>")

    faults = " ".join(faults_of(version))

    assert "looks like an answer" in faults
    assert "colour" in faults
    assert "signature" in faults


def test_an_archived_template_is_kept_and_cannot_be_used(signature):
    version = save(signature=signature, subject="Tea")

    assert templates.set_archived(version.template, archived=True, actor="olga")
    assert not templates.set_archived(version.template, archived=True, actor="olga")
    version = TemplateVersion.objects.get(pk=version.pk)

    assert "archived" in faults_of(version)[0]
    assert templates.set_archived(version.template, archived=False, actor="olga")


def test_a_variation_of_an_operator_stands_approved_and_a_fault_is_refused(signature):
    version = save(signature=signature, subject="Tea")

    own = templates.add_variation(version, subject="Cake", body="<p>Cake?</p>", actor="olga")

    assert (own.label, own.approved_by) == ("B", "olga")
    for subject in ("Fwd: cake", "Cake"):
        with pytest.raises(TemplateError):
            templates.add_variation(version, subject=subject, body="<p>Cake?</p>", actor="olga")


# --- the model ------------------------------------------------------------------------------
@pytest.fixture
def server(settings):
    with language_model_at(settings) as running:
        yield running


def test_a_models_drafts_wait_for_approval_and_unsound_ones_are_dropped(signature, server):
    version = save(signature=signature, body="<p>Dear {{ first_name }}</p>",
                   fallbacks={"first_name": "reader"}, subject="Tea")  # fmt: skip
    said = [("Tea at four", "<p>Hi {{ first_name }}<script>x</script></p>"),
            ("Re: tea", "<p>Hi</p>"), ("Tea", "<p>{{ salary }}</p>")]  # fmt: skip
    server.answers = [
        json.dumps({"wordings": [{"subject": one, "body_html": two} for one, two in said]})
    ]

    report = draft_variations(version, actor="olga")

    (draft,) = report.made
    assert (draft.source, draft.approved_at) == ("LLM", None)
    assert draft.body_html == "<p>Hi {{ first_name }}</p>"
    assert len(report.dropped) == 2
    assert templates.approve_variation(draft, actor="olga")
    assert not templates.drop_draft(draft, actor="olga")


def test_without_a_model_the_page_can_say_so(signature, settings):
    settings.VENDOR_KEYS = {**settings.VENDOR_KEYS, Vendor.LLM: ""}

    report = draft_variations(save(signature=signature), actor="olga")

    assert "there is no Language model key" in report.note
    assert not Variation.objects.exists()


# --- figures --------------------------------------------------------------------------------
def test_figures_count_each_mail_once_whatever_happened_to_it(acme):
    version, mailbox = make_version(), make_mailbox()
    sent = {"template_version": version, "mailbox": mailbox, "status": "SENT",
            "sent_at": "2026-11-20T00:00Z"}  # fmt: skip
    first, _, _ = (make_message(**sent) for _ in range(3))
    make_message(template_version=version)
    for kind in ("REPLIED", "UNSUBSCRIBED", "COMPLAINED", "REPLIED"):
        MessageEvent.objects.create(message=first, kind=kind)

    (figures,) = figures_of(version.template)

    assert (figures.label, figures.sent) == ("A", 3)
    assert (figures.answered.count, figures.opted_out.count, figures.bounced.count) == (1, 1, 0)
    assert figures.answered.words == "1 of 3: too few to tell"


def test_a_share_is_given_as_a_range_once_there_are_enough():
    assert Share(12, 80).words == "12 of 80: 8.8 to 24.4 %"
    assert Share(0, 0).words == "none sent yet"
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_winner_is_named_only_when_the_ranges_part():
    def figures(label, answered, sent):
        from outreach.wording.figures import Figures

        return Figures(1, label, sent, Share(answered, sent), Share(0, sent), Share(0, sent))

    assert "Too few" in verdict_on([figures("A", 5, 10), figures("B", 0, 40)])
    assert "No difference" in verdict_on([figures("A", 5, 40), figures("B", 8, 40)])
    assert verdict_on([figures("A", 2, 100), figures("B", 30, 100)]).startswith("B brings")
    assert verdict_on([figures("A", 2, 100)]) == ""
