"""The database backend: every statement runs under the role of the tenant it is for.

django-tenants sets the search path; this also sets the PostgreSQL role and ``request.tenant_id``,
which the row-level policies of ``tenants.isolation`` read. Outside a tenant the role is the
platform's, which has no right to any tenant's schema. See docs/decisions/second-wall.md.
"""

from __future__ import annotations

from typing import Any

import psycopg
from django.conf import settings
from django.db import DatabaseError
from django_tenants.postgresql_backend import base
from django_tenants.utils import get_limit_set_calls, get_public_schema_name, quote_schema_name


def role_for(schema_name: str) -> str:
    """The PostgreSQL role that may work in ``schema_name``."""
    if schema_name == get_public_schema_name():
        return f"{settings.DATABASE_ROLE_PREFIX}_platform"
    return f"{settings.DATABASE_ROLE_PREFIX}_t_{schema_name}"


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that cannot read another tenant's rows by mistake."""

    # True only while migrating or provisioning: then statements run as the owner of the tables.
    _is_owner = False

    def become_owner(self, value: bool) -> None:
        self._is_owner = value
        self.search_path_set_schemas = None

    @property
    def is_owner(self) -> bool:
        return self._is_owner

    def init_connection_state(self) -> None:
        # Django asks a new connection for its version; the roles may not exist before ``migrate``.
        self._setting_search_path = True
        try:
            super().init_connection_state()
        finally:
            self._setting_search_path = False

    def _handle_search_path(self, cursor: Any = None) -> None:
        if self._setting_search_path or (get_limit_set_calls() and self.search_path_set_schemas):
            return
        paths = self._get_cursor_search_paths()
        broken = self.connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
        self._setting_search_path = True
        own = self.connection.cursor() if cursor is None else cursor
        try:
            own.execute(self._switch(paths))
            self.search_path_set_schemas = paths
        except (DatabaseError, psycopg.Error):
            self.search_path_set_schemas = None
            if not broken:  # never run the caller's statement under the role before
                raise
        finally:
            self._setting_search_path = False
            if cursor is None:
                own.close()

    def _switch(self, paths: list[str]) -> str:
        # NAME is None on the connection that creates and drops (test) databases.
        if self._is_owner or self.settings_dict["NAME"] is None:
            role = "RESET ROLE"
        else:
            role = f"SET ROLE {quote_schema_name(role_for(self.schema_name))}"
        path = ", ".join(quote_schema_name(path) for path in paths)
        tenant = "" if self.schema_name == get_public_schema_name() else self.schema_name
        return (
            f"SET search_path = {path}; {role}; "
            f"SELECT set_config('request.tenant_id', '{tenant}', false)"
        )
