"""Compare the rows of a list of people with leads, contacts, evidence and suppressions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.db.models import Q

from enrichment.contact_lists.contact_origins import SHOWN, ListOrigin
from enrichment.contact_lists.judge_contact_rows import Said, compare_rows, said
from enrichment.evidence.merge import PRECEDENCE
from enrichment.evidence.refusals import Refusals
from enrichment.evidence.statements import person_at
from enrichment.extract.titles import person_key
from enrichment.models import HOST_IN_URL, Contact, Evidence
from icp.judge_rows import Row, refuse
from icp.models import Lead
from tenants.context import connection

AT_ONCE = 2_000  # rows looked up with four statements
# Fields of a contact and of the evidence for them, in the order they are shown.
FIELDS = {"name": "people", "title": "title", "email": "emails", "phone": "phones"}
_WORDS = {"uen": "with the UEN", "site": "with the site", "company": "called"}
# Whose word a list overrules; what a person entered, and what nobody vouches for, stays.
_WEAKER = {name for name, place in PRECEDENCE.items() if place >= PRECEDENCE["IMPORT"]}

_LEADS = """
SELECT 'uen', uen, id, name, uen, source_ref, rejection_code FROM icp_lead
WHERE uen = ANY(%(uen)s) AND uen <> ''
UNION
SELECT 'company', lower(name), id, name, uen, source_ref, rejection_code FROM icp_lead
WHERE lower(name) = ANY(%(company)s)
UNION
SELECT 'site', substring(lower(website), %(host)s), id, name, uen, source_ref, rejection_code
FROM icp_lead WHERE substring(lower(website), %(host)s) = ANY(%(site)s) AND website <> ''
UNION
SELECT 'site', substring(e.value, %(host)s), l.id, l.name, l.uen, l.source_ref, l.rejection_code
FROM enrichment_evidence e JOIN icp_lead l ON l.id = e.lead_id
WHERE e.superseded_at IS NULL AND e.field = 'website'
  AND substring(e.value, %(host)s) = ANY(%(site)s)
