"""Mail notices to the people who want them: what is new in one mail, each notice once a person."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, QuerySet

from icp.models import Notice, NoticeMail, NoticeReader
from tenants.context import current_schema
from tenants.models import Membership

logger = logging.getLogger(__name__)

Kind = Notice.Kind
FRESH = timedelta(days=2)  # what nobody could be told within is old news
HELD = timedelta(minutes=5)  # above what a mail server may take
MOST_TRIES = 5
# Until somebody chooses: who runs things hears of what needs them, nobody of what went well.
DEFAULT = (Kind.NIGHT_FAILED, Kind.MAILBOX, Kind.BUDGET, Kind.PEOPLE, Kind.WATCHED, Kind.SOURCE,
           Kind.ODOO)  # fmt: skip
WHO_BY_DEFAULT = (Membership.Role.OWNER, Membership.Role.OPERATOR)


def wanted_by(person: str, role: str) -> list[str]:
    """Kinds of notices ``person`` gets by mail."""
    chosen = NoticeReader.objects.filter(person=person).values_list("by_mail", flat=True).first()
    if chosen is not None:
        return list(chosen)
    return [str(kind) for kind in DEFAULT] if role in WHO_BY_DEFAULT else []


def notices_for(person: str) -> QuerySet[Notice]:
    """What everybody in the tenant is told, and what ``person`` alone is."""
    return Notice.objects.filter(person__in=["", person])


def is_mail_due(*, now: datetime) -> bool:
    """Whether anybody has still to be told something. Two statements where nothing is new."""
    if not settings.EMAIL_HOST or not Notice.objects.filter(at__gt=now - FRESH).exists():
        return False
    return any(_claimable(person, role, now=now) for person, role, _ in _people())


def mail_due(*, now: datetime) -> int:
    """Send what is due; returns mails sent. Safe in any number of processes.

    A row is claimed before the server is asked. A server that fails is asked again after 5, 10,
    20 and 40 minutes; a process that dies after the server took a mail sends it once more.
    """
    sent = 0
    for person, role, address in _people():
        notices = _claim(person, role, now=now)
        if not notices:
            continue
        mine = NoticeMail.objects.filter(notice__in=notices, person=person)
        try:
            _mail(notices, address).send()
        except (SMTPException, OSError) as exc:
            logger.warning("notices could not be mailed: %s", type(exc).__name__)
            for one in mine:
                again = now + HELD * 2 ** (one.tries - 1)
                NoticeMail.objects.filter(pk=one.pk).update(held_until=again)
            continue
        mine.update(sent_at=now)
        sent += 1
    return sent


def _people() -> list[tuple[str, str, str]]:
    """(user name, role, address) of members who can be written to."""
    members = Membership.objects.filter(tenant_id=current_schema(), user__is_active=True)
    rows = members.exclude(user__email="").order_by("user__username")
    return list(rows.values_list("user__username", "role", "user__email"))


def _claimable(person: str, role: str, *, now: datetime) -> list[Notice]:
    fresh = notices_for(person).filter(at__gt=now - FRESH, kind__in=wanted_by(person, role))
    taken = NoticeMail.objects.filter(person=person)
    over = taken.exclude(sent_at=None) | taken.filter(held_until__gt=now)
    over |= taken.filter(tries__gte=MOST_TRIES)
    return list(fresh.exclude(pk__in=over.values("notice")).order_by("pk"))


@transaction.atomic
def _claim(person: str, role: str, *, now: datetime) -> list[Notice]:
    """What ``person`` is to be told now, and by nobody else meanwhile."""
    wanted = _claimable(person, role, now=now)
    again = NoticeMail.objects.filter(
        person=person, notice__in=wanted, held_until__lte=now, sent_at=None
    )
    mine = set(again.select_for_update(skip_locked=True).values_list("notice", flat=True))
    NoticeMail.objects.filter(person=person, notice__in=mine).update(
        held_until=now + HELD, tries=F("tries") + 1
    )
    for notice in wanted:
        if notice.pk not in mine:
            _, is_new = NoticeMail.objects.get_or_create(
                notice=notice, person=person, defaults={"held_until": now + HELD}
            )
            if is_new:
                mine.add(notice.pk)
    return [notice for notice in wanted if notice.pk in mine]


def _mail(notices: list[Notice], address: str) -> EmailMessage:
    tenant = current_schema()
    first = notices[0].title if len(notices) == 1 else f"{len(notices)} notices"
    lines = [
        line
        for notice in notices
        for line in (
            f"{notice.title}. {notice.text}".strip(),
            f"{settings.BASE_URL}{notice.page}",
            "",
        )
    ]
    lines.append(f"Choose what you get by mail: {settings.BASE_URL}/admin/notices/")
    headers = {"Auto-Submitted": "auto-generated"}
    return EmailMessage(f"[{tenant}] {first}", "\n".join(lines), to=[address], headers=headers)
