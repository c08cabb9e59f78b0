"""Find companies of the register by number or name, quickly at two million of them."""

from __future__ import annotations

import re

from django.db.models import BooleanField, Case, IntegerField, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Length

from acra.indexes import WORDS
from acra.models import RegisteredCompany
from acra.names import fold_name
from acra.uen import clean_uen, is_uen

__all__ = ["find_companies", "find_company", "matching"]

# The beginning of a UEN; less could as well be a name ("2015 BISTRO").
BEGINNING = re.compile(r"[0-9]{5,9}[A-Z]?|[RST][0-9]{2}[A-Z]{2}[0-9]{0,4}")
BEGINNING_OF_WORD = 3  # letters of ours; a Chinese word may be one sign
LARGEST = "\N{LATIN CAPITAL LETTER Z}" * 12  # sorts behind every UEN with the same start


def matching(text: str, companies: QuerySet[RegisteredCompany]) -> QuerySet[RegisteredCompany]:
    """``companies`` whose UEN starts with ``text``, or whose names hold all its words.

    A word of three letters or more may be the beginning of one; what begins with S is in very many
    names, and a list of those helps nobody. Five signs or more that can begin a UEN are taken for
    one; all else for a name, present or former. Served by the key and by the index on words, never
    by a pass over the table.
    """
    uen = clean_uen(text)
    if is_uen(uen):
        return companies.filter(pk=uen)
    if BEGINNING.fullmatch(uen):
        # By range: a LIKE would need an index of its own on servers with another collation.
        return companies.filter(pk__gte=uen, pk__lte=uen + LARGEST, pk__startswith=uen)
    words = fold_name(text).split()
    return companies.filter(_by_words(words)) if words else companies.none()


def find_companies(text: str, *, limit: int = 20) -> list[RegisteredCompany]:
    """The companies that fit ``text`` best: the same name first, then names that start so."""
    key = fold_name(text)
    near = Case(
        When(name_key=key, then=Value(0)),
        When(name_key__startswith=key, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    is_dead = Case(When(status_class="CEASED", then=Value(1)), default=Value(0))
    found = matching(text, RegisteredCompany.objects.all())
    return list(found.order_by(near, is_dead, Length("name_key"), "pk")[:limit])


def find_company(text: str) -> RegisteredCompany | None:
    """The one company meant by a UEN or a name (present or former), or ``None`` if none is certain.

    A name counts when it is the same after folding; of several the living one, when it is the only.
    """
    uen = clean_uen(text)
    if is_uen(uen):
        return RegisteredCompany.objects.filter(pk=uen).first()
    key = fold_name(text)
    if not key:
        return None
    same = list(RegisteredCompany.objects.filter(name_key=key)[:50])
    if not same:
        near = matching(text, RegisteredCompany.objects.all())[:200]
        same = [company for company in near if key in map(fold_name, company.former_names)]
    alive = [company for company in same if company.status_class != "CEASED"]
    for candidates in (alive, same):
        if len(candidates) == 1:
            return candidates[0]
    return None


def _by_words(words: list[str]) -> Q:
    query = " & ".join(map(_lexeme, words))
    sql = f"{WORDS} @@ %s::tsquery"
    return Q(RawSQL(sql, [query], output_field=BooleanField()))  # noqa: S611 -- words are bound


def _lexeme(word: str) -> str:
    quoted = word.replace("'", "''")
    is_beginning = len(word) >= BEGINNING_OF_WORD or not word.isascii()
    return f"'{quoted}':*" if is_beginning else f"'{quoted}'"
