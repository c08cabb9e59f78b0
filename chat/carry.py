"""Carry a run to its end, in a thread of its own in the web process.

The run does not depend on anybody listening. Nothing is held while it waits: not a transaction, not
a database connection, so that there may be far more runs than connections.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from contextlib import closing

from django.db import DatabaseError, transaction

from chat.checkpoints import add_state, drop_ask, move_head, root_of
from chat.decide import DecisionError, read_decisions
from chat.live import Live, executors, remove_live, wake_thread
from chat.models import ChatRun, Checkpoint
from chat.pieces import AssistantError, Decided, Piece, Talk
from chat.settle import Fault, look_for_stale, settle, settle_stopped
from chat.stopping import must_end
from chat.turn import RunLostError, Turn, hold_run
from chat.wish import Wish
from tenants.context import connection, in_tenant
from tenants.hand_back import hand_back
from tenants.models import User

LOOK_SECONDS = 0.2  # for the turn of a run that waits behind one of another process
INTERNAL = Fault("InternalError", "Something went wrong inside; it is in the server's log.")

logger = logging.getLogger(__name__)


class CancelledError(Exception):
    """Somebody asked the run to stop."""


class StoppedError(Exception):
    """The process is about to end."""


def carry(live: Live, wish: Wish, user: User) -> None:
    """Wait for the run's turn, let the assistant work, settle. The whole life of a thread."""
    try:
        with in_tenant(live.schema):
            _carry(live, wish, user)
    except RunLostError:
        logger.info("Run %s was settled elsewhere", live.run_id)
        live.lose()
    except DatabaseError:  # without a sign of life it is settled as soon as somebody looks
        logger.exception("Run %s cannot be settled now", live.run_id)
        live.lose()
    finally:
        remove_live(live)
        executors.leave(live.user_id, live.schema)
        wake_thread(live.thread_id)
        connection.close()


def _carry(live: Live, wish: Wish, user: User) -> None:
    fault = None
    try:
        _wait_for_turn(live)
        _work(live, wish, user)
    except RunLostError:
        raise
    except CancelledError:
        logger.info("Run %s was cancelled", live.run_id)
    except StoppedError:
        _settle_stopped(live)
        return
    except AssistantError as exc:
        fault = Fault(type(exc).__name__, str(exc)[:500])
    except Exception:  # whatever an assistant raises ends its run, not the process
        logger.exception("Run %s failed", live.run_id)
        fault = INTERNAL
    hand_back()
    settle(live, fault=fault)


def _settle_stopped(live: Live) -> None:
    live.wait_until_written()
    with transaction.atomic():
        settle_stopped(hold_run(live))
    live.lose()  # listeners read the rest where it is written


def _check(live: Live) -> None:
    if live.is_lost:
        raise RunLostError
    if live.cancel:
        raise CancelledError
    if must_end():
        raise StoppedError


def _wait_for_turn(live: Live) -> None:
    """Until no older run of the thread is under way."""
    while True:
        _check(live)
        older = ChatRun.objects.alive().filter(thread=live.thread_id, pk__lt=live.run_id)
        if not older.exists():
            return
        if look_for_stale(live.thread_id):
            continue
        hand_back()
        live.wait(LOOK_SECONDS)


def _work(live: Live, wish: Wish, user: User) -> None:
    turn, decided = _begin(live, wish)
    turn.show_values()
    for piece in _pieces(turn, wish, user, decided):
        _check(live)
        turn.take(piece)
    _check(live)
    turn.complete()


def _begin(live: Live, wish: Wish) -> tuple[Turn, tuple[Decided, ...]]:
    """Apply what was sent to the state the run starts from, all of it or nothing."""
    with transaction.atomic():
        run = hold_run(live)
        start = _start(run, wish.checkpoint)
        decided: tuple[Decided, ...] = ()
        if wish.resume is not None:
            decided = read_decisions(wish.resume, start)
            if start is None or not drop_ask(start):
                raise DecisionError("This has been decided already.")
        if start is None:
            start = root_of(live.thread_id, run_id=live.run_id)
            move_head(start)
        if wish.messages or wish.is_end:
            source = "update" if wish.is_end else "loop"
            start = add_state(start, wish.messages, source=source, run_id=live.run_id)
        run.status = ChatRun.Status.RUNNING
        run.save(update_fields=["status"])
    hand_back()
    return Turn(live, start), decided


def _start(run: ChatRun, wanted: uuid.UUID | None) -> Checkpoint | None:
    if wanted is None:
        return run.thread.head
    found = Checkpoint.objects.filter(pk=wanted, thread=run.thread_id).first()
    if found is None:  # it was there when the run was asked for, and went with another's rollback
        raise AssistantError("The state this was to start from is gone. Load the thread again.")
    return found


def _pieces(
    turn: Turn, wish: Wish, user: User, decided: tuple[Decided, ...]
) -> Iterable[Piece]:  # fmt: skip
    messages = turn.said()
    hand_back()
    talk = Talk(user, messages, str(turn.live.thread_id), str(turn.live.run_id))
    if wish.is_end or turn.head.is_open:
        return
    if not decided and not messages:
        raise AssistantError("There is no message to answer.")
    if not decided and messages[-1]["type"] == "ai" and not wish.messages:
        return  # it has been answered
    work = wish.assistant.go_on(talk, decided) if decided else wish.assistant.answer(talk)
    with closing(work) as pieces:  # type: ignore[type-var]  # assistants are generators
        yield from pieces
