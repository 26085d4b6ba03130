"""Certificates for tests: an authority, and what it signs."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALID = datetime.timedelta(days=2)


@dataclass(frozen=True)
class Signed:
    """Where a certificate and its key are, and which authority vouches for it."""

    certificate: Path
    key: Path
    authority: Path


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _write_key(key: ec.EllipticCurvePrivateKey, path: Path) -> None:
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    path.chmod(0o600)


class Authority:
    """Signs certificates for loopback."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._count = 0
        self.path = folder / f"{name}.pem"
        certificate = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(True, None), critical=True
        )
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = certificate.add_extension(usage, critical=True)
        certificate = certificate.add_extension(self._key_id(), critical=False)
        self.path.write_bytes(self._signed(certificate))

    def sign(self, host: str = "localhost") -> Signed:
        """A certificate for a host and for 127.0.0.1."""
        self._count += 1
        stem = self.path.stem + str(self._count)
        key = ec.generate_private_key(ec.SECP256R1())
        addresses = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        certificate = self._builder(_name(f"{host} {self._count}"), key)
        certificate = certificate.add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = certificate.add_extension(issuer, critical=False)
        path, key_path = self._folder / f"{stem}.pem", self._folder / f"{stem}.key"
        path.write_bytes(self._signed(certificate))
        _write_key(key, key_path)
        return Signed(path, key_path, self.path)

    def _key_id(self) -> x509.SubjectKeyIdentifier:
        return x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(now - VALID).not_valid_after(now + VALID)

    def _signed(self, builder: x509.CertificateBuilder) -> bytes:
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
