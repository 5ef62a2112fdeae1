"""`yard model` against a registry whose promotion runs: decided, refused, bypassed in vain, promoted, traced."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from tests.sandbox.models_world import DIGEST, IMAGE, World, world

from modelyard.core.errors import InputError
from modelyard.operate.models import Outcome, decide, lineage, look, promote, showing, trace, versions


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[World]]:
    """Development and production."""
    with world(tmp_path_factory.mktemp("models"), both=True) as made:
        yield made


@pytest.fixture
def dev(both: list[World]) -> World:
    return both[0]


@pytest.fixture
def prod(both: list[World]) -> World:
    return both[1]


def approve(made: World, version: int, person: str = "grace") -> Outcome:
    return decide(made.as_(person), version, "approved", "looked at it", pause=lambda _: None)


def refused(made: World, version: int, person: str = "grace") -> str:
    with pytest.raises(InputError) as caught:
        approve(made, version, person)
    assert made.model().describe(version)["ModelApprovalStatus"] == "PendingManualApproval"
    return str(caught.value)


def codes(made: World, version: int) -> set[str]:
    return {refusal.code for refusal in look(made.model(), version).refused}


def test_a_version_is_approved_by_another_than_its_author_and_can_be_verified(dev: World):
    version = dev.measured()
    outcome = approve(dev, version)
    assert outcome.by.endswith(":grace")
    assert outcome.evidence == f"s3://{dev.bucket}/releases/scores/{version}.json"
    signature = dev.session("pull", "lin")("s3").get_object(Bucket=dev.bucket, Key=f"releases/scores/{version}.sig")
    assert json.loads(signature["Body"].read())["dsseEnvelope"]["payloadType"] == "application/vnd.in-toto+json"
    found = look(dev.as_("lin", "pull"), version)
    assert (found.summary.status, found.verified, found.refused) == ("Approved", True, ())
    said = "\n".join(showing.shown(found))
    assert "verified with the registry's key" in said
    assert "by grace" in said
    assert "recall ≥ 0.8" in said


def test_the_list_says_what_waits_and_which_gates_dont_hold(dev: World):
    dev.register()
    failing = dev.register()
    dev.measure(failing, {"recall": 0.7, "fair": 0.05})
    said = list(showing.listed(versions(dev.model(), most=2), ["scores"]))
    assert "1 of 2 passed: recall failed" in said[1], "the newest first"
    assert "0 of 2 passed: fair missing, recall missing" in said[2]
    assert said[-1] == f"Next: yard model show scores {failing.version}"


def test_who_may_not_approve_is_told_every_reason_and_what_to_do(dev: World):
    said = refused(dev, dev.register().version, "ada")
    for part in ("approver-is-author", "Ask another approver", "gate-missing: gate fair", "gate-missing: gate recall"):
        assert part in said
    failing = dev.register()
    dev.measure(failing, {"recall": 0.7, "fair": 0.05})
    assert "gate-failed: gate recall: recall is 0.7" in refused(dev, failing.version)


def test_a_decided_version_isnt_decided_again(dev: World):
    version = dev.measured()
    approve(dev, version)
    with pytest.raises(InputError, match="not-pending"):
        approve(dev, version, "lin")


def test_a_rejection_says_who_and_why(dev: World):
    version = dev.register().version
    outcome = decide(dev.as_("grace"), version, "rejected", "too slow", pause=lambda _: None)
    assert (outcome.decision, outcome.evidence) == ("rejected", "")
    found = look(dev.model(), version)
    assert found.summary.status == "Rejected"
    assert "Rejected by" in "\n".join(showing.shown(found))


def test_a_version_that_isnt_there_is_an_error(dev: World):
    with pytest.raises(InputError, match="scores of fraud has no such version"):
        look(dev.model(), 999)


def test_nobody_decides_in_anothers_name(dev: World):
    version = dev.measured(author="grace")
    grace = dev.session("approve", "grace")("sts").get_caller_identity()["UserId"]
    with pytest.raises(ClientError, match="403"):
        dev.session("approve", "ada")("s3").put_object(
            Bucket=dev.bucket, Key=f"decisions/{grace}/scores/{version}.json", Body=b'{"decision": "approved"}'
        )


def test_nobody_but_the_promoter_puts_down_a_record(dev: World):
    for role in ("submit", "approve", "evaluate"):
        with pytest.raises(ClientError, match="403"):
            dev.session(role, "ada")("s3").put_object(Bucket=dev.bucket, Key="releases/scores/1.json", Body=b"{}")


def test_a_record_that_was_forged_is_not_believed(dev: World):
    released, forged = dev.measured(), dev.measured()
    approve(dev, released)
    dev.stack.client("sagemaker").update_model_package(
        ModelPackageArn=dev.model().package(forged), ModelApprovalStatus="Approved"
    )
    with dev.unfenced() as s3:
        key = f"releases/scores/{forged}.json"
        record = json.loads(s3.get_object(Bucket=dev.bucket, Key=f"releases/scores/{released}.json")["Body"].read())
        s3.put_object(Bucket=dev.bucket, Key=key, Body=json.dumps(record).encode())
        assert {"other-package", "digest-mismatch"} <= codes(dev, forged), "another's record says nothing of it"
        said = json.loads(record["payload"]) | {"package": dev.model().package(forged)}
        s3.put_object(Bucket=dev.bucket, Key=key, Body=json.dumps(record | {"payload": json.dumps(said)}).encode())
    assert "invalid-signature" in codes(dev, forged)
    assert "NOT VALID" in "\n".join(showing.shown(look(dev.model(), forged)))


def test_an_artifact_isnt_replaced_after_its_approval(dev: World):
    version = dev.measured()
    approve(dev, version)
    key = look(dev.model(), version).artifact.removeprefix(f"s3://{dev.bucket}/")
    s3 = dev.session("submit", "ada")("s3")
    with pytest.raises(ClientError, match="403"):
        s3.put_object(Bucket=dev.bucket, Key=key, Body=b"other")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=dev.bucket, Key=key, Body=b"other", IfNoneMatch="*")
    with pytest.raises(ClientError, match="403"):
        s3.delete_object(Bucket=dev.bucket, Key=key)
    with dev.unfenced() as unfenced:
        unfenced.put_object(Bucket=dev.bucket, Key=key, Body=b"other")
    assert codes(dev, version) == {"digest-mismatch"}


def test_a_status_that_somebody_set_releases_nothing(dev: World):
    version = dev.measured()
    dev.stack.client("sagemaker").update_model_package(
        ModelPackageArn=dev.model().package(version), ModelApprovalStatus="Approved"
    )
    assert codes(dev, version) == {"not-released"}
    assert "NOT RELEASED" in "\n".join(showing.shown(look(dev.model(), version)))


def test_results_of_gates_are_those_of_this_version(dev: World):
    measured, other = dev.register(), dev.register()
    dev.measure(measured)
    s3 = dev.session("evaluate", "SageMaker")("s3")
    body = s3.get_object(Bucket=dev.bucket, Key=f"gates/scores/{measured.version}.json")["Body"].read()
    s3.put_object(Bucket=dev.bucket, Key=f"gates/scores/{other.version}.json", Body=body)
    assert "other-package" in refused(dev, other.version)


def test_the_lineage_leads_from_the_release_to_the_data(dev: World):
    version = dev.measured()
    approve(dev, version)
    found = trace(dev.model(), version)
    text = "\n".join(lineage.tree(found))
    parts = (
        "release signature verified",
        f"package scores {version}",
        "run run-7",
        "customer-v2",
        "snapshot",
        "country",
        "'FI' 4",
    )
    places = [text.index(part) for part in parts]
    assert places == sorted(places), "from the release down to the distribution of each column"
    for part in ("depth = 6", f"commit {'c' * 12}", "approved by grace", "fraud/events"):
        assert part in text
    drawn = list(lineage.mermaid(found))
    assert drawn[0] == "flowchart LR"
    assert sum("-->" in line for line in drawn) == 4
    whole = lineage.as_json(found)
    assert whole["snapshots"][0]["manifest"]["objects"][0]["version_id"] == "v7"
    assert json.loads(json.dumps(whole))["verified"] is True


def test_a_lineage_that_was_changed_is_not_believed(dev: World):
    version = dev.register()
    key = f"lineage/scores/{version.provenance.digest}.json"
    s3 = dev.session("submit", "ada")("s3")
    with pytest.raises(ClientError, match="403"):
        s3.put_object(Bucket=dev.bucket, Key=key, Body=b"{}")
    with dev.unfenced() as unfenced:
        unfenced.put_object(Bucket=dev.bucket, Key=key, Body=b"{}")
    with pytest.raises(InputError, match="Don't believe it"):
        trace(dev.model(), version.version)


def test_a_manifest_that_is_gone_is_told_and_the_rest_is_shown(dev: World):
    version = dev.measured()
    manifest, reference = dev.snapshot()
    dev.stack.client("s3").delete_object(Bucket=reference.bucket, Key=reference.key)
    text = "\n".join(lineage.tree(trace(dev.model(), version)))
    assert "not shown: the manifest is gone" in text
    assert manifest.short in text


def test_a_released_version_is_promoted_by_its_digest(dev: World, prod: World):
    version, target = dev.measured(), prod.model(prod.session("submit", "lin"))
    with pytest.raises(InputError, match="not-released"):
        promote(dev.model(), version, target)
    approve(dev, version)
    made = promote(dev.model(), version, target)
    assert made.new
    found = look(prod.model(), made.version)
    assert found.summary.status == "PendingManualApproval", "production decides by its own gates and people"
    assert (found.summary.author, found.submitter.rpartition(":")[2]) == ("ada", "lin")
    again = promote(dev.model(), version, target)
    assert (again.new, again.version) == (False, made.version)

    text = "\n".join(lineage.tree(trace(prod.model(), made.version)))
    assert "release in dev" in text
    assert "approved by grace" in text
    said = "\n".join(showing.promoted(made))
    assert f"yard model approve scores {made.version} --env prod" in said


def test_bytes_that_were_replaced_are_not_promoted(dev: World, prod: World):
    version = dev.measured()
    approve(dev, version)
    key = look(dev.model(), version).artifact.removeprefix(f"s3://{dev.bucket}/")
    with dev.unfenced() as s3:
        s3.put_object(Bucket=dev.bucket, Key=key, Body=b"other")
    with pytest.raises(InputError, match="digest-mismatch"):
        promote(dev.model(), version, prod.model())


def test_a_model_isnt_promoted_to_where_it_is_or_by_another_image(dev: World, prod: World):
    version = dev.measured()
    approve(dev, version)
    with pytest.raises(InputError, match="Name another environment by --to"):
        promote(dev.model(), version, dev.model())
    with pytest.raises(InputError, match="is another image than sha256:d"):
        promote(dev.model(), version, prod.model(), IMAGE.replace(DIGEST, f"sha256:{'e' * 64}"))


def test_what_production_releases_was_measured_there(dev: World, prod: World):
    version = dev.measured()
    approve(dev, version)
    made = promote(dev.model(), version, prod.model(prod.session("submit", "lin")))
    assert "gate-missing" in refused(prod, made.version)
    prod.measure(made)
    assert "approver-is-author" in refused(prod, made.version, "lin"), "who carried it over doesn't approve it"
    assert approve(prod, made.version).decision == "approved"
    assert look(prod.model(), made.version).refused == ()
