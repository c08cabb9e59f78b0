"""Write down who changed what. Called by the actions themselves, not by signals."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.utils import timezone

from tenants.context import connection, current_schema, is_public
from tenants.models import AuditEvent
from tenants.trace import request_id

__all__ = ["changes", "record", "request_id"]


def record(
    action: str,
    *,
    actor: str,
    subject: str,
    before: Any = None,
    after: Any = None,
    reason: str = "",
) -> None:
    """Add one audit event of the current tenant, or of the platform outside one.

    ``before`` and ``after`` are JSON values: of a change the changed fields, of a new thing all of
    them. No secret and no page text goes in. Written in the caller's transaction, so that it
    stands exactly when the change does.
    """
    AuditEvent.objects.create(
        tenant_id=None if is_public() else current_schema(),
        actor=actor[:150],
        action=action,
        subject=subject[:200],
        before=before,
        after=after,
        reason=reason[:500],
        request_id=request_id.get(),
    )


_ADD_MANY = """
INSERT INTO tenants_auditevent
    (tenant_id, at, actor, action, subject, before, after, reason, request_id)
SELECT %s, %s, %s, %s, n.subject, n.before::jsonb, n.after::jsonb, %s, %s
FROM unnest(%s::text[], %s::text[], %s::text[]) AS n(subject, before, after)
"""


def record_many(
    action: str, *, actor: str, changes: Iterable[tuple[str, Any, Any]], reason: str = ""
) -> None:
    """An event for each of ``changes`` (subject, before, after), by one statement."""
    rows = [(subject[:200], json.dumps(old), json.dumps(new)) for subject, old, new in changes]
    tenant = None if is_public() else current_schema()
    who = [tenant, timezone.now(), actor[:150], action, reason[:500], request_id.get()]
    with connection.cursor() as cursor:
        cursor.execute(_ADD_MANY, [*who, *([row[at] for row in rows] for at in range(3))])


def changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ, as two dictionaries for ``record``."""
    keys = [key for key in after if before.get(key) != after[key]]
    return {key: before.get(key) for key in keys}, {key: after[key] for key in keys}
