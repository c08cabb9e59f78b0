"""Why a request of a chat client is refused. The text is for the person; ``chat.api`` adds how."""

from __future__ import annotations


class RefusalError(Exception):
    """Base of all. Clients repeat a request unless the status is one of a list; see the classes."""

    status = 400


class NotThereError(RefusalError):
    """There is no such thing, or it is somebody else's."""

    status = 404

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class BusyError(RefusalError):
    """The state of the thread or run does not allow it now."""

    status = 409


class UnusableError(RefusalError):
    """What was sent cannot be read, or means nothing here."""

    status = 422
