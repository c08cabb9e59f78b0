"""May this mail go out now? Every rule answers, in a fixed order; the first that objects decides.

Pure: ``Facts`` come in, a ``Verdict`` comes out, so that each rule has its table of tests and the
console can show all answers at once. Asked when a message is queued, before a campaign starts, and
again inside the transaction that takes it in hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from outreach.law import NEEDS_BASIS, NEEDS_NOTICE, Answer, Origin, crossed, policy_for
from outreach.windows import OFFICE, Window

NEVER = datetime.min.replace(tzinfo=UTC)


class Say(StrEnum):
    ALLOW = "ALLOW"
    HOLD = "HOLD"  # until a moment, or until a person does something
    REFUSE = "REFUSE"  # for good


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says. ``setting`` names the page where an operator can change it."""

    rule: str
    say: Say
    code: str = ""
    sentence: str = ""
    setting: str = ""
    until: datetime | None = None

    @property
    def as_json(self) -> dict[str, str]:
        """As it is kept on a message: what is not empty, as strings."""
        kept = {"rule": self.rule, "say": self.say.value, "code": self.code,
                "sentence": self.sentence, "setting": self.setting,
                "until": self.until.isoformat() if self.until else ""}  # fmt: skip
        return {name: value for name, value in kept.items() if value}


@dataclass(frozen=True, slots=True)
class Facts:
    """All the gate knows about one message. Nothing is looked up later."""

    now: datetime
    # who sends
    tenant_paused: str = ""  # why, if it is
    campaign_status: str = "RUNNING"
    mailbox_state: str = "READY"
    mailbox_reason: str = ""
    has_mailbox: bool = True
    # what is sent
    unresolved: tuple[str, ...] = ()
    lint_errors: tuple[str, ...] = ()
    template_archived: bool = False
    # to whom
    recipient: str = ""
    is_erased: bool = False
    suppressed_because: str = ""
    company_ceased: bool = False
    verdict: str = "UNVERIFIED"  # of verification; see Contact
    is_withheld: bool = False  # the sending policy leaves out addresses of its kind
    accepts_risky: bool = False
    forbids_collection: bool = False
    origin: Origin = Origin.HARVESTED
    own_policy: Mapping[tuple[str, str], Answer] = field(default_factory=dict)
    is_released: bool = False  # an operator let this one through where the policy asks
    was_moved_in: bool = False  # queued by the former program
    country: str = ""
    bases: frozenset[str] = frozenset()  # countries whose basis the tenant has recorded
    has_notice: bool = False  # about personal data, for the first mail
    is_first: bool = True
    # how much of it
    # As outreach.law.THRESHOLDS; not counted for a mail that meets the duties of bulk mail anyway.
    sent_alike: tuple[int, ...] = (0, 0, 0)
    carries_label: bool = True
    carries_opt_out: bool = True
    needs_one_click: bool = False
    has_one_click: bool = False
    # when
    window: Window = OFFICE
    zone: str = "Asia/Singapore"
    active_zones: frozenset[str] = frozenset()  # empty: all
    earlier_stopped: str = ""  # a reply, bounce or opt-out to an earlier mail of the sequence


Rule = Callable[[Facts], Verdict | None]


def ask(facts: Facts) -> list[Verdict]:
    """What every rule says, in order; ``decide`` picks the one that counts."""
    said = ((name, rule(facts)) for name, rule in RULES)
    return [
        replace(found, rule=name) if found else Verdict(name, Say.ALLOW) for name, found in said
    ]


def decide(verdicts: list[Verdict]) -> Verdict:
    """A refusal before any hold, so that nobody waits for what can never go out.

    Then the first hold that a person has to end; else the one that ends last.
    """
    for verdict in verdicts:
        if verdict.say is Say.REFUSE:
            return verdict
    holds = [verdict for verdict in verdicts if verdict.say is Say.HOLD]
    for verdict in holds:
        if verdict.until is None:  # nothing but a person ends it
            return verdict
    if holds:
        return max(holds, key=lambda verdict: verdict.until or NEVER)
    return Verdict("all", Say.ALLOW)


# --- who sends ------------------------------------------------------------------------------
def _kill_switch(facts: Facts) -> Verdict | None:
    if facts.tenant_paused:
        return _hold("sending_off", f"All sending is switched off: {facts.tenant_paused}", "mail")
    return None


def _campaign(facts: Facts) -> Verdict | None:
    if facts.campaign_status == "RUNNING":
        return None
    if facts.campaign_status in {"STOPPED", "FINISHED"}:
        return _refuse("campaign_over", "Its campaign has ended.", "campaign")
    return _hold("campaign_paused", "Its campaign is not running.", "campaign")


def _mailbox(facts: Facts) -> Verdict | None:
    if not facts.has_mailbox:
        return _hold("no_mailbox", "No mailbox is chosen to send it from.", "campaign")
    if facts.mailbox_state != "READY":
        why = facts.mailbox_reason or "It is not connected yet."
        return _hold("mailbox_not_ready", f"Its mailbox does not send: {why}", "mailbox")
    return None


def _moved_in(facts: Facts) -> Verdict | None:
    if facts.was_moved_in and not facts.is_released:
        return _hold("moved_in", "The former program had queued it; nothing of that goes out unless"
                     " a person approves it. Release it or drop it.", "held")  # fmt: skip
    return None


# --- what is sent ---------------------------------------------------------------------------
def _complete(facts: Facts) -> Verdict | None:
    if facts.template_archived:
        return _refuse("template_archived", "Its template is archived.", "template")
    if facts.unresolved:
        names = ", ".join(facts.unresolved)
        return _hold("unresolved", f"Nothing is known for {names}, and no fallback given.",
                     "template")  # fmt: skip
    if facts.lint_errors:
        return _hold("template_faulty", " ".join(facts.lint_errors), "template")
    return None


