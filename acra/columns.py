"""The columns of the published files, by name: files are read by their header, never by position.

Source: collection 2 of data.gov.sg, captured on 2026-09-10 (data-gov-sg contract, section 6).
"""

from __future__ import annotations

__all__ = ["ALIASES", "AUDIT_FIRMS", "FORMER_NAMES", "MISSING", "PLACE", "PUBLISHED", "REQUIRED"]

FORMER_NAMES = tuple(f"former_entity_name{number}" for number in range(1, 16))
AUDIT_FIRMS = tuple(
    column.format(number)
    for number in range(1, 6)
    for column in ("uen_of_audit_firm{}", "name_of_audit_firm{}")
)
PUBLISHED = (
    "uen", "issuance_agency_id", "entity_name", "entity_type_description",
    "business_constitution_description", "company_type_description", "paf_constitution_description",
    "entity_status_description", "registration_incorporation_date", "uen_issue_date",
    "address_type", "block", "street_name", "level_no", "unit_no", "building_name", "postal_code",
    "other_address_line1", "other_address_line2", "account_due_date", "annual_return_date",
    "primary_ssic_code", "primary_ssic_description", "primary_user_described_activity",
    "secondary_ssic_code", "secondary_ssic_description", "secondary_user_described_activity",
    "no_of_officers", *FORMER_NAMES, *AUDIT_FIRMS,
)  # fmt: skip
PLACE = {name: place for place, name in enumerate(PUBLISHED)}

# Without these a file is no register: it is refused. Any other column that a file lacks keeps the
# values that are already known.
REQUIRED = (
    "uen", "entity_name", "entity_type_description", "entity_status_description",
    "registration_incorporation_date", "postal_code", "primary_ssic_code",
)  # fmt: skip
# Other spellings of a header, compared in small letters with "_" for spaces.
ALIASES = {
    "entity_type": "entity_type_description",
    "entity_status": "entity_status_description",
    "uen_status": "entity_status_description",
    "registration_date": "registration_incorporation_date",
    "incorporation_date": "registration_incorporation_date",
    "postcode": "postal_code",
    "primary_ssic": "primary_ssic_code",
    "secondary_ssic": "secondary_ssic_code",
}
# What the publisher writes where there is nothing, compared in small letters. Not for names: "NA"
# may be one.
MISSING = frozenset({"", "na", "n/a", "-"})
