"""What a row of ``email_queue`` says, or all that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from icp.suppressions import hash_of
from leadgen_project.moving_in.people import Person
from leadgen_project.moving_in.source import Row
from leadgen_project.moving_in.values import (
    CellError,
    moment_in,
    read_email,
    read_json,
    read_list,
    read_phone,
    read_site,
    region_of,
    said,
)
from outreach.models import Message
from outreach.queue import frozen
from outreach.windows import WindowError, zone_of
from outreach.wording.lead_data import DEFAULT_ZONE, place_of
from outreach.wording.render import value_of

Status = Message.Status
COLUMNS = frozenset({"templateid", "leaddata", "city", "status", "createdat", "sentat", "timezone"})
WORDS = (Status.QUEUED, Status.SENT, Status.ERROR_NO_EMAIL, Status.ERROR_API_FAILURE)
_ERRORS = ("error", "errormessage", "lasterror", "errordetails")


@dataclass(slots=True)
class Mail:
    """One row, as it was read."""

    row: Row
    former_template: str = ""
    status: str = ""
    email: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    city: str = ""
    timezone: str = DEFAULT_ZONE
    country: str = ""
    created_at: datetime | None = None
    sent_at: datetime | None = None
    error: str = ""
    person: Person | None = None

    @property
    def key_hash(self) -> str:
        """The same mail in whatever state: its text, its reader, and when it was queued."""
        moment = self.created_at or self.sent_at
        whom = self.email or self.row.cells.get("leaddata", "")
        return hash_of("MESSAGE", f"{self.former_template}\n{whom}\n{moment or self.row.hash}")

    @property
    def recipient_hash(self) -> str:
        return hash_of("EMAIL", self.email) if self.email else ""


def read_mail(row: Row, *, region: str, now: datetime) -> Mail:
    """The mail of the row; what is wrong goes into ``row.reasons``."""
    cells, reasons = row.cells, row.reasons
    one = Mail(row, said(cells, "templateid"), said(cells, "status").upper())
    if one.status not in WORDS:
        reasons.append(
            f"status: {one.status[:40]!r} is none of {', '.join(WORDS)}. Say SENT if it went out,"
            " QUEUED if it did not."
        )
    data = read_json(cells.get("leaddata", ""))
    if not isinstance(data, dict):
        reasons.append("leadData: it is no JSON object.")
        data = {}
    one.values = frozen(data)
    one.error = next((said(cells, name) for name in _ERRORS if said(cells, name)), "")
    one.created_at = moment_in(cells, "createdAt", reasons=reasons, now=now)
    one.sent_at = moment_in(cells, "sentAt", reasons=reasons, now=now)
    if one.status == Status.SENT and not (one.sent_at or one.created_at or reasons):
        reasons.append("sentAt: a mail that was sent needs a moment.")
    if address := value_of(one.values, "email"):
        try:
            one.email = read_email(address)
        except CellError as exc:
            reasons.append(str(exc))
    elif one.status in {Status.SENT, Status.QUEUED}:
        reasons.append("leadData: it holds no email.")
    _read_place(one, reasons)
    one.person = _person(one, region=region)
    return one


def _read_place(one: Mail, reasons: list[str]) -> None:
    city, known = said(one.row.cells, "city"), value_of(one.values, "city")
    if city and known and city.casefold() != known.casefold():
        reasons.append(f"city: leadData says {known[:60]}, and city says {city[:60]}.")
    zone = said(one.row.cells, "timezone")
    if zone:
        try:
            zone_of(zone)
        except WindowError as exc:
            reasons.append(f"timezone: {exc}")
            return
    found = place_of(city=city or known, phone=value_of(one.values, "phone"), timezone=zone)
    one.city = (city or known)[:100]
    one.timezone, one.country = found.timezone or DEFAULT_ZONE, found.country


def _person(one: Mail, *, region: str) -> Person:
    """Whom the mail is about, for the lead: what cannot be read is left out, the mail holds it."""
    values = one.values
    sent_at = (one.sent_at or one.created_at) if one.status == Status.SENT else None
    person = Person(
        one.row, email=one.email, name=value_of(values, "name")[:200],
        business=value_of(values, "business_name") or value_of(values, "company"),
        category=value_of(values, "category")[:200], city=one.city,
        services=read_list(value_of(values, "services_rendered")),
        last_sent=sent_at.isoformat() if sent_at else "",
    )  # fmt: skip
    phone, site = value_of(values, "phone"), value_of(values, "website_url")
    try:
        here = region_of(one.city) or region
        person.phone = read_phone(phone, region=here) if phone else ""
        person.phone_as_written = phone
        person.website = read_site(site) if site else ""
    except CellError:
        person.website = ""
    return person
