"""Guessing passwords and codes ends at 429, and nobody honest pays for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from axes.models import AccessAttempt
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.test import Client
from django.utils import timezone

from tenants import secrets
from tenants.identity_models import RecoveryCode, SecondFactor
from tenants.models import AuditEvent, Membership, TenantSettings, User
from tenants.sign_in import lock_out, second_factor
from tenants.sign_in.second_factor import LockedError, SecondFactorError

PASSWORD = "correct horse battery"
NOW = datetime(2026, 11, 22, 1, 0, 5, tzinfo=UTC)


@pytest.fixture
def sam(db):
    user = User.objects.create_user("sam", password=PASSWORD, is_staff=True)
    Membership.objects.create(user=user, tenant_id="acme", role="OWNER")
    return user


def sign_in(client, name="sam", password=PASSWORD, **headers):
    body = {"username": name, "password": password, "next": "/admin/"}
    return client.post("/admin/login/", body, **headers)


def test_five_wrong_guesses_lock_the_name_for_that_address(sam, client):
    answers = [sign_in(client, password=f"guess {n}").status_code for n in range(5)]
    locked = sign_in(client)

    assert answers == [200, 200, 200, 200, 429]
    assert locked.status_code == 429
    assert locked.headers["Retry-After"] == "900"
    assert "Too many wrong attempts" in locked.content.decode()
    assert "_auth_user_id" not in client.session


def test_a_locked_name_stays_open_from_elsewhere_and_others_from_the_same_address(sam, client):
    User.objects.create_user("bee", password=PASSWORD, is_superuser=True)
    for n in range(6):
        sign_in(client, password=f"guess {n}")

    assert sign_in(Client(), "bee").status_code == 302
    assert sign_in(Client(REMOTE_ADDR="192.0.2.9")).status_code == 302


def test_a_lock_ends_after_a_quarter_of_an_hour(sam, client):
    for n in range(6):
        sign_in(client, password=f"guess {n}")
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))

    assert sign_in(client).status_code == 302


def test_a_good_password_forgives_the_wrong_ones_before_it(sam, client):
    for n in range(4):
        sign_in(client, password=f"guess {n}")
    sign_in(client)

    assert sign_in(Client(), password="wrong again").status_code == 200


def test_a_thousand_names_from_one_address_are_stopped(sam, client, monkeypatch):
    monkeypatch.setattr(lock_out, "MOST_PER_ADDRESS", 8)
    answers = [sign_in(client, f"name{n}", "guess").status_code for n in range(9)]

    assert answers[-1] == 429
    assert sign_in(Client(REMOTE_ADDR="192.0.2.9")).status_code == 302


def test_one_name_from_a_thousand_addresses_is_stopped(sam, monkeypatch):
    monkeypatch.setattr(lock_out, "MOST_PER_NAME", 8)
    for n in range(8):
        sign_in(Client(REMOTE_ADDR=f"192.0.2.{n}"), password="guess")

    assert sign_in(Client(REMOTE_ADDR="192.0.2.99")).status_code == 429


def test_behind_a_proxy_the_address_is_the_one_the_proxy_saw(rf, settings):
    forged = rf.get("/", headers={"X-Forwarded-For": "203.0.113.7, 198.51.100.3"})
    assert lock_out.address_of(forged) == "127.0.0.1", "without a proxy anybody could write it"

    settings.BEHIND_PROXY = True
    assert lock_out.address_of(forged) == "198.51.100.3"
    assert lock_out.address_of(rf.get("/", headers={"X-Forwarded-For": "junk"})) == "127.0.0.1"


def test_no_password_is_kept_of_a_wrong_guess(sam, client):
    sign_in(client, password="my other password")

    assert "other password" not in str(AccessAttempt.objects.values().get())


# --- the second factor ------------------------------------------------------------------------
def code_of(user, *, at=None) -> str:
    key = bytes.fromhex(secrets.decrypt(bytes(SecondFactor.objects.get(user=user).secret)))
    moment = int((at or timezone.now()).timestamp())
    return TOTP(key, 6, SHA1(), 30).generate(moment).decode()


@pytest.fixture
def codes(sam):
    """Recovery codes of sam, whose second factor is on since a minute ago."""
    second_factor.begin(sam)
    before = timezone.now() - timedelta(minutes=1)
    return second_factor.confirm(sam, code_of(sam, at=before), now=before)


def test_the_codes_are_those_of_rfc_6238(sam):
    second_factor.begin(sam)
    SecondFactor.objects.update(secret=secrets.encrypt(b"12345678901234567890".hex()))

    assert code_of(sam, at=datetime.fromtimestamp(59, tz=UTC)) == "287082"
    second_factor.confirm(sam, "287082", now=datetime.fromtimestamp(59, tz=UTC))
    assert second_factor.is_on(sam)


def test_a_password_alone_no_longer_signs_in(codes, sam, client):
    answer = sign_in(client)

    assert answer.headers["Location"] == "/admin/account/second-factor/ask/"
    assert "_auth_user_id" not in client.session
    assert client.get("/admin/").status_code == 302

    done = client.post("/admin/account/second-factor/ask/", {"code": code_of(sam)})
    assert done.headers["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_a_code_counts_once(codes, sam):
    code = code_of(sam)
    second_factor.check(sam, code, now=timezone.now())

    with pytest.raises(SecondFactorError):
        second_factor.check(sam, code, now=timezone.now())


def test_a_recovery_code_counts_once_and_only_its_hash_is_kept(codes, sam):
    assert len(set(codes)) == 10
    assert codes[0] not in str(list(RecoveryCode.objects.values()))
    second_factor.check(sam, codes[0].upper(), now=timezone.now())

    with pytest.raises(SecondFactorError):
        second_factor.check(sam, codes[0], now=timezone.now())
    assert second_factor.codes_left(sam) == 9


def test_five_wrong_codes_lock_even_the_right_one(codes, sam):
    for _ in range(5):
        with pytest.raises(SecondFactorError):
            second_factor.check(sam, "000000", now=NOW)

    with pytest.raises(LockedError):
        second_factor.check(sam, code_of(sam, at=NOW), now=NOW)
    later = NOW + timedelta(minutes=16)
    SecondFactor.objects.update(last_step=0)
    second_factor.check(sam, code_of(sam, at=later), now=later)


def test_the_code_page_without_a_password_before_it_leads_back(client, db):
    assert "/admin/login/" in client.get("/admin/account/second-factor/ask/").headers["Location"]


def test_setting_it_up_shows_a_picture_and_the_recovery_codes_once(sam, client):
    sign_in(client)
    page = client.get("/admin/account/second-factor/")
    assert "<svg" in page.content.decode()
    assert page.headers["Cache-Control"] == "no-store"

    wrong = client.post("/admin/account/second-factor/", {"do": "confirm", "code": "000000"})
    assert "not right" in wrong.content.decode()
    shown = client.post("/admin/account/second-factor/", {"do": "confirm", "code": code_of(sam)})

    assert shown.content.decode().count("<li><code>") == 10
    assert "<li><code>" not in client.get("/admin/account/second-factor/").content.decode()
    assert AuditEvent.objects.get(action="tenants.second_factor.on").actor == "sam"


def test_switching_it_off_takes_a_code(codes, sam, client):
    sign_in(client)
    client.post("/admin/account/second-factor/ask/", {"code": codes[0]})

    client.post("/admin/account/second-factor/", {"do": "off", "code": "000000"})
    assert second_factor.is_on(sam)
    client.post("/admin/account/second-factor/", {"do": "off", "code": codes[1]})
    assert not second_factor.is_on(sam)


def test_the_secret_is_encrypted_in_the_table(codes, sam):
    kept = bytes(SecondFactor.objects.get().secret)

    assert kept.startswith(b"gAAAA")


def test_a_tenant_that_requires_it_sends_people_to_set_it_up_first(sam, client):
    TenantSettings.objects.filter(pk="acme").update(second_factor_required=True)
    sign_in(client)

    assert client.get("/admin/").headers["Location"] == "/admin/account/second-factor/"
    assert client.get("/info").status_code == 403
    client.get("/admin/account/second-factor/")
    client.post("/admin/account/second-factor/", {"do": "confirm", "code": code_of(sam)})
    assert client.get("/admin/").status_code == 200


# --- passwords switched off -------------------------------------------------------------------
def test_a_tenant_without_passwords_takes_none(sam, client):
    TenantSettings.objects.filter(pk="acme").update(password_sign_in=False)

    assert "sign in through its provider" in sign_in(client).content.decode()
    assert "_auth_user_id" not in client.session
    page = client.get("/admin/login/", headers={"host": "acme.localhost"}).content.decode()
    assert "password" not in page.lower().replace("passwords", "")


def test_a_password_session_cannot_enter_a_tenant_that_takes_none(sam, client):
    Membership.objects.create(user=sam, tenant_id="beta", role="OWNER")
    TenantSettings.objects.filter(pk="acme").update(password_sign_in=False)
    sign_in(client)

    assert client.get("/info", headers={"X-Tenant-ID": "acme"}).status_code == 403
    assert client.get("/info", headers={"X-Tenant-ID": "beta"}).status_code == 200


def test_a_deployment_without_passwords_takes_none(sam, client, settings):
    settings.PASSWORD_SIGN_IN = False

    assert sign_in(client).status_code == 403
    assert "Password" not in client.get("/admin/login/").content.decode().replace("Passwords", "")
