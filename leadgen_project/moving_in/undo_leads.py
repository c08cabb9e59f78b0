"""Take leads back that a move made, and from others what it added."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from django.db import models

from enrichment.captcha_models import CaptchaChallenge
from enrichment.evidence.store_evidence import choose_again
from enrichment.models import Contact, Evidence
from icp.models import Lead, MovedRow
from leadgen_project.moving_in.rows import PRINTS
from leadgen_project.moving_in.store import METHOD
from tenants.context import connection

EDITED = "It was edited since."
WORKED_ON = "It was worked on since: there is {} of it."


def undo_leads(rows: Sequence[MovedRow]) -> Counter[str]:
    """Take back what ``rows`` did to leads; notes on the rows why something stays.

    Rows without such a note are deleted with what they made.
    """
    made = {row.lead_id: row for row in rows if row.made_lead and row.lead_id}
    removed: Counter[str] = Counter()
    why = _why_not(made)
    going = [pk for pk in made if pk not in why]
    removed["leads"] = len(going)
    for pk, reason in why.items():
        made[pk].conflict = reason
    MovedRow.objects.bulk_update([made[pk] for pk in why], ["conflict"], batch_size=500)
    others = [row for row in rows if not row.made_lead and row.lead_id not in going]
    removed.update(_take_out(others))
    _delete(going, rows=[row.pk for row in rows if not row.conflict])
    return removed


def _why_not(made: dict[int, MovedRow]) -> dict[int, str]:
    """Leads that have to stay, and why: they look different now, or something came of them."""
    ids = list(made)
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(PRINTS, {"leads": ids})
        prints = dict(cursor.fetchall())
    found: dict[int, str] = {
        pk: EDITED for pk in ids if pk in prints and prints[pk] != made[pk].print_hash
    }
    foreign = Evidence.objects.filter(lead__in=ids).exclude(source="IMPORT", method=METHOD)
    for pk in foreign.values_list("lead", flat=True).distinct():
        found.setdefault(pk, WORKED_ON.format("evidence"))
    contacts = Contact.objects.filter(lead__in=ids)
    for rows, lead_of in (
        *_related(Lead, ids, "pk"),
        *_related(Contact, contacts.values("pk"), "lead"),
    ):
        for pk in rows.values_list(lead_of, flat=True).distinct():
            found.setdefault(pk, WORKED_ON.format(_name_of(rows)))
    return found


# What a move itself makes of a lead.
_OWN: tuple[type[models.Model], ...] = (Contact, Evidence, MovedRow)


def _related(
    model: type[models.Model], ids: object, lead: str
) -> Iterable[tuple[models.QuerySet, str]]:
    """Rows of other tables that hold on to these, with the lookup to the lead."""
    for relation in model._meta.related_objects:  # noqa: SLF001 -- Django's documented meta API
        if relation.related_model in _OWN or relation.many_to_many:
            continue
        name = relation.field.name
        rows = relation.related_model._default_manager.filter(**{f"{name}__in": ids})  # noqa: SLF001 -- as above
        if relation.related_model is CaptchaChallenge:  # nobody has come to it yet
            rows = rows.exclude(state=CaptchaChallenge.State.OPEN, tries=0)
        yield rows, name if lead == "pk" else f"{name}__{lead}"


def _name_of(rows: models.QuerySet) -> str:
    return f"a {rows.model._meta.verbose_name}"  # noqa: SLF001 -- as above


# By hand: Django would look through some forty tables first for what ``_why_not`` has found absent.
# Keys are checked at the end of the transaction, so nothing that refers to a lead is lost unseen.
_DELETE = """
DELETE FROM enrichment_captchachallenge WHERE lead_id = ANY(%(leads)s);
DELETE FROM enrichment_evidence WHERE lead_id = ANY(%(leads)s);
DELETE FROM enrichment_contact WHERE lead_id = ANY(%(leads)s);
DELETE FROM icp_movedrow WHERE id = ANY(%(rows)s);
UPDATE icp_movedrow SET lead_id = NULL WHERE lead_id = ANY(%(leads)s);
DELETE FROM icp_lead WHERE id = ANY(%(leads)s);
"""


def _delete(leads: list[int], *, rows: list[int]) -> None:
    with connection.cursor() as cursor:
        for statement in _DELETE.strip().split("\n"):
            cursor.execute(statement, {"leads": leads, "rows": rows})


def _take_out(rows: Sequence[MovedRow]) -> Counter[str]:
    """Take from known leads what the rows added, and show what is chosen without it.

    What somebody entered since stays: it is evidence of its own. A contact that was used stays.
    """
    added = [row for row in rows if row.lead_id and row.added]
    evidence = [pk for row in added for pk in row.added.get("evidence", [])]
    gone = [pk for row in added for pk in row.added.get("gone", [])]
    contacts = [pk for row in added for pk in row.added.get("contacts", [])]
    removed: Counter[str] = Counter()
    removed["values of leads there were"] = Evidence.objects.filter(pk__in=evidence).delete()[0]
    Evidence.objects.filter(pk__in=gone).update(superseded_at=None)
    used = _used(contacts)
    removed["contacts of leads there were"] = Contact.objects.filter(
        pk__in=set(contacts) - used
    ).delete()[0]
    _note_used(added, used)
    choose_again({row.lead_id for row in added if row.lead_id})
    return removed


def _used(contacts: list[int]) -> set[int]:
    """Contacts something came of since, or of which somebody else speaks by now."""
    found: set[int] = set()
    for rows, _ in _related(Contact, contacts, "lead"):
        name = next(field.name for field in rows.model._meta.concrete_fields  # noqa: SLF001 -- as above
                    if field.related_model is Contact)  # fmt: skip
        found |= set(rows.values_list(name, flat=True))
    speaking = Evidence.objects.filter(contact__in=contacts).exclude(method=METHOD)
    return found | {pk for pk in speaking.values_list("contact", flat=True) if pk}


def _note_used(rows: Sequence[MovedRow], used: set[int]) -> None:
    noted = [row for row in rows if used.intersection(row.added.get("contacts", []))]
    for row in noted:
        row.conflict = "The contact it added is in use."
    MovedRow.objects.bulk_update(noted, ["conflict"], batch_size=500)
