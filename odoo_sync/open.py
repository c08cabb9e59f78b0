"""Open a tenant's Odoo with the key it keeps."""

from __future__ import annotations

from django.conf import settings

from odoo_sync.clients.direct_sql import DirectSql
from odoo_sync.clients.gateway import Gateway
from odoo_sync.clients.line import Line
from odoo_sync.clients.sign_in import sign_in, speak
from odoo_sync.clients.trouble import OdooError, Trouble
from odoo_sync.import_dsn import WARNING
from odoo_sync.models import OdooConnection
from tenants.secrets import SecretUnreadableError, decrypt


def open_gateway(connection: OdooConnection, *, anew: bool = False) -> Gateway:
    """A gateway to the connection's Odoo; ``anew`` asks its version again. Raises ``OdooError``.

    By direct SQL only where an owner has said so under the warning.
    """
    is_direct = connection.way == OdooConnection.Way.SQL
    if is_direct and not connection.options.get("direct_sql"):
        raise OdooError(WARNING, trouble=Trouble.PLACE)
    if connection.secret is None:
        raise OdooError("No key is kept for this Odoo. Enter one.", trouble=Trouble.KEY)
    try:
        key = decrypt(bytes(connection.secret))
    except SecretUnreadableError as exc:
        raise OdooError(str(exc), trouble=Trouble.KEY) from None
    if is_direct:
        direct = DirectSql(key, connection.login, connection.version)
        if anew or not connection.version:
            direct.ask_version()
        return direct
    line = Line(connection.url, _allowed())
    if connection.version and not anew:
        return speak(line, database=connection.database, login=connection.login, key=key,
                     api=connection.api, version=connection.version)  # fmt: skip
    return sign_in(line, database=connection.database, login=connection.login, key=key)


def _allowed() -> frozenset[tuple[str, int]]:
    pairs = (each.rpartition(":") for each in settings.ODOO_ALLOW_PRIVATE)
    return frozenset((host.lower(), int(port)) for host, _, port in pairs if port.isdigit())
