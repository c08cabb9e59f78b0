"""What a person sees, and what a script reads.

For people: tables and a live display when it is a terminal, plain lines when it is not. For
scripts: ``--json``, one document, or one a line for what is watched. Texts of the server may come
from strangers' web pages; nothing in them reaches the terminal as a command.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

Status = dict[str, Any]
TO_BLANK = dict.fromkeys((*range(32), *range(127, 160)), " ")
# Characters that turn the direction of writing, or show nothing.
TO_BLANK |= dict.fromkeys((*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def plain(value: Any) -> str:
    """``value`` in one line, without characters a terminal would obey."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(plain(each) for each in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{plain(key)} {plain(each)}" for key, each in value.items())
    return str(value).translate(TO_BLANK).strip()


class Show:
    """Writes results to standard output and everything else to standard error."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._err = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)

    @property
    def is_live(self) -> bool:
        return self._out.is_terminal and not self.as_json and not self._out.is_dumb_terminal

    def json(self, value: Any) -> None:
        click.echo(json.dumps(value, ensure_ascii=not _is_utf8(sys.stdout)))

    def say(self, text: str) -> None:
        """A sentence for the person; scripts do not get it."""
        if not self.as_json:
            self._out.print(Text(plain(text)))

    def aside(self, text: str) -> None:
        """A sentence beside the result, on standard error."""
        self._err.print(Text(plain(text)))

    def result(self, value: Any, text: str) -> None:
        """The outcome of a command: the whole as JSON, or a sentence."""
        if self.as_json:
            self.json(value)
        else:
            self.say(text)

    def rows(self, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
        """``columns``: key of the row -> heading. With ``--json`` whole rows, as a list."""
        found = list(rows)
        if self.as_json:
            self.json(found)
            return
        if not found:
            self.aside("Nothing there.")
            return
        texts = [[plain(row.get(key)) for key in columns] for row in found]
        if not self._out.is_terminal:
            for line in [list(columns.values()), *texts]:
                click.echo("\t".join(line))
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in columns.values():
            table.add_column(heading, overflow="fold")
        for line in texts:
            table.add_row(*map(Text, line))
        self._out.print(table, soft_wrap=False)

    def facts(self, value: Mapping[str, Any], names: Mapping[str, str] | None = None) -> None:
        """One thing: name and value a line. ``names``: key -> what it is called here."""
        if self.as_json:
            self.json(value)
            return
        called = names or {key: key for key in value}
        shown = {name: plain(value.get(key)) for key, name in called.items()}
        width = max(map(len, shown), default=0)
        for name, text in shown.items():
            if text:
                self._out.print(Text(f"{name:{width}}  {text}"))

    def watch(
        self,
        statuses: Iterable[Status],
        *,
        line: Callable[[Status], str],
        picture: Callable[[Status], RenderableType],
    ) -> Status:
        """Show each status as it comes and return the last.

        A terminal gets ``picture``, redrawn in place; a file a ``line`` when the line changes;
        ``--json`` one status a line.
        """
        last: Status = {}
        if self.is_live:
            with Live(console=self._out, auto_refresh=False, vertical_overflow="visible") as live:
                for last in statuses:
                    live.update(picture(last), refresh=True)
            return last
        before = ""
        for last in statuses:
            if self.as_json:
                self.json(last)
            elif (text := plain(line(last))) != before:
                click.echo(text)
                before = text
            sys.stdout.flush()
        return last


def bar(percent: float, words: str) -> RenderableType:
    """A bar and, beside it, how far it is."""
    grid = Table.grid(padding=(0, 1))
    grid.add_row(ProgressBar(total=100, completed=percent, width=40), Text(plain(words)))
    return grid


def block(title: str, *parts: RenderableType) -> RenderableType:
    return Group(Text(plain(title), style="bold"), *parts)


def columns(rows: Iterable[Iterable[Any]]) -> RenderableType:
    """Words on the left, numbers on the right."""
    grid = Table.grid(padding=(0, 2))
    for row in rows:
        grid.add_row(*(Text(plain(each)) for each in row))
    return grid


def _is_utf8(stream: Any) -> bool:
    return str(getattr(stream, "encoding", "") or "").lower().replace("-", "") == "utf8"
