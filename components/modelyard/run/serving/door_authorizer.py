"""Looks at a bearer's token before the door does anything: the code of a function, with the standard library alone.

It takes RS256 and ES256 (RFC 7518), keys from the issuer's key set (RFC 7517), and the claims of RFC 7519. A token that
isn't right is `Unauthorized` (401) without a reason; a key set that can't be had is an error of ours (500).
Source: apigateway/latest/developerguide/apigateway-use-lambda-authorizer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import os
import re
import time
import urllib.request
from typing import Any

LONGEST_TOKEN = 8_192
LONGEST_ANSWER = 1_000_000
LEAST_RSA_BITS = 2_048
LEEWAY_SECONDS = 30
KEYS_SECONDS = 600
"""A key that the issuer took back is known for this long at most."""
ASK_AGAIN_SECONDS = 60
"""An unknown key asks for the set no oftener than this, whatever is sent."""
FETCH_SECONDS = 3

_PART = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
"""What stands before a SHA-256 digest that RSA signed (RFC 8017, section 9.2)."""
_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
"""The curve P-256 (FIPS 186-5; SP 800-186, section 3.2.1.3)."""


class Refused(Exception):
    """The token is not right."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """Keys come from where the file says, and from nowhere that an answer says."""


def fetch(url: str) -> Any:
    """The JSON document at an address over TLS."""
    if not url.startswith("https://"):
        raise ValueError(f"{url} is not over TLS")
    opener = urllib.request.build_opener(_NoRedirect())
    with opener.open(url, timeout=FETCH_SECONDS) as answer:
        return json.loads(answer.read(LONGEST_ANSWER))


class KeySet:
    """The issuer's keys by id, as last fetched."""

    def __init__(self, issuer: str, jwks_uri: str) -> None:
        self._issuer = issuer
        self._uri = jwks_uri
        self._keys: list[dict[str, Any]] = []
        self._fetched = float("-inf")

    def key(self, kid: str, algorithm: str) -> dict[str, Any]:
        """The one key of this id that may have signed so. Raises `Refused` where there is none."""
        age = time.time() - self._fetched
        found = self._find(kid, algorithm)
        if age > KEYS_SECONDS or (not found and age > ASK_AGAIN_SECONDS):
            self._keys = self._fetch()
            self._fetched = time.time()
            found = self._find(kid, algorithm)
        if len(found) != 1:
            raise Refused("no such key")
        return found[0]

    def _find(self, kid: str, algorithm: str) -> list[dict[str, Any]]:
        kind = {"RS256": "RSA", "ES256": "EC"}[algorithm]
        return [
            key
            for key in self._keys
            if key.get("kid") == kid
            and key.get("kty") == kind
            and key.get("alg", algorithm) == algorithm
            and key.get("use", "sig") == "sig"
        ]

    def _fetch(self) -> list[dict[str, Any]]:
        uri = self._uri
        if not uri:
            said = fetch(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            if said.get("issuer") != self._issuer:
                raise ValueError("the configuration is another issuer's")
            uri = said["jwks_uri"]
        keys = fetch(uri)["keys"]
        return [key for key in keys if isinstance(key, dict)]


def _decoded(text: str) -> bytes:
    if not _PART.fullmatch(text):
        raise Refused("no base64url")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise Refused("no base64url") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise Refused("says something twice")
    return dict(pairs)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(_decoded(text), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise Refused("no JSON") from None
    if not isinstance(found, dict):
        raise Refused("no object")
    return found


def _number(key: dict[str, Any], name: str) -> int:
    value = key.get(name)
    if not isinstance(value, str):
        raise Refused("an incomplete key")
    return int.from_bytes(_decoded(value), "big")


def signed_by_rsa(key: dict[str, Any], text: bytes, signature: bytes) -> bool:
    """RSASSA-PKCS1-v1_5 with SHA-256: the whole padded block is compared, never parsed (RFC 8017, section 8.2.2)."""
    modulus, exponent = _number(key, "n"), _number(key, "e")
    length = (modulus.bit_length() + 7) // 8
    if modulus.bit_length() < LEAST_RSA_BITS or exponent < 3 or exponent % 2 == 0 or len(signature) != length:
        return False
    number = int.from_bytes(signature, "big")
    if number >= modulus:
        return False
    digest = _SHA256 + hashlib.sha256(text).digest()
    wanted = b"\x00\x01" + b"\xff" * (length - len(digest) - 3) + b"\x00" + digest
    return hmac.compare_digest(pow(number, exponent, modulus).to_bytes(length, "big"), wanted)


Point = tuple[int, int] | None


def _added(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return other if one is None else one
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % _P == 0:
        return None
    slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, _P) if one == other else (y2 - y1) * pow(x2 - x1, -1, _P)
    x = (slope * slope - x1 - x2) % _P
    return x, (slope * (x1 - x) - y1) % _P


def _times(factor: int, point: Point) -> Point:
    result: Point = None
    while factor:
        if factor & 1:
            result = _added(result, point)
        point = _added(point, point)
        factor >>= 1
    return result


def signed_by_curve(key: dict[str, Any], text: bytes, signature: bytes) -> bool:
    """ECDSA on P-256 with SHA-256; the signature is r and s, 32 bytes each (RFC 7518, section 3.4)."""
    x, y = _number(key, "x"), _number(key, "y")
    on_curve = x < _P and y < _P and (y * y - x * x * x + 3 * x - _B) % _P == 0
    if key.get("crv") != "P-256" or not on_curve or len(signature) != 64:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (0 < r < _N and 0 < s < _N):
        return False
    inverse = pow(s, -1, _N)
    digest = int.from_bytes(hashlib.sha256(text).digest(), "big")
    found = _added(_times(digest * inverse % _N, _G), _times(r * inverse % _N, (x, y)))
    return found is not None and found[0] % _N == r


def _moment(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused(f"{name} is no moment")
    return value


def _words(value: Any) -> set[str]:
    words = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
    return {word for word in words if isinstance(word, str)}


def claims_of(token: str, keys: KeySet, *, issuer: str, audiences: list[str], scopes: list[str]) -> dict[str, Any]:
    """What a right token says. Raises `Refused` for any other."""
    parts = token.split(".")
    if len(token) > LONGEST_TOKEN or len(parts) != 3:
        raise Refused("no signed token")
    header = _object(parts[0])
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in ("RS256", "ES256") or not isinstance(kid, str) or not kid or "crit" in header:
        raise Refused("not signed as we take it")
    key = keys.key(kid, algorithm)
    verify = signed_by_rsa if algorithm == "RS256" else signed_by_curve
    if not verify(key, f"{parts[0]}.{parts[1]}".encode(), _decoded(parts[2])):
        raise Refused("another's signature")
    claims = _object(parts[1])
    now = time.time()
    ends, begins = _moment(claims, "exp"), _moment(claims, "nbf")
    if ends is None or now >= ends + LEEWAY_SECONDS or (begins is not None and now < begins - LEEWAY_SECONDS):
        raise Refused("not now")
    audience = claims.get("aud")
    named = {audience} if isinstance(audience, str) else _words(audience)
    if claims.get("iss") != issuer or not named & set(audiences):
        raise Refused("not for us")
    if not set(scopes) <= (_words(claims.get("scope")) | _words(claims.get("scp"))):
        raise Refused("not for this")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise Refused("nobody's")
    return claims


_KEYS: dict[tuple[str, str], KeySet] = {}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's question about one call: whose it is, and that it may be made; or `Unauthorized`."""
    issuer, uri = os.environ["ISSUER"], os.environ.get("JWKS_URI", "")
    keys = _KEYS.setdefault((issuer, uri), KeySet(issuer, uri))
    scheme, _, token = str(event.get("authorizationToken") or "").partition(" ")
    try:
        if scheme.lower() != "bearer":
            raise Refused("no bearer")
        claims = claims_of(
            token.strip(),
            keys,
            issuer=issuer,
            audiences=json.loads(os.environ["AUDIENCES"]),
            scopes=json.loads(os.environ["SCOPES"]),
        )
    except Refused:
        raise Exception("Unauthorized") from None
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
    return {
        "principalId": claims["sub"][:256],
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }
