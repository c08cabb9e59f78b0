"""How a command ends: exit codes that scripts may rely on, and what is said when it goes wrong."""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """Exit codes. They are promised in docs/client.md; none changes its meaning."""

    DONE = 0
    REFUSED = 1  # the server understood and said no
    WRONG_USAGE = 2
    NOT_SIGNED_IN = 3
    OUT_OF_REACH = 4  # no answer, or none that makes sense
    ENDED_BADLY = 5  # what was watched failed or was ended by somebody
    INTERRUPTED = 130


class ClientError(Exception):
    """A command cannot go on. ``detail`` is what the server said, if it said anything."""

    def __init__(self, code: Exit, text: str, *, detail: dict[str, Any] | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.detail = detail or {}

    def as_json(self) -> dict[str, Any]:
        told = {"status", "errors", "request_id"}
        known = {key: value for key, value in self.detail.items() if key in told}
        return {"error": str(self), "exit_code": int(self.code), **known}


class LostError(ClientError):
    """The connection broke where it may be tried again."""

    def __init__(self, text: str, *, detail: dict[str, Any] | None = None) -> None:
        super().__init__(Exit.OUT_OF_REACH, text, detail=detail)
