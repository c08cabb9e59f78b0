"""Which leads a list shows: the filters of console and API under the same names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from django.db.models import OuterRef, QuerySet, Subquery

from acra.models import RegisteredCompany
from acra.uen import is_uen
from icp.models import Lead, LeadQuerySet

ONE_OF = ("stage", "bucket", "fit", "review", "source", "rejection_code")


def find_leads(
    *,
    q: str = "",
    uen: str = "",
    district: Sequence[int] = (),
    run_id: int | None = None,
    score_min: int | None = None,
    score_max: int | None = None,
    changed_since: datetime | None = None,
    **one_of: Sequence[str],
) -> QuerySet[Lead]:
    """Leads that meet everything given; nothing given: all. Nothing is read yet.

    ``q`` is a UEN or beginnings of words of the name. ``one_of``: lists of values for ``stage``,
    ``bucket``, ``fit``, ``review``, ``source`` and ``rejection_code``. Carries the postal district
    of the register as ``district_number``.
    """
    leads: QuerySet[Lead] = Lead.objects.all()
    for field, values in one_of.items():
        if field not in ONE_OF:
            raise TypeError(f"There is no filter {field}.")
        if values:
            leads = leads.filter(**{f"{field}__in": values})
    if uen:
        leads = leads.filter(uen=uen.upper())
    if q:
        leads = of_text(leads, q)
    if district:
        there = RegisteredCompany.objects.filter(district__in=district)
        leads = leads.filter(uen__in=there.values("uen"))
    bounds: dict[str, Any] = {"run_id": run_id, "score__gte": score_min, "score__lte": score_max,
                              "stage_since__gte": changed_since}  # fmt: skip
    leads = leads.filter(**{name: value for name, value in bounds.items() if value is not None})
    of_company = RegisteredCompany.objects.filter(uen=OuterRef("uen"))
    return leads.annotate(district_number=Subquery(of_company.values("district")[:1]))


def of_text(leads: QuerySet[Lead], text: str) -> QuerySet[Lead]:
    """Leads with the UEN ``text``, or with words in their name that begin like those of it."""
    term = text.strip()
    if is_uen(term.upper()):
        return leads.filter(uen=term.upper())
    return cast(LeadQuerySet, leads).named(term)
