"""What other apps show on the page of a lead: each registers its panels, this app only places them.

A panel is a function of the lead that returns a template and its context, or ``None`` when it has
nothing to say. Register in ``AppConfig.ready``; import nothing heavy there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from icp.models import Lead

Content = tuple[str, dict[str, Any]]
PanelFunction = Callable[[Lead], "Content | None"]


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    position: int
    is_wide: bool  # over the whole page, else in the narrow column beside the facts
    function: PanelFunction


PANELS: list[Panel] = []


def register_panel(
    function: PanelFunction, *, title: str, position: int = 50, is_wide: bool = True
) -> None:
    """Add a panel; low ``position`` first. Registering a function twice changes nothing."""
    if all(panel.function is not function for panel in PANELS):
        PANELS.append(Panel(title, position, is_wide, function))


def panels_of(lead: Lead) -> list[dict[str, Any]]:
    """Title, template, context and width of each panel that has something to say."""
    shown = []
    for panel in sorted(PANELS, key=lambda panel: (panel.position, panel.title)):
        content = panel.function(lead)
        if content is not None:
            template, context = content
            shown.append({"title": panel.title, "template": template, "context": context,
                          "is_wide": panel.is_wide})  # fmt: skip
    return shown
