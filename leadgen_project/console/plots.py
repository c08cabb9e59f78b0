"""Columns per day as SVG, drawn on the server: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

WIDTH, HEIGHT = 640, 150  # of the drawing, without its labels
LEFT, BOTTOM = 64, 22
GAP = 0.25  # of a column


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of the plot; ``kind`` names its colour."""

    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(slots=True)
class Column:
    """A day: its parts, stacked, and what the pointer is told of it."""

    x: float
    width: float
    words: str
    bars: list[Bar] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plot:
    """Numbers of the template ``console/plot.html``."""

    title: str
    words: str  # for who cannot see it
    columns: list[Column]
    ticks: list[tuple[float, str]]  # height, label
    days: list[tuple[float, str, str]]  # place, label, anchor
    width: int = WIDTH + LEFT
    height: int = HEIGHT + BOTTOM
    left: int = LEFT
    base: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Series:
    """One number a day. ``kind`` names its colour, ``label`` stands in the words."""

    label: str
    kind: str
    values: Sequence[int]


def draw(
    title: str, *, days: Sequence[date], series: Sequence[Series], scale: int = 1, unit: str = ""
) -> Plot:
    """Stacked columns of ``series`` over ``days``. ``scale``: this much is one ``unit``."""
    totals = [sum(one.values[number] for one in series) for number in range(len(days))]
    top = _nice(max(totals, default=0) / scale) * scale
    step = WIDTH / max(len(days), 1)
    columns = []
    for number, day in enumerate(days):
        column = Column(
            x=_round(LEFT + number * step + step * GAP / 2),
            width=_round(step * (1 - GAP)),
            words=_words(day, number, series, totals[number], scale=scale, unit=unit),
        )
        _stack(column, [(one.kind, one.values[number]) for one in series], top=top)
        columns.append(column)
    whole = f"{title}, {_day(days[0])} to {_day(days[-1])}" if days else title
    return Plot(
        title=title,
        words=f"{whole}: {_amount(sum(totals), scale)} {unit} in all, at most"
        f" {_amount(max(totals, default=0), scale)} a day.",
        columns=columns,
        ticks=[(_round(HEIGHT * (1 - part)), _amount(top * part, scale))
               for part in (0, 0.5, 1)],
        days=_day_labels(days, step),
    )  # fmt: skip


def _stack(column: Column, parts: Sequence[tuple[str, int]], *, top: float) -> None:
    base = float(HEIGHT)
    for kind, value in parts:
        if not value:
            continue
        height = max(HEIGHT * value / top, 0.5)
        base -= height
        column.bars.append(Bar(column.x, _round(base), column.width, _round(height), kind))


def _day_labels(days: Sequence[date], step: float) -> list[tuple[float, str, str]]:
    if not days:
        return []
    places = [(0, "start"), (len(days) // 2, "middle"), (len(days) - 1, "end")]
    labels = []
    for number, anchor in places if len(days) > 2 else places[:1]:
        share = {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
        labels.append((_round(LEFT + (number + share) * step), _day(days[number]), anchor))
    return labels


def _nice(value: float) -> float:
    """The next round number at or above ``value``: 1, 2, 2.5 or 5 times a power of ten."""
    if value <= 0:
        return 1
    power = 10.0 ** (len(str(int(value))) - 1) if value >= 1 else 0.001
    while True:
        for factor in (1, 2, 2.5, 5):
            if value <= factor * power:
                return factor * power
        power *= 10


def _words(
    day: date, number: int, series: Sequence[Series], total: int, *, scale: int, unit: str
) -> str:
    parts = [f"{one.label} {_amount(one.values[number], scale)}"
             for one in series if one.values[number]]  # fmt: skip
    several = f" ({', '.join(parts)})" if len(parts) > 1 else ""
    return f"{_day(day)}: {_amount(total, scale)} {unit}{several}"


def _amount(value: float, scale: int) -> str:
    if scale == 1:
        return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
    amount = value / scale
    return f"{amount:,.2f}" if amount >= 0.01 or not amount else f"{amount:.4f}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _round(value: float) -> float:
    return round(value, 2)
