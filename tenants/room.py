"""Room on the disk: how much there is, and whether a failure comes from there being none."""

from __future__ import annotations

import errno
import shutil
from dataclasses import dataclass
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import DatabaseError

MEGABYTE = 1024**2
FULL_BYTES = 16 * MEGABYTE  # the database takes room for its log in pieces of this size
SHORT_BYTES = 200 * MEGABYTE
NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


class NoRoomError(OSError):
    """The disk is full; the text says which, how much room there is, and what to do."""


@dataclass(frozen=True, slots=True)
class Room:
    """What is free on the disk below ``place``."""

    place: Path
    free_bytes: int
    total_bytes: int

    @property
    def is_full(self) -> bool:
        return self.free_bytes < FULL_BYTES

    @property
    def is_short(self) -> bool:
        """An operator should make room before the next night."""
        return self.free_bytes < SHORT_BYTES

    def __str__(self) -> str:
        free, total = (size // MEGABYTE for size in (self.free_bytes, self.total_bytes))
        return f"{free:,} of {total:,} MB are free at {self.place}"


def room_here() -> Room:
    """The scarcer of the disks for files and, when it is the embedded one, for the database."""
    places = [settings.DATA_DIR]
    if not settings.DATABASE_URL:
        places.append((settings.DATA_DIR / "postgres").resolve())
    rooms = []
    for place in places:
        if place.exists():
            usage = shutil.disk_usage(place)
            rooms.append(Room(place, usage.free, usage.total))
    return min(rooms, key=lambda room: room.free_bytes)


def is_full(error: BaseException) -> bool:
    """Whether ``error`` is a full disk's doing, ours or the database server's.

    A database that finds no room for its log ends; its clients only see that it is gone.
    """
    if isinstance(error, OSError):
        return error.errno in NO_ROOM or isinstance(error, NoRoomError)
    if isinstance(error, psycopg.errors.DiskFull) or isinstance(
        error.__cause__, psycopg.errors.DiskFull
    ):
        return True
    is_of_database = isinstance(error, (DatabaseError, psycopg.Error))
    return is_of_database and not settings.DATABASE_URL and room_here().is_full


def what_is_full(error: BaseException) -> str:
    """Which disk is full and how much room there is, for an operator: a sentence or two."""
    said = str(error).partition("\n")[0]
    room = room_here()
    if room.is_short:
        return f"The disk is full ({said}): {room}."
    if isinstance(error, OSError):
        return f"The disk is full ({said})."
    return f"The disk of the database server is full ({said})."
