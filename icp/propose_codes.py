"""What industry words could mean, proposed by a model beside what the titles say. Nothing is saved.

The model may only choose from the classification: a code that is not in our table is refused. An
operator ticks what is meant; until then a rule knows none of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Count
from django.db.models.functions import Length

from acra.models import RegisteredCompany, SsicCode
from icp.taxonomy import SsicTitles, titles_of
from tenants.language_model import llm
from tenants.language_model.prompts import Prompt, inside_marks
from tenants.permits import NoPermitError, Purpose, VendorError

PATIENCE = timedelta(seconds=10)  # somebody waits at a page
MOST_WORDS, LONGEST_WORD = 20, 60
MOST_CODES = 40
GROUP_LENGTH = 3  # of the codes shown to the model: about 240 groups, 10 KB

PROMPT = Prompt(
    name="codes",
    version=1,
    system=(
        "A sales person describes industries in a few words. Choose the codes of Singapore's"
        " industry classification (SSIC) whose companies they most likely mean. Choose from the"
        " list given; a longer code you know to begin with a listed one is allowed. Few and"
        " fitting is better than many. For each code name the word it is for."
    ),
    most_answer_tokens=2_000,
)


@dataclass(frozen=True, slots=True)
class Choice:
    word: str
    code: str


@dataclass(frozen=True, slots=True)
class Choices:
    """All the model may say."""

    codes: list[Choice]


@dataclass(frozen=True, slots=True)
class ProposedCode:
    """A code, who proposes it for which words, and how many live companies carry it."""

    code: str
    title: str
    by_rule: tuple[str, ...]
    by_model: tuple[str, ...]
    companies: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """``note`` says why the model proposes nothing, ``refused`` counts codes that do not exist."""

    codes: list[ProposedCode] = field(default_factory=list)
    refused: int = 0
    model: str = ""
    note: str = ""


def propose_codes(words: Sequence[str]) -> Proposal:
    """Codes for ``words``, those of both sides together in code order.

    Costs one call for words nobody of the tenant has asked about with this model. Never raises for
    anything the model does: then what the titles say stands alone, with a note.
    """
    words = [word.strip()[:LONGEST_WORD] for word in words if word.strip()][:MOST_WORDS]
    if not words:
        return Proposal(note="Type some words first, parted by commas.")
    titles = SsicTitles()
    by_rule = {word: {found.code for found in titles.codes_of(word)} for word in words}
    asked = _question(words, shown=set().union(*by_rule.values()))
    chosen: list[Choice] = []
    model = note = ""
    try:
        told = llm.complete(PROMPT, about=asked, schema=Choices, purpose=Purpose("codes"),
                            patience=PATIENCE)  # fmt: skip
        chosen, model = told.value.codes[:MOST_CODES], told.facts.model
    except (NoPermitError, VendorError) as exc:
        note = f"The language model was not asked: {exc}"
    known = titles_of(choice.code for choice in chosen if choice.code.isdigit())
    by_model = {word: {c.code for c in chosen if c.code in known and c.word.strip() == word}
                for word in words}  # fmt: skip
    loose = {c.code for c in chosen if c.code in known} - set().union(*by_model.values())
    by_model[""] = loose  # for a word in other letters than it was typed
    refused = sum(choice.code not in known for choice in chosen)
    return Proposal(_together(by_rule, by_model), refused=refused, model=model, note=note)


def _question(words: Sequence[str], *, shown: Collection[str]) -> str:
    """The words in marks, as all that is typed; the list is ours."""
    groups = SsicCode.objects.annotate(n=Length("code")).filter(n=GROUP_LENGTH)
    listed = dict(groups.order_by("edition").values_list("code", "title")) | titles_of(shown)
    lines = "\n".join(f"{code} {title}" for code, title in sorted(listed.items()))
    return f"{inside_marks(', '.join(words), title='words')}\n\nThe list:\n{lines}"


def _together(by_rule: dict[str, set[str]], by_model: dict[str, set[str]]) -> list[ProposedCode]:
    codes = set().union(*by_rule.values(), *by_model.values())
    titles, counts = titles_of(codes), _companies(codes)
    return [
        ProposedCode(
            code, titles.get(code, ""), _words_of(code, by_rule), _words_of(code, by_model),
            counts[code],
        )
        for code in sorted(codes)
    ]  # fmt: skip


def _words_of(code: str, by: dict[str, set[str]]) -> tuple[str, ...]:
    return tuple(word or "yes" for word, codes in by.items() if code in codes)


def _companies(codes: Collection[str]) -> dict[str, int]:
    """Live companies whose first activity begins with each code. One statement."""
    if not codes:
        return {}
    live = RegisteredCompany.objects.filter(status_class="LIVE").values_list("primary_ssic")
    carried = list(live.annotate(n=Count("pk")).order_by())
    return {code: sum(n for ssic, n in carried if ssic.startswith(code)) for code in codes}
