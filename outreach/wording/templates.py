"""Write templates, signatures, variations: a saved wording never changes, a new one stands beside.

What is saved is clean, whoever wrote it. A text with faults may be saved and looked at;
``faults_of`` names what keeps it from being sent, and every door that sends asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from django.db import transaction
from django.db.models import Max
from django.utils.timezone import now

from outreach.models import EmailTemplate, Signature, TemplateVersion, Variation
from outreach.wording.lint import faults, lint
from outreach.wording.render import (
    MAX_BODY,
    RenderError,
    Text,
    check_braces,
    clean_template,
    one_line,
    variables_of,
)
from tenants import audit

MOST_SUBJECT = 300  # characters a version keeps; lint advises far fewer
MOST_FALLBACK = 200
MOST_VARIATIONS = 8  # of one version; more and none gets enough mails to tell anything
_LOOKS_LIKE_HTML = re.compile(r"<\s*/?\s*[a-z][^>]*>", re.IGNORECASE)


class TemplateError(Exception):
    """Something that cannot be saved; ``field`` names where, the sentence what to change."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@transaction.atomic
def save_template(
    template: EmailTemplate | None,
    *,
    name: str,
    subject: str,
    body: str,
    actor: str,
    description: str = "",
    fallbacks: Mapping[str, str] | None = None,
    signature: Signature | None = None,
) -> TemplateVersion:
    """Save a wording as the template's new current version; ``template`` None makes a new one.

    ``body`` is HTML, or plain text whose empty lines part paragraphs. The same wording again
    changes nothing and returns the version there is. Raises ``TemplateError``.
    """
    name, description = one_line(name)[:120], one_line(description)[:500]
    if not name:
        raise TemplateError("name", "Give the template a name.")
    text = clean_text(subject=subject, body=body, fallbacks=fallbacks, signature=signature)
    template = _named(template, name=name, description=description, actor=actor)
    EmailTemplate.objects.select_for_update().get(pk=template.pk)
    current = current_version(template)
    wording = {"subject": text.subject, "body_html": text.body_html,
               "fallbacks": dict(text.fallbacks), "signature": signature}  # fmt: skip
    if current is not None and all(getattr(current, key) == wording[key] for key in wording):
        return current
    number = template.versions.aggregate(most=Max("version"))["most"] or 0
    template.versions.filter(is_current=True).update(is_current=False)
    version = TemplateVersion.objects.create(
        template=template, version=number + 1, created_by=actor, **wording
    )
    audit.record("outreach.template.save", actor=actor, subject=f"template {template.pk}",
                 before={"version": number}, after={"version": number + 1, "name": name,
                                                    "subject": text.subject})  # fmt: skip
    return version


def clean_text(
    *,
    subject: str,
    body: str,
    fallbacks: Mapping[str, str] | None = None,
    signature: Signature | None = None,
) -> Text:
    """The wording as it would be kept and sent. Raises ``TemplateError``; saves nothing."""
    subject = one_line(subject)
    if len(subject) > MOST_SUBJECT:
        raise TemplateError("subject", f"The subject has {len(subject):,} characters; at most"
                                       f" {MOST_SUBJECT} are kept.")  # fmt: skip
    try:
        check_braces(subject)
    except RenderError as exc:
        raise TemplateError("subject", str(exc)) from exc
    try:
        cleaned = clean_template(html_of(body))
    except RenderError as exc:
        raise TemplateError("body", str(exc)) from exc
    text = Text(subject, cleaned, {}, signature.body_html if signature else "")
    wanted = variables_of(text)
    kept = {key: one_line(str(value))[:MOST_FALLBACK]
            for key, value in (fallbacks or {}).items() if key in wanted}  # fmt: skip
    return Text(subject, cleaned, {key: value for key, value in kept.items() if value},
                text.signature_html)  # fmt: skip


def html_of(body: str) -> str:
    """``body`` itself if it is HTML; plain text becomes paragraphs, with its line breaks."""
    if len(body) > MAX_BODY:
        raise RenderError(f"The text has {len(body):,} characters; at most {MAX_BODY:,} can go.")
    body = body.replace("\r\n", "\n").strip()  # a browser's form has lines end with both
    if _LOOKS_LIKE_HTML.search(body):
        return body
    parts = re.split(r"\n\s*\n", body)
    lines = [escape(part.strip(), quote=False).replace("\n", "<br>") for part in parts]
    return "\n".join(f"<p>{line}</p>" for line in lines if line)


def current_version(template: EmailTemplate) -> TemplateVersion | None:
    """What the template says now, with its signature."""
    return template.versions.select_related("signature", "template").filter(is_current=True).first()


def text_of_version(version: TemplateVersion, *, variation: Variation | None = None) -> Text:
    """The wording of a version, or of one of its variations, with its signature."""
    words = variation or version
    signature = version.signature.body_html if version.signature else ""
    return Text(words.subject, words.body_html, version.fallbacks, signature)


def faults_of(
    version: TemplateVersion, *, variation: Variation | None = None, is_first: bool = True
) -> list[str]:
    """What keeps the wording from being sent, as sentences; empty when it may be."""
    sentences = list(faults(text_of_version(version, variation=variation), is_first=is_first))
    if version.template.is_archived:
        sentences.insert(0, f"The template {version.template} is archived; restore it first.")
    return sentences


@transaction.atomic
def set_archived(template: EmailTemplate, *, archived: bool, actor: str, reason: str = "") -> bool:
    """Take a template out of use or bring it back; returns whether that changed anything.

    What was sent stays as it is. What waits with an archived template is refused by the gate.
    """
    changed = EmailTemplate.objects.filter(pk=template.pk, is_archived=not archived).update(
        is_archived=archived
    )
    if changed:
        audit.record("outreach.template.archive" if archived else "outreach.template.restore",
                     actor=actor, subject=f"template {template.pk}", before=not archived,
                     after=archived, reason=reason)  # fmt: skip
    return bool(changed)


@transaction.atomic
def save_signature(signature: Signature | None, *, name: str, body: str, actor: str) -> Signature:
    """Save a signature, cleaned. It holds for all that is sent from now on.

    Raises ``TemplateError`` for a name that is taken and for a block that says nothing.
    """
    name = one_line(name)[:120]
    if not name:
        raise TemplateError("name", "Give the signature a name.")
    taken = Signature.objects.filter(name=name).exclude(pk=signature.pk if signature else 0)
    if taken.exists():
        raise TemplateError("name", f"There is a signature {name!r} already.")
    try:
        cleaned = clean_template(html_of(body))
    except RenderError as exc:
        raise TemplateError("body", str(exc)) from exc
    if not cleaned.strip():
        raise TemplateError("body", "Write who sends the mail, with a postal address.")
    before = signature.body_html if signature else ""
    values = {"name": name, "body_html": cleaned, "updated_at": now()}
    if signature is None:
        saved = Signature.objects.create(**values)
    else:
        Signature.objects.filter(pk=signature.pk).update(**values)
        saved = Signature.objects.get(pk=signature.pk)
    if before != cleaned:
        audit.record("outreach.signature.save", actor=actor, subject=f"signature {saved.pk}",
                     before=before or None, after=cleaned)  # fmt: skip
    return saved


@transaction.atomic
def add_variation(
    version: TemplateVersion,
    *,
    subject: str,
    body: str,
    actor: str,
    source: str = Variation.Source.OPERATOR,
) -> Variation:
    """Another wording of ``version``. An operator's own stands approved, a model's waits.

    Raises ``TemplateError``: for what cannot be read, for a fault that would block it, for a
    variable the version does not know, and when there are enough.
    """
    TemplateVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    present = version.variations.count()
    if present >= MOST_VARIATIONS:
        raise TemplateError("body", f"{MOST_VARIATIONS} variations are enough; with more, none is"
                                    " sent often enough to tell anything.")  # fmt: skip
    text = clean_text(subject=subject, body=body, fallbacks=version.fallbacks,
                      signature=version.signature)  # fmt: skip
    whole = Text(text.subject, text.body_html, version.fallbacks, text.signature_html)
    faults = [remark.sentence for remark in lint(whole) if remark.blocks]
    if faults:
        raise TemplateError("body", " ".join(faults))
    if version.variations.filter(subject=text.subject, body_html=text.body_html).exists() or (
        (version.subject, version.body_html) == (text.subject, text.body_html)
    ):
        raise TemplateError("body", "This wording is there already.")
    is_own = source == Variation.Source.OPERATOR
    variation = Variation.objects.create(
        template_version=version, label=_free_label(version), subject=text.subject,
        body_html=text.body_html, source=source, created_by=actor,
        approved_at=now() if is_own else None, approved_by=actor if is_own else "",
    )  # fmt: skip
    said = {"version": version.version, "label": variation.label, "source": source}
    audit.record("outreach.variation.add", actor=actor, subject=f"template {version.template_id}",
                 after=said)  # fmt: skip
    return variation


@transaction.atomic
def approve_variation(variation: Variation, *, actor: str) -> bool:
    """Let a drafted wording be sent; returns whether that changed anything."""
    changed = Variation.objects.filter(pk=variation.pk, approved_at=None).update(
        approved_at=now(), approved_by=actor
    )
    if changed:
        audit.record("outreach.variation.approve", actor=actor,
                     subject=f"template {variation.template_version.template_id}",
                     after={"label": variation.label})  # fmt: skip
    return bool(changed)


@transaction.atomic
def drop_draft(variation: Variation, *, actor: str) -> bool:
    """Remove a drafted wording nobody approved; returns whether it was one."""
    gone, _ = Variation.objects.filter(pk=variation.pk, approved_at=None).delete()
    if gone:
        audit.record("outreach.variation.drop", actor=actor,
                     subject=f"template {variation.template_version.template_id}",
                     before={"label": variation.label, "subject": variation.subject})  # fmt: skip
    return bool(gone)


def _named(
    template: EmailTemplate | None, *, name: str, description: str, actor: str
) -> EmailTemplate:
    """The template with this name and description, made if it is new."""
    taken = EmailTemplate.objects.filter(name=name).exclude(pk=template.pk if template else 0)
    if taken.exists():
        raise TemplateError("name", f"There is a template {name!r} already.")
    if template is None:
        return EmailTemplate.objects.create(name=name, description=description)
    before, after = audit.changes(
        {"name": template.name, "description": template.description},
        {"name": name, "description": description},
    )
    if after:
        EmailTemplate.objects.filter(pk=template.pk).update(**after)
        template.name, template.description = name, description
        audit.record("outreach.template.rename", actor=actor, subject=f"template {template.pk}",
                     before=before, after=after)  # fmt: skip
    return template


def _free_label(version: TemplateVersion) -> str:
    """B, C, ...: A is the version's own wording."""
    taken = set(version.variations.values_list("label", flat=True))
    return next(label for label in "BCDEFGHIJKLMNOPQRSTUVWXYZ" if label not in taken)
