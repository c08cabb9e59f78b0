"""The console's pass: whose it is, what it opens, and what ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tenants.context import in_tenant
from tenants.models import Membership, User
from tenants.roles import may, role_of
from tenants.sign_in import console_pass
from tenants.sign_in.console_pass import ConsolePassError
from tenants.sign_in.resolve import SESSION_KEY
from tenants.sign_in.sso.renew import GRACE_SECONDS
from tenants.sign_in.sso.session import SignIn, keep_sign_in

PATH = "/agent/threads"
DOOR = "/admin/ask/pass/"


@pytest.fixture
def sam(db):
    user = User.objects.create_user("sam", password="correct horse battery", is_staff=True)
    Membership.objects.create(user=user, tenant_id="acme", role="OPERATOR")
    return user


@pytest.fixture
def console(sam):
    window = Client()
    window.force_login(sam, backend="tenants.roles.RoleBackend")
    return window


def ask_for_pass(window, *, tenant="acme") -> str:
    answer = window.post(DOOR, {"tenant": tenant})
    assert answer.status_code == 200
    return answer.json()["pass"]


def check(text, *, path=PATH, later=timedelta()):
    return console_pass.check(text, path=path, now=timezone.now() + later)


def refuses(text, *, because, **how) -> None:
    with pytest.raises(ConsolePassError, match=because):
        check(text, **how)


def ask(text, path="/agent/no-such-place", **headers):
    """A program that has the pass and nothing else of the browser."""
    return Client().get(path, headers={"Authorization": f"Bearer {text}", **headers})


def test_a_pass_acts_for_its_person_in_the_tenant_of_the_page(console, sam):
    user, tenant = check(ask_for_pass(console))

    assert (user, tenant, user.confined_to) == (sam, "acme", frozenset(["acme"]))
    with in_tenant("acme"):
        assert role_of(user) == "OPERATOR"
        assert may(user, "tenants.run_night")
        assert not may(user, "tenants.edit_settings")


def test_it_is_given_under_the_csrf_token_by_post_and_never_kept(sam):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(sam, backend="tenants.roles.RoleBackend")

    page = {"tenant": "acme"}
    assert strict.post(DOOR, page).status_code == 403
    assert strict.get(DOOR).status_code == 405
    strict.get("/admin/ask/")
    good = strict.post(DOOR, page, headers={"X-CSRFToken": strict.cookies["csrftoken"].value})
    assert good.status_code == 200
    assert "no-store" in good.headers["Cache-Control"]
    assert 0 < good.json()["seconds"] <= 900


def test_a_stranger_and_a_session_without_a_tenant_get_none(db):
    assert Client().post(DOOR).status_code == 302
    root = User.objects.create_user("root", is_staff=True, is_superuser=True)
    window = Client()
    window.force_login(root, backend="tenants.roles.RoleBackend")
    assert window.post(DOOR).status_code == 403


def test_a_pass_opens_the_chat_and_nothing_else(console):
    text = ask_for_pass(console)

    assert ask(text).status_code == 404
    for path in ("/info", "/api/leads", "/agents/threads"):
        assert ask(text, path).status_code == 401
        refuses(text, because="another part", path=path)


def test_it_does_not_show_the_key_of_the_session(console):
    text = ask_for_pass(console)

    said = console_pass._signer().unsign_object(text.removeprefix(console_pass.MARK))

    assert console.session.session_key not in text + str(said)


def test_a_pass_expires(console):
    text = ask_for_pass(console)

    check(text, later=timedelta(minutes=14))
    refuses(text, because="expired", later=timedelta(minutes=16))


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1] + ("x" if t[-1] != "x" else "y"), lambda t: t + "x",
               lambda t: "lgp_", lambda t: "lgp_x", lambda t: "lgp_." + t, lambda t: t + ".",
               lambda t: "lgp_" + t[5:], lambda t: t.replace(".", ":")]
)  # fmt: skip
def test_a_pass_that_was_tampered_with_is_401(change, console):
    text = change(ask_for_pass(console))

    refuses(text, because="unknown")
    answer = ask(text)
    assert answer.status_code == 401
    assert "invalid_token" in answer.headers["WWW-Authenticate"]


def test_another_tenant_is_refused_even_to_who_belongs_to_it(console, sam):
    text = ask_for_pass(console)
    Membership.objects.create(user=sam, tenant_id="beta", role="OWNER")

    assert ask(text, **{"X-Tenant-ID": "acme"}).status_code == 404
    assert ask(text, **{"X-Tenant-ID": "beta"}).status_code == 403
    assert ask(text, host="beta.localhost").status_code == 403


def test_who_changes_the_tenant_keeps_the_former_pass_to_the_former_tenant(console, sam):
    Membership.objects.create(user=sam, tenant_id="beta", role="OWNER")
    passes = {}
    for tenant in ("acme", "beta"):
        console.post("/admin/switch-tenant/", {"tenant": tenant})
        assert console.session[SESSION_KEY] == tenant
        passes[tenant] = check(ask_for_pass(console, tenant=tenant))[1]

    assert passes == {"acme": "acme", "beta": "beta"}
    assert console.post(DOOR, {"tenant": "acme"}).status_code == 409  # a page drawn before


def test_signing_out_ends_the_passes_of_that_session_and_of_no_other(console, sam):
    other = Client()
    other.force_login(sam, backend="tenants.roles.RoleBackend")
    mine, others = ask_for_pass(console), ask_for_pass(other)

    console.post("/admin/logout/")

    refuses(mine, because="has ended")
    assert ask(mine).status_code == 401
    assert check(others)[0] == sam


def test_a_new_password_ends_it(console, sam):
    text = ask_for_pass(console)
    sam.set_password("another horse battery")
    sam.save()

    refuses(text, because="has ended")


def test_an_account_switched_off_ends_it(console, sam):
    text = ask_for_pass(console)
    User.objects.filter(pk=sam.pk).update(is_active=False)

    refuses(text, because="has ended")


def test_an_ended_membership_ends_it(console, sam):
    text = ask_for_pass(console)
    Membership.objects.filter(user=sam).delete()

    refuses(text, because="no access any more")
    assert ask(text).status_code == 401


def test_a_lesser_role_counts_at_once(console, sam):
    text = ask_for_pass(console)
    Membership.objects.filter(user=sam).update(role="AUDITOR")

    user, _ = check(text)
    with in_tenant("acme"):
        assert role_of(user) == "AUDITOR"
        assert not may(user, "tenants.run_night")


def test_it_ends_when_the_providers_word_is_too_old(console):
    session = console.session
    renewed = timezone.now() + timedelta(seconds=60 - GRACE_SECONDS)
    keep_sign_in(session, SignIn(provider="house", renew_at=renewed.timestamp()))
    session.save()

    text = console.post(DOOR, {"tenant": "acme"}).json()

    assert text["seconds"] <= 60


def test_a_platform_admin_talks_in_the_tenant_they_entered(db):
    root = User.objects.create_user("root", is_staff=True, is_superuser=True)
    window = Client()
    window.force_login(root, backend="tenants.roles.RoleBackend")
    window.post("/admin/switch-tenant/", {"tenant": "acme"})

    text = ask_for_pass(window)

    assert check(text)[1] == "acme"
    assert ask(text, **{"X-Tenant-ID": "beta"}).status_code == 403
