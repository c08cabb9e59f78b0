"""An Odoo asked again at once where that is harmless: a question that got no answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from odoo_sync.clients.gateway import Gateway
from odoo_sync.clients.trouble import OdooError

PAUSES = (0.2, 1.0)  # seconds before the second and the third asking
SLOW_SECONDS = 5.0  # who took so long to fail is not asked again at once
QUESTIONS = ("search_read", "fields_get", "has_access", "check_access_rights",
             "check_object_reference")  # fmt: skip


@dataclass(slots=True)
class Patient:
    """A gateway that repeats questions, never writes: after those it is asked what came of them."""

    inner: Gateway
    version: str = ""
    api: str = ""

    def call(
        self, model: str, method: str, *, ids: Sequence[int] | None = None, **named: Any
    ) -> Any:
        for pause in PAUSES if method in QUESTIONS else ():
            began = time.monotonic()
            try:
                return self.inner.call(model, method, ids=ids, **named)
            except OdooError as exc:
                if not exc.retryable or time.monotonic() - began > SLOW_SECONDS:
                    raise
            time.sleep(pause)
        return self.inner.call(model, method, ids=ids, **named)

    def close(self) -> None:
        self.inner.close()
