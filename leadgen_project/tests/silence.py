"""People who ask for silence while an installation mails them, and whether they get it.

with MailRig(home, microsoft=Patient()) as rig:
    step = rig.queue(100)
    silence = Silence(rig, step)
    rig.start_workers()
    silence.ask("one-click", messages)
    rig.wait_until_settled()
    silence.found()

Five doors: a page of the console, the API, the POST of the link in a mail, an import with its
preview, and a bounce that is read from the mailbox. What was mailed is the provider's journal, and
when a suppression was committed the database's own clock.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from icp.models import Suppression, SuppressionImport
from leadgen_project import embedded_postgres
from leadgen_project.sandbox.loopback import Request
from leadgen_project.sandbox.vendors.microsoft import MicrosoftStandIn
from leadgen_project.tests.mail_rig import TENANT, MailRig
from outreach.answer_models import InboxState
from outreach.answers.read_answers import read_answers
from outreach.models import CampaignStep, Mailbox, Message, MessageEvent
from outreach.tests.factories import make_campaign, make_link
from outreach.tests.incoming import bounce_of
from outreach.wording import way_out
from tenants.clock import database_now
from tenants.context import connection, in_tenant
from tenants.models import Membership, User

HELD_SECONDS = 60.0  # below a sender's own patience
LONGEST_SECONDS = 180.0  # until the senders have started
LATEST = timedelta(seconds=1)  # after the commit: PROMISES B7
ADDING = "/admin/icp/suppression/"
Door = Callable[["Silence", Sequence[Message]], None]


class Patient(MicrosoftStandIn):
    """Keeps the next call of a kind waiting while something else happens."""

    wanted = ""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.held: queue.Queue[str] = queue.Queue()  # whose mailbox waits
        self._let_go = threading.Event()

    def hold_next(self, kind: str) -> None:
        """Let go of what is held, and hold the next call of ``kind`` ("draft", "send")."""
        let_go, self._let_go = self._let_go, threading.Event()
        self.wanted = kind
        let_go.set()

    def answer(self, request: Request) -> Any:
        if self.wanted and self.wanted == self._kind(request):
            self.wanted, let_go = "", self._let_go
            self.held.put(self._mailbox_of(request))
            let_go.wait(HELD_SECONDS)
        return super().answer(request)


@dataclass(frozen=True, slots=True)
class Found:
    """What became of the mails of ``asked`` people; keys of messages.

    ``broken``: the provider was asked to send it after the suppression was seen to stand. ``late``:
    accepted more than a second after the commit, and not on its way then. ``in_flight``: accepted
    after the commit; the provider had been asked before it.
    """

    asked: int
    stopped: int
    broken: list[str]
    late: list[str]
    in_flight: list[tuple[str, float]]  # with the seconds from commit to acceptance


@dataclass(slots=True)
class Silence:
    """``step``: whose recipients ask. Each of them had a mail some days ago, with its link."""

    rig: MailRig
    step: CampaignStep
    days_ago: int = 10  # beyond what the brakes for bounces count
    client: Client = field(init=False)
    _before: dict[str, Message] = field(default_factory=dict, init=False)  # by recipient's hash
    _known_at: dict[str, datetime] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._write_before()
        user = User.objects.create_user("warden", password="warden", is_staff=True)
        Membership.objects.create(user=user, tenant_id=TENANT, role="OWNER")
        self.client = Client(headers={"host": f"{TENANT}.localhost"})
        self.client.force_login(user)
        session = self.client.session
        session["tenant"] = TENANT
        session.save()

    def ask(self, door: str, messages: Sequence[Message]) -> None:
        """Have the recipients of ``messages`` suppressed by one of ``DOORS``."""
        DOORS[door](self, messages)
        hashes = {message.recipient_hash for message in messages}
        with in_tenant(TENANT):
            standing = Suppression.objects.filter(value_hash__in=hashes, lifted_at=None)
            assert standing.count() == len(hashes), door
            self._known_at |= dict.fromkeys(hashes, database_now())

    def held(self) -> Message:
        """The message whose sender the provider keeps waiting; calls for work as the tick does."""
        give_up_at = time.monotonic() + LONGEST_SECONDS
        while self.rig.microsoft.held.empty():
            assert time.monotonic() < give_up_at, self.rig.statuses()
            self.rig.call_all()
            time.sleep(0.2)
        found = self.in_hand(self.rig.microsoft.held.get())
        assert found, "the provider is asked to send a mail whose recipient is suppressed"
        return found[0]

    def in_hand(self, mailbox: str = "") -> list[Message]:
        """Messages that senders hold, of one mailbox or all, whose recipients have not asked."""
        return self._of(status="SENDING", **({"mailbox__address": mailbox} if mailbox else {}))

    def waiting(self, most: int = 50) -> list[Message]:
        """The first of those that wait."""
        return self._of(status="QUEUED")[:most]

    def found(self) -> Found:
        """Compare the provider's journal with what was asked and when."""
        to_wall = self._clock()
        with in_tenant(TENANT):
            committed = self._committed()
            mails = self.step.messages.filter(recipient_hash__in=self._known_at)
            whom = {str(key): hashed for key, hashed in mails.values_list("key", "recipient_hash")}
            asked = MessageEvent.objects.filter(
                message__in=mails, kind=MessageEvent.Kind.ASKED
            ).order_by("at")
            attempts: dict[str, list[datetime]] = {key: [] for key in whom}
            for key, at in asked.values_list("message__key", "at"):
                attempts[str(key)].append(at)
        broken = [key for key, hashed in whom.items()
                  if any(at > self._known_at[hashed] for at in attempts[key])]  # fmt: skip
        late, in_flight = [], []
        for mail in tuple(self.rig.microsoft.mails):
            if mail.key not in whom or mail.copy > 1:
                continue
            accepted, commit = to_wall(mail.at), committed[whom[mail.key]]
            before = [at for at in attempts[mail.key] if at < accepted]
            if accepted > commit and before and before[-1] <= commit:
                in_flight.append((mail.key, (accepted - commit).total_seconds()))
            elif accepted > commit + LATEST:
                late.append(mail.key)
        stopped = len(whom.keys() - self.rig.microsoft.keys.keys())
        return Found(len(self._known_at), stopped, broken, late, in_flight)

    def _of(self, **which: Any) -> list[Message]:
        with in_tenant(TENANT):
            rows = self.step.messages.filter(**which).exclude(recipient_hash__in=self._known_at)
            return list(rows.order_by("pk"))

    def _committed(self) -> dict[str, datetime]:
        """Hash -> when its suppression was committed; when it was seen, if nobody noted that."""
        found = dict(self._known_at)
        with connection.cursor() as cursor:
            cursor.execute("SHOW track_commit_timestamp")
            if cursor.fetchone() == ("on",):
                cursor.execute("SELECT value_hash, pg_xact_commit_timestamp(xmin)"
                               " FROM icp_suppression WHERE lifted_at IS NULL")  # fmt: skip
                found |= {hashed: at for hashed, at in cursor.fetchall() if hashed in found}
        return found

    def _clock(self) -> Callable[[float], datetime]:
        """Turn the journal's moments into the database's; both run on this machine."""
        here, there = time.monotonic(), database_now()
        return lambda at: there + timedelta(seconds=at - here)

    def _write_before(self) -> None:
        with in_tenant(TENANT):
            at = database_now() - timedelta(days=self.days_ago)
            earlier = make_campaign(*self.rig.mailboxes, status="FINISHED")
            for number, message in enumerate(self.step.messages.order_by("pk")):
                mailbox = self.rig.mailboxes[number % len(self.rig.mailboxes)]
                key = f"<earlier-{number}@us.example>"
                self._before[message.recipient_hash] = Message(
                    step=earlier, lead_id=message.lead_id, contact_id=message.contact_id,
                    recipient=message.recipient, recipient_hash=message.recipient_hash,
                    template_version=earlier.template_version, timezone="UTC", created_by="rig",
                    status="SENT", asked_at=at, sent_at=at, mailbox=mailbox, message_id=key,
                )  # fmt: skip
            Message.objects.bulk_create(self._before.values())
            for mail in self._before.values():
                make_link(mail)