ORDER BY 3
"""


def look_up(rows: Sequence[Row]) -> None:
    """Find lead and contact of each accepted row, and what it would change there.

    ``values`` become [``Said``, [field, before, after], ...]; the outcome new, changed or present.
    Refused is what no lead can be found for, and whoever is suppressed or was erased.
    """
    accepted = [row for row in rows if row.values]
    for row in accepted:
        row.outcome, row.reasons = "new", []
        row.values = [list(said(row)._replace(lead="", company="", contact=""))]
    for part in _parts(accepted):
        _find_leads(part)
    compare_rows(accepted)
    taken: dict[str, int] = {}
    for part in _parts([row for row in accepted if row.outcome == "new"]):
        _find_contacts(part, taken)


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), AT_ONCE):
        yield rows[start : start + AT_ONCE]


# --- leads --------------------------------------------------------------------------------------
def _find_leads(rows: Sequence[Row]) -> None:
    keys: dict[str, list[str]] = {name: [] for name in _WORDS}
    for row in rows:
        one = said(row)
        keys[one.by].append(one.key)
    found: dict[tuple[str, str], list[Lead]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_LEADS, {**keys, "host": HOST_IN_URL})
        for by, key, pk, name, uen, ref, code in cursor.fetchall():
            found[by, key].append(
                Lead(pk=pk, name=name, uen=uen, source_ref=ref, rejection_code=code)
            )
    chosen = {row.number: _one_of(row, found[said(row)[:2]]) for row in rows}
    refusals = Refusals(
        pair for row in rows if (its := chosen[row.number]) for pair in _asked(said(row), its)
    )
    for row in rows:
        if (lead := chosen[row.number]) is None:
            continue
        one = said(row)
        mistakes = [_sentence(kind, value) for kind, value in _asked(one, lead)
                    if refusals.refuse(kind, value)]  # fmt: skip
        if lead.rejection_code == "suppressed" and not mistakes:
            mistakes.append(f"{lead.name} is suppressed.")
        if mistakes:
            refuse(row, *mistakes)
        else:
            row.values = [list(one._replace(lead=str(lead.pk), company=lead.name))]


def _one_of(row: Row, leads: list[Lead]) -> Lead | None:
    """The lead the row means: of several of one UEN the oldest, else there must be one alone."""
    one = said(row)
    leads = [lead for lead in leads if not lead.rejection_code] or leads
    if len(leads) == 1 or (leads and one.by == "uen"):
        return leads[0]
    which = f"{_WORDS[one.by]} {one.key}"
    if leads:
        refuse(row, f"{len(leads)} leads are found {which}; tell the company by its UEN.")
    else:
        refuse(row, f"There is no lead {which}. A rule has to select the company first.")
    return None


def _asked(one: Said, lead: Lead) -> list[tuple[str, str]]:
    person = person_at(lead, one.name) if one.name else ""
    pairs = [("EMAIL", one.email), ("PHONE", one.phone), ("UEN", lead.uen), ("PERSON", person)]
    return [pair for pair in pairs if pair[1]]


def _sentence(kind: str, value: str) -> str:
    if kind == "PERSON":
        return "This person asked to be erased."
    return f"{value} is on the suppression list."


# --- contacts -----------------------------------------------------------------------------------
@dataclass(slots=True)
class _Known:
    """Contacts of the leads in hand, and what the evidence says of them."""

    by_address: dict[tuple[str, str], Contact] = field(default_factory=dict)
    by_name: dict[tuple[str, str, bool], Contact] = field(default_factory=dict)  # has an address
    by_phone: dict[tuple[str, str], Contact] = field(default_factory=dict)
    said_by: dict[tuple[int, str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    origins: dict[tuple[str, str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def find(self, one: Said) -> Contact | None:
        """Whom the row speaks of. A name alone never joins two addresses."""
        key = person_key(one.name)
        if one.email:
            known = self.by_address.get((one.lead, one.email))
            return known or (self.by_name.get((one.lead, key, False)) if key else None)
        if key:
            without = self.by_name.get((one.lead, key, False))
            return without or self.by_name.get((one.lead, key, True))
        return self.by_phone.get((one.lead, one.phone))


def _known(rows: Sequence[Row]) -> _Known:
    known = _Known()
    leads = {int(said(row).lead) for row in rows}
    for one in Contact.objects.filter(lead__in=leads).order_by("pk"):
        lead = str(one.lead_id)
        if one.email:
            known.by_address[lead, one.email] = one
        if one.name:
            known.by_name.setdefault((lead, person_key(one.name), bool(one.email)), one)
        elif one.phone:
            known.by_phone.setdefault((lead, one.phone), one)
    values = {value for row in rows for _, value in [anchor(said(row))]}
    evidence = Evidence.objects.filter(
        Q(contact__isnull=False) | Q(value__in=values), lead__in=leads, superseded_at=None,
        field__in=FIELDS.values(),
    )  # fmt: skip
    for lead_id, contact, name, value, source, method in evidence.values_list(
        "lead", "contact", "field", "value", "source", "method"
    ).iterator(chunk_size=5_000):
        if contact:
            known.said_by[contact, name, value].add(source)
        if value in values:
            known.origins[str(lead_id), name, value].add(method if _is_ours(method) else source)
    return known


def anchor(one: Said) -> tuple[str, str]:
    """The field of evidence and the value whose origin the row tells."""
    for name in ("email", "phone", "name"):
        if value := getattr(one, name):
            return FIELDS[name], value
    return "", ""


def _find_contacts(rows: Sequence[Row], taken: dict[str, int]) -> None:
    """``taken``: contact -> the row that speaks of it, among all rows of the file."""
    known = _known(rows)
    for row in rows:
        one = said(row)
        contact = known.find(one)
        if contact is None:
            continue
        if (first := taken.setdefault(str(contact.pk), row.number)) != row.number:
            refuse(row, f"Row {first} speaks of the same person.")
            continue
        changes = [*_changes(row, one, contact, known), *_new_origin(one, known)]
        row.values = [list(one._replace(contact=str(contact.pk))), *changes]
        row.outcome = "changed" if changes else "present"


def _changes(row: Row, one: Said, contact: Contact, known: _Known) -> Iterator[list[str]]:
    """Fields the row fills or overrules; the row says which are kept as they were entered."""
    for name, of_evidence in FIELDS.items():
        before, after = getattr(contact, name), getattr(one, name)
        if not after or before == after:
            continue
        speakers = known.said_by.get((contact.pk, of_evidence, before), set())
        if before and not (speakers and speakers <= _WEAKER):
            row.reasons.append(f"The {name} stays as it was entered: {before}.")
        else:
            yield [name, before, after]


def _new_origin(one: Said, known: _Known) -> Iterator[list[str]]:
    before = known.origins.get((one.lead, *anchor(one)), set())
    if one.origin not in before:
        words = sorted(_origin_words(each) for each in before)
        yield ["origin", ", ".join(words), SHOWN[ListOrigin(one.origin)]]


def _origin_words(origin: str) -> str:
    if _is_ours(origin):
        return SHOWN[ListOrigin(origin)]
    return Evidence.Source(origin).label.lower()


def _is_ours(method: str) -> bool:
    return method in set(ListOrigin)
