"""The same story in a real browser at two providers: in, across tenants, less rights, out."""

from __future__ import annotations

import time

import pytest

from leadgen_project.tests.browser import console, server  # noqa: F401 -- fixtures
from leadgen_project.tests.openid_providers import AuthlibProvider, NodeProvider
from tenants.models import TenantSettings
from tenants.people import create_account

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PASSWORD = "correct horse battery"


@pytest.fixture(params=[NodeProvider, AuthlibProvider], ids=["oidc-provider", "authlib"])
def provider(request, committed, tmp_path):
    """Stands before ``server``, whose settings name it."""
    found = request.param(tmp_path)
    committed.env.update(found.environment())
    TenantSettings.objects.update(first_login="JOIN")
    create_account("root", password=PASSWORD, actor="tests", is_platform_admin=True)
    yield found
    found.close()


def get_in(console, provider, person) -> None:  # noqa: F811 -- a fixture
    console.page.goto(f"{console.url}/admin/")
    console.page.click("text=Sign in with Test ID")
    provider.sign_in(console.page, person)
    console.page.wait_for_url(f"{console.url}/**")


def info(console, tenant: str | None = None) -> tuple[int, dict]:  # noqa: F811 -- a fixture
    headers = {"X-Tenant-ID": tenant} if tenant else {}
    answer = console.page.evaluate(
        """headers => fetch('/info', {headers})
             .then(async a => [a.status, await a.json()])""",
        headers,
    )
    return answer[0], answer[1]


def test_in_across_tenants_less_rights_and_out_again(provider, console):  # noqa: F811
    alice = {"email": "alice@acme.example", "email_verified": True, "name": "Alice Tan"}
    provider.set_person("alice", **alice, tenant_id=["acme", "beta"], roles=["owner"])

    get_in(console, provider, "alice")
    assert console.page.title() == "Choose a tenant · leadgen"
    console.page.click("button[value=acme]")
    console.settle()
    assert console.texts(".lg-place") == ["Acme"]
    assert info(console)[1]["roles"] == ["owner"]
    console.open("/admin/tenants/membership/add/")

    console.choose("beta")
    assert console.texts(".lg-place") == ["Beta"]
    assert info(console)[1]["tenant_id"] == "beta"

    assert info(console, "acme")[0] == 200
    assert info(console, "nobody")[0] == 403

    # Less rights at the provider are less rights here, with the next sign-in.
    time.sleep(1)  # tokens tell their age in whole seconds
    provider.set_person("alice", **alice, tenant_id=["acme"], roles=["auditor"])
    sign_out(console, provider)
    get_in(console, provider, "alice")
    console.settle()
    assert console.texts(".lg-place") == ["Acme"], "the only tenant left is entered at once"
    assert info(console)[1]["roles"] == ["auditor"]
    assert info(console, "beta")[0] == 403
    console.open("/admin/tenants/membership/add/", expect=403)

    sign_out(console, provider)
    console.open("/admin/")
    assert "/admin/login/" in console.page.url


def test_a_person_without_a_place_ends_on_a_plain_page(provider, console):  # noqa: F811
    provider.set_person(
        "mallory", email="mallory@evil.example", tenant_id="nobody", roles=["owner"]
    )

    get_in(console, provider, "mallory")

    assert console.texts("h1") == ["You are not signed in"]
    assert info(console)[0] == 401


def sign_out(console, provider) -> None:  # noqa: F811
    """With the console's own button, on to the provider and back."""
    console.open("/admin/")
    console.page.evaluate(
        "document.querySelector('form[action=\"/admin/logout/\"]').requestSubmit()"
    )
    console.page.wait_for_selector("text=You are signed out here")
    console.page.click("text=Sign out there now")
    provider.sign_out(console.page)
    console.page.wait_for_url(f"{console.url}/admin/login/**")
