"""What a harvest would ask and cost, before it is started. Asks nobody outside."""

from __future__ import annotations

from datetime import UTC, datetime

from enrichment.harvest.ask_for import FROM_FILES
from enrichment.harvest_models import HarvestSource, Listing

Kind = HarvestSource.Kind
A_PAGE = 20  # entries of a list page, guessed


def foresee(source: HarvestSource, *, city: str, wanted: int, now: datetime) -> list[str]:
    """Volume, time and cost as sentences. Two statements."""
    told = [f"{source.name} is read; {source.attribution or source.licence}."]
    if source.kind in FROM_FILES:
        told.append("A file is read here; nobody is asked.")
    else:
        told.append(_volume(source, wanted=wanted, now=now))
    known = Listing.objects.filter(source=source, request__city__iexact=city)
    met = known.count()
    if met:
        left = known.filter(outcome=Listing.Outcome.FOUND).count()
        told.append(f"Earlier harvests met {met:,} entries there; none is read twice, and {left:,}"
                    " were found and not needed.")  # fmt: skip
    told.append(
        f"Reading costs nothing. Up to {wanted:,} new leads come in; the night then works on them"
        " within its own limits and budgets."
    )
    return told


def _volume(source: HarvestSource, *, wanted: int, now: datetime) -> str:
    is_today = source.asked_on == now.astimezone(UTC).date()
    left = max(source.daily_cap - (source.asked_count if is_today else 0), 0)
    requests = wanted + wanted // A_PAGE + 1 if source.kind == Kind.HTML_LIST else 2
    minutes = requests * source.min_interval_s / 60
    days = "" if requests <= left else " It goes on for more than a day."
    gap, cap = f"{source.min_interval_s:g} s", f"{source.daily_cap:,}"
    return (f"About {requests:,} requests, {gap} apart: at least {minutes:.0f} min."
            f" {left:,} of {cap} are left today.{days}")  # fmt: skip
