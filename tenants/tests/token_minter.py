"""A provider on loopback that mints any token, good or bad, and whose key address can fail."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "https://api.leadgen.test"


class Minter:
    """Discovery document, key set and tokens of one made-up provider."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.fault = ""  # of the key address: 500, hang, html, huge, empty, oct, drip
        self.document: dict[str, Any] = {}  # replaces entries of the discovery document
        self.keys: dict[str, Any] = {}
        self.add_key("one")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.fault = ""
        self.server.shutdown()
        self.server.server_close()

    def add_key(self, kid: str, *, kind: str = "RSA", bits: int = 2048) -> None:
        if kind == "RSA":
            self.keys[kid] = rsa.generate_private_key(65537, bits)
        else:
            self.keys[kid] = ec.generate_private_key(ec.SECP256R1())

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": "alice", "aud": AUDIENCE, "iat": now, "exp": now + 300,
            "email": "alice@acme.example", "tenant_id": "acme", "roles": ["operator"], **changes,
        }  # fmt: skip
        return {name: value for name, value in claims.items() if value is not ...}

    def mint(
        self, *, kid: Any = "one", key: Any = None, alg: str = "RS256", headers: Any = None,
        **changes: Any,
    ) -> str:  # fmt: skip
        """A signed token; ``claim=...`` (Ellipsis) leaves a claim out."""
        more = {**({"kid": kid} if kid is not None else {}), **(headers or {})}
        key = key or self.keys.get(kid) or self.keys["one"]
        return jwt.encode(self.claims(**changes), key, algorithm=alg, headers=more)

    def public_pem(self, kid: str = "one") -> bytes:
        return (
            self.keys[kid]
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )

    def private_pem(self, kid: str = "one") -> bytes:
        return self.keys[kid].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def jwk(self, kid: str) -> dict[str, Any]:
        key = self.keys[kid].public_key()
        is_rsa = isinstance(key, rsa.RSAPublicKey)
        made = (RSAAlgorithm if is_rsa else ECAlgorithm).to_jwk(key, as_dict=True)
        return {**made, "kid": kid, "use": "sig"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        minter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                minter.asked[self.path] += 1
                if self.path == "/.well-known/openid-configuration":
                    return self._json(minter._discovery())
                if self.path != "/jwks":
                    return self._send(404, b"{}")
                return minter._answer_keys(self)

            def _json(self, value: Any) -> None:
                self._send(200, json.dumps(value).encode())

            def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                pass

        return Handler

    def _discovery(self) -> dict[str, Any]:
        at = self.issuer
        return {
            "issuer": at, "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token", "userinfo_endpoint": f"{at}/userinfo",
            "jwks_uri": f"{at}/jwks", "end_session_endpoint": f"{at}/logout",
            "id_token_signing_alg_values_supported": ["RS256", "ES256"], **self.document,
        }  # fmt: skip

    def _answer_keys(self, handler: Any) -> None:
        body = json.dumps({"keys": [self.jwk(kid) for kid in self.keys]}).encode()
        if self.fault == "500":
            return handler._send(500, b'{"error": "server_error"}')
        if self.fault == "html":
            return handler._send(200, b"<html>maintenance</html>", "text/html")
        if self.fault == "huge":
            return handler._send(200, b'{"keys": [' + b" " * 3_000_000 + b"]}")
        if self.fault == "empty":
            return handler._json({"keys": []})
        if self.fault == "oct":
            secret = base64.urlsafe_b64encode(b"x" * 32).decode()
            return handler._json({"keys": [{"kty": "oct", "k": secret, "kid": "one"}]})
        if self.fault == "hang":
            time.sleep(20)
        if self.fault == "drip":
            handler.send_response(200)
            handler.end_headers()
            with suppress(OSError):  # the reader hangs up
                for byte in body:
                    handler.wfile.write(bytes([byte]))
                    handler.wfile.flush()
                    time.sleep(0.5)
            return None
        return handler._send(200, body)


def unsigned(claims: dict[str, Any], *, header: Any, signature: bytes = b"") -> str:
    """A token put together by hand, whatever a library thinks of it."""

    def part(value: Any) -> str:
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    return f"{part(header)}.{part(claims)}.{part(signature)}"
