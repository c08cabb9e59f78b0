"""Other wordings of a template, drafted by the language model. Each waits for a person's approval.

The model sees the template alone, never a lead. What it writes is cleaned and linted like any text;
a draft that lacks a variable's form, adds one, or has a fault is dropped and counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from outreach.models import TemplateVersion, Variation
from outreach.wording.render import Text, variables_of
from outreach.wording.templates import TemplateError, add_variation, clean_text, text_of_version
from tenants.language_model import llm
from tenants.language_model.prompts import Prompt, inside_marks
from tenants.permits import NoPermitError, Purpose, VendorError

PATIENCE = timedelta(seconds=20)  # somebody waits at a page
MOST_DRAFTS = 3
LONGEST_BODY = 8_000  # characters shown to the model

PROMPT = Prompt(
    name="variations",
    version=1,
    system=(
        "Write up to three other wordings of a business e-mail, as plain as the original and no"
        " longer. Keep its meaning, its offer and its language; invent no fact, number, name,"
        " promise or date. Words in double braces such as {{ first_name }} stand for data: keep"
        " those you use exactly, and add none. The body is HTML with p, br, b, i, a and ul only."
        " No subject may look like an answer or a forward."
    ),
    most_answer_tokens=4_000,
)


@dataclass(frozen=True, slots=True)
class Wording:
    subject: str
    body_html: str


@dataclass(frozen=True, slots=True)
class Wordings:
    """All the model may say."""

    wordings: list[Wording]


@dataclass(slots=True)
class DraftReport:
    """``note`` says why nothing was drafted; ``dropped``: drafts with a fault, and why."""

    made: list[Variation] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    model: str = ""
    note: str = ""


def draft_variations(version: TemplateVersion, *, actor: str) -> DraftReport:
    """Ask the model for other wordings of ``version`` and store the sound ones, not approved.

    Costs one call for a wording nobody asked about before. Never raises for what the model does.
    """
    text = text_of_version(version)
    try:
        told = llm.complete(PROMPT, about=_question(text), schema=Wordings,
                            purpose=Purpose("variations"), patience=PATIENCE)  # fmt: skip
    except (NoPermitError, VendorError) as exc:
        return DraftReport(note=f"The language model was not asked: {exc}")
    report = DraftReport(model=told.facts.model)
    for wording in told.value.wordings[:MOST_DRAFTS]:
        try:
            _check(wording, text, version)
            report.made.append(
                add_variation(version, subject=wording.subject, body=wording.body_html,
                              actor=actor, source=Variation.Source.LLM)
            )  # fmt: skip
        except TemplateError as exc:
            report.dropped.append(str(exc))
    return report


def _check(wording: Wording, original: Text, version: TemplateVersion) -> None:
    """Raises ``TemplateError`` for a variable the original does not have."""
    found = clean_text(subject=wording.subject, body=wording.body_html,
                       signature=version.signature)  # fmt: skip
    added = [name for name in variables_of(found) if name not in variables_of(original)]
    if added:
        raise TemplateError("body", f"It asks for {', '.join(added)}, which the original does not.")


def _question(text: Text) -> str:
    return "\n\n".join(
        [inside_marks(text.subject, title="subject"),
         inside_marks(text.body_html[:LONGEST_BODY], title="body")]
    )  # fmt: skip
