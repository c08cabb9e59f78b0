"""A process dies at any request, before it or after it; Odoo holds each lead once.

Processes that are really killed, many times and with faults besides: ``python -m bench odoo``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.utils import timezone

from odoo_sync.choose import choose, choose_news
from odoo_sync.clients.line import Line
from odoo_sync.models import OdooConflict, OdooPush
from odoo_sync.sync import sync
from odoo_sync.tests.factories import make_lead
from odoo_sync.tests.odoo_rig import OdooRig
from odoo_sync.tests.test_sync import go


class Killed(BaseException):
    """Nothing of ours catches it, as nothing catches a kill."""


@contextmanager
def killed_at(number: int, *, when: str) -> Iterator[None]:
    real, asked = Line.post, [0]

    def post(self, *args, **kwargs):
        asked[0] += 1
        if asked[0] == number and when == "before":
            raise Killed
        answer = real(self, *args, **kwargs)
        if asked[0] == number:
            raise Killed
        return answer

    Line.post = post
    try:
        yield
    except Killed:
        pass
    finally:
        Line.post = real


def end_leases() -> None:
    past = timezone.now() - timedelta(seconds=1)
    OdooPush.objects.filter(state="SENDING").update(held_until=past)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(3, 16, 2))
def test_whoever_dies_at_a_request_the_next_goes_on(connection, odoo, number, when):
    leads = [make_lead() for _ in range(3)]
    choose(connection, now=timezone.now())

    for _ in range(2):
        with killed_at(number, when=when):
            sync(connection, seconds=30)
        end_leases()
    go(connection)

    rig = OdooRig(odoo, {})
    assert {push.state for push in OdooPush.objects.all()} == {"DONE"}
    assert (rig.doubled(), rig.lost()) == (0, 0)
    assert len(odoo.rows("crm.lead")) == len(leads)
    assert len(odoo.rows("res.partner")) == 2 * len(leads)
    assert OdooConflict.objects.count() == 0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(2, 9, 2))
def test_whoever_dies_while_news_are_written_leaves_no_conflict(connection, odoo, number, when):
    lead = make_lead()
    go(connection)
    lead.facts["postal_code"] = {"value": "999999"}
    lead.save()
    choose_news(connection, now=timezone.now())

    with killed_at(number, when=when):
        sync(connection, seconds=30)
    end_leases()
    go(connection)

    assert odoo.by_name("crm.lead", lead.name)["zip"] == "999999"
    assert odoo.by_name("res.partner", lead.name)["zip"] == "999999"
    assert OdooConflict.objects.count() == 0
    assert OdooPush.objects.get().state == "DONE"
