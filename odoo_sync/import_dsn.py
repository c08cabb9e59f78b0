"""``ODOO_POSTGRES_DSN`` of the first plan becomes a connection of the default tenant, switched off.

Rows put into Odoo's tables go past Odoo. It is kept, encrypted, until an address and a key are
entered in its place, or an owner says under the warning that it is to be used all the same.
"""

from __future__ import annotations

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from odoo_sync.models import OdooConnection
from tenants import audit, secrets

NAME = "default"
WARNING = (
    "Imported from ODOO_POSTGRES_DSN. Rows put straight into Odoo's tables go past Odoo: no access"
    " rules, no automation, no note in the chatter, no followers, no check of the mail blacklist,"
    " no telling whether a value is one Odoo would take; and each new version of Odoo may break"
    " them. Better enter this Odoo's address and an API key; then it is used like any other."
)


def import_dsn(dsn: str, *, actor: str) -> bool:
    """Keep ``dsn`` as the current tenant's connection ``default``; False when there is one.

    Switched off. Raises ``ValueError`` for what is no DSN, without quoting it.
    """
    if OdooConnection.objects.filter(name=NAME).exists():
        return False
    try:
        parts = conninfo_to_dict(dsn)
    except ProgrammingError:
        raise ValueError("ODOO_POSTGRES_DSN is no address of a PostgreSQL database.") from None
    connection, is_new = OdooConnection.objects.get_or_create(
        name=NAME,
        defaults={"way": OdooConnection.Way.SQL, "secret": secrets.encrypt(dsn),
                  "database": str(parts.get("dbname") or "")[:100], "state_reason": WARNING},
    )  # fmt: skip
    if is_new:
        audit.record("odoo_sync.connection.import", actor=actor,
                     subject=f"Odoo connection {connection.pk}")  # fmt: skip
    return is_new
