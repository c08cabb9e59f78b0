"""Talk to the assistant as the run machinery does: pieces become messages of the next talk."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from chat.agent.assistant import Agent
from chat.pieces import Action, Ask, Decided, Done, Piece, Talk, ToolAnswer, ToolCall, Words
from tenants.models import User

NUMBERS = count(1)


@dataclass
class Conversation:
    """``said`` is what the assistant's last turn said; ``calls`` and ``answers`` what it did."""

    user: User
    agent: Any = field(default_factory=Agent)
    messages: list[dict[str, Any]] = field(default_factory=list)
    asked: tuple[Action, ...] = ()
    pieces: list[Piece] = field(default_factory=list)

    def say(self, text: Any) -> str:
        """The assistant's words to ``text``."""
        self.asked = ()
        self.messages.append({"id": f"h{next(NUMBERS)}", "type": "human", "content": text})
        return self._take(list(self.agent.answer(self._talk())))

    def decide(self, *decisions: str, reason: str = "", **edited: Any) -> str:
        """Decide the open question; ``edited`` goes to actions decided ``edit``."""
        decided = tuple(
            Decided(action.call, decision,
                    {**action.call.arguments, **edited} if decision == "edit"
                    else action.call.arguments, reason)
            for action, decision in zip(self.asked, decisions, strict=True)
        )  # fmt: skip
        self.asked = ()
        return self._take(list(self.agent.go_on(self._talk(), decided)))

    @property
    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        return [(one.name, one.arguments) for one in self.pieces if isinstance(one, ToolCall)]

    @property
    def answers(self) -> list[ToolAnswer]:
        return [one for one in self.pieces if isinstance(one, ToolAnswer)]

    @property
    def rows(self) -> list[dict[str, Any]]:
        return json.loads(self.answers[-1].content)

    def _talk(self) -> Talk:
        return Talk(self.user, tuple(self.messages), "thread", "run")

    def _take(self, pieces: list[Piece]) -> str:
        self.pieces = pieces
        words, calls, told = "", [], []
        for piece in pieces:
            match piece:
                case Words(text):
                    words += text
                case ToolCall():
                    calls.append({"id": piece.id, "name": piece.name, "args": piece.arguments,
                                  "type": "tool_call"})  # fmt: skip
                case Done():
                    self.messages.append({"id": f"m{next(NUMBERS)}", "type": "ai",
                                          "content": words, "tool_calls": calls})  # fmt: skip
                    told.append(words)
                    words, calls = "", []
                case ToolAnswer():
                    self.messages.append({
                        "id": f"t{next(NUMBERS)}", "type": "tool", "name": piece.call.name,
                        "tool_call_id": piece.call.id, "content": piece.content,
                        "status": "error" if piece.is_error else "success",
                    })  # fmt: skip
                case Ask(actions):
                    self.asked = actions
        assert not words, "a message was begun and not ended"
        return "\n".join(told).strip()
