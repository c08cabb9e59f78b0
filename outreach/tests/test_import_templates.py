"""Files of templates come in with every row accounted for; what they made can be archived again."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from icp.read_table import UnreadableFileError
from icp.tests.factories import NOW
from icp.tests.hostile_files import FILES, shaped
from icp.tests.test_pages import inside, page, sign_in
from icp.uploads import UploadError, error_file, rows_of
from outreach.import_models import TemplateImport
from outreach.models import EmailTemplate, Signature, TemplateVersion
from outreach.wording.import_templates import (
    confirm_templates,
    export_templates,
    preview_templates,
    undo_templates,
)
from outreach.wording.templates import current_version, save_template, set_archived
from tenants.context import in_tenant
from tenants.models import AuditEvent

HEAD = "name,subject,body,description,signature,fallbacks\n"
SHAPES = shaped("name,subject,body", "Hello,Tea for you,<p>Hi</p>", "Bye,So long,<p>Bye</p>")


def preview(content: str | bytes) -> TemplateImport:
    content = content.encode() if isinstance(content, str) else content
    return preview_templates(content, file_name="templates.csv", actor="olga", now=NOW)


def imported(content: str | bytes) -> TemplateImport:
    upload = preview(content)
    confirm_templates(upload, actor="olga", now=NOW)
    upload.refresh_from_db()
    return upload


def counts(upload: TemplateImport) -> tuple[int, int, int, int]:
    return upload.new, upload.changed, upload.present, upload.refused


def write(name: str, body: str = "<p>Old</p>", **more: object) -> TemplateVersion:
    return save_template(None, name=name, subject="Tea", body=body, actor="ann", **more)


@pytest.fixture
def signature(acme) -> Signature:
    return Signature.objects.create(name="Olga", body_html="<p>Olga, 1 Main Street</p>")


def test_a_preview_saves_nothing_and_tells_of_each_row_what_it_would_become(signature):
    write("Same", signature=signature)
    write("Other", signature=signature)
    set_archived(write("Gone").template, archived=True, actor="ann")

    upload = preview(
        f"{HEAD}New,Tea for {{{{company}}}},<p>Dear {{{{shoe_size}}}}</p>"
        "<script>alert(1)</script>,,,company=your company\n"
        "Same,Tea,<p>Old</p>,,,\nOther,Tea,<p>New</p>,,,\nGone,Tea,<p>New</p>,,,\n"
        ",Tea {{,,,Nobody,\nNew,Tea,<p>x</p>,,,\nNosig,Tea,<p>x</p>,,Nobody,\n"
        "Bad,Tea,<p>x</p>,,,first_name\n"
    )

    rows = {row.number: row for row in rows_of(upload)}
    assert {number: row.outcome for number, row in rows.items()} == {
        2: "new", 3: "present", 4: "changed", 5: "refused", 6: "refused", 7: "refused",
        8: "refused", 9: "refused",
    }  # fmt: skip
    remarks = [remark for [remark] in rows[2].values[1:]]
    assert any("No lead has shoe_size" in remark for remark in remarks)
    assert "What may not stand in a mail was taken out of the body." in remarks
    assert "script" not in rows[2].values[0][2]
    assert rows[5].reasons == ["The template of this name is archived; restore it first."]
    assert len(rows[6].reasons) == 3
    assert rows[7].reasons == ["Row 2 is of the same name."]
    assert "no signature 'Nobody'" in rows[8].reasons[0]
    assert not EmailTemplate.objects.filter(name="New").exists()


def test_a_template_there_is_gets_a_new_version_and_keeps_what_the_row_leaves_out(signature):
    old = write("Tea", "<p>Dear {{first_name}}</p>", signature=signature, description="Why",
                fallbacks={"first_name": "there"})  # fmt: skip

    imported("name,subject,body\nTea,Tea,<p>Hello {{first_name}}</p>\n")

    now = current_version(old.template)
    assert (now.version, now.body_html) == (2, "<p>Hello {{ first_name }}</p>")
    assert (now.fallbacks, now.signature, now.template.description) == (
        {"first_name": "there"}, signature, "Why",
    )  # fmt: skip
    old.refresh_from_db()
    assert old.body_html == "<p>Dear {{ first_name }}</p>"


def test_undo_archives_what_was_made_and_brings_the_former_wording_back(signature):
    old = write("Tea", signature=signature)
    upload = imported(f"{HEAD}Tea,Tea,<p>New</p>,,,\nMore,More,<p>x</p>,,,\n")

    assert undo_templates(upload, reason="Wrong file.", actor="ben", now=NOW) == 2

    assert EmailTemplate.objects.get(name="More").is_archived
    now = current_version(old.template)
    assert (now.version, now.body_html) == (3, "<p>Old</p>")
    assert AuditEvent.objects.get(action="outreach.templates.undo").reason == "Wrong file."
    with pytest.raises(UploadError, match="nothing to undo"):
        undo_templates(upload, reason="Wrong file.", actor="ben", now=NOW)


def test_undo_leaves_what_was_written_anew_since_and_says_so(signature):
    upload = imported(f"{HEAD}Tea,Tea,<p>One</p>,,,\nMore,More,<p>x</p>,,,\n")
    save_template(EmailTemplate.objects.get(name="Tea"), name="Tea", subject="Tea",
                  body="<p>Two</p>", actor="ann")  # fmt: skip

    assert undo_templates(upload, reason="Wrong file.", actor="ben", now=NOW) == 1

    upload.refresh_from_db()
    assert upload.conflicts == [[2, "The template was written anew since; it stays."]]
    assert not EmailTemplate.objects.get(name="Tea").is_archived


def test_an_upload_is_decided_once_and_what_was_archived_meanwhile_is_refused(signature):
    template = write("Tea").template
    upload = preview(f"{HEAD}Tea,Tea,<p>New</p>,,,\n")
    set_archived(template, archived=True, actor="ann")

    assert confirm_templates(upload, actor="olga", now=NOW) == 0

    upload.refresh_from_db()
    assert counts(upload) == (0, 0, 0, 1)
    with pytest.raises(UploadError, match="decided before"):
        confirm_templates(upload, actor="olga", now=NOW)


def test_an_export_comes_in_again_and_changes_nothing_nor_loses_a_formulas_sign(signature):
    write("=Tea", "<p>Dear {{first_name}}, {{company}}</p>", signature=signature,
          fallbacks={"first_name": "you; there", "company": "=your company"})  # fmt: skip
    write("-Two", "<p>Two</p>", description="+Why")
    content = export_templates()
    assert "\n=" not in content

    upload = preview(content)

    assert counts(upload) == (0, 0, 2, 0)


def test_the_refused_rows_come_back_as_a_file_that_can_be_mended(signature):
    content = error_file(imported(f"{HEAD}Tea,Tea,,,,\n"))

    mended = preview(content.replace("Tea,Tea,,", "Tea,Tea,<p>Hi</p>,"))

    assert counts(mended) == (1, 0, 0, 0)


@pytest.mark.parametrize("name", sorted(set(SHAPES) - {"formulas"}))  # a name may begin with "="
def test_a_file_of_any_shape_comes_in_by_the_row_or_not_at_all(acme, name):
    content, accepted = SHAPES[name]
    if accepted is None:
        with pytest.raises(UnreadableFileError, match=r"\.$"):
            preview(content)
        return

    upload = preview(content)

    wanted = min(accepted, 1) if name == "the same twice" else accepted
    assert upload.new == wanted
    assert confirm_templates(upload, actor="o", now=NOW) == wanted
    assert preview(content).new == 0, "a second import adds nothing"


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_of_another_kind_is_refused_as_a_whole(acme, name):
    with pytest.raises(UnreadableFileError, match=r"\.$"):
        preview(FILES[name][0])


def test_another_tenant_sees_no_file_and_may_use_the_same_name(signature):
    upload = imported(f"{HEAD}Tea,Tea,<p>One</p>,,,\n")

    with in_tenant("beta"):
        assert not TemplateImport.objects.filter(pk=upload.pk).exists()
        assert preview(f"{HEAD}Tea,Tea,<p>One</p>,,,\n").new == 1


def test_an_operator_previews_imports_and_undoes_a_file_and_an_auditor_only_looks(db):
    operator, auditor = sign_in("OPERATOR"), sign_in("AUDITOR")
    file = SimpleUploadedFile("t.csv", f"{HEAD}Tea,Tea,<p>{{{{shoe}}}}</p>,,,\n".encode())

    shown = operator.post("/admin/outreach/emailtemplate/import/", {"file": file}, follow=True)

    assert b"No lead has shoe" in shown.content
    upload = shown.context_data["upload"]
    assert "t.csv" in page(auditor, "outreach_templates_show", upload.pk)
    path = f"/admin/outreach/emailtemplate/import/{upload.pk}/decide/"
    assert auditor.post(path).status_code == 403
    assert auditor.get("/admin/outreach/emailtemplate/import/").status_code == 403
    assert b"Imported: 1 templates" in operator.post(path, follow=True).content
    assert "Tea,Tea" in page(auditor, "outreach_templates_export")
    operator.post(path, {"verdict": "undo", "_reason": "wrong"})
    assert inside(EmailTemplate.objects.get).is_archived
