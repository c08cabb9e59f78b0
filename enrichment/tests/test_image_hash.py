"""One picture has one hash however it is stored; what is no picture has none."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from enrichment.listings.image_hash import NEAR_BITS, bits_apart, image_hash, read_hash


def shop_window(*, seed: int = 1, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A made-up photograph: patches of differing light, the same for the same seed."""
    picture = Image.new("RGB", (64, 48))
    draw = ImageDraw.Draw(picture)
    for step in range(60):
        at = (step * 7919 * seed) % 64, (step * 104729 + seed * 31) % 48
        tone = (step * 53 * seed + 17) % 256
        draw.ellipse([at[0] - 9, at[1] - 7, at[0] + 9, at[1] + 7], fill=(tone, tone, 255 - tone))
    return picture.resize(size, Image.Resampling.BICUBIC)


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def test_the_same_picture_scaled_and_saved_anew_is_near():
    original = image_hash(saved(shop_window()))

    for copy in (
        saved(shop_window(), "JPEG", quality=40),
        saved(shop_window().resize((200, 150)), "WEBP"),
        saved(shop_window().resize((1280, 960)), "JPEG", quality=85),
        saved(shop_window().quantize(64), "GIF"),
    ):
        assert bits_apart(original, image_hash(copy)) <= NEAR_BITS


def test_other_pictures_are_far():
    hashes = [image_hash(saved(shop_window(seed=seed))) for seed in range(1, 9)]

    apart = [bits_apart(one, other) for i, one in enumerate(hashes) for other in hashes[:i]]

    assert min(apart) > NEAR_BITS


@pytest.mark.parametrize("content", [
    b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\xff\xd8\xff" + b"x" * 500,
    saved(Image.new("RGB", (300, 300), "navy")),
    saved(shop_window(), "JPEG")[:900],
    b"\0" * 10_000_001,
])  # fmt: skip
def test_what_is_no_picture_or_says_nothing_has_no_hash(content):
    assert image_hash(content) == ""


def bomb(side: int) -> bytes:
    """A small PNG that says to be ``side`` x ``side`` points large."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(
            ">I", zlib.crc32(name + data))  # fmt: skip

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000))


@pytest.mark.parametrize("side", [7_000, 12_000, 60_000])
def test_a_bomb_is_not_unpacked(side):
    assert image_hash(bomb(side)) == ""


def test_what_shines_through_is_white():
    mark = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    ImageDraw.Draw(mark).rectangle([40, 40, 150, 160], fill=(20, 20, 20, 255))
    on_white = Image.new("RGB", mark.size, "white")
    on_white.paste(mark, mask=mark.split()[3])

    assert bits_apart(image_hash(saved(mark)), image_hash(saved(on_white))) == 0


@given(st.binary(max_size=300))
def test_no_bytes_break_it(content):
    assert image_hash(b"\xff\xd8\xff\xe0" + content) == ""
    assert image_hash(b"\x89PNG\r\n\x1a\n" + content) == ""


@pytest.mark.parametrize(("written", "kept"), [
    ("00ff00ff00ff00ff", "00ff00ff00ff00ff"), (" 0x00FF00FF00FF00FF ", "00ff00ff00ff00ff"),
    ("00ff", None), ("", None), ("zzff00ff00ff00ff", None),
])  # fmt: skip
def test_a_hash_is_read_in_one_spelling(written, kept):
    assert read_hash(written) == kept
