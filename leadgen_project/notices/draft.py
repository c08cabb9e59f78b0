"""A notice before it is known whether it was noted already."""

from __future__ import annotations

from typing import NamedTuple

from django.urls import reverse


class Draft(NamedTuple):
    key: str
    kind: str
    title: str
    text: str = ""
    page: str = ""


def page_of(name: str, *args: object) -> str:
    """The path of a page of the console."""
    return reverse(f"admin:{name}", args=args)
