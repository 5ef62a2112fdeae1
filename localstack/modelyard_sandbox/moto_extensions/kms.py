"""KMS: keys of a curve sign and verify a digest that the caller has made (kms/latest/APIReference/API_Sign)."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms.exceptions import ValidationException
from moto.kms.responses import KmsResponse
from moto.kms.utils import ECDSAPrivateKey

_ALGORITHMS: Final[dict[str, hashes.HashAlgorithm]] = {
    "ECDSA_SHA_256": hashes.SHA256(),
    "ECDSA_SHA_384": hashes.SHA384(),
    "ECDSA_SHA_512": hashes.SHA512(),
}
_digested: ContextVar[bool] = ContextVar("digested", default=False)
"""Whether the message of the call is a digest already; moto hashes every message."""

_sign, _verify = KmsResponse.sign, KmsResponse.verify
_sign_message, _verify_message = ECDSAPrivateKey.sign, ECDSAPrivateKey.verify


def _told(answer: Callable[[Any], str]) -> Callable[[Any], str]:
    """The operation, with the type of its message known to the key."""

    def told(self: Any) -> str:
        before = _digested.set(self._get_param("MessageType") == "DIGEST")
        try:
            return answer(self)
        finally:
            _digested.reset(before)

    return told


def _prehashed(digest: bytes, algorithm: str) -> ec.ECDSA:
    hashed = _ALGORITHMS[algorithm]
    if len(digest) != hashed.digest_size:
        raise ValidationException("Digest is invalid length for algorithm " + algorithm + ".")
    return ec.ECDSA(Prehashed(hashed))


def sign_digest(self: Any, message: bytes, signing_algorithm: str) -> bytes:
    """The signature of a message, or of its digest."""
    if not _digested.get() or signing_algorithm not in self.valid_signing_algorithms:
        return _sign_message(self, message, signing_algorithm)
    return self.private_key.sign(message, _prehashed(message, signing_algorithm))


def verify_digest(self: Any, message: bytes, signature: bytes, signing_algorithm: str) -> bool:
    """Whether a message, or its digest, was signed so."""
    if not _digested.get() or signing_algorithm not in self.valid_signing_algorithms:
        return _verify_message(self, message, signature, signing_algorithm)
    try:
        self.private_key.public_key().verify(signature, message, _prehashed(message, signing_algorithm))
    except InvalidSignature:
        return False
    return True


def install() -> None:
    """Add this to the moto of this process; a second time changes nothing."""
    for operation in (_sign, _verify):
        setattr(KmsResponse, operation.__name__, _told(operation))
    setattr(ECDSAPrivateKey, _sign_message.__name__, sign_digest)
    setattr(ECDSAPrivateKey, _verify_message.__name__, verify_digest)
