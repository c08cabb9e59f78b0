"""Sending a mail costs the same however many wait, also before anybody has counted them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from icp.suppressions import hash_of
from outreach.models import Mailbox, Message
from outreach.sending.claim import claim
from outreach.sending.send import send
from outreach.sending.waiting import next_moment_at
from outreach.tests.factories import make_campaign, make_contact, make_mailbox, make_policy
from outreach.tests.post_office import PostOffice
from tenants.clock import database_now
from tenants.context import connection

FEW, MANY = 200, 3_000
MOST_ROWS = 100  # of one step of a plan, dead index entries too; a claim looks at a few heads


def queue(step, count: int, **changes) -> None:
    contact = make_contact(verdict="DELIVERABLE")
    Message.objects.bulk_create(
        Message(
            step=step, lead=contact.lead, contact=contact, recipient=contact.email,
            recipient_hash=hash_of("EMAIL", f"{step.pk} {number} {changes}"), timezone="UTC",
            template_version=step.template_version, created_by="olga",
            lead_data={"business_name": "Kaya", "first_name": "Mei"}, **changes,
        )
        for number in range(count)
    )  # fmt: skip


def count_rows() -> None:
    """What autovacuum does when it comes by."""
    connection.become_owner(True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE outreach_message, outreach_messageevent")
    connection.become_owner(False)


@contextmanager
def rows_read() -> Iterator[dict[str, float]]:
    """Statement -> the most rows that one step of its plan has read."""
    found: dict[str, float] = {}

    def explain(execute, sql, params, many, context):
        if sql.lstrip(" (\n").startswith(("SELECT", "WITH", "UPDATE")):
            execute("SAVEPOINT explained", None, False, context)  # EXPLAIN ANALYZE does it
            execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params, many, context)
            (plan,) = context["cursor"].fetchone()
            execute("ROLLBACK TO SAVEPOINT explained", None, False, context)
            found[sql] = max(most_rows(plan[0]["Plan"]), found.get(sql, 0))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield found


def most_rows(plan: dict[str, Any]) -> float:
    read = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    return max([read * plan["Actual Loops"], *map(most_rows, plan.get("Plans", ()))])


def send_one(mailbox: Mailbox) -> str:
    Mailbox.objects.update(not_before=database_now())
    message = claim(mailbox.pk)
    assert message is not None
    status = send(message, transport=PostOffice())
    assert next_moment_at(mailbox, now=database_now()) is not None
    return status


@pytest.mark.parametrize("counted", ["before", "after"])
def test_no_statement_of_a_mail_reads_more_rows_because_more_mails_wait(acme, counted):
    make_policy()
    mailbox = make_mailbox(per_minute=30_000, per_day=10_000)
    Mailbox.objects.update(gap_seconds=0)
    queue(make_campaign(mailbox), FEW)
    for _ in range(3):
        send_one(mailbox)
    count_rows()
    queue(make_campaign(mailbox), MANY)
    queue(make_campaign(mailbox), MANY, mailbox=mailbox)
    queue(make_campaign(mailbox), MANY, mailbox=mailbox, status="SENT", sent_at=database_now())
    if counted == "after":
        count_rows()

    with rows_read() as found:
        assert [send_one(mailbox) for _ in range(3)] == ["SENT"] * 3

    assert len(found) >= 8
    assert {sql: rows for sql, rows in found.items() if rows > MOST_ROWS} == {}


def test_a_mail_takes_eight_statements_from_the_claim_to_its_end(acme):
    make_policy()
    mailbox = make_mailbox(per_minute=30_000, per_day=10_000)
    Mailbox.objects.update(gap_seconds=0)
    queue(make_campaign(mailbox), 3)
    asked: list[str] = []

    def count(execute, sql, params, many, context):
        asked.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        message = claim(mailbox.pk)
        assert send(message, transport=PostOffice()) == "SENT"

    assert len([sql for sql in asked if "SAVEPOINT" not in sql]) == 8
