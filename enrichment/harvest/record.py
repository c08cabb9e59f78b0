"""The neutral record: one business as a source lists it, whatever the source. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

_APART: Final = frozenset({"raw"})


class RecordError(ValueError):
    """What was kept is no record; the sentence names the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One entry of a source, nothing normalised: phones, addresses and sites as they stand there.

    ``source`` and ``source_id`` name it for ever. ``category`` is ours, ``source_category`` the
    source's word for it. ``confidence`` is the source's own, 0 to 1. ``body`` is the text of a
    post, to be quoted. ``raw`` is the untouched object; it is kept beside ``as_json``
    (``Listing.raw``), not in it.
    """

    source: str  # overpass, overture, csv, html
    source_id: str
    source_url: str
    retrieved_at: datetime  # aware, UTC
    name: str
    category: str
    licence: str = ""
    attribution: str = ""
    source_category: str = ""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    websites: tuple[str, ...] = ()
    socials: tuple[str, ...] = ()
    street: str = ""
    housenumber: str = ""
    postcode: str = ""
    city: str = ""
    region: str = ""
    country: str = ""  # ISO 3166 alpha-2, in which national phone numbers are read
    lat: float | None = None
    lon: float | None = None
    images: tuple[str, ...] = ()  # addresses; of web pages the first only
    opening_hours: str = ""
    confidence: float | None = None
    posted_at: str = ""  # as the source writes it
    body: str = ""
    raw: str = ""

    def as_json(self) -> dict[str, Any]:
        """All but ``raw`` as JSON values; ``from_json`` reads it back to an equal record."""
        kept = {each.name: getattr(self, each.name) for each in fields(self)
                if each.name not in _APART}  # fmt: skip
        return {
            name: list(value) if isinstance(value, tuple)
            else value.isoformat() if isinstance(value, datetime) else value
            for name, value in kept.items()
        }  # fmt: skip

    @classmethod
    def from_json(cls, kept: Mapping[str, Any], *, raw: str = "") -> Record:
        """The record ``as_json`` made; names it does not know are passed by.

        Raises ``RecordError`` when a needed field is missing or the date is none.
        """
        known = {each.name for each in fields(cls)} - _APART
        values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value
                  for name, value in kept.items() if name in known}  # fmt: skip
        try:
            values["retrieved_at"] = datetime.fromisoformat(str(values.get("retrieved_at", "")))
            return cls(**values, raw=raw)
        except (TypeError, ValueError) as exc:
            raise RecordError(f"The listing's record cannot be read: {exc}") from exc
