"""Where the scores can be downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.urls import reverse

from chat.agent.say import link, said
from chat.agent.toolbox import Answer, Caller, Tool, ToolError
from scoring.exports import NoFinishedRunError, finished_run


@dataclass(frozen=True, slots=True)
class Export:
    """The shortlist or all scores of the newest finished run."""

    what: Literal["shortlist", "scores"] | None = None
    kind: Literal["csv", "xlsx"] | None = None


def export_link(asked: Export, _: Caller) -> Answer:
    """The address of a file; downloading it is audited there."""
    try:
        run = finished_run()
    except NoFinishedRunError as exc:
        raise ToolError(said(exc)) from exc
    what, kind = asked.what or "shortlist", asked.kind or "xlsx"
    only = "&only=shortlist" if what == "shortlist" else ""
    path = reverse(f"scoring:export_{kind}")
    address = f"{settings.BASE_URL.rstrip('/')}{path}?run={run.pk}{only}"
    words = f"Download the {what} of run {run.pk} ({kind.upper()})"
    return Answer(link(words, address), [{"run": run.pk, "what": what, "address": address}])


EXPORT = Tool("export_link", "Give the link to download the shortlist or all scores as a file.",
              Export, export_link, action="scoring.export")  # fmt: skip
