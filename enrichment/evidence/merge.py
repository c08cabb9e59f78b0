"""Which value is shown, and whom one could talk to: many statements made into one lead.

The precedence is fixed (DESIGN section 4): operator, with what a person read behind a wall next to
it, register, import, page by rule, listing, provider, language model. Within one source the surer
statement wins, then the earlier page, then the value itself, so that the order of rows never
decides. Nothing is lost: what is not shown stays as an alternative.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from enrichment.domains import is_free_mail
from enrichment.extract.email_owner import letters_of
from enrichment.words import word_set

PRECEDENCE = {
    name: place
    for place, name in enumerate(
        ("OPERATOR", "CAPTCHA", "REGISTER", "IMPORT", "PAGE", "LISTING", "PROVIDER", "LLM")
    )
}
# Fields with many true values at once; all others show one.
MANY = frozenset({"phones", "emails", "fax", "technologies", "social", "languages", "whatsapp",
                  "services", "industries_served", "website_opinion"})  # fmt: skip
# Shown beside the lists, for those who want one: field -> where it is chosen from.
FIRST_OF = {"phone": "phones", "email": "emails"}
_KINDS = ("tel", "toll_free", "mobile")  # of telephone numbers, the office's line first

# Local parts that belong to a task, not to a person.
ROLES = word_set(
    "info information sales contact contacts contactus enquiry enquiries inquiry inquiries hello "
    "hi "
    "admin administrator office mail email support help helpdesk service services customerservice "
    "customercare cs care feedback general reception frontdesk marketing business biz bd hr career "
    "careers job jobs recruitment hiring recruit account accounts accounting finance billing "
    "invoice invoices purchase purchasing procurement order orders shop store booking bookings "
    "reservation reservations events event pr press media news operations ops logistics shipping "
    "export import project projects training academy clinic team main webmaster web it tech "
    "technical engineering quotation quote quotes tender tenders partner partners partnership "
    "ask connect welcome sg singapore asia appointments appointment concierge catering delivery "
    "membership members secretary secretariat registration registrar school studio design hq "
    "headoffice corporate group company contactsg infosg salessg guestservices specialevents"
)
_MAX_ALTERNATIVES = 10
# Who may speak of people and mailboxes. What a model read stays a proposal.
SPEAK_OF_CONTACTS = frozenset({"OPERATOR", "CAPTCHA", "IMPORT", "PAGE", "LISTING", "PROVIDER"})
# A provider's address may be doubtful: last part of the method -> why it is not used.
DOUBTS = {
    "guessed": "The provider worked this address out; nobody has shown it.",
    "elsewhere": "The provider's address is at another domain than the company's site.",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """One standing statement. ``key`` is whatever names it to the caller (a row's id)."""

    key: int
    field: str
    value: str
    source: str
    confidence: float
    position: int = 0  # of the page among the pages of its site
    subject: str = ""
    method: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """The value of a field, the statement it stands on, and what else was said."""

    value: str | list[str]
    key: int
    alternatives: tuple[str, ...] = ()


@dataclass(slots=True)
class ContactDraft:
    """A contact as the statements make it. ``keys`` are the statements that speak of it."""

    kind: str  # ROLE, PERSON or PERSONAL: Contact.Kind
    name: str = ""
    title: str = ""
    email: str = ""
    phone: str = ""
    not_mailable_reason: str = ""
    keys: list[int] = field(default_factory=list)


def rank(claim: Claim) -> tuple[int, int, float, int, str]:
    """Smaller is shown. An office line comes before a mobile number of equal standing."""
    kind = claim.method.rpartition(".")[2]
    order = _KINDS.index(kind) if kind in _KINDS else 0
    return (
        PRECEDENCE.get(claim.source, 9),
        order,
        -claim.confidence,
        claim.position,
        claim.value,
    )


def choose(claims: Iterable[Claim]) -> dict[str, Shown]:
    """What is shown of the company, by field from A to Z. Persons are left to contacts."""
    by_field: dict[str, list[Claim]] = {}
    for claim in claims:
        if not claim.subject:
            by_field.setdefault(claim.field, []).append(claim)
    for one, many in FIRST_OF.items():
        if many in by_field:
            by_field[one] = by_field[many]
    shown = {}
    for name in sorted(by_field):
        ordered = sorted(by_field[name], key=rank)
        values = list(dict.fromkeys(claim.value for claim in ordered))
        if name in MANY:
            shown[name] = Shown(values, ordered[0].key)
        else:
            rest = tuple(values[1 : 1 + _MAX_ALTERNATIVES])
            shown[name] = Shown(values[0], ordered[0].key, rest)
    return shown


def build_contacts(claims: Sequence[Claim], *, company_name: str = "") -> list[ContactDraft]:
    """Contacts in a fixed order: role mailboxes, people with an address, people without, a number.

    A person's address is theirs alone. The company's telephone goes to its first role mailbox.
    Where the site forbids collecting or unsolicited mail, no contact is mailable; nor is an address
    that stands on doubtful statements alone.
    """
    notice = next((claim for claim in claims if claim.field == "no_collection_notice"), None)
    people = _people(claims)
    taken = {draft.email for draft in people if draft.email}
    mailboxes = []
    for address, stated in _grouped(claims, "emails").items():
        if address not in taken:
            kind = kind_of_mailbox(address, company_name=company_name)
            keys = [claim.key for claim in stated]
            mailboxes.append(ContactDraft(kind, email=address, keys=keys))
    mailboxes.sort(key=lambda draft: draft.kind != "ROLE")  # stable: best statement first
    drafts = mailboxes + sorted(people, key=lambda draft: (draft.email == "", draft.name))
    _give_telephone(drafts, claims)
    doubtful = _doubtful(claims)
    for draft in drafts:
        draft.not_mailable_reason = doubtful.get(draft.email, "")
    if notice:
        for draft in drafts:
            draft.not_mailable_reason = "The site forbids collecting its addresses or unasked mail."
    return drafts


def kind_of_mailbox(address: str, *, company_name: str = "") -> str:
    """``ROLE``, ``PERSON`` (an address at a company's domain) or ``PERSONAL`` (at a provider's)."""
    local, _, domain = address.partition("@")
    base = local.rstrip("0123456789").split("+")[0]
    parts = base.replace("-", ".").replace("_", ".").split(".")
    letters = letters_of(local)
    name = letters_of(company_name)
    named = len(letters) >= 4 and (letters in name or (len(name) >= 4 and name[:6] in letters))
    if base in ROLES or parts[0] in ROLES or named:
        return "ROLE"
    return "PERSONAL" if is_free_mail(domain) else "PERSON"


def _doubtful(claims: Iterable[Claim]) -> dict[str, str]:
    """Address -> why it is not used, where all that is said of it is doubtful."""
    said: dict[str, list[str]] = {}
    for claim in claims:
        if claim.field == "emails":
            said.setdefault(claim.value, []).append(claim.method.rpartition(".")[2])
    return {address: DOUBTS[ways[0]] for address, ways in said.items()
            if all(way in DOUBTS for way in ways)}  # fmt: skip


def _grouped(claims: Iterable[Claim], name: str) -> dict[str, list[Claim]]:
    """Value -> claims without subject, the value with the best claim first."""
    found: dict[str, list[Claim]] = {}
    for claim in sorted((c for c in claims if c.field == name and not c.subject), key=rank):
        found.setdefault(claim.value, []).append(claim)
    return found


def _people(claims: Sequence[Claim]) -> list[ContactDraft]:
    subjects: dict[str, list[Claim]] = {}
    for claim in claims:
        if claim.subject:
            subjects.setdefault(claim.subject, []).append(claim)
    drafts: list[ContactDraft] = []
    for subject in sorted(subjects):
        stated = sorted(subjects[subject], key=rank)
        best: dict[str, Claim] = {}
        for claim in stated:
            best.setdefault(claim.field, claim)
        if "people" not in best:
            continue
        # One person is one contact: what a provider adds counts where the site shows no address.
        mails = [c for c in stated if c.field == "emails"]
        addresses = list(dict.fromkeys(c.value for c in mails if c.source == mails[0].source))
        drafts.extend(
            ContactDraft(
                kind="PERSONAL" if is_free_mail(address.partition("@")[2]) else "PERSON",
                name=best["people"].value,
                title=best["title"].value if "title" in best else "",
                email=address,
                phone=best["phones"].value if "phones" in best else "",
                keys=[c.key for c in stated if c.field != "emails" or c.value == address],
            )
            for address in addresses or [""]
        )
    return drafts


def _give_telephone(drafts: list[ContactDraft], claims: Sequence[Claim]) -> None:
    for number, stated in _grouped(claims, "phones").items():
        keys = [claim.key for claim in stated]
        if any(draft.phone == number for draft in drafts):
            continue
        for draft in drafts:
            if draft.kind == "ROLE":
                draft.phone = number
                draft.keys.extend(keys)
                return
        drafts.append(ContactDraft("ROLE", phone=number, keys=keys))
        return
