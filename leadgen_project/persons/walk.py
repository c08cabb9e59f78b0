"""Every row of this tenant that mentions somebody, in whatever table and column.

Text and JSON of all models of the tenant's schema, and of the shared tables whose rows a tenant may
change. Addresses and numbers are looked for everywhere, names in rows of the person's companies
and in rows that belong to no company, such as kept answers of vendors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from icp.models import Lead, PersonRequest
from leadgen_project.persons.identify import Person
from tenants.api_models import IdempotentCall, SavedView
from tenants.llm_models import LlmAnswer
from tenants.models import PipelineRun, TenantSettings

SHARED: tuple[type[models.Model], ...] = (
    LlmAnswer, IdempotentCall, SavedView, PipelineRun, TenantSettings,
)  # fmt: skip
# The register's own words for a company, which may be a person's name: not ours to change.
OF_THE_COMPANY = {("icp.lead", "name"), ("icp.lead", "source_ref"), ("icp.lead", "uen")}
FARTHEST = 3  # foreign keys between a row and its lead
AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Mention:
    """A row, and the texts of it in which the person stands, by field."""

    row: models.Model
    texts: dict[str, str]
    is_by_name: bool  # the row speaks of the person's company, or of no company at all

    @property
    def label(self) -> str:
        return self.row._meta.label_lower  # noqa: SLF001 -- Django's documented meta API


def mentions(person: Person) -> Iterator[Mention]:
    """All mentions, table by table. One statement a table, or two where leads have rows in it."""
    for model in all_models():
        fields = text_fields(model)
        if not fields:
            continue
        yield from _in_table(model, fields, person)


def all_models() -> list[type[models.Model]]:
    own = [model for config in apps.get_app_configs() if config.name in settings.TENANT_APPS
           for model in config.get_models() if model is not PersonRequest]  # fmt: skip
    return [*own, *SHARED]


@lru_cache
def text_fields(model: type[models.Model]) -> tuple[str, ...]:
    """Names of the columns that may hold words of or about people."""
    label = model._meta.label_lower  # noqa: SLF001 -- Django's documented meta API
    return tuple(
        field.name
        for field in model._meta.concrete_fields  # noqa: SLF001 -- as above
        if isinstance(field, models.CharField | models.TextField | models.JSONField)
        and not field.choices
        and not field.primary_key
        and not field.name.endswith("_hash")
        and (label, field.name) not in OF_THE_COMPANY
    )


@lru_cache
def way_to_lead(model: type[models.Model]) -> str | None:
    """The lookup from a row to its lead, by the fewest foreign keys; None when there is none."""
    if model is Lead:
        return "pk"
    waiting: list[tuple[type[models.Model], str]] = [(model, "")]
    for _ in range(FARTHEST):
        further = []
        for at, path in waiting:
            for field in at._meta.concrete_fields:  # noqa: SLF001 -- as above
                target = field.related_model
                if target is Lead:
                    return f"{path}{field.name}"
                if isinstance(target, type) and target._meta.app_label != "tenants":  # noqa: SLF001
                    further.append((target, f"{path}{field.name}__"))
        waiting = further
    return None


def _in_table(
    model: type[models.Model], fields: tuple[str, ...], person: Person
) -> Iterator[Mention]:
    anywhere, at_work = person.anywhere(), person.at_work()
    path = way_to_lead(model)
    theirs = Q(**{f"{path}__in": list(person.leads)}) if path and person.leads else Q(pk__in=[])
    seen: set[Any] = set()
    if at_work is not None and person.leads and path:
        for row in _rows(model, theirs):
            if texts := _texts(row, fields, at_work):
                seen.add(row.pk)
                yield Mention(row, texts, is_by_name=True)
    pattern = anywhere if path else at_work
    if pattern is not None:
        which = _maybe(fields, person, by_name=path is None)
        for row in _rows(model, which, cast=fields):
            if row.pk not in seen and (texts := _texts(row, fields, pattern)):
                yield Mention(row, texts, is_by_name=path is None)


def _rows(
    model: type[models.Model], which: Q, *, cast: tuple[str, ...] = ()
) -> Iterator[models.Model]:
    rows = model._default_manager.all()  # noqa: SLF001 -- as above
    for name in cast:
        rows = rows.alias(**{f"text_of_{name}": Cast(name, TextField())})
    blobs = [field.name for field in model._meta.concrete_fields  # noqa: SLF001 -- as above
             if isinstance(field, models.BinaryField)]  # fmt: skip
    yield from rows.filter(which).order_by("pk").defer(*blobs).iterator(chunk_size=AT_ONCE)


def _maybe(fields: tuple[str, ...], person: Person, *, by_name: bool) -> Q:
    """Rows worth a closer look: the database's test is coarser than the pattern."""
    found = Q(pk__in=[])
    for name in fields:
        for address in person.addresses:
            found |= Q(**{f"text_of_{name}__icontains": address})
            found |= Q(**{f"text_of_{name}__icontains": address.replace("@", "%40")})
        for number in person.numbers:
            last = number[-7:]  # the part nobody leaves out
            found |= Q(**{f"text_of_{name}__regex": "[^0-9]{0,3}".join(last)})
        for word in map(longest_word, person.names if by_name else ()):
            found |= Q(**{f"text_of_{name}__icontains": word})
    return found


def longest_word(name: str) -> str:
    return max(name.split(), key=len)


def as_text(value: Any) -> str:
    """A value as it is looked through: JSON where it is no text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _texts(row: models.Model, fields: tuple[str, ...], pattern: re.Pattern[str]) -> dict[str, str]:
    found = {}
    for name in fields:
        value = getattr(row, name)
        if value and pattern.search(text := as_text(value)):
            found[name] = text
    return found
