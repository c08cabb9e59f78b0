"""Why what somebody asks for in the chat is done: needed to stop something, as that is for good."""

from __future__ import annotations

from chat.agent.say import code
from chat.agent.toolbox import ToolError

UNSAID = "Said in the chat."  # in the audit, where no reason was needed and none was said


def must_say_why(to: str, reason: str | None, *, instead: str) -> None:
    """Raise ``ToolError`` when ``to`` is to stop for good without a ``reason``.

    ``instead``: what to write, as an example.
    """
    if to == "stop" and not reason:
        raise ToolError(f"Say why it is stopped, as there is no way back: {code(instead)}")
