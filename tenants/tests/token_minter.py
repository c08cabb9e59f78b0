"""A provider on loopback that mints any token, good or bad, and whose key address can fail."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

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
        self.ended = threading.Event()
        self.fault = ""  # of the key address: 500, hang, html, huge, empty, oct, drip
        self.document: dict[str, Any] = {}  # replaces entries of the discovery document
        self.keys: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}  # code -> the request it answers; used once
        self.id_token: dict[str, Any] = {}  # replaces claims of the next ID tokens
        self.id_token_is = self.mint  # or something else that makes one
        self.userinfo: dict[str, Any] | None = {}  # replaces its claims; None: it fails
        self.wants_secret_in_form = False
        self.seen_forms: list[dict[str, str]] = []
        self.add_key("one")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.fault = ""
        self.ended.set()
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

    def let_in(self, location: str, **claims: Any) -> str:
        """What the browser does at the provider: a code for the request in ``location``."""
        code = secrets.token_urlsafe(8)
        asked = dict(parse_qsl(urlsplit(location).query))
        self.codes[code] = asked
        self.id_token = {"nonce": asked.get("nonce"), "aud": asked["client_id"], **claims}
        return code

    def _answer_token(self, handler: Any) -> None:
        form = dict(parse_qsl(handler.rfile.read(int(handler.headers["Content-Length"])).decode()))
        self.seen_forms.append(form)
        given = handler.headers.get("Authorization", "")
        basic = "Basic " + base64.b64encode(b"leadgen:s3cret").decode()
        good = (
            form.get("client_secret") == "s3cret" if self.wants_secret_in_form else given == basic
        )
        if not good:
            return handler._send(401, b'{"error": "invalid_client"}')
        asked = self.codes.pop(form.get("code", ""), None)
        made = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(made).rstrip(b"=").decode()
        if not asked or asked["code_challenge"] != challenge:
            return handler._send(400, b'{"error": "invalid_grant"}')
        if asked["redirect_uri"] != form.get("redirect_uri"):
            return handler._send(400, b'{"error": "invalid_grant"}')
        return handler._json(
            {"access_token": "opaque", "token_type": "Bearer",
             "id_token": self.id_token_is(**self.id_token)}
        )  # fmt: skip

    def _answer_userinfo(self, handler: Any) -> None:
        if self.userinfo is None:
            return handler._send(500, b"oops", "text/plain")
        claims = self.claims(**self.id_token)
        return handler._json({"sub": claims.get("sub"), **self.userinfo})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        minter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                minter.asked[self.path] += 1
                if self.path == "/.well-known/openid-configuration":
                    return self._json(minter._discovery())
                if self.path == "/userinfo":
                    return minter._answer_userinfo(self)
                if self.path != "/jwks":
                    return self._send(404, b"{}")
                return minter._answer_keys(self)

            def do_POST(self) -> None:
                minter.asked[self.path] += 1
                return minter._answer_token(self)

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
            self.ended.wait(120)
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
