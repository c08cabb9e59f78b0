"""Filters of a list kept under a name, by one person for themselves or for the team."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from rest_framework.exceptions import ValidationError

from tenants import audit
from tenants.api_models import SavedView
from tenants.context import current_schema
from tenants.models import User
from tenants.row_number import row_number

Person = AbstractBaseUser | AnonymousUser
MOST_PER_PERSON = 100


class SavedViewError(ValueError):
    """The view cannot be saved or changed as asked; the text says why."""


def views_for(user: Person, *, page: str = "") -> QuerySet[SavedView]:
    """The caller's own views and those of the team, of the current tenant."""
    seen = SavedView.objects.filter(Q(owner_id=user.pk) | Q(is_team=True))
    return seen.filter(page=page) if page else seen


def stored_query(given: str, *, page: str, user: Person) -> dict[str, Any]:
    """The parameters behind ``?view=ID``; none without it. Raises ``ValidationError``."""
    if not given:
        return {}
    number = row_number(given)
    found = views_for(user, page=page).filter(pk=number).first() if page and number else None
    if found is None:
        raise ValidationError({"view": [f"There is no saved view {given[:40]!r} of this list."]})
    return dict(found.query)


def save_view(
    user: User, *, page: str, name: str, query: dict[str, Any], is_team: bool
) -> SavedView:
    """Keep ``query`` under ``name``. Raises ``SavedViewError`` when the name is taken."""
    if SavedView.objects.filter(owner_id=user.pk).count() >= MOST_PER_PERSON:
        raise SavedViewError(f"You have {MOST_PER_PERSON} saved views. Remove one first.")
    with _name_free(name), transaction.atomic():
        view = SavedView.objects.create(
            tenant_id=current_schema(), page=page, name=name, query=query, owner_id=user.pk,
            is_team=is_team,
        )  # fmt: skip
        _record("add", view, actor=user.get_username(), after=_plain(view))
    return view


def change_view(view: SavedView, *, user: User, **changes: Any) -> SavedView:
    """Rename, share or re-fill one's own view. Raises ``SavedViewError``."""
    _must_own(view, user)
    before = _plain(view)
    for field, value in changes.items():
        setattr(view, field, value)
    with _name_free(view.name), transaction.atomic():
        view.save(update_fields=list(changes))
        old, new = audit.changes(before, _plain(view))
        if new:
            _record("change", view, actor=user.get_username(), before=old, after=new)
    return view


def remove_view(view: SavedView, *, user: User) -> None:
    _must_own(view, user)
    with transaction.atomic():
        _record("delete", view, actor=user.get_username(), before=_plain(view))
        view.delete()


def _must_own(view: SavedView, user: User) -> None:
    if view.owner_id != user.pk:
        raise SavedViewError("Only its owner changes a saved view. Save one of your own.")


@contextmanager
def _name_free(name: str) -> Iterator[None]:
    """Turn the database's refusal of a second view of one name into a sentence."""
    try:
        yield
    except IntegrityError as exc:
        raise SavedViewError(f"You have a view named {name!r} there already.") from exc


def _plain(view: SavedView) -> dict[str, Any]:
    return {"page": view.page, "name": view.name, "query": view.query, "is_team": view.is_team}


def _record(verb: str, view: SavedView, **what: Any) -> None:
    audit.record(f"tenants.savedview.{verb}", subject=f"saved view {view.pk}", **what)
