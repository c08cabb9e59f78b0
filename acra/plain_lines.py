"""Part a block of a register file into lines that are rows as they stand, and all others.

In a plain line nothing is quoted, so that each comma parts two values: it becomes a packed row
(``acra.normalise``) by exchanging the commas and cutting the tail. Nine of ten lines are plain.
"""

from __future__ import annotations

import io

import polars as pl

from acra.normalise import SEPARATOR
from acra.uen import PATTERN
from acra.values import copy_text

__all__ = ["LONGEST_LINE", "escaped", "pack_all", "part"]

LONGEST_LINE = 64 * 1024  # characters; the longest real one has about 1,000

_NA = f"{SEPARATOR}na"
_TAILS = (25, 16, 8, 4, 2, 1)  # of ``na``: most rows end with 25; together they make up any number
_TO_SEPARATORS = bytes.maketrans(b",", SEPARATOR.encode())


def part(block: bytes, *, columns: int) -> tuple[pl.Series, list[str]]:
    """The plain lines of a block (UTF-8, lines parted by ``\\n``), packed; and the other lines."""
    if SEPARATOR.encode() in block:
        return pl.Series(dtype=pl.String), block.decode().split("\n")
    lines = pl.read_lines(block.translate(_TO_SEPARATORS), name="line")
    packed, is_row = pack_all(lines, columns=columns)
    is_plain = is_row & ~packed.str.contains('"', literal=True)
    others = "\n".join(lines["line"].filter(~is_plain).to_list()).replace(SEPARATOR, ",")
    return packed.filter(is_plain), others.split("\n")


def pack_all(lines: pl.DataFrame, *, columns: int) -> tuple[pl.Series, pl.Series]:
    """Each ``line`` (values parted by ``SEPARATOR``) without its tail; and whether it is a row."""
    packed = pl.col("line")
    for count in _TAILS:
        packed = packed.str.strip_suffix(_NA * count)
    both = lines.with_columns(packed=packed)
    size = pl.col("line").str.len_bytes()
    cut = (size - pl.col("packed").str.len_bytes()) // len(_NA)
    is_row = both.select(
        (pl.col("packed").str.count_matches(SEPARATOR, literal=True) + cut == columns - 1)
        & (size <= LONGEST_LINE)
        & pl.col("packed").str.contains(f"^(?:{PATTERN})(?:{SEPARATOR}|$)")
    )
    return both["packed"], is_row.to_series()


def escaped(rows: pl.Series) -> bytes:
    """Packed rows as COPY wants them."""
    places = rows.str.contains(r"[\\\t\n\r]").arg_true()
    if len(places):
        rows = rows.scatter(places, pl.Series(map(copy_text, rows.gather(places).to_list())))
    out = io.BytesIO()
    rows.to_frame().write_csv(out, quote_style="never", include_header=False)
    return out.getvalue()
