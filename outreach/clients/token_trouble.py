"""A mailbox's access token cannot be had. Raised before a provider is asked: nothing was sent."""

from __future__ import annotations


class TokenTroubleError(Exception):
    """``needs_sign_in``: nothing goes out until a person signs in; else it passes by itself."""

    def __init__(
        self, sentence: str, *, code: str, needs_sign_in: bool, retry_after: float | None = None
    ) -> None:
        super().__init__(sentence)
        self.code, self.needs_sign_in, self.retry_after = code, needs_sign_in, retry_after
