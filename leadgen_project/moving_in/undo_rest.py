"""Take back the mails, harvests and templates of a move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from enrichment.harvest_models import HarvestRequest, HarvestSource
from icp.models import MovedRow
from leadgen_project.moving_in.requests import SOURCE
from outreach.models import CampaignStep, EmailTemplate, Message, TemplateVersion, Variation

DECIDED = "Somebody decided about the mail, or something came of it."
RESUMED = "Somebody resumed or changed it."
_MOMENTS = ("sent_at", "asked_at", "not_before")


def undo_messages(rows: Sequence[MovedRow]) -> Counter[str]:
    """Mails nobody decided about go, or come back into the state they were in."""
    ids = [row.object_id for row in rows if row.object_id]
    worked_on = Message.objects.filter(pk__in=ids).exclude(events=None)
    busy = set(worked_on.values_list("pk", flat=True))
    for relation in ("replies", "links"):
        touched = Message.objects.filter(pk__in=ids).exclude(**{relation: None})
        busy |= set(touched.values_list("pk", flat=True))
    messages = Message.objects.in_bulk(ids)
    removed: Counter[str] = Counter()
    going: list[int] = []
    for row in rows:
        message = messages.get(row.object_id or 0)
        if message is None or row.outcome == MovedRow.Outcome.LINKED:
            continue
        if message.pk in busy or message.is_released or not _is_as_moved(message, row):
            row.conflict = DECIDED
        elif before := row.added.get("before"):
            _give_back(message, before)
            removed["mails set back"] += 1
        else:
            going.append(message.pk)
    removed["mails"] = Message.objects.filter(pk__in=going).delete()[1].get("outreach.Message", 0)
    _note(rows)
    return removed


def _is_as_moved(message: Message, row: MovedRow) -> bool:
    """The gate may have held or refused it meanwhile, by itself."""
    waits = {*Message.WAITING, Message.Status.REFUSED, Message.Status.ERROR_NO_EMAIL}
    moved = row.added.get("status", "")
    return message.status == moved or (moved == "QUEUED" and message.status in waits)


def _give_back(message: Message, before: dict[str, Any]) -> None:
    values = {name: datetime.fromisoformat(value) if name in _MOMENTS and value else value
              for name, value in before.items()}  # fmt: skip
    Message.objects.filter(pk=message.pk).update(mailbox=None, **values)


def undo_requests(rows: Sequence[MovedRow]) -> Counter[str]:
    """Harvests nobody resumed go, and their stand-in of a source with the last."""
    requests = HarvestRequest.objects.in_bulk([row.object_id for row in rows if row.object_id])
    removed: Counter[str] = Counter()
    for row in rows:
        request = requests.get(row.object_id or 0)
        if request is None or row.outcome == MovedRow.Outcome.LINKED:
            continue
        is_open = request.status == HarvestRequest.Status.PENDING
        is_same = request.status == row.added.get("status") and not request.listings.exists()
        if not is_same or (is_open and request.paused_at is None):
            row.conflict = RESUMED
        elif "before" in row.added:
            request.status, request.finished_at = row.added["before"]["status"], None
            request.paused_at, request.error = request.requested_at, ""
            request.save()
            removed["harvests set back"] += 1
        else:
            request.delete()
            removed["harvests"] += 1
    HarvestSource.objects.filter(name=SOURCE, requests=None, is_enabled=False).delete()
    _note(rows)
    return removed


def undo_templates(rows: Sequence[MovedRow]) -> Counter[str]:
    """Templates and drafts nobody uses or has written anew go, or say again what they said."""
    removed: Counter[str] = Counter()
    for row in rows:
        if row.outcome == MovedRow.Outcome.LINKED:
            continue
        if row.table == "variation_storage":
            unused = Variation.objects.filter(pk=row.object_id or 0, approved_at=None)
            removed["variations"] += unused.delete()[1].get("outreach.Variation", 0)
        elif reason := _why_kept(row):
            row.conflict = reason
        else:
            removed[_undo_template(row)] += 1
    _note(rows)
    return removed


def _why_kept(row: MovedRow) -> str:
    template = EmailTemplate.objects.filter(pk=row.object_id or 0).first()
    if template is None:
        return ""
    current = template.versions.filter(is_current=True).values_list("pk", flat=True).first()
    said = row.added
    if (current, template.name, template.is_archived) != (
        said.get("version"), said.get("name"), said.get("archived")
    ):  # fmt: skip
        return "It was changed since."
    mine = TemplateVersion.objects.filter(pk=said["version"])
    used = Message.objects.filter(template_version__in=mine).exists()
    planned = CampaignStep.objects.filter(template_version__in=mine).exists()
    has_drafts = Variation.objects.filter(template_version__in=mine).exists()
    return "It is in use." if used or planned or has_drafts else ""


def _undo_template(row: MovedRow) -> str:
    versions = TemplateVersion.objects.filter(pk=row.added.get("version"))
    before = row.added.get("before")
    versions.delete()
    if before is None:
        EmailTemplate.objects.filter(pk=row.object_id or 0).delete()
        return "templates"
    TemplateVersion.objects.filter(pk=before["version"]).update(is_current=True)
    EmailTemplate.objects.filter(pk=row.object_id or 0).update(
        name=before["name"], description=before["description"],
        is_archived=before["is_archived"],
        created_at=datetime.fromisoformat(before["created_at"]),
    )  # fmt: skip
    return "templates set back"


def _note(rows: Sequence[MovedRow]) -> None:
    noted = [row for row in rows if row.conflict]
    MovedRow.objects.bulk_update(noted, ["conflict"], batch_size=500)
