"""Never contact somebody again."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from chat.agent.arguments import Name, Reason
from chat.agent.company import find_company
from chat.agent.say import code, counted, link, page, said
from chat.agent.toolbox import Answer, Caller, Effect, Row, Tool, ToolError
from icp import suppressions
from icp.models import Lead, Suppression
from icp.normalise import NotAValueError, guess_kind, normalise
from outreach.models import Message

SOURCE = "chat"


@dataclass(frozen=True, slots=True)
class Suppress:
    """An e-mail address, domain, telephone number, UEN or company, and why."""

    value: Name
    reason: Reason


@dataclass(frozen=True, slots=True)
class Effects:
    """What a suppression does, counted by doing it."""

    is_new: bool
    leads: int
    waiting: int  # mails taken out of the queue


def settle(asked: Suppress, _: Caller) -> Suppress:
    """A name as the UEN it stands for, all else in its one spelling."""
    return Suppress(_meant(asked.value)[1], asked.reason)


def ask(asked: Suppress, caller: Caller) -> str:
    """The counts are exact: it is done, counted and rolled back."""
    kind, value, name = _meant(asked.value)
    with transaction.atomic():
        effects = _do(kind, value, asked, caller)
        transaction.set_rollback(True)
    if not effects.is_new:
        raise ToolError(f"{_label(kind)} {code(value)} is suppressed already.")
    return (
        f"Never contact {_label(kind).lower()} {code(value)}{name} again?"
        f" {counted(effects.leads, 'lead is', 'leads are')} rejected and"
        f" {counted(effects.waiting, 'waiting mail is', 'waiting mails are')} not sent."
        " Lifting it later takes two owners."
    )


def suppress(asked: Suppress, caller: Caller) -> Answer:
    kind, value, _ = _meant(asked.value)
    effects = _do(kind, value, asked, caller)
    row: Row = {"kind": _label(kind), "is_new": effects.is_new, "leads_rejected": effects.leads,
           "waiting_mails_stopped": effects.waiting}  # fmt: skip
    done = "is suppressed" if effects.is_new else "was suppressed already"
    return Answer(
        f"{_label(kind)} {code(value)} {done}:"
        f" {counted(effects.leads, 'lead')} rejected,"
        f" {counted(effects.waiting, 'waiting mail')} stopped. "
        + link("Suppressions", page("icp_suppression_changelist")),
        [row], dict(row),
    )  # fmt: skip


@transaction.atomic
def _do(kind: str, value: str, asked: Suppress, caller: Caller) -> Effects:
    leads, waiting = _rejected(), _waiting()
    try:
        _, is_new = suppressions.add(kind, value, reason=asked.reason, actor=caller.name,
                                     source=SOURCE, now=caller.now)  # fmt: skip
    except (NotAValueError, suppressions.SuppressionError) as exc:
        raise ToolError(said(exc)) from exc
    return Effects(is_new, _rejected() - leads, waiting - _waiting())


def _meant(text: str) -> tuple[str, str, str]:
    """Kind, value in its one spelling, and whose it is; a name stands for the company's UEN."""
    kind = guess_kind(text)
    if kind is not None:
        return kind, normalise(kind, text), ""
    company = find_company(text, field="value")
    if not company.uen:
        raise ToolError(
            f"{said(company.name)} has no UEN; suppress its domain or telephone number."
        )
    return Suppression.Kind.UEN, company.uen, f", {said(company.name)},"


def _label(kind: str) -> str:
    return str(Suppression.Kind(kind).label)


def _rejected() -> int:
    return Lead.objects.filter(stage=Lead.Stage.REJECTED, rejection_code="suppressed").count()


def _waiting() -> int:
    return Message.objects.filter(status__in=Message.WAITING).count()


SUPPRESS = Tool(
    "suppress",
    "Never contact an e-mail address, domain, telephone number or company again.",
    Suppress,
    suppress,
    action="icp.suppress",
    effect=Effect.WRITES,
    preview=ask,
    settle=settle,
    personal=frozenset({"value"}),
)
