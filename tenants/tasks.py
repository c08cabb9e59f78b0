"""Background tasks run in exactly one tenant's schema; this is how they get there.

A task is a hint to look at the database, never the right to act: it may run twice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any

from django_q.brokers.orm import ORM
from django_q.models import OrmQ
from django_q.tasks import async_task
from django_tenants.utils import get_tenant_model, tenant_context

from tenants import trace
from tenants.clock import database_now
from tenants.context import connection, current_schema, is_public

REGISTRY: dict[str, TenantTask] = {}


class UnknownTaskError(Exception):
    """A queued task names a function that is no task, or no tenant."""


class TenantTask:
    """A function that the queue runs in the schema it was enqueued from."""

    def __init__(self, function: Callable[..., None]) -> None:
        self._function = function
        self.name = f"{function.__module__}.{function.__qualname__}"
        self.__doc__ = function.__doc__
        REGISTRY[self.name] = self

    def __call__(self, **ids: Any) -> None:
        """Run now, in the current tenant."""
        self._function(**ids)

    def enqueue(self, *, group: str = "", **ids: int | str) -> str:
        """Queue a call in the current tenant's schema; returns the queue's id.

        Inside a transaction the task appears at commit and vanishes with a rollback.
        """
        return enqueue(self.name, group=group, delay=None, queue=None, **ids)


def tenant_task(function: Callable[..., None]) -> TenantTask:
    return TenantTask(function)


class TimedQueue(ORM):
    """The queue in PostgreSQL by the database's clock, as ``HoldingBroker`` reads it.

    Nobody takes what is put in before ``delay`` has passed. By its own clock, a machine that is
    five minutes ahead would put in what the others do not see for five minutes.
    """

    def __init__(self, list_key: str | None = None, *, delay: timedelta = timedelta()) -> None:
        super().__init__(list_key)
        self._delay = delay

    def enqueue(self, task: str) -> int:
        at = database_now() + self._delay
        return OrmQ.objects.create(key=self.list_key, payload=task, lock=at).pk


def enqueue(
    name: str,
    *,
    group: str = "",
    delay: timedelta | None = None,
    queue: str | None = None,
    **ids: int | str,
) -> str:
    """Queue the task registered as ``name``: how a lower room asks for a higher one's work.

    Nobody takes it within ``delay``. ``queue``: that of another cluster than the usual, ``mail``.
    Otherwise like ``TenantTask.enqueue``.
    """
    if is_public():
        raise UnknownTaskError(f"{name}: enqueue it from inside a tenant.")
    broker = TimedQueue(queue, delay=delay or timedelta())
    options: dict[str, Any] = {"task_name": name[:100], "ack_failure": True, "broker": broker}
    return async_task(
        "tenants.tasks.run", current_schema(), name, ids, group=group, q_options=options
    )


def run(schema_name: str, name: str, ids: dict[str, Any]) -> None:
    """What the queue calls: enter the tenant, run the registered task with its ids."""
    if name not in REGISTRY:
        import_module(name.rpartition(".")[0])
    if name not in REGISTRY:
        raise UnknownTaskError(f"{name} is not a registered task.")
    tenant = get_tenant_model().objects.filter(schema_name=schema_name).first()
    if tenant is None:
        raise UnknownTaskError(f"{name}: there is no tenant {schema_name!r} (any more).")
    token = trace.run_id.set(ids.get("run_id") or 0)
    try:
        with tenant_context(tenant):
            REGISTRY[name](**ids)
    finally:
        trace.run_id.reset(token)


def start_in_public(**_kwargs: Any) -> None:
    """No task inherits the tenant of the one before it in the same worker."""
    connection.set_schema_to_public()
