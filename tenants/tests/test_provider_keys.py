"""How long known keys go on, and how seldom a provider is asked."""

from __future__ import annotations

import threading

import pytest

from tenants.sign_in.sso.fetch import ProviderError
from tenants.sign_in.sso.keys import KeySet, read_keys
from tenants.tests.token_minter import Minter

HOUR = 3600.0


@pytest.fixture(scope="module")
def minter():
    made = Minter()
    made.add_key("two")
    yield made
    made.close()


class Provider:
    """Answers at once, with the keys it is told to have, or fails."""

    def __init__(self, minter) -> None:
        self.minter, self.kids, self.is_down, self.asked, self.now = minter, ["one"], False, 0, 0.0

    def fetch(self, _url):
        self.asked += 1
        if self.is_down:
            raise ProviderError("down")
        return {"keys": [self.minter.jwk(kid) for kid in self.kids]}


@pytest.fixture
def provider(minter):
    return Provider(minter)


@pytest.fixture
def keys(provider):
    return KeySet("https://id.example/jwks", fetch=provider.fetch, clock=lambda: provider.now)


def find(keys, kid="one"):
    found = keys.find(kid, algorithm="RS256")
    for thread in threading.enumerate():
        if thread.name == "refresh-keys":
            thread.join()
    return found


def test_known_keys_go_on_for_an_hour_without_the_provider_and_then_end(keys, provider):
    assert find(keys)
    provider.is_down = True

    for minute in range(1, 61):
        provider.now = minute * 60.0
        assert find(keys)
    assert provider.asked <= 61, "at most one question a minute"

    provider.now = 1.2 * HOUR
    with pytest.raises(ProviderError):
        find(keys)


def test_the_provider_coming_back_is_noticed(keys, provider):
    find(keys)
    provider.is_down, provider.now = True, 400.0
    find(keys)
    provider.is_down, provider.kids, provider.now = False, ["two"], 500.0

    find(keys)
    assert find(keys, "two")
    assert not find(keys, "one")


def test_a_new_key_costs_one_question(keys, provider):
    find(keys)
    provider.kids, provider.now = ["one", "two"], 10.0

    assert find(keys, "two")
    assert find(keys, "one")
    assert provider.asked == 2


def test_unknown_names_are_asked_for_once_a_minute(keys, provider):
    find(keys)
    for second in range(1, 121):
        provider.now = float(second)
        assert find(keys, f"unknown-{second}") is None

    assert provider.asked == 3


def test_many_threads_at_once_ask_once(keys, provider):
    threads = [threading.Thread(target=keys.find, args=["one"], kwargs={"algorithm": "RS256"})
               for _ in range(20)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert provider.asked == 1


def test_without_a_name_only_an_only_key_will_do(keys, provider):
    assert find(keys, None)
    provider.kids, provider.now = ["one", "two"], 10.0
    find(keys, "two")

    assert find(keys, None) is None


@pytest.mark.parametrize(
    "document",
    [{}, {"keys": "one"}, {"keys": []}, {"keys": [7, None, {}]},
     {"keys": [{"kty": "oct", "k": "eA", "kid": "one"}]},
     {"keys": [{"kty": "RSA", "n": "!", "e": "AQAB", "kid": "one"}]},
     {"keys": [{"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA", "kid": "one"}]}],
)  # fmt: skip
def test_a_key_set_without_a_usable_key_is_none(document):
    with pytest.raises(ProviderError):
        read_keys(document)


def test_keys_for_encryption_and_other_algorithms_are_passed_by(minter):
    other = {**minter.jwk("one"), "use": "enc"}
    third = {**minter.jwk("one"), "alg": "RS512"}

    with pytest.raises(ProviderError):
        read_keys({"keys": [other, third]})
