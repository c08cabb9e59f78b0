"""Take rows of ``templates``: under their own number where it is free, to the byte.

What is kept for sending is cleaned, as any text; where that changed something, the text as it was
stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from icp.models import MovedRow
from leadgen_project.moving_in.earlier import moved_before, template_key
from leadgen_project.moving_in.report import Tally
from leadgen_project.moving_in.rows import Kept, Outcome, Place, keep, sift
from leadgen_project.moving_in.source import Row
from leadgen_project.moving_in.values import moment_in, said
from leadgen_project.moving_in.write import reserve_ids
from outreach.models import EmailTemplate, TemplateVersion
from outreach.wording.lint import lone_variables
from outreach.wording.render import Text
from outreach.wording.templates import TemplateError, clean_text, current_version
from tenants.rest.parse import storable
from tenants.row_number import row_number

COLUMNS = frozenset({"templateid", "templatename", "description", "basesubject", "basebodyhtml",
                     "isarchived", "createdat"})  # fmt: skip
PLACEHOLDER = "Template {} of the former program"
_HIGHEST = 1_000_000_000
_YES, _NO = {"1", "true", "yes", "t", "y", "1.0"}, {"", "0", "false", "no", "f", "n", "0.0"}


@dataclass(slots=True)
class _Read:
    row: Row
    former_id: str
    name: str
    description: str
    subject: str  # as it stands there
    body: str
    text: Text  # as it is kept for sending
    is_archived: bool
    created_at: datetime

    @property
    def moved(self) -> dict[str, str]:
        """What stands beside the cleaned text: the original where it differs."""
        return {
            "moved_subject": self.subject if self.subject != self.text.subject else "",
            "moved_body": self.body if self.body != self.text.body_html else "",
        }


def take_templates(batch: list[Row], *, place: Place, tally: Tally, now: datetime) -> None:
    """Take a batch, row by row: templates are few."""
    kept = []
    for row in sift(batch, place=place, tally=tally):
        one = _read(row, now=now)
        if one is not None and not row.reasons:
            kept.append(_take(one, place=place, tally=tally))
        if row.reasons:
            kept.append(Kept(row, Outcome.REFUSED, reasons=row.reasons))
    keep(kept, place=place, tally=tally)


def placeholder(former_id: str, *, place: Place, now: datetime) -> TemplateVersion:
    """What stands for a template of which only the number is known: archived, without a text."""
    name = PLACEHOLDER.format(former_id or "(no number)")[:120]
    template, is_new = EmailTemplate.objects.get_or_create(
        name=name, defaults={"is_archived": True, "created_at": now}
    )
    if is_new:
        TemplateVersion.objects.create(template=template, version=1, created_at=now,
                                       created_by=str(place.move))  # fmt: skip
    found = current_version(template)
    if found is None:
        raise AssertionError(f"template {template.pk} has no current version")
    return found


def _read(row: Row, *, now: datetime) -> _Read | None:
    cells, reasons = row.cells, row.reasons
    former_id = said(cells, "templateid") or said(cells, "id")
    name = said(cells, "templatename") or said(cells, "name")
    subject, body = cells.get("basesubject", ""), cells.get("basebodyhtml", "")
    archived = said(cells, "isarchived").lower()
    if not former_id:
        reasons.append("templateId: there is none.")
    if not name or len(name) > 100:
        reasons.append("templateName: a template needs a name of at most 100 characters.")
    if archived not in _YES | _NO:
        reasons.append(f"isArchived: {archived[:40]!r} is neither true nor false.")
    created_at = moment_in(cells, "createdAt", reasons=reasons, now=now) or now
    try:
        cleaned = _cleaned(subject, body)
    except TemplateError as exc:
        reasons.append(f"{'baseSubject' if exc.field == 'subject' else 'baseBodyHtml'}: {exc}")
        return None
    return _Read(row, former_id, name, said(cells, "description")[:500], subject, body, cleaned,
                 archived in _YES, created_at)  # fmt: skip


def _cleaned(subject: str, body: str) -> Text:
    for name, text in (("subject", subject), ("body", body)):
        if not storable(text):
            raise TemplateError(name, "It holds a NUL or is not UTF-8; no mail can carry that.")
    return clean_text(subject=subject, body=body)


def _take(one: _Read, *, place: Place, tally: Tally) -> Kept:
    key = template_key(one.former_id)
    before = moved_before([key], table=place.table).get(key)
    template = _template_of(before, one)
    if any(one.moved.values()):
        tally.note("cleaned for sending; the text as it was stands beside it")
    if lone_variables(one.text):
        tally.note("variables in single braces; nothing goes out by it until they have two")
    if template is None:
        return _create(one, key, place=place)
    current = current_version(template)
    if current is not None and _same(current, one) and template.is_archived == one.is_archived:
        return Kept(one.row, Outcome.LINKED, key, object_id=template.pk)
    if current is not None and not current.created_by.startswith("move "):
        one.row.reasons.append(f"The template {template.name!r} was written anew here; it stays.")
        return Kept(one.row, Outcome.REFUSED, key, reasons=one.row.reasons)
    return _renew(template, current, one, key, place=place)


def _template_of(before: MovedRow | None, one: _Read) -> EmailTemplate | None:
    """The template a row speaks of: moved before under its number, its stand-in, or its twin."""
    if before is not None:
        found = EmailTemplate.objects.filter(pk=before.object_id or 0).first()
        if found is not None and found.name.startswith(one.name):
            return found
    waiting = EmailTemplate.objects.filter(name=PLACEHOLDER.format(one.former_id)[:120])
    if (found := waiting.first()) is not None:
        return found
    twin = EmailTemplate.objects.filter(name=one.name).first()
    current = current_version(twin) if twin else None
    return twin if current is not None and _same(current, one) else None


def _same(current: TemplateVersion, one: _Read) -> bool:
    return (current.subject, current.body_html) == (one.text.subject, one.text.body_html)


def _create(one: _Read, key: str, *, place: Place) -> Kept:
    number = row_number(one.former_id)
    is_free = 0 < number < _HIGHEST and not EmailTemplate.objects.filter(pk=number).exists()
    template = EmailTemplate.objects.create(
        **({"pk": number} if is_free else {}), name=_free_name(one.name),
        description=one.description, is_archived=one.is_archived, created_at=one.created_at,
    )  # fmt: skip
    if is_free:
        reserve_ids("outreach_emailtemplate", number)
    version = _version(template, 1, one, place=place)
    added = {"version": version.pk, "name": template.name, "archived": template.is_archived}
    return Kept(one.row, Outcome.CREATED, key, object_id=template.pk, added=added)


def _renew(
    template: EmailTemplate, current: TemplateVersion | None, one: _Read, key: str, *, place: Place
) -> Kept:
    """A newer state of what was moved before, or the text of what only a number was known of."""
    before = {"name": template.name, "description": template.description,
              "is_archived": template.is_archived, "created_at": template.created_at.isoformat(),
              "version": current.pk if current else None}  # fmt: skip
    template.versions.filter(is_current=True).update(is_current=False)
    version = _version(template, (current.version if current else 0) + 1, one, place=place)
    if template.name != one.name and template.name.startswith("Template "):
        template.name = _free_name(one.name)
    template.description, template.is_archived = one.description, one.is_archived
    template.created_at = one.created_at
    template.save()
    added: dict[str, Any] = {"version": version.pk, "name": template.name,
                             "archived": template.is_archived, "before": before}  # fmt: skip
    return Kept(one.row, Outcome.UPDATED, key, object_id=template.pk, added=added)


def _version(
    template: EmailTemplate, number: int, one: _Read, *, place: Place
) -> TemplateVersion:  # fmt: skip
    return TemplateVersion.objects.create(
        template=template, version=number, subject=one.text.subject, body_html=one.text.body_html,
        created_at=one.created_at, created_by=str(place.move), **one.moved,
    )  # fmt: skip


def _free_name(name: str) -> str:
    taken = set(EmailTemplate.objects.filter(name__startswith=name).values_list("name", flat=True))
    if name not in taken:
        return name
    return next(each for number in range(2, 10_000)
                if (each := f"{name} ({number})") not in taken)  # fmt: skip
