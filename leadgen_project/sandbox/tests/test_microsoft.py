"""The stand-in of Microsoft is as strict as the contract, so that what passes it may pass there."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from leadgen_project.sandbox.vendors.microsoft import CLIENT_ID, CLIENT_SECRET, MicrosoftStandIn
from leadgen_project.sandbox.vendors.token_desk import challenge_of

OLGA = "olga@us.example"
BACK = "http://localhost:1/back"
VERIFIER = "v" * 60
MAIL = (b"From: olga@us.example\r\nTo: mei@kaya.example\r\nSubject: Tea\r\n"
        b"Message-ID: <k@us.example>\r\n\r\nDear Mei\r\n")  # fmt: skip


@pytest.fixture
def microsoft():
    with MicrosoftStandIn() as stand_in:
        stand_in.desk.redirect_uris = {BACK}
        yield stand_in


def authorize(stand_in, **changes) -> requests.Response:
    query = {"client_id": CLIENT_ID, "response_type": "code", "redirect_uri": BACK, "state": "s",
             "scope": "offline_access User.Read Mail.Send", "login_hint": OLGA,
             "code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256"}  # fmt: skip
    asked = {name: value for name, value in (query | changes).items() if value}
    return requests.get(f"{stand_in.url}/organizations/oauth2/v2.0/authorize", params=asked,
                        allow_redirects=False, timeout=10)  # fmt: skip


def token(stand_in, **form) -> requests.Response:
    sent = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "redirect_uri": BACK,
            "code_verifier": VERIFIER, "grant_type": "authorization_code"} | form  # fmt: skip
    return requests.post(f"{stand_in.url}/organizations/oauth2/v2.0/token", data=sent, timeout=10)


def code_of(answer) -> str:
    return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]


def ask(
    stand_in, method, path, *, headers=None, scope="User.Read Mail.Send Mail.ReadWrite", **sent
):
    sent.setdefault("timeout", 10)
    bearer = {"Authorization": f"Bearer {stand_in.tokens(OLGA, scope=scope).access}"}
    url = f"{stand_in.url}/v1.0/me{path}"
    return requests.request(method, url, headers=bearer | (headers or {}), **sent)


@pytest.mark.parametrize(
    "changes",
    [{"client_id": "another"}, {"redirect_uri": "http://localhost:1/other"}, {"scope": ""},
     {"response_type": "token"}, {"code_challenge_method": "plain"}, {"code_challenge": ""}],
)  # fmt: skip
def test_a_sign_in_asked_for_wrongly_is_refused_without_going_back(microsoft, changes):
    answer = authorize(microsoft, **changes)

    assert answer.status_code == 400
    assert "AADSTS" in answer.text


@pytest.mark.parametrize(
    ("form", "error", "number"),
    [
        ({"code_verifier": "w" * 60}, "invalid_grant", 501481),
        ({"redirect_uri": "http://localhost:1/other"}, "invalid_grant", 50011),
        ({"client_secret": "wrong"}, "invalid_client", 7000215),
        ({"code": "invented"}, "invalid_grant", 70008),
    ],
)
def test_a_code_is_redeemed_with_everything_it_was_asked_with(microsoft, form, error, number):
    code = code_of(authorize(microsoft))

    answer = token(microsoft, **({"code": code} | form))

    assert answer.json()["error"] == error
    assert answer.json()["error_codes"] == [number]
    assert answer.status_code == (401 if error == "invalid_client" else 400)


def test_a_code_works_once_and_a_refresh_token_until_it_is_replaced(microsoft):
    code = code_of(authorize(microsoft))
    first = token(microsoft, code=code)
    again = token(microsoft, code=code)
    old = first.json()["refresh_token"]
    renewed = token(microsoft, grant_type="refresh_token", refresh_token=old)
    dead = token(microsoft, grant_type="refresh_token", refresh_token=old)

    assert first.json()["scope"] == "User.Read Mail.Send"
    assert again.json()["error_codes"] == [54005]
    assert renewed.json()["refresh_token"] != old
    assert dead.json()["error"] == "invalid_grant"
    assert microsoft.desk.dead_uses == 1


def test_without_offline_access_there_is_no_refresh_token(microsoft):
    code = code_of(authorize(microsoft, scope="User.Read Mail.Send"))

    assert "refresh_token" not in token(microsoft, code=code).json()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"internetMessageHeaders": [{"name": "List-Unsubscribe", "value": "x"}]},
         "InvalidInternetMessageHeader"),
        ({"internetMessageHeaders": [{"name": f"x-{n}", "value": "x"} for n in range(6)]},
         "InvalidInternetMessageHeaderCollection"),
        ({"sujet": "x"}, "RequestBodyRead"),
        ({"toRecipients": [{"emailAddress": {"address": "nobody"}}]}, "ErrorInvalidRecipients"),
        ({"toRecipients": []}, "ErrorInvalidRecipients"),
    ],
)  # fmt: skip
def test_a_message_out_of_order_is_refused_by_graphs_own_word(microsoft, message, code):
    ordinary = {"subject": "Tea", "toRecipients": [{"emailAddress": {"address": "m@k.example"}}]}

    answer = ask(microsoft, "POST", "/sendMail", json={"message": ordinary | message})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert microsoft.mails == []


def test_mime_is_base64_and_from_the_mailbox(microsoft):
    plain = {"Content-Type": "text/plain"}
    broken = ask(microsoft, "POST", "/sendMail", data=MAIL, headers=plain)
    foreign = MAIL.replace(b"olga@", b"boss@")
    foreign = ask(microsoft, "POST", "/sendMail", data=base64.b64encode(foreign), headers=plain)
    good = ask(microsoft, "POST", "/sendMail", data=base64.b64encode(MAIL), headers=plain)

    assert broken.json()["error"]["code"] == "ErrorMimeContentInvalidBase64String"
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (403, "ErrorSendAsDenied")
    assert (good.status_code, good.content) == (202, b"")
    assert [mail.message_id for mail in microsoft.mails] == ["<k@us.example>"]


def test_each_call_needs_its_right_and_a_token_that_lives(microsoft):
    message = {"subject": "Tea"}
    no_draft = ask(microsoft, "POST", "/messages", json=message, scope="User.Read Mail.Send")
    no_look = ask(microsoft, "GET", "/messages", scope="Mail.Send")
    stranger = requests.get(f"{microsoft.url}/v1.0/me", timeout=10)

    assert no_draft.json()["error"]["code"] == "ErrorAccessDenied"
    assert no_look.status_code == 403
    assert stranger.json()["error"]["code"] == "InvalidAuthenticationToken"


def test_only_an_immutable_id_outlives_the_sending(microsoft):
    prefer = {"Prefer": 'IdType="ImmutableId"', "Content-Type": "text/plain"}
    lasting = ask(microsoft, "POST", "/messages", data=base64.b64encode(MAIL), headers=prefer)
    plain = {"Content-Type": "text/plain"}
    moving = ask(microsoft, "POST", "/messages", data=base64.b64encode(MAIL), headers=plain)
    ids = [answer.json()["id"] for answer in (lasting, moving)]
    sent = [ask(microsoft, "POST", f"/messages/{number}/send").status_code for number in ids]

    after = [ask(microsoft, "GET", f"/messages/{number}") for number in ids]

    assert sent == [202, 202]
    assert [answer.status_code for answer in after] == [200, 404]
    assert after[0].json()["isDraft"] is False


def test_what_comes_in_is_told_once_by_delta(microsoft):
    for number in range(3):
        microsoft.deliver(OLGA, MAIL.replace(b"<k@", f"<k{number}@".encode()))
    where = "/mailFolders/inbox/messages/delta?$select=internetMessageId&$top=2"
    first = ask(microsoft, "GET", where).json()
    second = ask(microsoft, "GET", first["@odata.nextLink"].partition("/v1.0/me")[2]).json()
    microsoft.deliver(OLGA, MAIL)
    third = ask(microsoft, "GET", second["@odata.deltaLink"].partition("/v1.0/me")[2]).json()

    ids = [[row["internetMessageId"] for row in page["value"]] for page in (first, second, third)]
    assert ids == [["<k0@us.example>", "<k1@us.example>"], ["<k2@us.example>"], ["<k@us.example>"]]
    assert not any(item.is_read for item in microsoft.open(OLGA).items)


def test_a_filter_or_field_it_does_not_know_is_refused(microsoft):
    microsoft.deliver(OLGA, MAIL)
    odd = ask(microsoft, "GET", "/messages", params={"$filter": "subject eq 'Tea'"})
    odd_field = ask(microsoft, "GET", "/messages", params={"$select": "isdraft"})

    assert (odd.status_code, odd_field.status_code) == (400, 400)
