"""Take a person's request down, with the day it has to be answered by, and close it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from enrichment.extract.titles import person_key
from icp.models import PersonRequest
from icp.normalise import fold
from leadgen_project.persons.answer import Answer, count
from leadgen_project.persons.identify import Asked, Person, identify
from tenants import audit

SOON = timedelta(days=7)


def take_down(
    asked: Asked, *, kind: PersonRequest.Kind, received_on: date, actor: str, now: datetime
) -> PersonRequest:
    """Note a request; nothing is looked up or removed yet. Raises ``PersonError``."""
    identify(asked)
    request = PersonRequest.objects.create(
        kind=kind, email=asked.email.strip(), phone=asked.phone.strip(),
        name=asked.name.strip()[:200], company=asked.company.strip()[:500],
        received_on=received_on, due_on=received_on + timedelta(days=PersonRequest.DAYS),
        created_at=now, created_by=actor,
    )  # fmt: skip
    audit.record("icp.person.request", actor=actor, subject=str(request),
                 after={"kind": kind, "received_on": received_on.isoformat(),
                        "due_on": request.due_on.isoformat()})  # fmt: skip
    return request


def answered(request: PersonRequest, answer: Answer, *, actor: str, now: datetime) -> None:
    """Note that the answer went to the person. A second time changes nothing."""
    if request.done_at is not None:
        return
    request.done_at, request.done_by, request.counts = now, actor, count(answer)
    request.save(update_fields=["done_at", "done_by", "counts"])
    audit.record("icp.person.answer", actor=actor, subject=str(request),
                 after={"held": request.counts})  # fmt: skip


def forget_requests(person: Person, *, actor: str, now: datetime) -> None:
    """Blank the person in all their requests; open ones are done with it."""
    names = {person_key(name) for name in person.names}
    given = PersonRequest.objects.exclude(email="", phone="", name="", company="")
    found = [
        one.pk for one in given
        if (one.email and fold("EMAIL", one.email) in person.addresses)
        or (one.phone and fold("PHONE", one.phone) in person.numbers)
        or (one.name and person_key(one.name) in names)
    ]  # fmt: skip
    theirs = PersonRequest.objects.filter(pk__in=found)
    nobody = {"email": "", "phone": "", "name": "", "company": ""}
    theirs.filter(done_at=None).update(done_at=now, done_by=actor, **nobody)
    theirs.update(**nobody)
