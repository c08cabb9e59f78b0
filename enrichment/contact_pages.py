"""The pages of an import of people, beside the list of contacts."""

from __future__ import annotations

from typing import Any

from enrichment.contact_lists.import_contacts import (
    confirm_contacts,
    preview_contacts,
)
from enrichment.contact_lists.judge_contact_rows import MOST_ROWS
from enrichment.contact_lists.undo_contacts import undo_contacts
from enrichment.import_models import ContactImport
from icp.upload_pages import UploadKind, UploadPages


class ContactPages(UploadPages):
    upload_kind = UploadKind(
        name="contacts", model=ContactImport, action="icp.work_lead", title="Import contacts",
        preview=preview_contacts, confirm=confirm_contacts, undo=undo_contacts,
        confirmed="Imported: {:,} contacts are new or changed.",
        discarded="Discarded; no contact was stored.",
        undone="Undone: {:,} contacts are as before. What was edited or used since stands below.",
    )  # fmt: skip

    def upload_words(self) -> dict[str, Any]:
        return {"most_rows": MOST_ROWS}
