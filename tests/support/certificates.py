"""Certificates for tests, made when a test runs, so that none expires in the tree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key


@dataclass(frozen=True)
class Pair:
    """The files of a certificate and its key."""

    cert: Path
    key: Path

    def replace_by(self, other: Pair) -> None:
        """Put the other's content in place of this one's, as a renewal does: each file at once, the key first."""
        for mine, theirs in ((self.key, other.key), (self.cert, other.cert)):
            scratch = mine.with_suffix(".new")
            scratch.write_bytes(theirs.read_bytes())
            scratch.replace(mine)


class Authority:
    """A certificate authority of one test; `file` is what clients trust."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._name = name
        self._ca = trustme.CA(organization_name=name)
        self._made = 0
        self.file = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue_for(self, *names: x509.GeneralName, days: float = 30) -> Pair:
        """A certificate with these subject alternative names, of any kind, valid for `days` from now."""
        key, ca_key = (
            ec.generate_private_key(ec.SECP256R1()),
            load_pem_private_key(self._ca.private_key_pem.bytes(), None),
        )
        ca = x509.load_pem_x509_certificate(self._ca.cert_pem.bytes())
        assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "client")]))
            .issuer_name(ca.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        self._made += 1
        pair = Pair(self._folder / f"{self._name}-{self._made}.crt", self._folder / f"{self._name}-{self._made}.key")
        pair.cert.write_bytes(made.public_bytes(Encoding.PEM))
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair

    def issue(self, *names: str, days: float = 30, since_days: float = 1) -> Pair:
        """A certificate for these names and addresses, valid from `since_days` ago for `days` from now."""
        now = datetime.now(UTC)
        made = self._ca.issue_cert(
            *(names or ("127.0.0.1", "localhost")),
            not_before=now - timedelta(days=since_days),
            not_after=now + timedelta(days=days),
        )
        self._made += 1
        pair = Pair(
            self._folder / f"{self._name}-{self._made}.crt",
            self._folder / f"{self._name}-{self._made}.key",
        )
        pair.cert.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        made.private_key_pem.write_to_path(str(pair.key))
        return pair
