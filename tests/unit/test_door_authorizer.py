"""The function before a door of tokens: a right token passes, and a wrong one is refused whatever is wrong with it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from modelyard.run.serving import door_authorizer as authorizer

ISSUER = "https://login.acme.example/"
JWKS = "https://login.acme.example/keys"
METHOD = "arn:aws:execute-api:eu-west-1:123456789012:abc123/live/POST/invocations"
RSA, SMALL, STRANGER = (rsa.generate_private_key(65_537, bits) for bits in (2_048, 1_024, 2_048))
CURVE, OTHER_CURVE = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
Claims = dict[str, Any]


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def rsa_key(key: rsa.RSAPrivateKey, **more: Any) -> dict[str, Any]:
    public = key.public_key().public_numbers()
    return {"kty": "RSA", "n": number(public.n), "e": number(public.e), **more}


def curve_key(key: ec.EllipticCurvePrivateKey, **more: Any) -> dict[str, Any]:
    public = key.public_key().public_numbers()
    x, y = (b64(value.to_bytes(32, "big")) for value in (public.x, public.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, **more}


KEYS = [
    rsa_key(RSA, kid="rsa", alg="RS256", use="sig"),
    rsa_key(SMALL, kid="small"),
    rsa_key(RSA, kid="enc", use="enc"),
    curve_key(CURVE, kid="curve"),
]


def part(value: Any) -> str:
    return b64(json.dumps(value).encode())


def by_rsa(text: bytes, key: rsa.RSAPrivateKey = RSA) -> bytes:
    return key.sign(text, padding.PKCS1v15(), hashes.SHA256())


def by_curve(text: bytes, key: ec.EllipticCurvePrivateKey = CURVE) -> bytes:
    r, s = utils.decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def claims(**changes: Any) -> Claims:
    now = int(time.time())
    said = {"iss": ISSUER, "aud": "score", "sub": "ada", "exp": now + 600, "nbf": now - 10, "scope": "read write"}
    return {name: value for name, value in {**said, **changes}.items() if value is not None}


def token(
    said: Claims | None = None,
    header: dict[str, Any] | None = None,
    sign: Callable[[bytes], bytes] = by_rsa,
) -> str:
    text = f"{part({'alg': 'RS256', 'kid': 'rsa'} if header is None else header)}.{part(said or claims())}"
    return f"{text}.{b64(sign(text.encode()))}"


class Issuer:
    """What lies at the issuer's addresses, and how often somebody asked."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {
            JWKS: {"keys": list(KEYS)},
            f"{ISSUER}.well-known/openid-configuration": {"issuer": ISSUER, "jwks_uri": JWKS},
        }
        self.asked: list[str] = []

    def fetch(self, url: str) -> Any:
        self.asked.append(url)
        return self.documents[url]


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Issuer:
    there = Issuer()
    monkeypatch.setattr(authorizer, "fetch", there.fetch)
    monkeypatch.setattr(authorizer, "_KEYS", {})
    for name, value in {"ISSUER": ISSUER, "JWKS_URI": "", "AUDIENCES": '["score", "other"]', "SCOPES": "[]"}.items():
        monkeypatch.setenv(name, value)
    return there


def asked(bearer: str) -> dict[str, Any]:
    return authorizer.handler({"type": "TOKEN", "authorizationToken": f"Bearer {bearer}", "methodArn": METHOD}, None)


def refused(bearer: str) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        asked(bearer)


