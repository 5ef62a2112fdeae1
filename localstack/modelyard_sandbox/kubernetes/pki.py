"""The keys and certificates of one start: made for it, and gone with it."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=365)
_NEVER = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)
_SIGNS = x509.KeyUsage(**{**_NEVER, "key_cert_sign": True})
"""What the authority's key is for; a strict client refuses an authority that doesn't say."""


@dataclass(frozen=True, slots=True)
class Pki:
    """The files: one authority, one certificate for servers and clients alike, and the key that signs the tokens."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def certificate(self) -> Path:
        return self.folder / "server.crt"

    @property
    def key(self) -> Path:
        return self.folder / "server.key"

    @property
    def service_accounts(self) -> Path:
        """Signs the tokens of service accounts."""
        return self.folder / "service-accounts.key"


def make(folder: Path, names: tuple[str, ...], addresses: tuple[str, ...]) -> Pki:
    """Makes them in `folder`, which nobody else may read. `names` and `addresses`: what the server answers to."""
    folder.mkdir(mode=0o700, parents=True)
    made = Pki(folder)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    issuer = _named("modelyard-sandbox")
    authority = _begun(issuer, issuer, authority_key)
    authority = authority.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    authority = authority.add_extension(_SIGNS, critical=True)
    made.authority.write_bytes(_pem(authority.sign(authority_key, hashes.SHA256())))
    key = ec.generate_private_key(ec.SECP256R1())
    told = [*map(x509.DNSName, names), *(x509.IPAddress(ipaddress.ip_address(one)) for one in addresses)]
    both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = _begun(_named("kube-apiserver"), issuer, key)
    certificate = certificate.add_extension(x509.SubjectAlternativeName(told), critical=False)
    certificate = certificate.add_extension(both, critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    certificate = certificate.add_extension(identifier, critical=False)
    made.certificate.write_bytes(_pem(certificate.sign(authority_key, hashes.SHA256())))
    _keep(key, made.key)
    _keep(ec.generate_private_key(ec.SECP256R1()), made.service_accounts)
    return made


def write_secret(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, from its first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _keep(key: ec.EllipticCurvePrivateKey, path: Path) -> None:
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    write_secret(path, text.decode())
