from __future__ import annotations

import pytest
from django.db import connection
from django_q.models import OrmQ
from django_q.signals import pre_execute
from django_tenants.utils import schema_context

from tenants import tasks
from tenants.tasks import UnknownTaskError, tenant_task

SEEN: list[tuple[str, int]] = []


@tenant_task
def look(*, number: int) -> None:
    SEEN.append((connection.schema_name, number))
    if number < 0:
        raise ValueError(number)


def test_a_task_runs_in_the_tenant_it_was_enqueued_from(db):
    SEEN.clear()

    tasks.run("beta", look.name, {"number": 1})

    assert SEEN == [("beta", 1)]
    assert connection.schema_name == "public"


def test_a_failing_task_leaves_its_tenant(db):
    with pytest.raises(ValueError, match="-1"):
        tasks.run("beta", look.name, {"number": -1})

    assert connection.schema_name == "public"


def test_enqueueing_stores_tenant_and_ids_from_inside_the_tenants_role(acme):
    look.enqueue(number=7)

    with schema_context("public"):
        task = OrmQ.objects.get().task
    assert task["func"] == "tenants.tasks.run"
    assert task["args"] == ("acme", look.name, {"number": 7})
    assert task["ack_failure"] is True


def test_a_task_without_a_tenant_fails_loudly(db):
    with pytest.raises(UnknownTaskError):
        look.enqueue(number=1)
    with pytest.raises(UnknownTaskError):
        tasks.run("gone", look.name, {"number": 1})
    with pytest.raises(UnknownTaskError):
        tasks.run("acme", "os.system", {"command": "true"})


def test_a_worker_starts_each_task_outside_every_tenant(db):
    connection.set_schema("acme")

    pre_execute.send(sender="django_q", func=None, task={})

    assert connection.schema_name == "public"
