"""The pages of an import of templates, and their export."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from icp.upload_pages import UploadKind, UploadPages
from outreach.import_models import TemplateImport
from outreach.mail_page import MailPage
from outreach.wording.import_templates import (
    confirm_templates,
    export_templates,
    preview_templates,
    undo_templates,
)
from outreach.wording.judge_templates import MOST_ROWS
from tenants.files.csv_files import csv_answer


class TemplateImportPages(UploadPages, MailPage):
    upload_kind = UploadKind(
        name="templates", model=TemplateImport, action="outreach.edit_template",
        title="Import templates", preview=preview_templates, confirm=confirm_templates,
        undo=undo_templates,
        confirmed="Imported: {:,} templates are new or have a new version.",
        discarded="Discarded; no template was saved.",
        undone="Undone: {:,} templates. What was made is archived.",
    )  # fmt: skip

    def upload_urls(self) -> list[URLPattern]:
        export = self.at("templates_export", "export.csv", self.export_view)
        return [export, *super().upload_urls()]

    def upload_words(self) -> dict[str, Any]:
        return {"most_rows": MOST_ROWS}

    def export_view(self, request: HttpRequest) -> HttpResponse:
        self.guard(request)
        return csv_answer(export_templates(), name="templates.csv")
