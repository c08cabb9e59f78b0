"""Addresses are asked about again when their time has come, and the night goes first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from enrichment.models import Contact, Verification
from enrichment.tasks import MOST_WAITS, recheck_addresses, verify_lead_now
from enrichment.tests.test_verify import lead_with, people, say, told, verify
from enrichment.tests.test_verify import run as run  # noqa: PLC0414 -- fixtures
from enrichment.tests.test_verify import vendor as vendor  # noqa: PLC0414
from enrichment.verification.recheck import due, recheck
from icp import suppressions
from icp.models import Lead
from tenants.models import PipelineRun
from tenants.permits import Vendor
from tenants.vendor_models import VendorBudget

DEAD = ("invalid", "mailbox_not_found")


@pytest.fixture
def verified(vendor, run):
    """Six verified addresses of one lead that has left the night."""
    say(vendor, *people(5))
    lead = lead_with(run, *people(5))
    verify(run)
    Lead.objects.update(stage="SCORED")
    PipelineRun.objects.update(status="FINISHED", finished_at=timezone.now())
    vendor.calls.clear()
    return lead


def grow_old(*emails, days=91):
    Verification.objects.filter(address__in=emails).update(
        checked_at=timezone.now() - timedelta(days=days),
        due_at=timezone.now() - timedelta(days=days - 90),
    )


def test_only_due_rows_are_asked_about(vendor, verified):
    grow_old(people(5)[0])
    say(vendor, people(5)[0], words=DEAD)

    found = recheck(seconds=5)

    assert found.asked == {people(5)[0]}
    assert told(people(5)[0])[:2] == ("UNDELIVERABLE", False)
    assert not due(now=timezone.now()).exists()
    assert recheck(seconds=5).asked == set()


def test_nobody_pays_for_addresses_nobody_will_write_to(vendor, verified):
    first, second, third, *_ = people(5)
    grow_old(*people(5))
    Lead.objects.create(source_ref="x", name="OTHER")
    suppressions.add("EMAIL", first, reason="asked", actor="test")
    Contact.objects.filter(email=second).update(is_mailable=False, not_mailable_reason="Notice.")
    Contact.objects.filter(email=third).delete()

    assert recheck(seconds=5).asked == set(people(5)[3:])

    grow_old(*people(5))
    Lead.objects.update(
        stage="REJECTED", rejection_code="operator", rejection_reason="No interest."
    )
    assert recheck(seconds=5).asked == set()


def test_a_recheck_stays_inside_the_budget_and_keeps_old_answers(vendor, verified):
    grow_old(*people(5))
    VendorBudget.objects.filter(vendor=Vendor.ZEROBOUNCE).update(daily_units=7)

    found = recheck(seconds=5)

    assert (len(found.asked), len(found.passed_by)) == (2, 3)
    assert found.refused.code == "budget"
    assert Contact.objects.filter(verdict="DELIVERABLE").count() == 5
    assert due(now=timezone.now()).count() == 3


def test_a_new_key_is_no_bill_for_everything_ever_left_out(vendor, verified):
    Verification.objects.update(
        status="unverified", sub_status="no_key", source="NONE", call_id=None,
        due_at=timezone.now(),
    )  # fmt: skip
    assert not due(now=timezone.now()).exists()

    Verification.objects.update(sub_status="budget")
    assert due(now=timezone.now()).count() == 5


def test_the_recheck_waits_for_the_night_and_not_for_ever(vendor, verified, acme):
    grow_old(*people(5))
    PipelineRun.objects.create(tenant=acme)

    recheck_addresses()
    waiting = OrmQ.objects.count()
    recheck_addresses(waits=MOST_WAITS)

    assert (waiting, OrmQ.objects.count()) == (1, 1)
    assert vendor.calls == []


def test_the_recheck_goes_on_until_nothing_is_due(vendor, verified):
    grow_old(*people(5))

    recheck_addresses()
    queued = OrmQ.objects.count()
    recheck_addresses()

    assert (queued, OrmQ.objects.count()) == (1, 1)
    assert len(vendor.calls) == 1


def test_a_lead_that_is_gone_needs_no_verification(vendor, acme):
    verify_lead_now(lead_id=999)

    assert vendor.calls == []
