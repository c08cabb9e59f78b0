"""Take over a ``config.json`` of the earlier program: what it would change, all mistakes, undo.

Its names are ours of ``updateConfig``; spellings with underscores and older words are understood
too. Settings live in the database from then on, the file is not read again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from leadgen_project.config import ConfigError, check, read_config, update_config
from leadgen_project.config_fields import ConfigSerializer
from tenants.models import AuditEvent

MOST_BYTES = 200_000
UPDATE = "tenants.config.update"
REASON = "Imported from"
# Older words, folded -> the name it has here.
NAMES = {
    "transactionlimit": "llmTransactionLimit", "transactionsperminute": "llmTransactionLimit",
    "llmlimit": "llmTransactionLimit", "timezones": "activeTimezones",
    "provider": "emailProvider", "numberofleads": "candidatesPerNight",
    "numleads": "candidatesPerNight", "leadstoharvest": "candidatesPerNight",
    "maxleads": "candidatesPerNight",
}  # fmt: skip
ELSEWHERE = {
    **dict.fromkeys(("city", "cities", "location"), "A city is chosen when a harvest starts."),
    **dict.fromkeys(("template", "emailtemplate", "templateid"),
                    "A template is chosen when a campaign starts."),
}  # fmt: skip
SECRET = re.compile(r"key|secret|password|passwd|token|credential", re.IGNORECASE)


class ConfigFileError(ValueError):
    """The file as a whole cannot be used; the text says why."""


@dataclass(slots=True)
class ConfigPreview:
    """What a file would change: name -> (now, then). Nothing is taken while there is a mistake."""

    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)  # name -> why
    mistakes: dict[str, str] = field(default_factory=dict)  # name -> what is wrong


def preview_config(text: str, *, is_admin: bool = False) -> ConfigPreview:
    """Read the file and compare it; changes nothing. Raises ``ConfigFileError``.

    The language model's limit is shared by all tenants: an owner may neither stop it nor go above
    ``LLM_CALLS_PER_MINUTE_MOST``, a platform admin may.
    """
    preview, wanted = ConfigPreview(), {}
    ours = {_folded(name): name for name in read_config()}
    for name, value in _read(text).items():
        known = ours.get(_folded(name)) or NAMES.get(_folded(name))
        if known is not None and known in wanted:
            preview.mistakes[name] = f"It stands here twice: {known} is there as well."
        elif known is not None:
            wanted[known] = value
        elif _folded(name) in ELSEWHERE:
            preview.left_out[name] = ELSEWHERE[_folded(name)]
        elif SECRET.search(name):
            preview.left_out[name] = (
                "Secrets are not imported: enter it under Vendors or Mailboxes."
            )
        else:
            preview.mistakes[name] = "There is no such setting. Remove it from the file."
    preview.mistakes |= _mistakes(wanted, is_admin=is_admin)
    now = read_config()
    for name, value in wanted.items():
        if now[name] == value:
            preview.unchanged.append(name)
        elif name not in preview.mistakes:
            preview.changes[name] = (now[name], value)
    return preview


def import_config(
    text: str, *, file_name: str, actor: str, is_admin: bool = False
) -> ConfigPreview:
    """Do what the preview says, all or nothing; a second time nothing changes.

    Raises ``ConfigFileError`` while the file has a mistake.
    """
    preview = preview_config(text, is_admin=is_admin)
    if preview.mistakes:
        raise ConfigFileError(
            "Nothing was imported. "
            + " ".join(f"{name}: {said}" for name, said in preview.mistakes.items())
        )
    wanted = {name: then for name, (_, then) in preview.changes.items()}
    update_config(wanted, actor=actor, reason=f"{REASON} {file_name[:200]}")
    return preview


def imports_of_config() -> list[AuditEvent]:
    """The last imports, newest first: their events hold what was before."""
    events = AuditEvent.objects.filter(action=UPDATE, reason__startswith=REASON)
    return list(events.order_by("-at", "-pk")[:20])


def undo_import(event: AuditEvent, *, actor: str) -> None:
    """Set back what an import changed; ``ConfigFileError`` where somebody changed it since."""
    now, after = read_config(), event.after or {}
    since = sorted(name for name in after if now.get(name) != after[name])
    if since:
        raise ConfigFileError(
            f"Changed since: {', '.join(since)}. Nothing was undone; set them by hand."
        )
    update_config(event.before or {}, actor=actor, reason=f"Undone: import of event {event.pk}")


def _read(text: str) -> dict[str, Any]:
    if len(text.encode()) > MOST_BYTES:
        raise ConfigFileError(f"The file is larger than {MOST_BYTES // 1000} kB.")
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as exc:
        raise ConfigFileError(f"This is no JSON: {exc}") from None
    if not isinstance(found, dict):
        raise ConfigFileError("The file must hold one object: {...}.")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{', '.join(twice)} stands there twice.")
    return dict(pairs)


def _mistakes(wanted: dict[str, Any], *, is_admin: bool) -> dict[str, str]:
    """All that is wrong with the values, by name."""
    given = ConfigSerializer(data=wanted)
    found: dict[str, str] = {}
    if not given.is_valid():
        found = {str(name): _flat(said) for name, said in given.errors.items()}
    for name in wanted.keys() - found.keys():
        try:
            check({name: wanted[name]})
        except ConfigError as exc:
            found[name] = str(exc)
    limit, most = wanted.get("llmTransactionLimit"), settings.LLM_CALLS_PER_MINUTE_MOST
    if isinstance(limit, int) and not is_admin and not 0 < limit <= most:
        said = f"All tenants share this limit; 1 to {most} here, more takes a platform admin."
        found["llmTransactionLimit"] = said
    return found


def _flat(said: Any) -> str:
    if isinstance(said, dict):
        return " ".join(f"{name}: {_flat(each)}" for name, each in said.items())
    if isinstance(said, list):
        return " ".join(_flat(each) for each in said)
    return str(said)


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
