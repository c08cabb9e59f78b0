"""How watching ends: well, badly, or because the person has seen enough."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from leadgen_project.client.failures import ClientError, Exit


@contextmanager
def goes_on(what: str, again: str) -> Iterator[None]:
    """Ctrl-C in the block ends the watching only, and says so."""
    try:
        yield
    except KeyboardInterrupt:
        raise ClientError(
            Exit.INTERRUPTED, f"{what} goes on at the server. See it again: {again}"
        ) from None


def ended_well(status: str, *, good: str, what: str) -> None:
    """Raise ``ClientError`` unless what was watched came to the end it was meant for."""
    if status != good:
        raise ClientError(Exit.ENDED_BADLY, f"{what} ended as {status.lower()}.")
