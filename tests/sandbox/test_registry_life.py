"""A registry in the emulator: made, unchanged, changed, gone; and versions promoted, refused and rejected in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.sandbox.lives import changed

from modelyard import Context, Keys, KeysSpec, KnownAudit, ModelRegistry, RegistrySpec
from modelyard.build.registry import function
from modelyard.build.registry.shipped import sources
from modelyard.core.events import Approved, read_event
from modelyard.core.releases import Gate, GateResult, GateResults, Lineage, SignedRelease, refusals
from modelyard.testing import Deployment, deploy
from modelyard_sandbox.accounting import counted

CONTEXT = Context(organization="acme", platform="ml", environment="dev", region="eu-west-1", account="123456789012")
FRAUD = CONTEXT.for_team("fraud")
GROUP = "ml-dev-fraud-registry-scores"
PACKAGES = f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/{GROUP}"
ARTIFACT = b"weights of a model"
IMAGE = f"sha256:{'d' * 64}"
GATES = {"recall": {"kind": "accuracy", "metric": "recall", "threshold": 0.8}}
GRACE = "AROAPERSON:grace"


def a_registry(**changes: Any) -> Callable[[], None]:
    model = {
        "description": "Scores payments",
        "owner": "ada@acme.example",
        "metrics": ["recall"],
        "gates": GATES,
        **changes,
    }

    def program() -> None:
        keys = Keys("keys", KeysSpec(), context=FRAUD)
        spec = RegistrySpec.model_validate({"models": {"scores": model}})
        ModelRegistry("registry", spec, context=FRAUD, keys=keys, audit=KnownAudit(FRAUD))

    return program


def test_a_registry_is_made_stays_as_it_is_changes_and_goes():
    with deploy(lambda: None, region="eu-west-1") as stack:
        before = counted(stack.client, "eu-west-1")
        stack.update(a_registry())
        assert set(stack.operations.values()) <= {"create", "same"}
        assert stack.client("sagemaker").describe_model_package_group(ModelPackageGroupName=GROUP)

        stack.update(a_registry())
        assert changed(stack) == {}

        stack.update(a_registry(pulled_by=["210987654321"]))
        policy = stack.client("sagemaker").get_model_package_group_policy(ModelPackageGroupName=GROUP)
        assert "210987654321" in policy["ResourcePolicy"]

        stack.update(lambda: None)
        assert counted(stack.client, "eu-west-1") == before


class Promoted:
    """A deployed registry, and what people and jobs do with it."""

    def __init__(self, stack: Deployment, monkeypatch: pytest.MonkeyPatch, folder: Any) -> None:
        self.s3, self.sagemaker, self.kms = (stack.client(name) for name in ("s3", "sagemaker", "kms"))
        (made,) = [f for f in stack.client("lambda").list_functions()["Functions"] if "promoter" in f["FunctionName"]]
        self.settings: dict[str, str] = made["Environment"]["Variables"]
        self.bucket = self.settings["BUCKET"]
        # The sandbox's own user does everybody's part here; test_models_runs has each do theirs, inside the policy.
        self.s3.delete_bucket_policy(Bucket=self.bucket)
        gate = Gate(kind="accuracy", metric="recall", comparison="at_least", threshold=0.8)
        self.gates = {"recall": gate}
        declared = {
            "group": GROUP,
            "packages": PACKAGES,
            "gates": {"recall": gate.model_dump(mode="json")},
            "topic": "arn:aws:sns:eu-west-1:123456789012:owner",
        }
        for name, text in sources({"scores": declared}).items():
            if name == "models.json":
                (folder / name).write_text(text)
        monkeypatch.setattr(function, "DECLARED", folder / "models.json")
        monkeypatch.setattr(function, "boto3", SimpleNamespace(client=stack.client))
        for name, value in self.settings.items():
            monkeypatch.setenv(name, value)

    def register(self, *, artifact: bytes = ARTIFACT, author: str = "ada", **changes: Any) -> int:
        put = self.s3.put_object(Bucket=self.bucket, Key="models/scores/model.tar.gz", Body=artifact)
        lineage = Lineage(
            author=author,
            artifact_version=put["VersionId"],
            artifact_digest=hashlib.sha256(ARTIFACT).hexdigest(),
            data_snapshot="b" * 64,
            code_commit="c" * 40,
            image_digest=IMAGE,
        )
        container = {
            "Image": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve@{IMAGE}",
            "ModelDataUrl": f"s3://{self.bucket}/models/scores/model.tar.gz",
            **changes,
        }
        made = self.sagemaker.create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            CustomerMetadataProperties=lineage.metadata(),
        )
        return int(made["ModelPackageArn"].rpartition("/")[2])

    def measure(self, version: int, recall: float = 0.9) -> None:
        results = GateResults(
            package=f"{PACKAGES}/{version}", results=(GateResult(gate="recall", metric="recall", value=recall),)
        )
        self.s3.put_object(
            Bucket=self.bucket, Key=f"gates/scores/{version}.json", Body=results.model_dump_json().encode()
        )

    def decide(self, version: int, decision: str = "approved", by: str = GRACE) -> None:
        text = json.dumps({"decision": decision, "reason": "looked at it"})
        self.s3.put_object(Bucket=self.bucket, Key=f"decisions/{by}/scores/{version}.json", Body=text.encode())

    def promote(self, version: int, by: str = GRACE) -> dict[str, Any]:
        return function.handler({"model": "scores", "version": version, "approver": by}, None)

    def release(self, version: int) -> SignedRelease:
        body = self.s3.get_object(Bucket=self.bucket, Key=f"releases/scores/{version}.json")["Body"]
        return SignedRelease.model_validate_json(body.read())

    def public_key(self) -> bytes:
        return self.kms.get_public_key(KeyId=self.settings["SIGNING_KEY"])["PublicKey"]


@contextmanager
def registry(monkeypatch: pytest.MonkeyPatch, folder: Any) -> Iterator[Promoted]:
    with deploy(a_registry(), region="eu-west-1") as stack:
        yield Promoted(stack, monkeypatch, folder)


@pytest.fixture
def promoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Promoted]:
    with registry(monkeypatch, tmp_path) as made:
        yield made


def test_a_version_that_passes_is_signed_locked_and_told_of(promoted: Promoted):
    version = promoted.register()
    promoted.measure(version)
    promoted.decide(version)
    said = promoted.promote(version)
    assert (said["decision"], said["package"]) == ("approved", f"{PACKAGES}/{version}")
    event = read_event({"source": "modelyard.fraud", "detail-type": "modelyard.approval", "detail": said["event"]})
    assert isinstance(event, Approved)
    assert (event.by, event.decision) == (GRACE, "approved")

    release = promoted.release(version)
    record = release.record
    assert (record.author, record.approver) == ("ada", GRACE)
    held = promoted.s3.head_object(
        Bucket=promoted.bucket, Key="models/scores/model.tar.gz", VersionId=record.artifact_version
    )
    assert held["ObjectLockMode"] == "GOVERNANCE"
    with pytest.raises(ClientError, match="AccessDenied"):
        promoted.s3.delete_object(
            Bucket=promoted.bucket, Key="models/scores/model.tar.gz", VersionId=record.artifact_version
        )
    found = {
        "public_key": promoted.public_key(),
        "gates": promoted.gates,
        "package": said["package"],
        "artifact_digest": hashlib.sha256(ARTIFACT).hexdigest(),
    }
    assert [r.code for r in refusals(release, status="PendingManualApproval", **found)] == ["not-approved"]
    assert refusals(release, status="Approved", **found) == []


def refused(promoted: Promoted, version: int, by: str = GRACE) -> str:
    said = promoted.promote(version, by)
    assert said["decision"] == "refused"
    with pytest.raises(ClientError):
        promoted.release(version)
    return said["reasons"]


def test_each_bypass_is_refused_and_nothing_is_signed(promoted: Promoted):
    unmeasured = promoted.register()
    promoted.decide(unmeasured)
    assert "gate-missing" in refused(promoted, unmeasured)
    promoted.measure(unmeasured, recall=0.7)
    assert "gate-failed" in refused(promoted, unmeasured)
    promoted.measure(unmeasured)
    assert "no-decision" in refused(promoted, unmeasured, by="AROAOTHER:carol"), "somebody else's word is not hers"
    promoted.decide(unmeasured, by="AROAOTHER:ada")
    assert "approver-is-author" in refused(promoted, unmeasured, by="AROAOTHER:ada")

    swapped = promoted.register(artifact=b"other weights")
    promoted.measure(swapped)
    promoted.decide(swapped)
    assert "digest-mismatch" in refused(promoted, swapped)

    elsewhere = promoted.register(ModelDataUrl="s3://somebody-elses/model.tar.gz")
    promoted.decide(elsewhere)
    assert "foreign-artifact" in refused(promoted, elsewhere)

    other_image = promoted.register(Image=f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/serve@sha256:{'e' * 64}")
    promoted.decide(other_image)
    assert "image-mismatch" in refused(promoted, other_image)

    promoted.s3.copy_object(
        Bucket=promoted.bucket,
        Key=f"gates/scores/{elsewhere}.json",
        CopySource={"Bucket": promoted.bucket, "Key": f"gates/scores/{swapped}.json"},
    )
    assert "other-package" in refused(promoted, elsewhere), "results of another version count for nothing"
    assert "unknown-version" in refused(promoted, 99)


def test_a_version_that_was_decided_is_not_decided_again(promoted: Promoted):
    version = promoted.register()
    promoted.measure(version)
    promoted.decide(version)
    promoted.sagemaker.update_model_package(ModelPackageArn=f"{PACKAGES}/{version}", ModelApprovalStatus="Approved")
    assert "not-pending" in refused(promoted, version)


def test_a_rejection_needs_no_gate_and_signs_nothing(promoted: Promoted):
    version = promoted.register()
    promoted.decide(version, "rejected")
    said = promoted.promote(version)
    assert (said["decision"], said["event"]["reason"]) == ("rejected", "looked at it")
    with pytest.raises(ClientError):
        promoted.release(version)
