"""Who is meant: what somebody gave of themselves, and what of theirs is known by it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Q

from enrichment.extract.titles import person_key
from enrichment.models import Contact
from icp.models import Lead
from icp.normalise import NotAValueError, fold, normalise
from icp.suppressions import Kind, hash_of

WORDS_OF_A_NAME = 2  # of one word alone nobody can tell whether it means this person
ERASED = "(erased)"
FILES = "(?:csv|tsv|txt|xlsx|json|pdf|eml|html?)"  # ends of names of files, not of domains


class PersonError(ValueError):
    """It cannot be told who is meant; the text says what to give."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person gave. Any one of address, number, or name with company will do."""

    email: str = ""
    phone: str = ""
    name: str = ""
    company: str = ""


@dataclass(slots=True)
class Person:
    """Somebody, as far as this tenant knows them."""

    addresses: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)  # E.164
    names: set[str] = field(default_factory=set)
    leads: dict[int, str] = field(default_factory=dict)  # where they work: id -> reference
    contacts: list[int] = field(default_factory=list)

    @property
    def hashes(self) -> list[tuple[str, str]]:
        """(kind, keyed hash) of all that stays suppressed once the rest is gone."""
        values = [(Kind.EMAIL, each) for each in sorted(self.addresses)]
        values += [(Kind.PHONE, each) for each in sorted(self.numbers)]
        values += [
            (Kind.PERSON, f"{place.replace(' ', '')} {person_key(name)}")
            for place in sorted(self.leads.values())
            for name in sorted(self.names)
        ]
        return [(kind, hash_of(kind, fold(kind, value))) for kind, value in values]

    def anywhere(self) -> re.Pattern[str] | None:
        """Their addresses and numbers, however written; None when none is known."""
        parts = [*map(_address_pattern, sorted(self.addresses)),
                 *map(_number_pattern, sorted(self.numbers))]  # fmt: skip
        return _any_of(parts)

    def at_work(self) -> re.Pattern[str] | None:
        """The same and their names, for rows of the companies they work at."""
        parts = [*map(_address_pattern, sorted(self.addresses)),
                 *map(_number_pattern, sorted(self.numbers)),
                 *map(_name_pattern, sorted(self.names))]  # fmt: skip
        return _any_of(parts)


def identify(asked: Asked) -> Person:
    """Find who is meant, and under which other names and addresses they stand here.

    A telephone number and a role mailbox are perhaps the company's: they are the person's only
    when given. Raises ``PersonError``. Four statements.
    """
    person = Person()
    if asked.email.strip():
        person.addresses.add(_normal("EMAIL", asked.email))
    if asked.phone.strip():
        person.numbers.add(_normal("PHONE", asked.phone))
    given = " ".join(asked.name.split())
    if given and asked.company.strip():
        person.leads = _leads_named(asked.company.strip())
        person.names.add(given)
    if not person.addresses and not person.numbers and not given:
        raise PersonError("Give an e-mail address, a telephone number, or a name and a company.")
    if given and not asked.company.strip() and not (person.addresses or person.numbers):
        raise PersonError("Give the company as well: many people share a name.")
    _add_contacts(person, given)
    return person


def _add_contacts(person: Person, given: str) -> None:
    wanted = Q(email__in=person.addresses) | Q(phone__in=person.numbers)
    found = list(Contact.objects.filter(wanted).select_related("lead"))
    key = person_key(given)
    there = Contact.objects.filter(lead__in=list(person.leads)).select_related("lead")
    found += [one for one in there if key and person_key(one.name) == key]
    for one in found:
        by_number_alone = one.email not in person.addresses and person_key(one.name) != key
        if one.kind == Contact.Kind.ROLE and by_number_alone:
            continue
        person.contacts.append(one.pk)
        person.leads[one.lead_id] = one.lead.source_ref
        if one.kind != Contact.Kind.ROLE:
            person.addresses |= {one.email} - {""}
            person.names |= {one.name} - {""}
    if given and person.contacts:
        person.names.add(given)
    person.contacts = sorted(set(person.contacts))


def _leads_named(company: str) -> dict[int, str]:
    """Leads by UEN, else by the whole name; capitals and spaces do not count."""
    named = Q(uen__iexact=company.replace(" ", "")) | Q(name__iexact=" ".join(company.split()))
    return dict(Lead.objects.filter(named).values_list("pk", "source_ref"))


def _normal(kind: str, text: str) -> str:
    try:
        return normalise(kind, text)
    except NotAValueError as exc:
        raise PersonError(str(exc)) from exc


def _any_of(parts: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(parts)
    return re.compile(joined, re.IGNORECASE) if joined else None


# What is looked through is often JSON, in which a word at the beginning of a line stands behind the
# letter of an escape; and an escape must not lose its letter to a name that begins with it.
_ESCAPED = r"(?<=\\[bfnrt])|(?<=\\u[0-9a-f]{4})|(?<=\\\\)"
_WHOLE = r"(?!(?<=\\)[bfnrtu])"


def _address_pattern(address: str) -> str:
    written = re.escape(address).replace("@", "(?:@|%40)")
    start = rf"(?:(?<![\w.+-]){_WHOLE}|{_ESCAPED})"
    return rf"{start}{written}(?![\w-]|\.(?!{FILES}\b)\w)"


def _number_pattern(number: str) -> str:
    """E.164 as people write it: with or without +65, in groups."""
    digits = number.lstrip("+")
    short = digits.removeprefix("65") if digits.startswith("65") and len(digits) == 10 else ""
    gap = r"[\s().\-/]{0,3}"
    written = "|".join(gap.join(each) for each in (digits, short) if each)
    return rf"(?:(?<!\d)|{_ESCAPED})\+?(?:{written})(?!\d)"


def _name_pattern(name: str) -> str:
    words = [re.escape(word) for word in name.split()]
    if len(words) < WORDS_OF_A_NAME:
        return rf'(?:\A|(?<=")){words[0]}(?=\\*"|\Z)'  # the whole value, or nothing
    # Also as addresses of pages write it, and over the end of a line.
    written = r"(?:[\s.,_+\-]|%20|\\+[nrt]){1,4}".join(words)
    return rf"(?:(?<!\w){_WHOLE}|{_ESCAPED}){written}(?!\w)"