@pytest.mark.parametrize(
    "right",
    [
        pytest.param(lambda: token(), id="RSA"),
        pytest.param(lambda: token(header={"alg": "ES256", "kid": "curve"}, sign=by_curve), id="curve"),
        pytest.param(lambda: token(claims(aud=["third", "other"])), id="one of several audiences"),
        pytest.param(lambda: token(claims(nbf=None)), id="from whenever"),
        pytest.param(lambda: token(claims(exp=int(time.time()) - 5)), id="clocks that differ by seconds"),
    ],
)
def test_a_right_token_lets_its_bearer_call_this_method(issuer: Issuer, right: Callable[[], str]):
    answer = asked(right())
    assert answer["principalId"] == "ada"
    assert answer["policyDocument"]["Statement"] == [
        {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": METHOD}
    ]


def flipped(text: bytes) -> bytes:
    signature = bytearray(by_rsa(text))
    signature[100] ^= 1
    return bytes(signature)


def by_secret(text: bytes) -> bytes:
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hmac.new(RSA.public_key().public_bytes(*form), text, hashlib.sha256).digest()


def zero(text: bytes) -> bytes:
    return bytes(64)


SOON = int(time.time()) + 86_400
CURVED = {"alg": "ES256", "kid": "curve"}
WRONG = {
    "one bit of the signature": lambda: token(sign=flipped),
    "another's key": lambda: token(sign=lambda text: by_rsa(text, STRANGER)),
    "another's curve": lambda: token(header=CURVED, sign=lambda text: by_curve(text, OTHER_CURVE)),
    "no signature": lambda: token(sign=lambda text: b""),
    "a signature of zeros": lambda: token(header=CURVED, sign=zero),
    "a longer signature": lambda: token(sign=lambda text: b"\x00" + by_rsa(text)),
    "alg none": lambda: token(header={"alg": "none", "kid": "rsa"}, sign=lambda text: b""),
    "alg None in capitals": lambda: token(header={"alg": "NONE", "kid": "rsa"}),
    "HS256 with the public key": lambda: token(header={"alg": "HS256", "kid": "rsa"}, sign=by_secret),
    "RS512 is not taken": lambda: token(header={"alg": "RS512", "kid": "rsa"}),
    "a curve's key for RSA": lambda: token(header={"alg": "RS256", "kid": "curve"}),
    "RSA's key for a curve": lambda: token(header={"alg": "ES256", "kid": "rsa"}, sign=by_curve),
    "a key for encryption": lambda: token(header={"alg": "RS256", "kid": "enc"}),
    "a key that is too small": lambda: token(header={"alg": "RS256", "kid": "small"}, sign=lambda t: by_rsa(t, SMALL)),
    "no kid": lambda: token(header={"alg": "RS256"}),
    "an unknown kid": lambda: token(header={"alg": "RS256", "kid": "new"}),
    "a kid that is no text": lambda: token(header={"alg": "RS256", "kid": ["rsa"]}),
    "a key that it brings along": lambda: token(
        header={"alg": "RS256", "kid": "own", "jwk": rsa_key(STRANGER, kid="own")},
        sign=lambda text: by_rsa(text, STRANGER),
    ),
    "something critical": lambda: token(header={"alg": "RS256", "kid": "rsa", "crit": ["exp"]}),
    "another audience": lambda: token(claims(aud="else")),
    "no audience": lambda: token(claims(aud=None)),
    "an audience as an object": lambda: token(claims(aud={"score": True})),
    "another issuer": lambda: token(claims(iss="https://login.acme.example")),
    "no issuer": lambda: token(claims(iss=None)),
    "expired": lambda: token(claims(exp=int(time.time()) - 60)),
    "without end": lambda: token(claims(exp=None)),
    "an end that is a text": lambda: token(claims(exp=str(SOON))),
    "a beginning that is true": lambda: token(claims(nbf=True)),
    "an end that is no number": lambda: token(claims(exp=float("nan"))),
    "not yet": lambda: token(claims(nbf=SOON)),
    "nobody's": lambda: token(claims(sub=None)),
    "two parts": lambda: ".".join(token().split(".")[:2]),
    "four parts": lambda: f"{token()}.a",
    "padding": lambda: f"{token()}=",
    "another alphabet": lambda: token() + "+/",
    "no JSON": lambda: f"{b64(b'{')}.{part(claims())}.{b64(b'a')}",
    "no object": lambda: f"{part([])}.{part(claims())}.{b64(b'a')}",
    "too long": lambda: token(claims(more="a" * 9_000)),
    "nothing": lambda: "",
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_token_is_refused_without_a_reason(issuer: Issuer, wrong: Callable[[], str]):
    refused(wrong())


def test_a_claim_that_is_said_twice_is_refused(issuer: Issuer):
    said = '{"aud": "else", ' + json.dumps(claims())[1:]
    text = f"{part({'alg': 'RS256', 'kid': 'rsa'})}.{b64(said.encode())}"
    refused(f"{text}.{b64(by_rsa(text.encode()))}")


def test_a_token_without_kid_finds_no_key_that_has_none_either(issuer: Issuer):
    issuer.documents[JWKS]["keys"] = [rsa_key(RSA)]
    refused(token(header={"alg": "RS256"}))


def test_two_keys_of_one_name_are_none(issuer: Issuer):
    issuer.documents[JWKS]["keys"] = [rsa_key(RSA, kid="rsa"), rsa_key(STRANGER, kid="rsa")]
    refused(token())


def test_a_token_that_is_no_bearers_is_refused(issuer: Issuer):
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorizer.handler({"authorizationToken": f"Basic {token()}", "methodArn": METHOD}, None)


@pytest.mark.parametrize(
    ("said", "passes"),
    [({"scope": "read write"}, True), ({"scope": "read"}, False), ({"scope": None, "scp": ["read", "write"]}, True)],
)
def test_a_token_has_all_scopes(issuer: Issuer, monkeypatch: pytest.MonkeyPatch, said: Claims, passes: bool):
    monkeypatch.setenv("SCOPES", '["read", "write"]')
    if passes:
        assert asked(token(claims(**said)))["principalId"] == "ada"
    else:
        refused(token(claims(**said)))


def test_keys_are_fetched_once_and_an_unknown_one_asks_again_at_most_once_a_minute(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
):
    now = time.time()
    monkeypatch.setattr(authorizer.time, "time", lambda: now)
    for _ in range(3):
        asked(token())
    assert issuer.asked.count(JWKS) == 1
    for _ in range(5):
        refused(token(header={"alg": "RS256", "kid": "new"}))
    assert issuer.asked.count(JWKS) == 1, "whoever sends rubbish makes nobody ask the issuer"
    now += authorizer.ASK_AGAIN_SECONDS + 1
    issuer.documents[JWKS]["keys"].append(rsa_key(STRANGER, kid="new"))
    assert asked(token(header={"alg": "RS256", "kid": "new"}, sign=lambda t: by_rsa(t, STRANGER)))


def test_a_key_that_was_taken_back_is_refused_after_ten_minutes(issuer: Issuer, monkeypatch: pytest.MonkeyPatch):
    now = time.time()
    monkeypatch.setattr(authorizer.time, "time", lambda: now)
    bearer = token(claims(exp=now + 10_000))
    asked(bearer)
    issuer.documents[JWKS]["keys"] = []
    now += authorizer.KEYS_SECONDS + 1
    refused(bearer)


def test_a_configuration_of_another_issuer_is_an_error_and_lets_nobody_in(issuer: Issuer):
    issuer.documents[f"{ISSUER}.well-known/openid-configuration"]["issuer"] = "https://evil.example/"
    with pytest.raises(ValueError, match="another issuer's"):
        asked(token())


def test_keys_that_can_not_be_had_are_an_error_and_let_nobody_in(issuer: Issuer):
    issuer.documents.clear()
    with pytest.raises(KeyError):
        asked(token())


def test_a_given_address_of_keys_is_asked_directly(issuer: Issuer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JWKS_URI", JWKS)
    asked(token())
    assert issuer.asked == [JWKS]


@pytest.mark.parametrize("url", ["http://login.acme.example/keys", "file:///etc/passwd", "ftp://login.acme.example"])
def test_keys_come_over_tls_only(url: str):
    with pytest.raises(ValueError, match="not over TLS"):
        authorizer.fetch(url)


def test_an_answer_leads_to_no_other_address():
    to = "https://elsewhere.example/keys"
    assert authorizer._NoRedirect().redirect_request(None, None, 302, "Found", None, to) is None


def test_many_signatures_of_another_library_are_verified_as_it_does():
    for turn in range(20):
        text = f"message {turn}".encode()
        key = ec.generate_private_key(ec.SECP256R1())
        assert authorizer.signed_by_curve(curve_key(key), text, by_curve(text, key))
        assert not authorizer.signed_by_curve(curve_key(key), text + b".", by_curve(text, key))


def test_a_point_that_is_not_on_the_curve_verifies_nothing():
    key = {**curve_key(CURVE), "y": b64((5).to_bytes(32, "big"))}
    assert not authorizer.signed_by_curve(key, b"text", by_curve(b"text"))
    beyond = CURVE.public_key().public_numbers().y + authorizer._P
    key = {**curve_key(CURVE), "y": b64(beyond.to_bytes(33, "big"))}
    assert not authorizer.signed_by_curve(key, b"text", by_curve(b"text")), "a number beyond the field is no coordinate"
