"""Import templates from a file: first see what it would do, then do all of it, or undo.

A template there is gets a new version; no wording is overwritten, neither by an import nor by its
undo.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from icp.judge_rows import Row
from icp.read_table import read_table
from icp.uploads import (
    UploadError,
    imported,
    keep_preview,
    pack_values,
    undecided,
    undoable,
    undone,
    unpack,
    unpack_values,
)
from outreach.import_models import TemplateImport
from outreach.models import EmailTemplate, Signature, TemplateVersion
from outreach.wording.judge_templates import (
    COLUMNS,
    fallbacks_in_words,
    judge_templates,
    look_up,
    read_fallbacks,
    wording,
)
from outreach.wording.templates import TemplateError, current_version, save_template, set_archived
from tenants import audit
from tenants.clock import database_now
from tenants.console import audit_subject
from tenants.files.csv_files import BOM, csv_lines


# --- see ----------------------------------------------------------------------------------------
@transaction.atomic
def preview_templates(
    content: bytes, *, file_name: str, actor: str, now: datetime | None = None
) -> TemplateImport:
    """Read the file and keep what it would do; saves no template yet.

    Raises ``UnreadableFileError`` when the file as a whole cannot be used.
    """
    rows = judge_templates(read_table(content))
    return keep_preview(TemplateImport, rows, file_name=file_name, actor=actor,
                        now=now or database_now())  # fmt: skip


# --- decide -------------------------------------------------------------------------------------
@transaction.atomic
def confirm_templates(upload: TemplateImport, *, actor: str, now: datetime | None = None) -> int:
    """Save what the preview said; returns how many templates are new or have a new version.

    Raises ``UploadError`` when it was decided before, and when somebody wrote one of the templates
    at the same moment.
    """
    now = now or database_now()
    upload = undecided(upload)
    rows = list(unpack(upload.accepted_rows))
    look_up(rows)
    done = [_save(row, actor=actor) for row in rows if row.outcome in {"new", "changed"}]
    upload.applied_rows = pack_values(done)
    imported(upload, rows, actor=actor, now=now)
    audit.record("outreach.templates.import", actor=actor, subject=audit_subject(upload),
                 after={"file": upload.file_name, "new": upload.new, "changed": upload.changed,
                        "refused": upload.refused})  # fmt: skip
    return len(done)


def _save(row: Row, *, actor: str) -> dict[str, Any]:
    """Save one wording; what was done, to undo it."""
    one = wording(row)
    template = EmailTemplate.objects.filter(pk=int(one.template)).first() if one.template else None
    before = current_version(template) if template else None
    try:
        version = save_template(
            template, name=one.name, subject=one.subject, body=one.body, actor=actor,
            description=one.description, fallbacks=read_fallbacks(one.fallbacks),
            signature=Signature.objects.filter(name=one.signature).first(),
        )  # fmt: skip
    except TemplateError as exc:
        raise UploadError(f"Row {row.number}: {exc} Nothing was imported.") from exc
    return {"row": row.number, "version": version.pk, "before": before.pk if before else None,
            "description": before.template.description if before else ""}  # fmt: skip


@transaction.atomic
def undo_templates(
    upload: TemplateImport, *, reason: str, actor: str, now: datetime | None = None
) -> int:
    """Archive what the import made, give others their former wording; returns how many.

    A former wording comes back as a version of its own. What was written anew since stays and is
    told on the upload. Raises ``UploadError``.
    """
    locked = undoable(upload, reason=reason)
    done = unpack_values(locked.applied_rows)
    conflicts = [(each["row"], why) for each in done
                 if (why := _undo(each, reason=reason.strip(), actor=actor))]  # fmt: skip
    undone(locked, conflicts=conflicts)
    audit.record("outreach.templates.undo", actor=actor, subject=audit_subject(locked),
                 after={"undone": len(done) - len(conflicts), "left": len(conflicts)},
                 reason=reason.strip())  # fmt: skip
    return len(done) - len(conflicts)


def _undo(done: dict[str, Any], *, reason: str, actor: str) -> str:
    """Take one back; returns why not."""
    version = TemplateVersion.objects.select_related("template").get(pk=done["version"])
    template = version.template
    if not version.is_current:
        return "The template was written anew since; it stays."
    if done["before"] is None:
        set_archived(template, archived=True, actor=actor, reason=reason)
        return ""
    former = TemplateVersion.objects.select_related("signature").get(pk=done["before"])
    save_template(template, name=template.name, subject=former.subject, body=former.body_html,
                  actor=actor, description=done["description"], fallbacks=former.fallbacks,
                  signature=former.signature)  # fmt: skip
    return ""


# --- out ----------------------------------------------------------------------------------------
def export_templates() -> str:
    """All templates in use as CSV, in the form that can be imported."""
    current = TemplateVersion.objects.filter(is_current=True, template__is_archived=False)
    rows = [
        (each.template.name, each.subject, each.body_html, each.template.description,
         each.signature.name if each.signature else "", fallbacks_in_words(each.fallbacks))
        for each in current.select_related("template", "signature").order_by("template__name")
    ]  # fmt: skip
    return BOM + "".join(csv_lines([COLUMNS, *rows]))
