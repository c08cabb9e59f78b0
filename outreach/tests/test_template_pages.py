"""The pages of templates: who may, what they keep, and that nothing typed does harm."""

from __future__ import annotations

import pytest

from icp.models import Lead
from icp.tests.test_pages import inside, page, post, sign_in
from leadgen_project.tests.console_data import fill, make_people, make_register
from outreach.models import EmailTemplate, Signature, TemplateVersion, Variation
from outreach.tests.factories import make_contact, make_mailbox
from outreach.wording import templates
from tenants.permits import Vendor

FIELDS = {"name": "Tea", "subject": "Tea for {{ company }}", "body": "Dear {{ first_name }}",
          "description": "", "based_on": "", "fallback.first_name": "reader"}  # fmt: skip


@pytest.fixture
def operator(db):
    return sign_in("OPERATOR")


@pytest.fixture
def signature(operator) -> Signature:
    return inside(lambda: templates.save_signature(None, name="O", body="Olga, 1 Road", actor="o"))


@pytest.fixture
def template(signature) -> EmailTemplate:
    return inside(
        lambda: templates.save_template(
            None, name="Tea", subject="Tea", body="<p>Hi {{ first_name }}</p>", actor="o",
            fallbacks={"first_name": "reader"}, signature=signature,
        ).template
    )  # fmt: skip


