"""Runaway conversations: people in many web processes talk to a model that never stops calling.

``python -m bench chat_budget`` holds a thousand messages of them, the tests some.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum

from chat.models import ChatMessage, ChatRun
from chat.settle import STALE_AFTER
from chat.tend import tend_chat
from chat.tests.rig import make_key, wait_until
from leadgen_project.sandbox.vendors.language_model import LanguageModelStandIn
from leadgen_project.sandbox.vendors.language_model_answers import Mode
from leadgen_project.sandbox.vendors.stand_in import VendorCall
from leadgen_project.tests.forks import Forks, forking
from leadgen_project.tests.spending import AT_ONCE, kill_some, later, turns, wait_until_quiet
from tenants.context import in_public, in_tenant
from tenants.paid import balances
from tenants.paid.reconcile import give_up_orphans
from tenants.vendor_models import RateLimit, VendorBudget, VendorUsage

PROCESSES = 8
CALLS, SECONDS = 20, 1  # the rate limit of the model


@dataclass(frozen=True, slots=True)
class Talked:
    """What came of it. ``charged`` is the model's journal, ``booked`` our ledger, in tokens."""

    said: int  # messages of people
    charged: int
    booked: int
    settled: int  # of ``booked``, what the model's answers said themselves
    longest: int  # the most calls of the model for one message
    killed: int
    alive: int  # runs still under way when all is over
    answers: frozenset[str]  # the last words of each conversation
    drift: tuple[str, ...]
    due: tuple[datetime, ...]  # when each booked call might be made
    calls: tuple[VendorCall, ...]


@dataclass(frozen=True, slots=True)
class Crowd:
    forks: Forks
    model: LanguageModelStandIn
    keys: tuple[str, ...]  # one person for each process
    tenant: str

    def talk(self, *, messages: int, kills: int = 0, seed: int = 1) -> Talked:
        """Each process hears ``messages`` messages; ``kills`` of them die while the model talks."""
        pids = self.forks.start(vendor="chat", keys=self.keys, calls=messages,
                                processes=len(self.keys))  # fmt: skip
        if kills:
            wait_until(lambda: len(self.model.calls) >= len(self.keys))
            kill_some(pids, random.Random(seed), kills=kills)
        killed = self.forks.wait()
        wait_until_quiet(self.model)
        with in_public():
            booked = _units()
            give_up_orphans(now=later(), older_than=AT_ONCE)
            settled, drift = _units(outcome="SETTLED"), balances.drift()
        with in_tenant(self.tenant):
            return Talked(
                said=ChatMessage.objects.filter(body__contains='"type":"human"').count(),
                charged=sum(call.units for call in self.model.calls), booked=booked,
                settled=settled, longest=max(map(_step, self.model.calls), default=0),
                killed=killed, alive=_settle_dead(), answers=_last_words(), drift=tuple(drift),
                due=tuple(turns()), calls=tuple(self.model.calls),
            )  # fmt: skip


@contextmanager
def crowd(env: dict[str, str], *, budget: int, tenant: str = "acme") -> Iterator[Crowd]:
    """``PROCESSES`` people of a tenant that may use ``budget`` tokens a day; in committed rows."""
    with LanguageModelStandIn(mode=Mode.INVENTS) as model:
        with in_public():
            VendorBudget.objects.create(tenant_id=tenant, vendor="LLM", daily_units=budget)
            RateLimit.objects.create(lane="LLM", calls=CALLS, seconds=SECONDS)
        keys = tuple(make_key(f"talker{number}", tenant=tenant) for number in range(PROCESSES))
        env = {**env, "OPENAI_API_KEY": "sandbox-key", "OPENAI_BASE_URL": model.base_url,
               "LANGCHAIN_MODEL": "sandbox-model", "LOG_LEVEL": "CRITICAL",
               "ALLOWED_HOSTS": "testserver", "API_CALLS_PER_MINUTE": "100000"}  # fmt: skip
        with forking(env) as forks:
            yield Crowd(forks, model, keys, tenant)


def _units(**which: Any) -> int:
    found = VendorUsage.objects.filter(vendor="LLM", **which).aggregate(units=Sum("units"))
    return int(found["units"] or 0)


def _step(call: VendorCall) -> int:
    """Which call this is for the person's newest message: what was told since shows the others."""
    roles = [message["role"] for message in reversed(call.question["messages"])]
    return 1 + roles[: roles.index("user")].count("assistant")


def _settle_dead() -> int:
    """Let time pass for runs whose process died; how many are under way even so."""
    silent = ChatRun.objects.alive()
    silent.update(heartbeat_at=later() - timedelta(minutes=20) - STALE_AFTER)
    tend_chat(now=later())
    return ChatRun.objects.alive().count()


def _last_words() -> frozenset[str]:
    newest: dict[Any, str] = {}
    for message in ChatMessage.objects.order_by("pk"):
        if message.content["type"] == "ai":
            newest[message.thread_id] = message.content["content"]
    return frozenset(newest.values())
