"""Pieces of an answer: words, calls with what came of them, a question to the person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chat.agent.toolbox import AmbiguousError, Answer, ToolError
from chat.pieces import Action, Ask, Done, Piece, ToolAnswer, ToolCall, Words


def say(words: str) -> Iterator[Piece]:
    """One message of words alone."""
    yield Words(words)
    yield Done()


def answer_calls(results: Sequence[tuple[ToolCall, Answer | ToolError]]) -> Iterator[Piece]:
    """The calls, in the message being made if there is one; then what came of each."""
    for call, _ in results:
        yield call
    yield Done()
    for call, result in results:
        if isinstance(result, Answer):
            yield ToolAnswer(call, result.content)
        elif isinstance(result, AmbiguousError):
            yield ToolAnswer(call, Answer("", result.rows).content)
        else:
            yield ToolAnswer(call, str(result), is_error=True)


def ask_people(actions: Sequence[Action], *, gap: str = "") -> Iterator[Piece]:
    """All calls, in the message being made if there is one; then one question about them.

    The question is said in words too, after ``gap``: not every client shows what stands beside a
    button, and nobody may say yes without having read how many and whom. The run ends here.
    """
    yield Words(gap + "\n\n".join(action.description for action in actions))
    for action in actions:
        yield action.call
    yield Done()
    yield Ask(tuple(actions))
