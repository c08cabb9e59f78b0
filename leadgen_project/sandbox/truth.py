"""A company's truth as plain JSON, for programs that do not import the sandbox."""

from typing import Any

from leadgen_project.sandbox.companies import Company


def as_truth(company: Company) -> dict[str, Any]:
    """Return what is true of a company, with JSON types only."""
    return {
        "uen": company.uen,
        "name": company.name,
        "former_names": list(company.registered.former_names),
        "status": company.registered.status,
        "is_live": company.registered.is_live,
        "industry": company.registered.industry.key,
        "primary_ssic": company.registered.primary_ssic,
        "site": company.site.value,
        "trap": company.trap,
        "expect": company.expect.value,
        "host": company.own_host,
        "given_host": company.given_host,
        "other_host": company.other_host,
        "layout": company.layout,
        "written": company.way,
        "where": company.contact_at,
        "contact_path": company.contact_path,
        "emails": list(company.emails),
        "role_email": company.role_email,
        "dpo_email": company.dpo_email,
        "phones": list(company.phones),
        "fax": company.fax,
        "people": [
            {"name": one.name, "title": one.title, "email": one.email} for one in company.people
        ],
        "head_count": company.head_count,
        "founded": company.founded,
        "address": company.street_line,
        "postal_code": company.postal_code,
        "social": list(company.social),
        "technologies": list(company.technologies),
        "languages": list(company.languages),
        "shows_uen": company.shows_uen,
        "gst_number": company.gst_number,
        "is_mailable": company.is_mailable,
        "never": list(company.never),
    }
