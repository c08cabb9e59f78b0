"""Work the leads that wait for an Odoo, some at a time, and bear with it when it is away."""

from __future__ import annotations

import logging
import time
from collections import Counter
from datetime import timedelta

from odoo_sync.claim import claim, settle, stop
from odoo_sync.clients import gateway as calls
from odoo_sync.clients.gateway import Gateway
from odoo_sync.clients.trouble import OdooError, Trouble
from odoo_sync.models import OdooConnection, OdooPush
from odoo_sync.open import open_gateway
from odoo_sync.patient import Patient
from odoo_sync.push import push
from odoo_sync.resolve import Resolver
from tenants.clock import database_now
from tenants.outage import outlast
from tenants.stopping import is_stopping

logger = logging.getLogger(__name__)

BATCH = 100  # leads; a load is one transaction there
MOST_TRIES = 6  # of one lead while Odoo answers everything else
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)
State = OdooPush.State


def connection_in_use() -> OdooConnection | None:
    """The tenant's Odoo, if one is switched on."""
    return OdooConnection.objects.filter(is_on=True).first()


def can_go_on(connection: OdooConnection) -> bool:
    """Whether Odoo may be asked now: tested, in order, and not just away."""
    if not connection.is_on or connection.state != OdooConnection.State.READY:
        return False
    return connection.not_before is None or connection.not_before <= database_now()


def sync(
    connection: OdooConnection, *, seconds: float, run_id: int | None = None, count: int = BATCH
) -> Counter[str]:
    """Send what waits, for about ``seconds``; returns how many ended in which state.

    Any number of processes may do this at once. A second call finds what the first has left.
    """
    ended: Counter[str] = Counter()
    if not outlast(lambda: can_go_on(connection)):
        return ended
    try:
        gateway = open_gateway(connection)
    except OdooError as exc:
        _give_up(connection, exc)
        return ended
    fields = connection.findings.get("fields", {})
    resolver = Resolver(Patient(gateway, gateway.version), module=connection.module, fields=fields)
    last_call = time.monotonic() + seconds
    try:
        while not is_stopping():
            pushes = outlast(lambda: claim(connection.pk, count=count, run_id=run_id))
            if not pushes:
                break
            is_well = _turn(connection, gateway, pushes, resolver=resolver)
            mine = OdooPush.objects.filter(pk__in=[each.pk for each in pushes])
            ended.update(mine.values_list("state", flat=True))
            if not is_well or time.monotonic() > last_call:
                break
    finally:
        gateway.close()
    return ended


def _turn(
    connection: OdooConnection, gateway: Gateway, pushes: list[OdooPush], *, resolver: Resolver
) -> bool:
    """Push some; False when Odoo cannot go on for now."""
    try:
        push(connection, Patient(gateway, gateway.version), pushes, resolver=resolver)
    except OdooError as exc:
        logger.warning("Odoo %s: %s", connection.pk, exc.sentence)
        return _bear(connection, gateway, pushes, exc)
    if connection.failures:
        OdooConnection.objects.filter(pk=connection.pk).update(failures=0, not_before=None)
        connection.failures = 0
    return True


def _bear(
    connection: OdooConnection, gateway: Gateway, pushes: list[OdooPush], exc: OdooError
) -> bool:
    """Give back what is in hand, each when it makes sense, and say why."""
    held = [each for each in pushes if each.state == State.SENDING]
    if not exc.retryable:
        for each in held:
            settle(each, State.WAITING)
        _give_up(connection, exc)
        return False
    if not _answers(gateway):
        until = _pause(connection)
        for each in held:
            settle(each, State.WAITING, not_before=until, sentence=exc.sentence)
        return False
    for each in held:
        _blame(each, exc)
    return True


def _blame(each: OdooPush, exc: OdooError) -> None:
    """Odoo answers, but not to this: try it alone, later and later, then leave it to a person."""
    tries = each.attempts + 1
    if tries >= MOST_TRIES:
        stop(each, State.PARKED, "no_answer", f"Odoo failed {tries} times at it, while it answered"
             f" other requests. {exc.sentence}")  # fmt: skip
        OdooPush.objects.filter(pk=each.pk).update(attempts=tries)
        return
    # The first time it may have been anybody's fault.
    pause = timedelta() if tries == 1 else FIRST_PAUSE * 2 ** (tries - 2)
    settle(each, State.WAITING, attempts=tries, not_before=database_now() + pause,
           sentence=exc.sentence[:500])  # fmt: skip


def _answers(gateway: Gateway) -> bool:
    try:
        calls.search(gateway, "crm.stage", domain=[], fields=["name"], limit=1)
    except OdooError:
        return False
    return True


def _pause(connection: OdooConnection) -> object:
    failures = connection.failures + 1
    until = database_now() + min(FIRST_PAUSE * 2 ** min(failures - 1, 10), LONGEST_PAUSE)
    OdooConnection.objects.filter(pk=connection.pk).update(failures=failures, not_before=until)
    connection.failures, connection.not_before = failures, until
    return until


def _give_up(connection: OdooConnection, exc: OdooError) -> None:
    """Nothing goes until a person has seen to it; a passing trouble is waited for."""
    if exc.retryable:
        _pause(connection)
        return
    states = OdooConnection.State
    connection.note(states.KEY if exc.trouble is Trouble.KEY else states.WRONG, exc.sentence)
    logger.error("Odoo connection %s does not work: %s", connection.pk, exc.sentence)
