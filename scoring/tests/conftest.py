"""A signed-in browser: accounts and sessions live outside the tenants."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tenants.context import in_public
from tenants.models import Membership, User


class Browser(Client):
    """After each answer the test is in its tenant again, which the middleware has left."""

    def request(self, **request: Any) -> Any:
        schema = connection.schema_name
        try:
            return super().request(**request)
        finally:
            connection.set_schema(schema)


@pytest.fixture
def sign_in(acme):
    """``sign_in(role, tenant="acme")`` -> a client of a new member of that tenant."""

    def signed_in(role="OPERATOR", *, tenant="acme"):
        browser = Browser()
        with in_public():
            user = User.objects.create(username=f"{role}-{tenant}".lower(), is_staff=True)
            Membership.objects.create(user=user, tenant_id=tenant, role=role)
            browser.force_login(user)
        return browser

    return signed_in
