"""Take an import of people back: what it made goes, what it changed is as before.

What somebody edited or used since stays and is reported. The list's evidence goes in any case, so
that no address is mailed on the word of a list that was taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import models, transaction

from enrichment.contact_lists.import_contacts import reference_of
from enrichment.contact_lists.look_up_contacts import FIELDS
from enrichment.evidence.store_evidence import choose_again
from enrichment.import_models import ContactImport
from enrichment.models import Contact, Evidence
from icp.models import Lead
from icp.uploads import undoable, undone, unpack_values
from tenants import audit
from tenants.console import audit_subject

AT_ONCE = 500
OF_ADDRESS = ("verification", "verdict", "is_mailable", "is_withheld", "not_mailable_reason")
Done = dict[str, Any]  # as ``import_contacts`` notes it


@transaction.atomic
def undo_contacts(
    upload: ContactImport, *, reason: str, actor: str, now: datetime | None = None
) -> int:
    """Undo all that stands as it was imported; returns how many contacts. The rest is noted.

    Conflicts are told on the upload, each with its row. Raises ``UploadError``.
    """
    locked = undoable(upload, reason=reason)
    done: list[Done] = unpack_values(locked.applied_rows)
    conflicts: list[tuple[int, str]] = []
    for start in range(0, len(done), AT_ONCE):
        conflicts += _undo(done[start : start + AT_ONCE], locked)
    undone(locked, conflicts=conflicts)
    count = len(done) - len({row for row, _ in conflicts})
    audit.record("enrichment.contacts.undo", actor=actor, subject=audit_subject(locked),
                 after={"undone": count, "left": len(conflicts)},
                 reason=reason.strip())  # fmt: skip
    return count


def _undo(part: Sequence[Done], upload: ContactImport) -> list[tuple[int, str]]:
    leads = sorted({each["lead"] for each in part})
    list(Lead.objects.filter(pk__in=leads).order_by("pk").select_for_update(of=("self",))
         .values_list("pk", flat=True))  # fmt: skip
    contacts = Contact.objects.in_bulk([each["contact"] for each in part])
    refers = [reference_of(upload, each["row"]) for each in part]
    evidence = Evidence.objects.filter(lead__in=leads, source=Evidence.Source.IMPORT,
                                       reference__in=refers)  # fmt: skip
    shown = set(evidence.filter(subject="").values_list("lead", flat=True))
    used = _used([each["contact"] for each in part if each["made"]], evidence)
    conflicts, going = [], []
    for each in part:
        contact = contacts.get(each["contact"])
        if contact is None:
            conflicts.append((each["row"], "The contact is not there any more."))
        elif not each["made"]:
            conflicts += [(each["row"], why) for why in _restore(contact, each["changes"])]
        elif any(getattr(contact, name) != after for name, (_, after) in each["changes"].items()):
            conflicts.append((each["row"], "The contact was edited since; it stays."))
        elif contact.pk in used:
            conflicts.append((each["row"], used[contact.pk]))
        else:
            going.append(contact.pk)
    evidence.delete()
    gone = [pk for each in part for pk in each["gone"]]
    Evidence.objects.filter(pk__in=gone).update(superseded_at=None)
    changed = [contacts[each["contact"]] for each in part
               if not each["made"] and each["contact"] in contacts]  # fmt: skip
    Contact.objects.bulk_update(changed, [*FIELDS, "kind", *OF_ADDRESS])
    Contact.objects.filter(pk__in=going).delete()
    choose_again(shown | {each["lead"] for each in part if each["gone"]})
    return conflicts


def _restore(contact: Contact, changes: dict[str, list[str]]) -> Iterator[str]:
    """Give back what stood before; says which fields are different by now."""
    for name, (before, after) in changes.items():
        if getattr(contact, name) == after:
            setattr(contact, name, before)
            if name == "email":
                _forget_verdict(contact)
        elif name in FIELDS:
            yield f"The {name} was edited since; it stays."


def _forget_verdict(contact: Contact) -> None:
    contact.verification, contact.verdict = None, Contact.Verdict.UNVERIFIED
    if contact.is_withheld:
        contact.is_withheld, contact.is_mailable, contact.not_mailable_reason = False, True, ""


def _used(contacts: list[int], mine: models.QuerySet[Evidence]) -> dict[int, str]:
    """Contacts something came of since, or of whom somebody else speaks by now, and what."""
    found: dict[int, str] = {}
    for relation in Contact._meta.related_objects:  # noqa: SLF001 -- Django's documented meta API
        if relation.many_to_many or relation.related_model is Evidence:
            continue
        rows: models.QuerySet[Any] = relation.related_model._default_manager.filter(  # noqa: SLF001 -- as above
            **{f"{relation.field.name}__in": contacts}
        )
        what = relation.related_model._meta.verbose_name  # noqa: SLF001 -- as above
        for pk in rows.values_list(relation.field.name, flat=True).distinct():
            found[pk] = f"The contact is in use: there is a {what} of it."
    others = Evidence.objects.filter(contact__in=contacts).exclude(pk__in=mine.values("pk"))
    for pk in others.values_list("contact", flat=True).distinct():
        if pk is not None:
            found.setdefault(pk, "The contact is known from elsewhere as well; it stays.")
    return found
