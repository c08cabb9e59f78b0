"""Programs that are let in by a person at the console: RFC 8628 from both sides."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from tenants.context import in_tenant
from tenants.device_models import DeviceLogin
from tenants.identity_models import ApiToken
from tenants.models import AuditEvent, Membership, Tenant, User
from tenants.sign_in import api_tokens, device_login
from tenants.sign_in.device_login import DeviceLoginError, NoTokenYetError, TooManyLoginsError

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def sam(db):
    user = User.objects.create_user("sam", password="correct horse battery", is_staff=True)
    Membership.objects.create(user=user, tenant_id="acme", role="OPERATOR")
    return user


@pytest.fixture
def acme_row(db):
    return Tenant.objects.get(pk="acme")


def ask(*, now=NOW, address="192.0.2.7", scopes=("read", "icp.work_lead"), tenant=""):
    return device_login.begin(
        program="leadgen", machine="laptop", scopes=list(scopes), tenant=tenant, address=address,
        now=now,
    )  # fmt: skip


def let_in(code, tenant, user, *, scopes=("read",), days=7, now=NOW):
    login = device_login.find(code, now=now)
    device_login.allow(login, tenant=tenant, user=user, scopes=list(scopes), days=days, now=now)


def refusal(device: str, *, now=NOW) -> str:
    with pytest.raises(NoTokenYetError) as caught:
        device_login.redeem(device, now=now)
    return caught.value.code


def at_the_console(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


# --- the codes ---------------------------------------------------------------------------------
def test_the_person_lets_the_program_in_and_it_gets_its_token_once(sam, acme_row):
    codes = ask()

    assert refusal(codes.device) == "authorization_pending"
    let_in(codes.user, acme_row, sam)
    token, text = device_login.redeem(codes.device, now=NOW)

    assert api_tokens.check(text, now=NOW).pk == token.pk
    assert (token.name, token.scopes) == ("leadgen on laptop", ["read"])
    assert token.expires_at == NOW + timedelta(days=7)
    assert refusal(codes.device) == "invalid_grant"
    assert DeviceLogin.objects.count() == 0


def test_codes_are_kept_as_hashes_and_the_short_one_is_read_however_it_is_typed(sam):
    codes = ask()
    kept = str(DeviceLogin.objects.values().get())

    assert re.fullmatch(r"[B-Z]{4}-[B-Z]{4}", codes.user)
    for secret in (codes.device, codes.user, codes.user.replace("-", "")):
        assert secret not in kept
    for typed in (codes.user.lower(), codes.user.replace("-", " "), f" {codes.user} "):
        assert str(device_login.find(typed, now=NOW)) == "leadgen on laptop"


def test_codes_end_after_ten_minutes_on_both_sides(sam, acme_row):
    codes, late = ask(), NOW + timedelta(minutes=10)

    with pytest.raises(DeviceLoginError, match="ten minutes"):
        device_login.find(codes.user, now=late)
    assert refusal(codes.device, now=late) == "expired_token"


def test_a_program_let_in_too_late_gets_nothing(sam, acme_row):
    codes = ask()
    let_in(codes.user, acme_row, sam)

    assert refusal(codes.device, now=NOW + timedelta(minutes=10)) == "expired_token"
    assert not ApiToken.objects.exists()


def test_who_asks_too_often_must_wait_longer_each_time(sam, acme_row):
    codes = ask()

    said = [refusal(codes.device, now=NOW + timedelta(seconds=at)) for at in (0, 4, 10, 25, 45)]

    # 5 s at first; 10 s after the first haste; 15 s after the second
    assert said == ["authorization_pending", "slow_down", "slow_down",
                    "authorization_pending", "authorization_pending"]  # fmt: skip


def test_a_refused_program_hears_so(sam, acme_row):
    codes = ask()
    device_login.refuse(
        device_login.find(codes.user, now=NOW), tenant=acme_row, actor="sam", now=NOW
    )

    assert refusal(codes.device) == "access_denied"
    with pytest.raises(DeviceLoginError):
        device_login.find(codes.user, now=NOW)


def test_two_people_cannot_both_answer(sam, acme_row):
    login = device_login.find(ask().user, now=NOW)
    device_login.refuse(login, tenant=acme_row, actor="sam", now=NOW)

    with pytest.raises(DeviceLoginError, match="answered already"):
        device_login.allow(login, tenant=acme_row, user=sam, scopes=["read"], days=1, now=NOW)


def test_nobody_gives_more_than_they_have_or_than_was_asked_for(sam, acme_row):
    codes = ask(scopes=("read", "tenants.edit_settings"))

    with pytest.raises(DeviceLoginError, match="may not do this themselves"):
        let_in(codes.user, acme_row, sam, scopes=["tenants.edit_settings"])
    with pytest.raises(DeviceLoginError, match="did not ask"):
        let_in(codes.user, acme_row, sam, scopes=["icp.work_lead"])
    with pytest.raises(DeviceLoginError, match="at least one"):
        let_in(codes.user, acme_row, sam, scopes=[])


def test_a_tenant_the_program_asks_for_is_the_only_one_it_gets(sam, acme_row):
    codes = ask(tenant="beta")

    with pytest.raises(DeviceLoginError, match="asks for the tenant beta"):
        let_in(codes.user, acme_row, sam)


def test_a_role_lost_before_the_token_is_fetched_gives_no_token(sam, acme_row):
    codes = ask()
    let_in(codes.user, acme_row, sam)
    Membership.objects.all().delete()

    assert refusal(codes.device) == "access_denied"
    assert not ApiToken.objects.exists()


def test_one_address_keeps_no_more_than_twenty_questions_and_others_go_on(db):
    for _ in range(device_login.MOST_PER_ADDRESS):
        ask()

    with pytest.raises(TooManyLoginsError):
        ask()
    ask(address="192.0.2.8")
    ask(now=NOW + timedelta(minutes=11))


def test_old_questions_are_forgotten(db):
    ask()
    ask(now=NOW + timedelta(days=2))

    assert DeviceLogin.objects.count() == 1


def test_the_database_keeps_no_half_answer(sam):
    ask()
    with pytest.raises(IntegrityError), transaction.atomic():
        DeviceLogin.objects.update(status="ALLOWED")
    with pytest.raises(IntegrityError), transaction.atomic():
        DeviceLogin.objects.update(user=sam)


def test_it_is_audited_in_the_tenant_without_any_code(sam, acme_row):
    codes = ask()
    let_in(codes.user, acme_row, sam)
    device_login.redeem(codes.device, now=NOW)

    with in_tenant("acme"):
        events = list(AuditEvent.objects.order_by("pk").values())
    assert [event["action"] for event in events] == [
        "tenants.device_login.allow", "tenants.api_token.add"
    ]  # fmt: skip
    assert codes.user not in str(events)
    assert codes.device not in str(events)


# --- over HTTP ---------------------------------------------------------------------------------
def test_the_flow_over_http_as_any_oauth_library_walks_it(sam, client):
    begun = client.post("/api/device/code", "client_id=leadgen&scope=read", content_type=FORM)
    codes = begun.json()
    question = urlencode({"grant_type": GRANT, "device_code": codes["device_code"]})

    early = client.post("/api/device/token", question, content_type=FORM)
    console = at_the_console("sam")
    shown = console.post("/admin/device/", {"code": codes["user_code"], "verb": "look"})
    console.post("/admin/device/", {"code": codes["user_code"], "verb": "allow",
                                    "scope": ["read"], "days": "1"})  # fmt: skip
    got = client.post("/api/device/token", question, content_type=FORM)

    assert begun.headers["Cache-Control"] == "no-store"
    assert codes["verification_uri_complete"].startswith("http://testserver/admin/device/?code=")
    assert (codes["expires_in"], codes["interval"]) == (600, 5)
    assert (early.status_code, early.json()["error"]) == (400, "authorization_pending")
    assert "leadgen" in shown.content.decode()
    assert got.headers["Cache-Control"] == "no-store"
    assert {**got.json(), "access_token": ""} == {
        "access_token": "", "token_type": "Bearer", "scope": "read", "tenant_id": "acme",
        "expires_in": got.json()["expires_in"],
    }  # fmt: skip
    bearer = {"Authorization": f"Bearer {got.json()['access_token']}"}
    assert client.get("/info", headers=bearer).json()["user"] == "sam"


@pytest.mark.parametrize(
    ("path", "sent", "error"),
    [
        ("code", {}, "invalid_request"),
        ("code", {"client_id": "x", "scope": "write everything"}, "invalid_scope"),
        ("token", {"grant_type": "password", "device_code": "x"}, "unsupported_grant_type"),
        ("token", {"grant_type": GRANT}, "invalid_request"),
        ("token", {"grant_type": GRANT, "device_code": "unknown"}, "invalid_grant"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_the_words_of_oauth(db, client, path, sent, error):
    answer = client.post(f"/api/device/{path}", sent, content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert answer.headers["Content-Type"] == "application/json"


def test_looking_at_the_page_changes_nothing_and_strangers_sign_in_first(sam, client):
    codes = ask(now=timezone.now())

    shown = at_the_console("sam").get(f"/admin/device/?code={codes.user}")
    stranger = client.get(f"/admin/device/?code={codes.user}")

    assert f'value="{codes.user}"' in shown.content.decode()
    assert "/admin/login/?next=/admin/device/%3Fcode%3D" in stranger.headers["Location"]
    assert DeviceLogin.objects.get().status == "WAITING"


def test_an_auditor_lets_no_program_in(sam):
    Membership.objects.update(role="AUDITOR")

    assert at_the_console("sam").get("/admin/device/").status_code == 403


def test_nobody_guesses_codes(sam):
    console = at_the_console("sam")

    for _ in range(30):  # a minute of the clock may begin in between
        answer = console.post("/admin/device/", {"code": "BBBB-BBBB", "verb": "look"})
        if "Too many tries" in answer.content.decode():
            break
    else:
        pytest.fail("thirty guesses were looked at")


def test_logging_out_ends_the_token_whatever_it_may_do(sam, acme_row, client):
    _, text = api_tokens.create(
        acme_row, sam, name="x", scopes=["icp.work_lead"], days=1, now=timezone.now()
    )
    bearer = {"Authorization": f"Bearer {text}"}

    done = client.post("/api/token/revoke", headers=bearer)
    again = client.post("/api/token/revoke", headers=bearer)

    assert done.status_code == 200
    assert again.status_code == 401
    assert ApiToken.objects.get().revoked_at is not None


def test_rights_this_server_does_not_know_are_left_out(db, client):
    sent = {"client_id": "newer", "scope": "read tenants.fly icp.work_lead"}

    client.post("/api/device/code", sent, content_type="application/json")

    assert DeviceLogin.objects.get().scopes == ["read", "icp.work_lead"]
