"""Release records: what is signed, what the signature covers, and every reason to refuse."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from modelyard.core.errors import InputError
from modelyard.core.releases import Gate, GateResult, Lineage, ReleaseRecord, SignedRelease, refusals
from modelyard.core.releasing import broken, canonical, message, person

KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/scores/3"
DIGEST = "a" * 64
GATES = {
    "recall": Gate(kind="accuracy", metric="recall", comparison="at_least", threshold=0.8),
    "fair": Gate(kind="bias", metric="gap", comparison="at_most", threshold=0.1, slice={"country": "de"}),
}
RESULTS = (
    GateResult(gate="recall", metric="recall", value=0.9),
    GateResult(gate="fair", metric="gap", value=0.05, slice={"country": "de"}),
)


def a_record(**changes: Any) -> ReleaseRecord:
    said: dict[str, Any] = {
        "team": "fraud",
        "environment": "dev",
        "model": "scores",
        "package": PACKAGE,
        "artifact": "s3://bucket/models/scores/model.tar.gz",
        "artifact_version": "v1",
        "artifact_digest": DIGEST,
        "gates": RESULTS,
        "author": "ada",
        "submitter": "AROAJOB:SageMaker",
        "approver": "AROAPERSON:grace",
        "data_snapshot": "b" * 64,
        "code_commit": "c" * 40,
        "image_digest": f"sha256:{'d' * 64}",
        "released_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return ReleaseRecord.model_validate(said | changes)


def signed(record: ReleaseRecord | None = None, key: ec.EllipticCurvePrivateKey = KEY) -> SignedRelease:
    payload = (record or a_record()).canonical()
    signature = base64.b64encode(key.sign(message(payload), ec.ECDSA(SHA256()))).decode()
    return SignedRelease(payload=payload, signature=signature, key="arn:aws:kms:eu-west-1:123456789012:key/k")


def codes(release: SignedRelease | None, **changes: Any) -> set[str]:
    found: dict[str, Any] = {
        "public_key": PUBLIC,
        "gates": GATES,
        "package": PACKAGE,
        "status": "Approved",
        "artifact_digest": DIGEST,
    }
    return {refusal.code for refusal in refusals(release, **(found | changes))}


def test_a_release_that_holds_in_all_is_not_refused():
    assert codes(signed()) == set()


@pytest.mark.parametrize(
    ("record", "found", "code"),
    [
        ({}, {"status": "PendingManualApproval"}, "not-approved"),
        ({}, {"artifact_digest": "e" * 64}, "digest-mismatch"),
        ({}, {"package": PACKAGE.replace("/3", "/4")}, "other-package"),
        ({"approver": "AROAOTHER:ada"}, {}, "approver-is-author"),
        ({"author": "ADA", "approver": "arn:aws:sts::123456789012:assumed-role/x/ada"}, {}, "approver-is-author"),
        ({"submitter": "AROAX:grace"}, {}, "approver-is-author"),
        ({"gates": RESULTS[:1]}, {}, "gate-missing"),
        ({"gates": (RESULTS[0], RESULTS[1].model_copy(update={"slice": {"country": "fr"}}))}, {}, "gate-missing"),
        ({"gates": (RESULTS[0].model_copy(update={"value": 0.79}), RESULTS[1])}, {}, "gate-failed"),
        ({"gates": (RESULTS[0], RESULTS[1].model_copy(update={"value": 0.11}))}, {}, "gate-failed"),
    ],
)
def test_each_condition_that_fails_is_named_and_no_other(record: dict[str, Any], found: dict[str, Any], code: str):
    assert codes(signed(a_record(**record)), **found) == {code}


def test_all_that_fails_is_named_at_once():
    release = signed(a_record(approver="AROA:ada", gates=()), ec.generate_private_key(ec.SECP256R1()))
    found = codes(release, status="Rejected", artifact_digest="e" * 64)
    assert found == {"invalid-signature", "not-approved", "approver-is-author", "gate-missing", "digest-mismatch"}


def test_an_approval_without_a_record_is_no_release():
    assert codes(None) == {"not-released"}
    assert codes(None, status="PendingManualApproval") == {"not-released", "not-approved"}


def test_a_changed_record_has_no_valid_signature():
    release = signed()
    other = release.model_copy(update={"payload": release.payload.replace("grace", "carol")})
    assert release.verify(PUBLIC)
    assert not other.verify(PUBLIC)
    assert not release.model_copy(update={"signature": "no base64!"}).verify(PUBLIC)


def test_a_bare_signature_of_the_payload_is_not_one_of_a_release():
    payload = a_record().canonical()
    bare = base64.b64encode(KEY.sign(payload.encode(), ec.ECDSA(SHA256()))).decode()
    assert not SignedRelease(payload=payload, signature=bare, key="k").verify(PUBLIC), "the key signs releases alone"


def test_what_is_no_key_is_an_error_and_no_invalid_signature():
    with pytest.raises(InputError, match="no public key"):
        signed().verify(b"something")


def test_a_payload_that_is_no_record_is_an_error_with_its_place():
    with pytest.raises(InputError, match="Promote the version again"):
        _ = SignedRelease(payload="{}", signature="", key="k").record


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=5)), max_size=5))
def test_canonical_json_does_not_depend_on_the_order(found: dict[str, Any]):
    assert canonical(found) == canonical(dict(reversed(found.items())))


def champion_gate(value: float, champion: float | None, serving: str | None) -> set[str]:
    gates = {"better": Gate(kind="accuracy", metric="auc", comparison="at_least", threshold=0.01, against="champion")}
    result = GateResult(gate="better", metric="auc", value=value, champion=champion)
    record = a_record(gates=(result,), champion=serving)
    return codes(signed(record), gates=gates)


def test_against_the_champion_the_difference_counts():
    assert champion_gate(0.92, 0.90, PACKAGE) == set()
    assert champion_gate(0.905, 0.90, PACKAGE) == {"gate-failed"}


def test_a_champion_is_not_left_out_where_there_is_one():
    assert champion_gate(0.5, None, None) == set(), "the first version has none to beat"
    assert champion_gate(0.99, None, PACKAGE) == {"gate-failed"}


def test_a_person_is_the_name_of_the_session():
    for said in ("AROA1:Ada", "arn:aws:sts::123456789012:assumed-role/people/ada", "ada"):
        assert person(said) == "ada"


def test_nobody_is_no_approver():
    plain = {**a_record().model_dump(mode="json"), "approver": "AROA:"}
    said = broken(plain, {}, package=PACKAGE, status="Approved", wanted="Approved", digest=DIGEST)
    assert [code for code, _ in said] == ["no-approver"]


LINEAGE = Lineage(
    author="ada",
    artifact_version="v1",
    artifact_digest=DIGEST,
    data_snapshot="b" * 64,
    code_commit="c" * 40,
    image_digest=f"sha256:{'d' * 64}",
    run_id="run-1",
    feature_views=("customer-v2", "card-v1"),
)


def test_lineage_travels_as_metadata_and_comes_back():
    shown = LINEAGE.metadata()
    assert shown["modelyard:feature-views"] == "customer-v2,card-v1"
    assert Lineage.from_metadata({**shown, "somebody": "else's"}) == LINEAGE
    assert all(len(key) <= 128 and len(value) <= 256 for key, value in shown.items())


def test_lineage_that_lacks_something_names_all_of_it():
    shown = {key: value for key, value in LINEAGE.metadata().items() if "digest" not in key}
    with pytest.raises(InputError) as caught:
        Lineage.from_metadata(shown)
    assert "modelyard:artifact-digest" in str(caught.value)
    assert "modelyard:image-digest" in str(caught.value)
