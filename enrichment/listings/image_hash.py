"""A picture as 64 bits that stay nearly the same when it is scaled or saved anew. Pure.

Each bit says whether one point of a 9 x 8 grey copy is lighter than its right neighbour (a
"difference hash"). The bytes are read once and never kept.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Final

from PIL import Image, UnidentifiedImageError

MOST_BYTES: Final = 10_000_000
MOST_PIXELS: Final = 40_000_000  # 120 MB as RGB; more is a bomb, not a shop window
NEAR_BITS: Final = 5  # contracts/harvest-sources.md section 5; unmeasured
LEAST_CONTRAST: Final = 8  # of 255: a plain area is like every other
FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP", "BMP")
_WIDTH, _HEIGHT = 9, 8
_HASH = re.compile(r"[0-9a-f]{16}")


def image_hash(content: bytes) -> str:
    """16 hex digits; ``""`` for what is no picture, too large, broken, or of one colour.

    Takes milliseconds, and memory by ``MOST_PIXELS`` at most: the size is read from the head of
    the file before anything is unpacked.
    """
    if len(content) > MOST_BYTES:
        return ""
    try:
        points = _grey_copy(content)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, MemoryError,
            Image.DecompressionBombError, Image.DecompressionBombWarning):  # fmt: skip
        return ""  # whatever a stranger put there, it is no picture to compare
    if not points or max(points) - min(points) < LEAST_CONTRAST:
        return ""
    bits = 0
    for row in range(_HEIGHT):
        for place in range(row * _WIDTH, row * _WIDTH + _WIDTH - 1):
            bits = bits << 1 | (points[place] > points[place + 1])
    return f"{bits:016x}"


def read_hash(text: str) -> str | None:
    """The hash as it is kept, from whatever case or prefix it was written in; ``None`` for none."""
    plain = text.strip().lower().removeprefix("0x")
    return plain if _HASH.fullmatch(plain) else None


def bits_apart(one: str, other: str) -> int:
    """In how many of 64 bits two hashes differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _grey_copy(content: bytes) -> bytes:
    with Image.open(BytesIO(content), formats=FORMATS) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            return b""
        picture.draft("L", (_WIDTH * 8, _HEIGHT * 8))  # JPEG: unpacked small, if it can be
        small = picture.convert("RGBA") if picture.has_transparency_data else picture.convert("L")
        if small.mode == "RGBA":  # what shows through is the page, and pages are white
            small = Image.alpha_composite(Image.new("RGBA", small.size, "white"), small)
        grey = small.convert("L").resize((_WIDTH, _HEIGHT), Image.Resampling.BOX)
        return grey.tobytes()
