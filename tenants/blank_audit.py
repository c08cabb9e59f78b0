"""Blank somebody's address or number in the audit, when they are erased. The one exception to it.

Events are only ever added, and no role of the running product can change one; the law's right to
erasure goes further. So the tables' owner replaces the very words, and a new event says of which
events, how many, and on whose request. Nothing else about an event can change here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from django.db import transaction

from tenants import audit
from tenants.context import connection, current_schema
from tenants.isolation import as_owner

_READ = """
SELECT id, subject, reason, coalesce(before::text, ''), coalesce(after::text, '')
FROM public.tenants_auditevent WHERE tenant_id = %s AND id = ANY(%s) FOR UPDATE
"""
_WRITE = """
UPDATE public.tenants_auditevent SET subject = %s, reason = %s,
    before = nullif(%s, '')::jsonb, after = nullif(%s, '')::jsonb WHERE tenant_id = %s AND id = %s
"""


@transaction.atomic
def blank_audit(
    events: Iterable[int], *, words: re.Pattern[str], instead: str, actor: str, reason: str
) -> int:
    """Replace ``words`` in those of ``events`` of this tenant that hold them; returns how many.

    A second time nothing is found and nothing noted.
    """
    tenant, changed = current_schema(), []
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(_READ, [tenant, list(events)])
        for pk, *texts in cursor.fetchall():
            blanked = [words.sub(instead, text) for text in texts]
            if blanked != texts:
                cursor.execute(_WRITE, [*_fitting(blanked), tenant, pk])
                changed.append(pk)
    if changed:
        audit.record("tenants.audit.blank", actor=actor, subject=f"{len(changed)} events",
                     after={"events": changed}, reason=reason)  # fmt: skip
    return len(changed)


def _fitting(texts: list[str]) -> list[str]:
    subject, reason, before, after = texts
    for text in (before, after):
        if text:
            json.loads(text)  # what goes back must still be JSON
    return [subject[:200], reason[:500], before, after]
