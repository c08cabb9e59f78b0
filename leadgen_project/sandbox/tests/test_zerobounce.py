"""ZeroBounce's stand-in is as strict as the service: keys, forms, limits."""

from __future__ import annotations

from collections import Counter

import pytest
import requests

from leadgen_project.sandbox.vendors.zerobounce import REFUSED, SHARES, ZeroBounceStandIn

ROWS = [{"email_address": "a@b.test", "ip_address": None}]


@pytest.fixture
def vendor():
    with ZeroBounceStandIn(batches_per_minute=50) as running:
        yield running


def batch(vendor, *, rows=ROWS, key="sandbox-key", **also):
    body = {"api_key": key, "email_batch": rows, "timeout": "30", **also}
    return requests.post(f"{vendor.url}/v2/validatebatch", json=body, timeout=5)


def get(vendor, path, **query):
    return requests.get(f"{vendor.url}/v2/{path}", params=query, timeout=5)


def refused(answer) -> bool:
    return answer.status_code == 200 and answer.json()["errors"] == [
        {"error": REFUSED, "email_address": "all"}
    ]


def test_the_key_counts_only_where_the_contract_puts_it(vendor):
    ok = get(vendor, "validate", api_key="sandbox-key", email="a@b.test")
    in_header = requests.get(f"{vendor.url}/v2/validate", params={"email": "a@b.test"},
                             headers={"api_key": "sandbox-key"}, timeout=5)  # fmt: skip

    assert ok.json()["address"] == "a@b.test"
    assert in_header.json() == {"error": REFUSED}
    assert refused(batch(vendor, key="wrong"))


def test_a_timeout_written_as_a_number_is_answered_like_a_wrong_key(vendor):
    assert refused(batch(vendor, timeout=30))
    assert batch(vendor, timeout="30").json()["email_batch"]


@pytest.mark.parametrize("rows", [[], [{"email_address": f"{n}@b.test"} for n in range(101)], None])
def test_a_batch_holds_one_to_a_hundred_addresses(vendor, rows):
    assert batch(vendor, rows=rows).status_code == 400


def test_the_sixth_batch_of_a_minute_blocks_batches_and_nothing_else():
    with ZeroBounceStandIn() as vendor:
        statuses = [batch(vendor).status_code for _ in range(7)]

        assert statuses == [200] * 5 + [429] * 2
        assert get(vendor, "getcredits", api_key="sandbox-key").status_code == 200


def test_two_hundred_wrong_keys_block_everybody(vendor):
    for _ in range(200):
        assert get(vendor, "getcredits", api_key="x").json() == {"Credits": "-1"}

    assert get(vendor, "getcredits", api_key="sandbox-key").status_code == 429


def test_wrong_paths_and_methods_are_refused(vendor):
    assert get(vendor, "verify").status_code == 404
    assert requests.post(f"{vendor.url}/v2/validate", json={}, timeout=5).status_code == 405
    assert get(vendor, "validate", api_key="sandbox-key").status_code == 400


def test_duplicates_are_charged_each(vendor):
    vendor.verdicts["a@b.test"] = ("valid", "")

    batch(vendor, rows=ROWS * 3)

    assert vendor.charged == 3


def test_usage_counts_what_was_charged(vendor):
    vendor.verdicts["a@b.test"] = ("do_not_mail", "role_based")
    batch(vendor)

    told = get(vendor, "getapiusage", api_key="sandbox-key", start_date="2026-11-01",
               end_date="2026-11-05").json()  # fmt: skip

    assert (told["total"], told["status_do_not_mail"], told["sub_status_role_based"]) == (1, 1, 1)
    assert told["start_date"] == "11/1/2026"
    assert get(vendor, "getapiusage", api_key="sandbox-key", start_date="11/1/2026",
               end_date="2026-11-05").status_code == 400  # fmt: skip


def test_made_up_addresses_have_some_of_every_verdict(vendor):
    seen = Counter(
        (row["status"], row["sub_status"])
        for start in range(0, 3000, 100)
        for row in batch(
            vendor, rows=[{"email_address": f"p{n}@c.test"} for n in range(start, start + 100)]
        ).json()["email_batch"]
    )

    assert seen.keys() == SHARES.keys()
    assert 1700 < seen["valid", ""] < 2150
