"""What is written to the log: with request, run and tenant, without people and secrets.

One line per record; ``LOG_FORMAT=json`` makes it JSON. Addresses, numbers and keys are masked in
everything that is written, tracebacks included, whoever wrote it.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from tenants import trace

MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"([^\W_])[\w.+'%-]*(?:@|%40)([^\W_])[\w-]*(?:\.[\w-]+)+"), r"\1***@\2***"),
    (re.compile(r"(?<![\w])\+\d[\d ()/.-]{5,}\d"), "+***"),
    (re.compile(r"\b(sk-|lg_|tvly-|eyJ)[\w.~+/=-]{8,}"), r"\1***"),
    (re.compile(r"(?i)\b(bearer|basic) +[\w.~+/=-]{8,}"), r"\1 ***"),
    (
        re.compile(r"(?i)\b([\w-]*(?:api_?key|token|secret|password|passwd))(['\"]?\s*[=:]\s*)"
                   r"['\"]?[^\s'\"&,;)}]+"),
        r"\1\2***",
    ),
    (re.compile(r"(/u/[a-z0-9_]+/)[\w-]+"), r"\1***"),  # a recipient's way out
)  # fmt: skip


def mask(text: str) -> str:
    """``text`` without addresses, telephone numbers, keys and tokens."""
    for pattern, instead in MASKS:
        text = pattern.sub(instead, text)
    return text


def _context() -> dict[str, Any]:
    """Where the record comes from, as far as it is known."""
    found: dict[str, Any] = {}
    if request_id := trace.request_id.get():
        found["request_id"] = request_id
    if run_id := trace.run_id.get():
        found["run_id"] = run_id
    schema = getattr(connection, "schema_name", "public")  # tenants.context needs loaded apps
    if schema != "public":
        found["tenant"] = schema
    return found


class LineFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        context = " ".join(f"{name}={value}" for name, value in _context().items())
        text = super().format(record)
        head, newline, rest = text.partition("\n")
        return mask(f"{head} [{context}]{newline}{rest}" if context else text)


class JSONFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_context(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps({key: _masked(value) for key, value in entry.items()}, default=str)


def _masked(value: Any) -> Any:
    return mask(value) if isinstance(value, str) else value
