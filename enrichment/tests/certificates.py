"""A made-up certificate authority, and servers whose certificates are good, or bad in one way."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Authority:
    """Signs for hosts; ``file`` is what a client has to trust."""

    folder: Path

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("made-up authority")
        self._certificate = self._sign(self._name, self._key, alternatives=[], is_authority=True)
        self.file = self.folder / "authority.pem"
        self.file.write_bytes(_pem(self._certificate))

    def server(
        self, *hosts: str, ends: timedelta = timedelta(days=1), is_self_signed: bool = False
    ) -> ssl.SSLContext:
        """The TLS side of a server that says it is ``hosts``."""
        key = ec.generate_private_key(ec.SECP256R1())
        signer = (_name(hosts[0]), key) if is_self_signed else (self._name, self._key)
        certificate = self._sign(_name(hosts[0]), key, alternatives=hosts, ends=ends, signer=signer)
        chain = self.folder / f"{hosts[0]}.pem"
        chain.write_bytes(_pem(certificate) + _key_pem(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _sign(self, subject, key, *, alternatives, ends=timedelta(days=1), is_authority=False,
              signer=None):  # fmt: skip
        issuer, signing_key = signer or (self._name, self._key)
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + ends)
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        )
        if alternatives:
            names = x509.SubjectAlternativeName([x509.DNSName(host) for host in alternatives])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(signing_key, hashes.SHA256())


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