# --- to whom --------------------------------------------------------------------------------
def _address(facts: Facts) -> Verdict | None:
    if facts.is_erased:
        return _refuse("erased", "This person's data was erased at their request.", "person")
    if not facts.recipient:
        return _refuse("no_address", "There is no e-mail address to send it to.", "lead")
    return None


def _suppressed(facts: Facts) -> Verdict | None:
    return suppressed(facts.suppressed_because)


def suppressed(because: str) -> Verdict | None:
    """What is said of a suppressed recipient: here, and right before the provider is asked."""
    if because:
        return _refuse("suppressed", f"Suppressed: {because}.", "suppressions")
    return None


def _sequence(facts: Facts) -> Verdict | None:
    if facts.earlier_stopped:
        return _refuse("sequence_ended", facts.earlier_stopped, "campaign")
    return None


def _register(facts: Facts) -> Verdict | None:
    if facts.company_ceased:
        return _refuse("ceased", "The company has ceased, says the register.", "lead")
    return None


def _verified(facts: Facts) -> Verdict | None:
    match facts.verdict:
        case "DELIVERABLE":
            return None
        case "RISKY" if facts.is_withheld:
            return _hold("left_out", "The address is risky, and your sending policy leaves out its"
                         " kind.", "sending")  # fmt: skip
        case "RISKY" if facts.accepts_risky:
            return None
        case "RISKY":
            return _hold("risky", "The address is risky (catch-all or a role mailbox), and your"
                         " policy does not mail those.", "mail")  # fmt: skip
        case "UNDELIVERABLE":
            return _refuse("undeliverable", "The address does not take mail.", "contact")
    return _hold("not_verified", "The address is not verified yet; unknown ones are never mailed.",
                 "verification")  # fmt: skip


def _origin(facts: Facts) -> Verdict | None:
    if facts.forbids_collection:
        return _refuse(
            "notice_against", "The site it stands on forbids collecting addresses or unasked mail.",
            "contact",
        )  # fmt: skip
    policy = policy_for(facts.origin, facts.country, own=dict(facts.own_policy))
    where = f" ({policy.source})" if policy.source else ""
    if policy.answer is Answer.NEVER:
        if facts.origin is Origin.PAGE:
            return _hold("not_adopted", f"{policy.because}{where}", "contact")
        return _refuse("origin", f"{policy.because}{where}", "policy")
    if policy.answer is Answer.ASK and not facts.is_released:
        return _hold("origin_asks", f"{policy.because} Release it or drop it.", "held")
    return None


def _country(facts: Facts) -> Verdict | None:
    basis = NEEDS_BASIS.get(facts.country)
    if basis is not None and facts.country not in facts.bases:
        return _hold("no_basis", f"No basis is recorded for mail to {facts.country}. {basis}.",
                     "mail")  # fmt: skip
    if facts.country in NEEDS_NOTICE and facts.is_first and not facts.has_notice:
        return _hold("no_notice", f"A first mail to {facts.country} has to say what is held of its"
                     " reader, from where and why (GDPR Art. 14), and that notice is not written"
                     " yet.", "mail")  # fmt: skip
    return None


# --- how much -------------------------------------------------------------------------------
def _in_bulk(facts: Facts) -> Verdict | None:
    """Spam Control Act s6, s11 and Second Schedule: bulk mail carries a label and a way out."""
    threshold = crossed(list(facts.sent_alike))
    if threshold is None or (facts.carries_label and facts.carries_opt_out):
        return None
    duties = {"<ADV> before its subject": facts.carries_label,
              "a way to opt out": facts.carries_opt_out}  # fmt: skip
    missing = [words for words, is_met in duties.items() if not is_met]
    return _refuse(
        "bulk_duties",
        f"One more would pass {threshold.words} of similar mail, and it lacks"
        f" {' and '.join(missing)} (Spam Control Act, Second Schedule).",
        "template",
    )


def _transport(facts: Facts) -> Verdict | None:
    if facts.needs_one_click and not facts.has_one_click:
        return _refuse(
            "no_one_click",
            "This campaign needs one-click unsubscribe (RFC 8058), and its mailbox has not been"
            " shown to carry that header.",
            "mailbox",
        )
    return None


# --- when -----------------------------------------------------------------------------------
def _zone(facts: Facts) -> Verdict | None:
    if facts.active_zones and facts.zone not in facts.active_zones:
        return _hold("zone_off", f"Mail to {facts.zone} is switched off.", "hours")
    return None


def _window(facts: Facts) -> Verdict | None:
    opens = facts.window.next_open(facts.now, zone=facts.zone, country=facts.country)
    if opens is None:
        return _hold("window_never", "Its window never opens; give it hours.", "hours")
    if opens > facts.now:
        return Verdict("", Say.HOLD, "outside_window",
                       f"It is outside working hours in {facts.zone}.", "hours", opens)  # fmt: skip
    return None


def _hold(code: str, sentence: str, setting: str) -> Verdict:
    return Verdict("", Say.HOLD, code, sentence, setting)


def _refuse(code: str, sentence: str, setting: str) -> Verdict:
    return Verdict("", Say.REFUSE, code, sentence, setting)


RULES: tuple[tuple[str, Rule], ...] = (
    ("kill switch", _kill_switch),
    ("campaign", _campaign),
    ("mailbox", _mailbox),
    ("approval", _moved_in),
    ("text", _complete),
    ("address", _address),
    ("suppression", _suppressed),
    ("sequence", _sequence),
    ("register", _register),
    ("verification", _verified),
    ("origin", _origin),
    ("country", _country),
    ("bulk duties", _in_bulk),
    ("transport duties", _transport),
    ("time zones", _zone),
    ("working hours", _window),
)
