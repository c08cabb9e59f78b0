"""Bearer tokens as long as we take them reach us through the server as it runs in production."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from leadgen_project.tests.browser import server  # noqa: F401 -- a fixture
from tenants.models import TenantSettings
from tenants.sign_in.token_size import LONGEST_TOKEN
from tenants.tests.token_minter import AUDIENCE, Minter


@pytest.fixture
def minter(committed) -> Iterator[Minter]:
    """The deployment's provider. Stands before ``server``, whose settings name it."""
    found = Minter()
    committed.env.update(
        {
            "OIDC_ISSUER": found.issuer,
            "OIDC_AUDIENCE": AUDIENCE,
            "OIDC_CLIENT_ID": "leadgen",
            "OIDC_CLIENT_SECRET": "s3cret-of-tests",
        }
    )
    TenantSettings.objects.update(first_login="JOIN")
    yield found
    found.close()


def info(server: str, token: str) -> requests.Response:  # noqa: F811 -- the fixture's value
    return requests.get(f"{server}/info", headers={"Authorization": f"Bearer {token}"}, timeout=60)


def test_a_long_token_opens_and_one_that_is_too_long_is_refused_in_words(minter, server):  # noqa: F811
    without = len(minter.mint(groups=""))
    good = minter.mint(groups="g" * ((LONGEST_TOKEN - without) * 3 // 4 - 4))

    opened = info(server, good)
    unsigned = info(server, "x" * LONGEST_TOKEN)
    too_long = info(server, "x" * (LONGEST_TOKEN + 1))
    endless = info(server, "x" * 2 * LONGEST_TOKEN)

    assert LONGEST_TOKEN - 16 < len(good) <= LONGEST_TOKEN
    assert (opened.status_code, opened.json()["tenant_id"]) == (200, "acme")
    assert unsigned.status_code == too_long.status_code == 401
    assert f"longer than {LONGEST_TOKEN} characters" in too_long.json()["detail"]
    assert 400 <= endless.status_code < 500
