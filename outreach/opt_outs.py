"""Who has opted out, since when, and whether everything heeds it: the proof, and the alarm.

The law gives ten business days (Spam Control Act 2007, Second Schedule 2); here it holds at once,
so the clock is no grace. It says by when a failure becomes a breach.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, Q

from icp.models import Suppression, SuppressionAgain
from icp.suppressions import PLATFORM, Kind
from outreach.law import OPT_OUT_BUSINESS_DAYS
from outreach.models import Message, MessageEvent
from outreach.windows import business_days_after
from tenants.context import connection

HOME = "SG"  # whose working days the law counts
HOME_ZONE = ZoneInfo("Asia/Singapore")
# Suppressed by us, not at the person's word.
NOT_OPT_OUTS = ("console", "import", "ZeroBounce", "bounce", PLATFORM)
_OURS = Q(source__in=NOT_OPT_OUTS) | Q(source__startswith="import ")
IN_FLIGHT = timedelta(minutes=1)  # mail its provider was being asked for while they opted out
_UNHEEDED = """
SELECT s.id, count(*) FILTER (WHERE m.status IN ('QUEUED', 'HELD')),
    count(*) FILTER (WHERE m.asked_at > s.created_at + %(grace)s)
FROM icp_suppression s JOIN outreach_message m ON m.recipient_hash = s.value_hash
WHERE s.kind = 'EMAIL' AND s.lifted_at IS NULL
    AND (m.status IN ('QUEUED', 'HELD') OR m.asked_at > s.created_at + %(grace)s)
GROUP BY s.id ORDER BY s.id
"""


@dataclass(frozen=True, slots=True)
class OptOut:
    """One opt-out. ``waiting`` and ``sent_after`` are 0, or somebody has to act."""

    suppression: Suppression
    heed_by: date  # the last day the law allows
    stopped: int  # messages that were waiting and do not go out
    waiting: int
    sent_after: int

    @property
    def is_heeded(self) -> bool:
        return not self.waiting and not self.sent_after


def heed_by(at: datetime) -> date:
    """The tenth business day after the day ``at`` falls on in Singapore."""
    day = at.astimezone(HOME_ZONE).date()
    return business_days_after(day, days=OPT_OUT_BUSINESS_DAYS, country=HOME)


def opt_outs(*, most: int = 100) -> list[OptOut]:
    """Those not heeded first, then the newest; at most ``most``. Four statements.

    Whoever was suppressed by us first and opted out later counts as well.
    """
    late = unheeded()
    later = SuppressionAgain.objects.filter(~_OURS, suppression=OuterRef("pk"))
    asked = Suppression.objects.filter(~_OURS | Exists(later), kind=Kind.EMAIL, lifted_at=None)
    rows = list(Suppression.objects.filter(pk__in=late))
    rows += list(asked.exclude(pk__in=late).order_by("-created_at", "-pk")[:most])
    stopped = _stopped(rows)
    return [
        OptOut(row, heed_by(row.created_at), stopped.get(row.value_hash, 0),
               *late.get(row.pk, (0, 0)))
        for row in rows[:most]
    ]  # fmt: skip


def unheeded() -> dict[int, tuple[int, int]]:
    """Suppression -> mail still waiting to go there, and mail sent since. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_UNHEEDED, {"grace": IN_FLIGHT})
        return {pk: (waiting, sent) for pk, waiting, sent in cursor.fetchall()}


def _stopped(rows: list[Suppression]) -> dict[str, int]:
    """Hash -> messages that were stopped by a suppression."""
    ended = (Message.Status.CANCELLED, Message.Status.REFUSED)
    found = Message.objects.filter(
        recipient_hash__in=[row.value_hash for row in rows], status__in=ended,
        code__in=["suppressed", "erased"],
    )  # fmt: skip
    return dict(found.values_list("recipient_hash").annotate(n=Count("pk")).order_by())


def proof_of(row: Suppression) -> list[MessageEvent]:
    """What was stopped because of ``row``, in order: times and messages, no address."""
    events = MessageEvent.objects.filter(
        message__recipient_hash=row.value_hash, at__gte=row.created_at
    )
    return list(events.order_by("at", "pk")[:200])
