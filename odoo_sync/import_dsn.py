"""``ODOO_POSTGRES_DSN`` of the first plan becomes a connection of the default tenant, switched off.

Nothing is written through it: rows put into Odoo's tables past Odoo are invisible and break things.
It is kept, encrypted, until an address and a key are entered in its place.
"""

from __future__ import annotations

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from odoo_sync.models import OdooConnection
from tenants import audit, secrets

NAME = "default"
WARNING = (
    "Imported from ODOO_POSTGRES_DSN. Nothing is written into Odoo's tables: rows put there past"
    " Odoo have no active flag and are seen on no screen, stand in no stage and no team, are not"
    " found by name or address, and pass by access rules, automation and the mail blacklist."
    " Enter this Odoo's address and an API key; then it is used like any other."
)


def import_dsn(dsn: str, *, actor: str) -> bool:
    """Keep ``dsn`` as the current tenant's connection ``default``; False when there is one.

    Switched off, and not to be switched on before an address and a key take its place. Raises
    ``ValueError`` for what is no DSN, without quoting it.
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