def save(client, fields, template=None) -> str:
    path = f"{template.pk}/change" if template else "add"
    answer = client.post(f"/admin/outreach/emailtemplate/{path}/", fields, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_empty_lists_say_what_to_do(operator):
    assert "Begin with a signature" in page(operator, "outreach_emailtemplate_changelist")
    assert "No signature yet" in page(operator, "outreach_signature_changelist")


def test_a_template_is_written_changed_and_archived(operator, signature):
    sent = {**FIELDS, "signature": signature.pk}
    assert "Saved as Tea v1" in save(operator, sent)
    template = inside(EmailTemplate.objects.get)

    same = save(operator, {**sent, "based_on": "1"}, template)
    assert "Nothing has changed" in same
    assert "Saved as Tea v2" in save(operator, {**sent, "based_on": "1",
                                                  "subject": "More tea"}, template)  # fmt: skip
    assert "saved in the meantime" in save(operator, {**sent, "based_on": "1"}, template)
    assert inside(TemplateVersion.objects.count) == 2
    assert "Bring it back" in post(operator, "outreach_template_archive", template.pk, archived=1)
    assert "archived" in page(operator, "outreach_emailtemplate_changelist", archived="1")


def test_a_mistake_keeps_what_was_typed(operator, signature):
    shown = save(operator, {**FIELDS, "body": "Hello {{ Name }}"})

    assert "variables are written" in shown
    assert "Hello {{ Name }}" in shown
    assert not inside(EmailTemplate.objects.exists)


def test_the_preview_shows_the_mail_as_two_leads_would_get_it(operator, signature):
    one, other = inside(lambda: [make_contact(verdict="DELIVERABLE") for _ in range(2)])
    inside(lambda: make_mailbox(address="olga@tea.example"))
    sent = {**FIELDS, "signature": signature.pk, "lead": one.lead_id, "other": other.lead_id}

    found = operator.post("/admin/outreach/emailtemplate/preview/", sent).json()

    html = found["html"]
    assert f"&lt;ADV&gt; Tea for {one.lead.name}" in html
    assert f"&lt;ADV&gt; Tea for {other.lead.name}" in html
    assert "List-Unsubscribe-Post" in html
    assert "olga@tea.example" in html
    assert "Nothing would keep it from going" in html
    assert found["names"] == ["company", "first_name"]
    assert not inside(EmailTemplate.objects.exists)


def test_hostile_text_and_data_do_no_harm_in_the_preview(operator, signature):
    contact = inside(lambda: make_contact(verdict="UNVERIFIED"))
    inside(lambda: Lead.objects.update(name="<script>alert(1)</script>\r\nBcc: x@y.example"))
    body = "<script>alert(2)</script><img src=https://evil.example/p.png alt='a<b'><p>{{ company }}"

    shown = operator.post(
        "/admin/outreach/emailtemplate/preview/",
        {**FIELDS, "body": body, "signature": signature.pk, "lead": contact.lead_id},
    ).json()["html"]

    assert "<script" not in shown
    assert 'evil.example/p.png"' not in shown.partition("ml-more")[0]
    assert "[image: a" in shown
    assert "<dt>Bcc" not in shown
    assert "not verified yet" in shown
    huge = operator.post(
        "/admin/outreach/emailtemplate/preview/", {**FIELDS, "body": "x" * 200_000}
    )
    assert "at most 100,000" in huge.json()["html"]


@pytest.mark.parametrize("role", ["REVIEWER", "AUDITOR"])
def test_who_may_not_write_looks_and_changes_nothing(template, role):
    client = sign_in(role)

    assert "may look, but not save" in page(client, "outreach_emailtemplate_change", template.pk)
    for path in ("add/", f"{template.pk}/change/", f"{template.pk}/archive/",
                 f"{template.pk}/variations/", f"{template.pk}/test/"):  # fmt: skip
        answer = client.post(f"/admin/outreach/emailtemplate/{path}", FIELDS)
        assert answer.status_code == 403, path


def test_nothing_changes_by_get(operator, template):
    for path in (f"{template.pk}/archive/", f"{template.pk}/variations/", f"{template.pk}/test/"):
        assert operator.get(f"/admin/outreach/emailtemplate/{path}").status_code == 405


def test_wordings_are_added_approved_and_dropped(operator, template, settings):
    settings.VENDOR_KEYS = {**settings.VENDOR_KEYS, Vendor.LLM: ""}
    add = ("outreach_variation_add", template.pk)

    assert "Wording B is added" in post(operator, *add, subject="Cake", body="Cake?")
    assert "misleads" in post(operator, *add, subject="Re: cake", body="Cake?")
    assert "there is no Language model key" in post(operator, *add, draft="1")
    draft = inside(
        lambda: templates.add_variation(
            TemplateVersion.objects.get(), subject="C", body="<p>C</p>", actor="m", source="LLM"
        )
    )
    assert "not approved" in page(operator, "outreach_emailtemplate_change", template.pk)
    post(operator, "outreach_variation_decide", draft.pk, approve="1")
    assert inside(lambda: Variation.objects.get(pk=draft.pk)).approved_by == "operator-acme"


def test_what_was_moved_in_stands_beside_what_was_made_of_it(operator, template):
    assert "As the former program had it" not in page(
        operator, "outreach_emailtemplate_change", template.pk
    )
    inside(lambda: TemplateVersion.objects.update(moved_body="<p onclick=x>Hi</p>"))

    shown = page(operator, "outreach_emailtemplate_change", template.pk)

    assert "As the former program had it, before cleaning" in shown
    assert "&lt;p onclick=x&gt;Hi&lt;/p&gt;" in shown


def test_a_test_mail_needs_a_mailbox_a_lead_and_an_address(operator, template):
    test = ("outreach_template_test", template.pk)
    assert "Choose a mailbox first" in post(operator, *test)
    mailbox = inside(lambda: make_mailbox(state="RECONNECT", state_reason="Sign in again."))
    assert "Choose a lead" in post(operator, *test, mailbox=mailbox.pk)
    inside(make_contact)

    assert "has no e-mail address" in post(operator, *test, mailbox=mailbox.pk)


def test_every_page_of_templates_answers_with_a_filled_tenant(db):
    make_people()
    make_register()
    fill("acme", mark="Acmemark", leads=6)
    client = sign_in("OWNER")

    for name in ("outreach_emailtemplate_changelist", "outreach_signature_changelist",
                 "outreach_emailtemplate_add", "outreach_signature_add"):  # fmt: skip
        page(client, name)
    template = inside(EmailTemplate.objects.get)
    assert "Acmemark subject" in page(client, "outreach_emailtemplate_change", template.pk)
