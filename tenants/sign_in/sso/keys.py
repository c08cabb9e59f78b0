"""The signing keys of providers, kept for a while and fetched again when a new one appears.

Known keys go on for an hour while the provider cannot be asked. A key nobody knows leads to one
question, and after a fruitless one to none for a minute, so that made-up key names cannot be used
to flood the provider (RFC 8725; docs/decisions/sign-in.md).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import jwt
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tenants.sign_in.sso.fetch import ProviderError, fetch_json

logger = logging.getLogger(__name__)
FRESH_SECONDS = 300.0  # then they are fetched again, in the background
STALE_SECONDS = 3_900.0  # an hour after the first refresh that failed
PAUSE_SECONDS = 60.0  # between two fruitless questions
COLD_PAUSE_SECONDS = 5.0  # the same while no key is known at all, so that a start soon succeeds
MOST_KEYS = 50
LEAST_RSA_BITS = 2048
ALGORITHMS = {"RS256": "RSA", "ES256": "EC"}

PUBLIC_PARTS = {"kty", "n", "e", "crv", "x", "y"}

Key = Any  # a public key of ``cryptography``


class KeySet:
    """The keys at one address. One per process and address; safe to use from many threads."""

    def __init__(
        self,
        url: str,
        *,
        fetch: Callable[[str], dict[str, Any]] = fetch_json,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._fetch, self._clock = url, fetch, clock
        self._keys: dict[tuple[str, str], Key] = {}  # (kid, algorithm) -> key
        self._fetched_at = self._paused_until = float("-inf")
        self._asking = threading.Lock()

    def find(self, kid: str | None, *, algorithm: str) -> Key | None:
        """The key called ``kid``; without one, the only key there is. None when there is none.

        Raises ``ProviderError`` when no key is known at all and the provider cannot be asked.
        """
        age = self._clock() - self._fetched_at
        if age > STALE_SECONDS:
            self._keys = {}
            self._ask_again(must=True)
        elif age > FRESH_SECONDS and self._clock() >= self._paused_until:
            threading.Thread(target=self._ask_again, daemon=True, name="refresh-keys").start()
        key = self._pick(kid, algorithm)
        if key is None and kid is not None:
            self._ask_again()
            key = self._pick(kid, algorithm)
        return key

    def _pick(self, kid: str | None, algorithm: str) -> Key | None:
        if kid is not None:
            return self._keys.get((kid, algorithm))
        fitting = [key for (_, of), key in list(self._keys.items()) if of == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    def _ask_again(self, *, must: bool = False) -> None:
        before = self._fetched_at
        with self._asking:
            if self._fetched_at != before:  # another thread has just asked
                return
            if self._clock() < self._paused_until:
                if must:
                    raise ProviderError("The provider's keys could not be read a moment ago.")
                return
            self._paused_until = self._clock() + (COLD_PAUSE_SECONDS if must else PAUSE_SECONDS)
            try:
                fresh = read_keys(self._fetch(self._url))
            except ProviderError as exc:
                logger.warning("keys were not renewed, the known ones go on: %s", exc)
                if must:
                    raise
                return
            if fresh.keys() != self._keys.keys():
                self._paused_until = float("-inf")  # it was worth asking
            self._keys, self._fetched_at = fresh, self._clock()


def read_keys(document: dict[str, Any]) -> dict[tuple[str, str], Key]:
    """The usable keys of a JWKS by name and algorithm: public RSA and P-256 keys for signatures.

    Raises ``ProviderError`` when there is none, so that an empty answer never replaces good keys.
    """
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ProviderError("The provider's key set holds no list of keys.")
    found = {}
    for position, entry in enumerate(entries[:MOST_KEYS]):
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        for algorithm, kind in ALGORITHMS.items():
            if entry.get("kty") != kind or entry.get("alg", algorithm) != algorithm:
                continue
            key = _load(entry, algorithm)
            if key is not None:
                found[_name(entry, position), algorithm] = key
    if not found:
        raise ProviderError("The provider's key set holds no key we can use.")
    return found


def _name(entry: dict[str, Any], position: int) -> str:
    kid = entry.get("kid")
    return kid if isinstance(kid, str) else f"(unnamed {position})"


def _load(entry: dict[str, Any], algorithm: str) -> Key | None:
    public = {name: value for name, value in entry.items() if name in PUBLIC_PARTS}
    try:
        if algorithm == "RS256":
            key: Key = RSAAlgorithm.from_jwk(public)
            return key if key.key_size >= LEAST_RSA_BITS else None
        key = ECAlgorithm.from_jwk(public)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    return key if key.curve.name == "secp256r1" else None


_sets: dict[str, KeySet] = {}
_sets_lock = threading.Lock()


def keys_at(url: str) -> KeySet:
    """The one key set of this process for ``url``."""
    with _sets_lock:
        return _sets.setdefault(url, KeySet(url))


def forget_keys() -> None:
    """Start with no known keys, as a new process does."""
    with _sets_lock:
        _sets.clear()
