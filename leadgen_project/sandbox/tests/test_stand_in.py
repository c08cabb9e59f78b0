"""What all vendors' stand-ins share: a journal, an account, and faults that strike as told."""

from __future__ import annotations

from base64 import b64encode

import pytest
import requests

from leadgen_project.sandbox.loopback import Reply, Request
from leadgen_project.sandbox.server import Sandbox
from leadgen_project.sandbox.vendors.catalogue import VENDORS, Entry
from leadgen_project.sandbox.vendors.stand_in import (
    Fault,
    VendorCall,
    VendorStandIn,
    reply_json,
)


class Shop(VendorStandIn):
    """Sells one unit a call."""

    def _key(self, request: Request) -> str:
        return request.headers.get("x-key", "")

    def _answer(self, request: Request, call: VendorCall) -> Reply:
        if call.key not in self.keys:
            return reply_json({"error": "key"}, 401)
        return reply_json({"sold": 1}) if self._charge(call, 1) else reply_json({}, 402)


@pytest.fixture
def shop():
    with Shop(credits=2, hang_seconds=0.3, slow_seconds=0.1) as running:
        yield running


def buy(shop: Shop, *, key: str = "sandbox-key") -> requests.Response:
    return requests.post(shop.url, json={"a": 1}, headers={"X-Key": key}, timeout=2)


def test_calls_are_charged_until_the_account_is_empty(shop):
    assert [buy(shop).status_code for _ in range(3)] == [200, 200, 402]
    assert shop.charged == 2
    assert shop.asked("/")[0].question == {"a": 1}


def test_a_wrong_key_costs_nothing(shop):
    assert buy(shop, key="other").status_code == 401
    assert shop.charged == 0


@pytest.mark.parametrize(("fault", "status"), [(Fault.ERROR, 500), (Fault.RATE_LIMITED, 429),
                                               (Fault.HTML, 403)])  # fmt: skip
def test_a_refusal_costs_nothing(shop, fault, status):
    shop.fail_next(fault)

    assert buy(shop).status_code == status
    assert shop.charged == 0


@pytest.mark.parametrize(
    ("fault", "charged"), [(Fault.RESET, 0), (Fault.HANG, 0), (Fault.RESET_AFTER, 1),
                           (Fault.TRUNCATED, 1)]
)  # fmt: skip
def test_a_broken_connection_may_have_cost_a_unit(shop, fault, charged):
    shop.fail_next(fault)

    with pytest.raises(requests.RequestException):
        buy(shop)

    assert shop.charged == charged


def test_chance_strikes_the_same_calls_every_time():
    def faults() -> list[str]:
        with Shop(chance_of_fault=0.5, seed=4, likely_faults=(Fault.ERROR,)) as shop:
            for _ in range(20):
                buy(shop)
            return [call.fault for call in shop.calls]

    first = faults()

    assert first == faults()
    assert 3 < first.count("500") < 17


def test_the_sandbox_opens_the_vendors_it_is_asked_for(monkeypatch):
    entry = Entry(lambda _truth: Shop(), "SHOP_BASE_URL", "SHOP_API_KEY", "sandbox-key", "/v1")
    monkeypatch.setitem(VENDORS, "shop", entry)

    with Sandbox(count=20, vendors=["shop"]) as sandbox:
        shop = sandbox.vendors["shop"]
        bought = buy(shop)
        journal = requests.get(sandbox.proxy_url + "/_sandbox/vendors", timeout=5).json()

    assert bought.json() == {"sold": 1}
    assert sandbox.environment["SHOP_BASE_URL"] == f"{shop.url}/v1"
    assert sandbox.environment["SHOP_API_KEY"] == "sandbox-key"
    assert journal["shop"]["charged"] == 1
    assert journal["shop"]["calls"][0]["question"] == {"a": 1}


def test_no_paid_vendor_is_open_unless_asked_for():
    with Sandbox(count=20) as sandbox:
        of_mail = {**sandbox.microsoft.environment, **sandbox.google.environment}
        names = set(sandbox.environment) - set(of_mail)

    assert names == {"CRAWL_PROXY", "DATA_GOV_SG_BASE_URL", "DNS_SERVERS", "OVERPASS_URL"}


def test_mail_stays_in_the_sandbox_where_it_can_be_read():
    wire = b"From: a@us.example\r\nTo: b@kaya.example\r\nSubject: Tea\r\n\r\nDear Mei\r\n"
    with Sandbox(count=20) as sandbox:
        token = sandbox.microsoft.tokens("a@us.example").access
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/plain"}
        url = f"{sandbox.environment['GRAPH_BASE_URL']}/v1.0/me/sendMail"
        answer = requests.post(url, data=b64encode(wire), headers=headers, timeout=30)
        shown = requests.get(f"{sandbox.proxy_url}/_sandbox/mail", timeout=30).json()

    assert answer.status_code == 202
    assert [(mail["from"], mail["to"], mail["subject"]) for mail in shown] == [
        ("a@us.example", "b@kaya.example", "Tea")
    ]
