"""Tell what a load did, in lines for a person."""

from __future__ import annotations

import time
from collections.abc import Iterator

from django.core.management.base import OutputWrapper

from acra.load import Report
from acra.models import RegisterImport

__all__ = ["account_lines", "progress"]

LINE_EVERY_SECONDS = 2.0


def account_lines(load: RegisterImport) -> Iterator[str]:
    """The account of a finished load; the first line adds up."""
    yield (
        f"{load.read:,} rows read = {load.new:,} new + {load.changed:,} changed "
        f"+ {load.unchanged:,} unchanged + {load.rejected:,} rejected"
    )
    if load.ceased:
        yield f"{load.ceased:,} of the changed have ceased."
    for title, kinds in (("rejected", load.rejections), ("kept, but odd", load.warnings)):
        for kind, found in kinds.items():
            example = f"  e.g. {found['examples'][0][:80]}" if found["examples"] else ""
            yield f"  {title}: {found['rows']:,} {kind}{example}"
    yield f"{sum(load.seconds.values()):.1f} s: " + ", ".join(
        f"{step} {seconds:.1f}" for step, seconds in load.seconds.items()
    )


def progress(out: OutputWrapper) -> Report:
    """Write a line when a step begins, and one every few seconds within it."""
    last_step, last_at = "", 0.0

    def write(step: str, done: int, total: int) -> None:
        nonlocal last_step, last_at
        at = time.monotonic()
        if step == last_step and at - last_at < LINE_EVERY_SECONDS:
            return
        last_step, last_at = step, at
        out.write(f"{step} {done * 100 // total} %" if total else step)

    return write
