"""Judge the rows of a file of templates: the wording each holds, cleaned, or all its mistakes.

Columns are found by name: ``name``, ``subject`` and ``body``; ``description``, ``signature`` (its
name) and ``fallbacks`` (``first_name=there; company=your company``) where there are any.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from icp.judge_rows import REASON_COLUMN, Row, judged, refuse
from icp.read_table import Table, UnreadableFileError
from outreach.models import EmailTemplate, Signature, TemplateVersion
from outreach.wording.lint import lint
from outreach.wording.render import Text, one_line
from outreach.wording.templates import TemplateError, clean_text, html_of
from tenants.files.neutralise import plain

MOST_ROWS = 500
LONGEST = {"name": 120, "description": 500}
HEADERS = {
    **dict.fromkeys(("name", "template", "template name"), "name"),
    **dict.fromkeys(("subject", "base subject"), "subject"),
    **dict.fromkeys(("body", "body html", "html", "text"), "body"),
    "description": "description", "signature": "signature",
    **dict.fromkeys(("fallbacks", "fallback"), "fallbacks"),
    REASON_COLUMN: "",
}  # fmt: skip
COLUMNS = ("name", "subject", "body", "description", "signature", "fallbacks")  # of an export


class Wording(NamedTuple):
    """What a row says, as its first ``values``; all text, so that it can be kept as JSON."""

    name: str
    subject: str
    body: str
    description: str
    signature: str
    fallbacks: str
    template: str = ""  # its number, where there is one of this name
    version: str = ""  # the current one then


def wording(row: Row) -> Wording:
    return Wording(*row.values[0])


def judge_templates(table: Table) -> list[Row]:
    """The rows with ``values`` = [``Wording``, [remark], ...], or refused with their mistakes.

    The outcome is new, changed (a new version) or present. Raises ``UnreadableFileError``.
    """
    names = [HEADERS.get(one_line(cell).lower(), "") for cell in table.rows[0]]
    if missing := [name for name in COLUMNS[:3] if name not in names]:
        raise UnreadableFileError(
            f"There is no column {' and none '.join(missing)}. The first row must name the columns"
            " name, subject and body."
        )
    if len(table.rows) > MOST_ROWS + 1:
        raise UnreadableFileError(f"At most {MOST_ROWS} templates at once; split the file.")
    rows = judged(table, start=1, read=lambda row: _read_row(row, names))
    look_up(rows)
    return rows


def look_up(rows: list[Row]) -> None:
    """Compare accepted rows with the templates there are. Three statements."""
    accepted = [row for row in rows if row.values]
    current = {
        version.template.name: version
        for version in TemplateVersion.objects.filter(is_current=True)
        .select_related("template", "signature")
    }  # fmt: skip
    known = {each.name: each for each in EmailTemplate.objects.all()}
    signatures = {each.name: each for each in Signature.objects.order_by("pk")}
    seen: dict[str, int] = {}
    for row in accepted:
        one = wording(row)
        row.outcome, row.reasons, row.values = "new", [], [list(one)]
        if (first := seen.setdefault(one.name, row.number)) != row.number:
            refuse(row, f"Row {first} is of the same name.")
        elif one.signature and one.signature not in signatures:
            refuse(row, f"There is no signature {one.signature[:60]!r}; write it first.")
        elif one.name in known and known[one.name].is_archived:
            refuse(row, "The template of this name is archived; restore it first.")
        else:
            _compare(row, current.get(one.name), known.get(one.name), signatures)


def _compare(
    row: Row, version: TemplateVersion | None, template: EmailTemplate | None,
    signatures: dict[str, Signature],
) -> None:  # fmt: skip
    """What is left out stays as it is; a new template gets the first signature there is."""
    one = wording(row)
    if version is not None:
        one = one._replace(
            description=one.description or version.template.description,
            signature=one.signature or (version.signature.name if version.signature else ""),
            fallbacks=one.fallbacks or fallbacks_in_words(version.fallbacks),
            version=str(version.version),
        )
    elif not one.signature:
        one = one._replace(signature=next(iter(signatures), ""))
    signature = signatures.get(one.signature)
    try:
        text = clean_text(subject=one.subject, body=one.body, signature=signature,
                          fallbacks=read_fallbacks(one.fallbacks))  # fmt: skip
    except TemplateError as exc:
        refuse(row, str(exc))
        return
    was_cleaned = text.body_html != html_of(one.body)
    one = one._replace(subject=text.subject, body=text.body_html,
                       template=str(template.pk) if template else "")  # fmt: skip
    remarks = [remark.sentence for remark in lint(text)]
    if was_cleaned:
        remarks.append("What may not stand in a mail was taken out of the body.")
    row.values = [list(one), *([sentence] for sentence in remarks)]
    if version is not None:
        is_same = _same(version, text, signature, one.description)
        row.outcome = "present" if is_same else "changed"


def _same(
    version: TemplateVersion, text: Text, signature: Signature | None, description: str
) -> bool:
    return (version.subject, version.body_html, version.fallbacks, version.signature,
            version.template.description) == (
        text.subject, text.body_html, dict(text.fallbacks), signature, description
    )  # fmt: skip


def _read_row(row: Row, names: list[str]) -> None:
    cells = dict(zip(names, map(plain, row.cells), strict=False))
    body = cells.pop("body", "")
    found = {name: one_line(cell) for name, cell in cells.items()}
    for name, most in LONGEST.items():
        if len(found.get(name, "")) > most:
            row.reasons.append(f"The {name} is longer than {most} characters.")
    if not found.get("name"):
        row.reasons.append("The template has no name.")
    if not body.strip():
        row.reasons.append("There is no body.")
    elif any(not (c.isprintable() or c in "\r\n\t") for c in body + cells.get("name", "")):
        row.reasons.append("It holds characters that cannot be shown.")
    try:
        read_fallbacks(found.get("fallbacks", ""))
        clean_text(subject=found.get("subject", ""), body=body)
    except TemplateError as exc:
        row.reasons.append(str(exc))
    if not row.reasons:
        row.values = [list(Wording(found["name"], found.get("subject", ""), body,
                                   found.get("description", ""), found.get("signature", ""),
                                   found.get("fallbacks", "")))]  # fmt: skip


def read_fallbacks(text: str) -> dict[str, str]:
    """``first_name=there; company=your company`` by variable, or JSON. Raises ``TemplateError``."""
    found: dict[str, str] = {}
    if text.startswith("{"):
        try:
            return {str(name): str(value) for name, value in json.loads(text).items()}
        except ValueError as exc:
            raise TemplateError("fallbacks", "The fallbacks are no JSON object.") from exc
    for part in filter(None, map(str.strip, text.split(";"))):
        name, sign, value = part.partition("=")
        if not sign:
            raise TemplateError("fallbacks", "Write fallbacks as first_name=there; company=you.")
        found[name.strip()] = value.strip()
    return found


def fallbacks_in_words(fallbacks: dict[str, str]) -> str:
    """As ``read_fallbacks`` reads them again."""
    if any(";" in value for value in fallbacks.values()):
        return json.dumps(fallbacks, ensure_ascii=False)
    return "; ".join(f"{name}={value}" for name, value in fallbacks.items())
