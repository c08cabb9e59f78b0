from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory

from tenants.models import AuditEvent, Membership, Tenant, User
from tenants.sign_in.resolve import SESSION_KEY, TenantMiddleware


@pytest.fixture
def sam(db):
    """A member of acme alone."""
    user = User.objects.create(username="sam")
    Membership.objects.create(user=user, tenant_id="acme", role="OPERATOR")
    return user


def visit(user, *, host="localhost", session=None, **headers) -> tuple[int, str]:
    """The status and the schema the view ran in."""
    seen = []

    def view(_request) -> HttpResponse:
        seen.append(connection.schema_name)
        return HttpResponse("ok")

    request = RequestFactory().get("/api/x", headers={"host": host, **headers})
    request.user = user
    request.session = session if session is not None else {}
    response = TenantMiddleware(view)(request)
    assert connection.schema_name == "public"
    return response.status_code, seen[0] if seen else ""


def test_the_only_membership_is_the_tenant(sam):
    assert visit(sam) == (200, "acme")


def test_the_host_name_leads_to_its_tenant(sam):
    assert visit(sam, host="acme.localhost") == (200, "acme")


def test_a_stranger_sees_the_tenant_of_the_host_but_no_other(db):
    assert visit(AnonymousUser(), host="beta.localhost") == (200, "beta")
    assert visit(AnonymousUser()) == (200, "public")


def test_the_host_of_another_tenant_is_refused_and_audited(sam):
    assert visit(sam, host="beta.localhost") == (403, "")
    assert AuditEvent.objects.get(action="tenants.enter.refused").subject == "beta"


def test_the_switcher_picks_among_the_callers_tenants(sam):
    Membership.objects.create(user=sam, tenant_id="beta")

    assert visit(sam) == (200, "public")
    assert visit(sam, session={SESSION_KEY: "beta"}) == (200, "beta")


def test_a_membership_that_ended_ends_the_access_of_the_session(sam):
    session = {SESSION_KEY: "beta"}

    assert visit(sam, session=session) == (200, "acme")
    assert session == {}


def test_the_header_picks_among_the_callers_memberships(sam):
    Membership.objects.create(user=sam, tenant_id="beta")

    assert visit(sam, **{"X-Tenant-ID": "beta"}) == (200, "beta")


@pytest.mark.parametrize("wanted", ["beta", "nobody", "public", "tenant_template", '"; drop'])
def test_a_header_for_a_foreign_or_unknown_tenant_is_refused(sam, wanted):
    assert visit(sam, **{"X-Tenant-ID": wanted}) == (403, "")


def test_a_header_without_a_sign_in_is_not_believed(db):
    assert visit(AnonymousUser(), **{"X-Tenant-ID": "acme"}) == (200, "public")


def test_a_header_against_the_host_is_refused(sam):
    Membership.objects.create(user=sam, tenant_id="beta")

    assert visit(sam, host="acme.localhost", **{"X-Tenant-ID": "beta"}) == (403, "")


def test_a_tenant_that_is_switched_off_cannot_be_entered(sam):
    Tenant.objects.filter(pk="acme").update(is_active=False)

    assert visit(sam) == (200, "public")
    assert visit(sam, **{"X-Tenant-ID": "acme"}) == (403, "")


def test_a_platform_admin_enters_only_what_was_chosen(db):
    admin = User.objects.create(username="root", is_superuser=True)

    assert visit(admin) == (200, "public")
    assert visit(admin, session={SESSION_KEY: "beta"}) == (200, "beta")


def test_an_exception_in_the_view_leaves_the_tenant(sam):
    def view(_request) -> HttpResponse:
        raise ZeroDivisionError

    request = RequestFactory().get("/api/x", headers={"host": "localhost"})
    request.user, request.session = sam, {}
    with pytest.raises(ZeroDivisionError):
        TenantMiddleware(view)(request)

    assert connection.schema_name == "public"
