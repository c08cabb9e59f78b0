"""Which company is meant by a UEN, a name, or the id of a lead."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import F

from acra.models import RegisteredCompany
from acra.names import fold_name
from acra.search import find_companies
from acra.uen import clean_uen, is_uen
from chat.agent.say import code, page
from chat.agent.toolbox import AmbiguousError, Choice, ToolError
from icp.find_leads import of_text
from icp.models import Lead

MOST_CHOICES = 9


@dataclass(frozen=True, slots=True)
class Company:
    """A lead, a company of the register, or both."""

    uen: str
    name: str
    note: str = ""
    lead: Lead | None = None

    @property
    def ref(self) -> str:
        """What names it with certainty."""
        return self.uen or (str(self.lead.public_id) if self.lead else self.name)

    @property
    def page(self) -> str:
        return page("icp_lead_change", self.lead.pk) if self.lead else ""


def find_company(text: str, *, field: str = "company") -> Company:
    """The one company ``text`` means. Raises ``AmbiguousError``, or ``ToolError`` for none.

    The tenant's own leads come first; a few statements, all by index.
    """
    text = text.strip().strip("\"'“”")
    found = _by_id(text) or _by_uen(text)
    if found is not None:
        return found
    candidates = _by_name(text)
    if not candidates:
        raise ToolError(
            f"No lead and no company of the register is called {code(text[:100])}, now or before."
        )
    same = [each for each in candidates if fold_name(each.name) == fold_name(text)]
    for few in (same, candidates):
        if len(few) == 1:
            return few[0]
    shown = candidates[:MOST_CHOICES]
    raise AmbiguousError(field, [Choice(each.ref, each.name, each.note) for each in shown])


def find_lead(text: str, *, field: str = "company") -> Lead:
    """The lead ``text`` means. Raises as ``find_company``, and for a company that is none."""
    found = find_company(text, field=field)
    if found.lead is None:
        raise ToolError(f"{code(found.name)} is in the register and not among your leads. "
                        f"Ask {code(f'why not {found.uen}')}.")  # fmt: skip
    return found.lead


def ref_of(lead: Lead) -> str:
    """What names exactly this lead: its UEN, unless another has the same, else its id."""
    if lead.uen and Lead.objects.filter(uen=lead.uen).count() == 1:
        return lead.uen
    return str(lead.public_id)


def of_lead(lead: Lead) -> Company:
    return Company(lead.uen, lead.name, lead.get_stage_display(), lead)


def _by_id(text: str) -> Company | None:
    try:
        wanted = UUID(text)
    except ValueError:
        return None
    lead = Lead.objects.filter(public_id=wanted).first()
    return of_lead(lead) if lead else None


def _by_uen(text: str) -> Company | None:
    uen = clean_uen(text)
    if not is_uen(uen):
        return None
    lead = Lead.objects.filter(uen=uen).order_by("pk").first()
    if lead is not None:
        return of_lead(lead)
    company = RegisteredCompany.objects.filter(pk=uen).first()
    if company is None:
        raise ToolError(f"{code(uen)} is neither in the register nor among your leads.")
    return _of_register(company)


def _by_name(text: str) -> list[Company]:
    """Leads with such a name; companies of the register when there are none."""
    leads = of_text(Lead.objects.defer("trace"), text)
    best = leads.order_by(F("score").desc(nulls_last=True), "pk")[: MOST_CHOICES + 1]
    if found := [of_lead(lead) for lead in best]:
        return found
    return [_of_register(each) for each in find_companies(text, limit=MOST_CHOICES + 1)]


def _of_register(company: RegisteredCompany) -> Company:
    return Company(company.uen, company.name, f"not a lead; {company.get_status_class_display()}")