def keep_commit_times(rig: MailRig) -> None:
    """Let the rig's database note when each transaction was committed. Before workers start."""
    params = embedded_postgres.connection_params(rig.home)
    connection.close()
    with closing(
        psycopg.connect(
            host=params["HOST"], port=params["PORT"], user="postgres", dbname="postgres",
            autocommit=True,
        )
    ) as superuser:  # fmt: skip
        superuser.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    embedded_postgres.stop(rig.home)
    rig.revive_database()


# --- the doors ---------------------------------------------------------------------------------
def _by_console(silence: Silence, messages: Sequence[Message]) -> None:
    values = "\n".join(message.recipient for message in messages)
    told = silence.client.post(f"{ADDING}add/", {"values": values, "_reason": "phoned"})
    assert told.status_code == 302, told.content


def _by_api(silence: Silence, messages: Sequence[Message]) -> None:
    for message in messages:
        sent = {"kind": "EMAIL", "value": message.recipient, "reason": "phoned"}
        told = silence.client.post("/api/suppressions", sent, content_type="application/json")
        assert told.status_code == 201, told.content


def _by_one_click(silence: Silence, messages: Sequence[Message]) -> None:
    for message in messages:
        with in_tenant(TENANT):
            token = way_out.token_of(silence._before[message.recipient_hash])
        told = Client(headers={"host": "localhost"}).post(f"/u/{TENANT}/{token}")
        assert told.status_code == 200, told.content


def _by_import(silence: Silence, messages: Sequence[Message]) -> None:
    rows = "\n".join(["email", *(message.recipient for message in messages)])
    file = SimpleUploadedFile("list.csv", rows.encode())
    shown = silence.client.post(f"{ADDING}import/", {"file": file, "_reason": "a list"})
    assert shown.status_code == 302, shown.content
    with in_tenant(TENANT):
        newest = SuppressionImport.objects.latest("pk").pk
    told = silence.client.post(f"{ADDING}import/{newest}/decide/", {"verdict": "import"})
    assert told.status_code == 302, told.content


def _by_bounce(silence: Silence, messages: Sequence[Message]) -> None:
    mailboxes = set()
    for message in messages:
        before = silence._before[message.recipient_hash]
        assert before.mailbox is not None
        silence.rig.microsoft.deliver(before.mailbox.address, bounce_of(before))
        mailboxes.add(before.mailbox.pk)
    with in_tenant(TENANT):
        InboxState.objects.update(next_at=database_now())
        for pk in Mailbox.objects.filter(pk__in=mailboxes).values_list("pk", flat=True):
            reading = read_answers(pk)
            assert reading is not None, pk
            assert not reading.trouble, reading.trouble


DOORS: dict[str, Door] = {
    "console": _by_console,
    "API": _by_api,
    "one-click": _by_one_click,
    "import": _by_import,
    "bounce": _by_bounce,
}
