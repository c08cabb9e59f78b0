"""Which mail templates there are: asked of a higher room, which says at the start how to ask it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MailTemplates:
    """``choices``: id and name of those in use. ``fault``: why an id cannot be, or empty."""

    choices: Callable[[], list[tuple[int, str]]]
    fault: Callable[[int], str]


_none = MailTemplates(choices=list, fault=lambda pk: f"There is no template {pk} here.")
_known: list[MailTemplates] = []


def use(templates: MailTemplates) -> None:
    """Ask ``templates`` from now on; called once, when the apps are loaded."""
    _known[:] = [templates]


def choices() -> list[tuple[int, str]]:
    """Id and name of each template that may be chosen."""
    return (_known or [_none])[0].choices()


def fault(template_id: int) -> str:
    """Why the template cannot be chosen, in a sentence; empty when it can."""
    return (_known or [_none])[0].fault(template_id)
