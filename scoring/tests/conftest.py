"""A signed-in browser: accounts and sessions live outside the tenants."""

from __future__ import annotations

import pytest

from tenants.context import in_public
from tenants.models import Membership, User


@pytest.fixture
def sign_in(client, acme):
    """``sign_in(role, tenant="acme")`` -> a client of a new member of that tenant."""

    def signed_in(role="OPERATOR", *, tenant="acme"):
        with in_public():
            user = User.objects.create(username=f"{role}-{tenant}".lower(), is_staff=True)
            Membership.objects.create(user=user, tenant_id=tenant, role=role)
            client.force_login(user)
        return client

    return signed_in
