"""Which request or night the code runs for. Known to the log and the audit; imports nothing."""

from __future__ import annotations

from contextvars import ContextVar

# Set by the middleware for the length of a request.
request_id: ContextVar[str] = ContextVar("request_id", default="")
# Set by the task runner for the length of a task that belongs to a night.
run_id: ContextVar[int] = ContextVar("run_id", default=0)
