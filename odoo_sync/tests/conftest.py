from __future__ import annotations

from collections.abc import Iterator

import pytest

from leadgen_project.sandbox.vendors.odoo import OdooStandIn
from odoo_sync.models import OdooConnection
from odoo_sync.tests.factories import make_connection


@pytest.fixture
def odoo(settings) -> Iterator[OdooStandIn]:
    with OdooStandIn(slow_seconds=0.2) as running:
        settings.ODOO_ALLOW_PRIVATE = [f"127.0.0.1:{running.port}"]
        yield running


@pytest.fixture
def connection(acme, odoo) -> OdooConnection:
    return make_connection(odoo)
