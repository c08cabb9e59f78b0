"""How values of Odoo are shown."""

from __future__ import annotations

from typing import Any

from django import template

from odoo_sync.values import shown

register = template.Library()


@register.filter
def as_told(value: Any) -> str:
    """The letters that are sent for texts; words for what has none."""
    if isinstance(value, str):
        return value
    return shown(value)


@register.filter
def in_words(value: Any) -> str:
    """What a value says, without its markup."""
    return shown(value)
