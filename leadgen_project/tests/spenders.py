"""A process without threads that forks spenders on demand; each spends until the budget is gone.

Started as ``python -m leadgen_project.tests.spenders``; reads orders as JSON lines, answers each
with the spenders' process ids and, when all have ended, with how many were killed. An order with
``"vendor": "LLM"`` asks the language model its ``calls`` questions, each once; with ``"chat"`` each
is a web process to which somebody says ``calls`` things, in conversations of ``LONG`` messages.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import timedelta
from importlib import import_module
from typing import Any

import django
import requests

TIMEOUT_SECONDS = 0.4
LONG = 4


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadgen_project.settings")
    django.setup()
    import openai  # noqa: F401 -- here, lest each of them loads it

    for line in sys.stdin:
        order = json.loads(line)
        if order.get("vendor") == "chat":
            _load_the_product()  # once, lest each of them does
        pids = [_fork(order, number) for number in range(order["processes"])]
        _say(pids)
        ends = [os.waitpid(pid, 0)[1] for pid in pids]
        _say(sum(os.WIFSIGNALED(end) for end in ends))


def _load_the_product() -> None:
    for name in ("pydantic", "chat.tests.rig", "leadgen_project.urls"):
        import_module(name)
    from chat.agent.toolbox import tools

    tools()


def _say(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _fork(order: dict[str, Any], number: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        WORK.get(order.get("vendor"), _spend)(order, number)
        code = 0
    finally:
        os._exit(code)


def _spend(order: dict[str, Any], number: int) -> None:
    from django.db import connection

    from tenants.context import in_tenant
    from tenants.paid import breaker, governor
    from tenants.permits import (
        BudgetExhaustedError,
        Permit,
        Purpose,
        Vendor,
        VendorDownError,
        VendorError,
    )

    governor.PAUSES_SECONDS = (0.005, 0.01)
    breaker.FIRST_PAUSE = timedelta(milliseconds=20)
    breaker.LONGEST_PAUSE = timedelta(milliseconds=100)
    breaker.TRIAL = timedelta(seconds=1)
    session = requests.Session()
    purpose = Purpose("a trial", run_id=order["run_id"], lead_id=number)

    def question(permit: Permit) -> int:
        return answer(permit, session=session, url=order["url"])

    with in_tenant(order["tenant"]):
        for _ in range(order["calls"]):
            try:
                governor.ask(
                    Vendor.TAVILY, question, units=1, purpose=purpose,
                    patience=timedelta(seconds=order["patience_seconds"]),
                )  # fmt: skip
            except BudgetExhaustedError:
                break
            except (VendorError, VendorDownError):
                time.sleep(0.01)
    connection.close()


def _ask_model(order: dict[str, Any], number: int) -> None:
    from django.db import connection

    from tenants.context import in_tenant
    from tenants.language_model import llm
    from tenants.language_model.try_model import PROMPT, Ready
    from tenants.permits import NoPermitError, Purpose

    purpose = Purpose("a trial", run_id=order["run_id"], lead_id=number)
    patience = timedelta(seconds=order["patience_seconds"])
    with in_tenant(order["tenant"]):
        for question in range(order["calls"]):
            about = f"Question {order['run_id']}, {number}, {question}"
            try:
                llm.complete(PROMPT, about=about, schema=Ready, purpose=purpose, patience=patience)
            except NoPermitError as exc:
                sys.stderr.write(f"{exc}\n")
    connection.close()


def _talk(order: dict[str, Any], number: int) -> None:
    from django.db import connection

    from chat.tests.rig import Chat, request_of

    chat, thread = Chat(order["keys"][number]), ""
    for message in range(order["calls"]):
        thread = chat.thread() if message % LONG == 0 else thread
        said = request_of(f"what is new, in general ({message})", assistant_id="agent")
        b"".join(chat.post(f"/threads/{thread}/runs/wait", said).streaming_content)
    connection.close()


WORK = {"LLM": _ask_model, "chat": _talk}


def answer(permit: Any, *, session: requests.Session, url: str) -> int:
    """The tiny vendor's client: only what never left or was turned away with 429 is free."""
    from tenants.permits import Charge, Vendor, VendorError

    key = permit.use(Vendor.TAVILY)
    try:
        reply = session.post(
            f"{url}/answer", json={"call": permit.call_id}, timeout=TIMEOUT_SECONDS,
            headers={"Authorization": f"Bearer {key}"},
        )  # fmt: skip
        body = reply.json() if reply.status_code == 200 else {}
        credits_charged = int(body.get("credits", 0))
    except (requests.RequestException, ValueError) as exc:
        raise VendorError(f"no answer ({type(exc).__name__})", retryable=True) from None
    if reply.status_code == 429:
        raise VendorError("too many", retryable=True, charge=Charge.NONE, status=429)
    if reply.status_code != 200:
        raise VendorError(f"HTTP {reply.status_code}", retryable=True, status=reply.status_code)
    permit.settle(credits_charged, reference=str(permit.call_id))
    return credits_charged


if __name__ == "__main__":
    main()
