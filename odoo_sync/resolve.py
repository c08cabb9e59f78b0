"""Numbers in place of names: the country with the code SG, tags by name, made where missing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from odoo_sync.clients import gateway as calls
from odoo_sync.clients.gateway import Gateway
from odoo_sync.clients.trouble import OdooError, Trouble
from odoo_sync.mapping import MODELS, Fields, kind_of_field
from odoo_sync.values import NUMBERS, Link, Tags, Unresolved, Value


class Resolver:
    """Asks each name once. Lives as long as one turn."""

    def __init__(self, gateway: Gateway, *, module: str, fields: Fields) -> None:
        self._gateway, self._module, self._fields = gateway, module, fields
        self._known: dict[tuple[str, str], int] = {}

    def learn(self, values: Iterable[Mapping[str, Unresolved]]) -> None:
        """Look all names of ``values`` up: one request for each model, two where tags are made."""
        links: dict[tuple[str, str], set[str]] = {}
        tags: dict[str, set[str]] = {}
        for each in (value for of_record in values for value in of_record.values()):
            if isinstance(each, Link) and (each.model, each.text) not in self._known:
                links.setdefault((each.model, each.by), set()).add(each.text)
            elif isinstance(each, Tags):
                new = {name for name in each.names if (each.model, name) not in self._known}
                tags.setdefault(each.model, set()).update(new)
        for (model, by), texts in links.items():
            self._look_up(model, by, texts)
        for model, names in tags.items():
            if names:
                self._look_up(model, "name", names)
                self._make_tags(model, {one for one in names if (model, one) not in self._known})

    def numbers(self, kind: str, values: Mapping[str, Unresolved]) -> dict[str, Value]:
        """``values`` of one record with what was learned; what Odoo does not have is left out."""
        found: dict[str, Value] = {}
        for name, value in values.items():
            if isinstance(value, Link):
                number = self._known.get((value.model, value.text))
                if number:
                    found[name] = number
            elif isinstance(value, Tags):
                ids = [self._known.get((value.model, each)) for each in value.names]
                if known := sorted({each for each in ids if each}):
                    found[name] = known
            elif isinstance(value, str) and self._kind(kind, name) == "boolean":
                found[name] = value.lower() in ("1", "true", "yes")
            elif isinstance(value, str) and self._kind(kind, name) in NUMBERS:
                if value.lstrip("-").replace(".", "", 1).isdigit():
                    found[name] = float(value)
            else:
                found[name] = value
        return found

    def _kind(self, kind: str, name: str) -> str:
        return kind_of_field(self._fields, MODELS[kind], name)

    def _look_up(self, model: str, by: str, texts: set[str]) -> None:
        rows = calls.search(self._gateway, model, domain=[[by, "in", sorted(texts)]], fields=[by])
        for row in rows:
            self._known.setdefault((model, str(row[by])), int(row["id"]))

    def _make_tags(self, model: str, names: set[str]) -> None:
        """Names of tags are unique there; a key that may not make any leaves them out."""
        if not names:
            return
        rows = [[f"{self._module}.{_key(model, name)}", name] for name in sorted(names)]
        try:
            ids = calls.load(self._gateway, model, fields=["id", "name"], rows=rows)
        except OdooError as exc:
            if exc.trouble is Trouble.REFUSED:  # somebody was quicker
                self._look_up(model, "name", names)
            elif exc.trouble is not Trouble.RIGHT:
                raise
            return
        self._known |= {(model, name): number for (_, name), number in zip(rows, ids, strict=True)}


def _key(model: str, name: str) -> str:
    return f"tag_{hashlib.sha256(f'{model} {name}'.encode()).hexdigest()[:12]}"
