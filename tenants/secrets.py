"""Encrypt what the database must keep and nobody may read: vendor keys, tokens.

Fernet (AES-128-CBC with HMAC-SHA256) under keys derived from ``FIELD_KEYS``: the first encrypts,
all decrypt. To rotate, put a new key in front and run ``manage.py rotate_secrets``.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SecretUnreadableError(Exception):
    """None of the FIELD_KEYS decrypts it: a key was taken out too early, or the row is damaged."""


def encrypt(text: str) -> bytes:
    return _fernet().encrypt(text.encode())


def decrypt(token: bytes) -> str:
    """The text; raises ``SecretUnreadableError``, never returns what it cannot read."""
    try:
        return _fernet().decrypt(token).decode()
    except InvalidToken:
        raise SecretUnreadableError(
            "A stored secret cannot be read with the present FIELD_KEYS."
            " Put the former key back behind the new one, or enter the secret again."
        ) from None


def rotate(token: bytes) -> bytes:
    """The same secret under the first key."""
    return encrypt(decrypt(token))


def fingerprint(text: str) -> str:
    """Twelve characters that tell two secrets apart and reveal neither.

    Not keyed: rate limits and stops are named by it and must outlive a change of FIELD_KEYS. What
    it is made of are long random words, which nobody finds again by trying.
    """
    return _derived(text, "fingerprint").hex()[:12]


def _fernet() -> MultiFernet:
    keys = (base64.urlsafe_b64encode(_derived(key, "encryption")) for key in settings.FIELD_KEYS)
    return MultiFernet([Fernet(key) for key in keys])


def _derived(secret: str, purpose: str) -> bytes:
    # FIELD_KEYS are long random words, so a slow derivation would add nothing.
    return hashlib.sha256(f"leadgen {purpose} v1:{secret}".encode()).digest()
