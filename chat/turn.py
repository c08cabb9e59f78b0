"""One turn of an assistant on its way into the thread and the stream.

Whatever is complete is stored at once, as a message and a state; a message half made is only in the
stream. Each step is one short transaction that first makes sure the run is still this one's.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from chat.checkpoints import add_state
from chat.decide import ask_text
from chat.frames import on_one_line
from chat.live import Live
from chat.messages import Message, answered, around_words, call_chunks, spoken
from chat.models import ChatMessage, ChatRun, Checkpoint, Thread
from chat.pieces import Ask, Custom, Done, Piece, ToolAnswer, ToolCall, Words
from tenants.hand_back import hand_back


class RunLostError(Exception):
    """The run is no longer ours: it was settled, or removed, by somebody else."""


@dataclass(slots=True)
class Turn:
    """Takes the pieces of a run. ``head`` is the state it has come to."""

    live: Live
    head: Checkpoint
    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    message_id: str = ""  # of the message being made

    def take(self, piece: Piece) -> None:
        if isinstance(piece, Words):
            self._add_words(piece)
        elif isinstance(piece, ToolCall):
            self._add_call(piece)
        elif isinstance(piece, Done):
            self.complete()
        elif isinstance(piece, ToolAnswer):
            self.complete()
            message = answered(piece)
            self._show_message(message, node="tools")
            self.add([message], node="tools")
        elif isinstance(piece, Ask):
            self.complete()
            self._ask(piece)
        elif isinstance(piece, Custom) and "custom" in self.live.modes:
            self.live.add("custom", on_one_line(piece.data))

    def complete(self) -> None:
        """End the message being made, if there is one."""
        if not self.message_id:
            return
        message = spoken(self.message_id, self.text, self.calls)
        self.text, self.calls, self.message_id = "", [], ""
        if "messages" in self.live.modes:
            self.live.add("messages/complete", on_one_line([message]))
        self.add([message], node="agent")

    def add(self, messages: Sequence[Message], *, node: str) -> None:
        """Store complete messages and the state they lead to, then show it."""
        with transaction.atomic():
            hold_run(self.live)
            self.head = add_state(self.head, messages, source="loop", run_id=self.live.run_id)
        hand_back()
        if "updates" in self.live.modes:
            self.live.add("updates", on_one_line({node: {"messages": list(messages)}}))
        self.show_values()

    def show_values(self) -> None:
        if "values" in self.live.modes:
            data = "ask" if self.head.is_open else ""
            self.live.add("values", data, checkpoint=self.head.pk)

    def said(self) -> tuple[Message, ...]:
        """All messages up to here, oldest first."""
        rows = ChatMessage.objects.in_bulk(self.head.messages)
        return tuple(rows[pk].content for pk in self.head.messages)

    def _add_words(self, piece: Words) -> None:
        if not piece.text:
            return
        self._begin()
        self.text += piece.text
        if "messages-tuple" in self.live.modes:
            before, after = around_words(self.message_id)
            around = f"[{before}", f"{after},{self._about('agent')}]"
            self.live.add_words(piece.text, around=around, is_chunk=piece.is_chunk)
        self._show_partial()

    def _add_call(self, call: ToolCall) -> None:
        self._begin()
        self.calls.append(call)
        if "messages-tuple" in self.live.modes:
            for chunk in call_chunks(self.message_id, call, index=len(self.calls) - 1):
                self.live.add("messages", f"[{on_one_line(chunk)},{self._about('agent')}]")
        self._show_partial()

    def _begin(self) -> None:
        if self.message_id:
            return
        self.message_id = str(uuid.uuid4())
        if "messages" in self.live.modes:
            about = f'{{{on_one_line(self.message_id)}:{{"metadata":{self._about("agent")}}}}}'
            self.live.add("messages/metadata", about)

    def _show_partial(self) -> None:
        if "messages" in self.live.modes:
            message = spoken(self.message_id, self.text, self.calls)
            self.live.add("messages/partial", on_one_line([message]))

    def _show_message(self, message: Message, *, node: str) -> None:
        if "messages-tuple" in self.live.modes:
            self.live.add("messages", f"[{on_one_line(message)},{self._about(node)}]")

    def _about(self, node: str) -> str:
        """What goes with a chunk. The namespace says nothing of tools: clients look for that."""
        about: dict[str, Any] = {
            "langgraph_node": node, "langgraph_step": self.head.step + 1,
            "run_id": str(self.live.run_id), "thread_id": str(self.live.thread_id),
            "langgraph_checkpoint_ns": f"agent:{self.live.run_id}",
        }  # fmt: skip
        return on_one_line(about)

    def _ask(self, ask: Ask) -> None:
        """The approval belongs to the state whose last message makes the calls."""
        with transaction.atomic():
            hold_run(self.live)
            if self.head.ask:  # that of before stays as it was asked and answered
                self.head = add_state(self.head, [], source="loop", run_id=self.live.run_id)
            self.head.ask = ask_text(ask, ask_id=secrets.token_hex(16))
            self.head.save(update_fields=["ask"])
        hand_back()
        self.show_values()


def hold_run(live: Live) -> ChatRun:
    """The run's row, locked after its thread's, while it is ours. Raises ``RunLostError``."""
    Thread.objects.select_for_update(no_key=True).filter(pk=live.thread_id).first()
    alive = ChatRun.objects.alive().filter(pk=live.run_id)
    found = alive.select_for_update(no_key=True).first()
    if found is None:
        raise RunLostError
    return found
